"""Who is lost: a worker that fell silent, not one that is busy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from holdfast.model.job import Heartbeat, Job, JobResult, WorkerCheckIn
from triggers.watch_jobs import has_ended

START = datetime(2026, 1, 1, tzinfo=UTC)


class Dispatch:
    def __init__(self, beat: int | None, check_in: int | None, result: JobResult | None = None) -> None:
        self.beat, self.seen, self.found = beat, check_in, result
        self.ended: list[JobResult] = []

    def result(self, session: str, job: str) -> JobResult | None:
        return self.found

    def heartbeat(self, session: str, job: str) -> Heartbeat | None:
        return None if self.beat is None else Heartbeat(worker="w", at=START + timedelta(seconds=self.beat))

    def check_in(self, worker: str) -> WorkerCheckIn | None:
        if self.seen is None:
            return None
        at = START + timedelta(seconds=self.seen)
        return WorkerCheckIn(worker="w", boot_id="b", version="1", started_at=START, at=at)

    def end(self, session: str, result: JobResult) -> JobResult:
        self.ended.append(result)
        return result


@pytest.mark.parametrize(
    ("beat", "check_in", "now", "lost"),
    [
        (None, None, 50, False),  # just submitted
        (None, None, 150, True),  # never taken, and nobody is there
        (None, 140, 150, False),  # waits in the queue of a worker that lives
        (140, 140, 150, False),  # in hand
        (20, 140, 150, True),  # the worker lives, but this job of it is silent
        (20, 20, 150, True),
    ],
)
def test_silence_of_a_job_ends_its_wait(beat: int | None, check_in: int | None, now: int, lost: bool) -> None:
    dispatch = Dispatch(beat, check_in)
    app: Any = SimpleNamespace(
        dispatch=dispatch,
        clock=SimpleNamespace(now=lambda: START + timedelta(seconds=now)),
        settings=SimpleNamespace(lost_after=timedelta(seconds=100)),
    )
    job = Job(
        id="j", kind="export", session="s", step="export", instance_id="i", worker="w", submitted_at=START, spec={}
    )
    assert has_ended(app, job) is lost
    assert [r.state for r in dispatch.ended] == (["lost"] if lost else [])


def test_a_result_that_nobody_was_told_of_ends_the_wait() -> None:
    result = JobResult(job="j", kind="export", state="succeeded", ended_at=START)
    app: Any = SimpleNamespace(dispatch=Dispatch(None, None, result))
    job = Job(
        id="j", kind="export", session="s", step="export", instance_id="i", worker="w", submitted_at=START, spec={}
    )
    assert has_ended(app, job)
