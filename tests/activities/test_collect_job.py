"""A job that is still in hand at its deadline: told as late, with where it stood, not as a worker that fell silent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import activities.collect_job
from holdfast.model.job import Heartbeat, Job, Progress


def test_a_store_that_waited_too_long_says_for_whom(
    app: Any, given: Callable[..., dict[str, Any]], activity: Callable[..., Any]
) -> None:
    app.catalog.workers.lease("westeurope", "standard", "writer", "s1", "k1", app.profile)
    worker = "hf-westeurope-standard-1"
    job = Job(
        id="j",
        kind="store",
        session="s1",
        step="store",
        instance_id="i",
        worker=worker,
        submitted_at=app.clock.now(),
        spec={},
    )
    app.catalog.jobs.add(job)
    phase = "waiting: chains/c/lock is held by session s0 (worker w)"
    app.dispatch.beats["j"] = Heartbeat(worker=worker, at=app.clock.now(), progress=Progress(phase=phase))
    answer = activity(activities.collect_job, "collect_job")(given(kind="store", worker=worker, job="j"))
    assert answer["error"]["code"] == "step-too-long"
    assert answer["error"]["detail"].endswith(phase)
    assert app.dispatch.results["j"].state == "lost", "so that its worker stops"
    assert app.catalog.workers.get(worker).state == "failed"
    assert not app.catalog.jobs.is_open("j")
    assert any("session s0" in line for line in app.log())
