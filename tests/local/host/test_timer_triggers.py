"""Timer triggers: schedules, the last run that is kept, missed runs, a clock that runs faster."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.host.triggers_timer import BadScheduleError, next_run, occurrences

APP = """
import json, os
from pathlib import Path
import azure.functions as func
import azure.durable_functions as df

app = df.DFApp()
folder = Path(os.environ["SAMPLE_FOLDER"])

@app.timer_trigger(arg_name="timer", schedule="%EVERY%")
def tick(timer: func.TimerRequest) -> None:
    with (folder / "ticks.jsonl").open("a") as out:
        out.write(json.dumps({"past_due": timer.past_due, "status": timer.schedule_status}) + "\\n")

@app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *", run_on_startup=True)
@app.durable_client_input(client_name="client")
async def at_start(timer: func.TimerRequest, client: df.DurableOrchestrationClient) -> None:
    await client.start_new("days", "days", 30)

@app.orchestration_trigger(context_name="context")
def days(context: df.DurableOrchestrationContext):
    from datetime import timedelta
    began = context.current_utc_datetime
    yield context.create_timer(began + timedelta(days=context.get_input()))
    return (context.current_utc_datetime - began).days
"""


@pytest.fixture
def app_with_timers(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "function_app.py").write_text(APP)
    return folder


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        ("0 */5 * * * *", "2026-01-01T00:00:00", "2026-01-01T00:05:00"),
        ("*/30 * * * * *", "2026-01-01T00:00:29.9", "2026-01-01T00:00:30"),
        ("0 0 3,15 * * *", "2026-01-01T04:00:00", "2026-01-01T15:00:00"),
        ("0 30 9 * * 1-5", "2026-01-02T10:00:00", "2026-01-05T09:30:00"),
        ("0 30 9 * * Mon-Fri", "2026-01-02T10:00:00", "2026-01-05T09:30:00"),
        ("0 30 9 * January Monday", "2026-01-26T10:00:00", "2027-01-04T09:30:00"),
        ("0 0 0 1 * MON", "2026-01-01T00:00:00", "2026-06-01T00:00:00"),
        ("15 10 * * *", "2026-01-01T00:00:00", "2026-01-01T10:15:00"),
        ("0 0 0 29 2 *", "2026-01-01T00:00:00", "2028-02-29T00:00:00"),
    ],
)  # fmt: skip
def test_a_schedule_names_its_next_time(expression: str, after: str, expected: str) -> None:
    """Both day fields must hold (NCRONTAB), where cron takes either."""
    assert next_run(expression, at(after)) == at(expected)


@pytest.mark.parametrize("expression", ["", "* * *", "0 0 25 * * *", "00:05:00", "0 0 0 30 2 *", "a b c d e f"])
def test_what_is_no_schedule_is_refused_by_name(expression: str) -> None:
    with pytest.raises(BadScheduleError):
        next_run(expression, at("2026-01-01"))


@given(st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)), st.sampled_from([1, 2, 5, 15, 30]))  # noqa: DTZ001
def test_every_n_minutes_means_every_n_minutes(after: datetime, minutes: int) -> None:
    times = list(islice(occurrences(f"0 */{minutes} * * * *", after.replace(tzinfo=UTC)), 10))
    assert all(later - earlier == timedelta(minutes=minutes) for earlier, later in pairwise(times))
    assert timedelta() < times[0] - after.replace(tzinfo=UTC) <= timedelta(minutes=minutes)


def test_a_timer_runs_on_time_and_is_not_past_due(new_host: Callable[..., Any], app_with_timers: Path) -> None:
    host = new_host(app=app_with_timers, settings={"EVERY": "*/1 * * * * *"})
    host.start()
    wait_for(lambda: len(host.lines("ticks.jsonl")) >= 3)
    assert not any(line["past_due"] for line in host.lines("ticks.jsonl")[:3])
    assert host.stop() == 0


def test_a_run_that_was_missed_while_the_host_was_down_is_made_up_for_once(
    new_host: Callable[..., Any], app_with_timers: Path
) -> None:
    host = new_host(app=app_with_timers, settings={"EVERY": "*/1 * * * * *"})
    host.start()
    wait_for(lambda: len(host.lines("ticks.jsonl")) >= 1)
    host.kill()
    before = len(host.lines("ticks.jsonl"))
    time.sleep(2.5)
    host.start()
    wait_for(lambda: len(host.lines("ticks.jsonl")) >= before + 2)
    late, on_time = host.lines("ticks.jsonl")[before : before + 2]
    assert late["past_due"]
    assert not on_time["past_due"]


def test_a_setting_that_is_missing_is_named_at_the_start(new_host: Callable[..., Any], app_with_timers: Path) -> None:
    host = new_host(app=app_with_timers)
    with pytest.raises(AssertionError, match="tick: '%EVERY%' does not resolve to a value"):
        host.start()
    assert host.process.wait(10) == 2
    host.process.stdout.close()
    host.process = None


def test_a_month_passes_in_seconds_on_a_clock_that_runs_fast(
    new_host: Callable[..., Any], app_with_timers: Path, tmp_path: Path
) -> None:
    """Ten days a second: daily timer runs, a durable timer of 30 days, and event times, all on the file's clock."""
    clock = tmp_path / "clock.json"
    zero = {"real_zero": datetime.now(UTC).isoformat(), "virtual_zero": "2030-05-01T12:00:00+00:00", "rate": 864000.0}
    clock.write_text(json.dumps(zero))
    host = new_host(app=app_with_timers, settings={"EVERY": "0 0 3 * * *"}, arguments=["--clock-file", str(clock)])
    host.start()
    ended = host.until("days")
    assert 30 <= ended["output"] <= 40
    assert ended["createdTime"].startswith("2030-")
    assert len(host.lines("ticks.jsonl")) >= 15


def test_a_clock_that_a_test_moves_wakes_what_is_due(
    new_host: Callable[..., Any], app_with_timers: Path, tmp_path: Path
) -> None:
    clock = tmp_path / "clock.json"

    def set_clock(virtual: str) -> None:
        draft = tmp_path / "clock.new"
        now = datetime.now(UTC).isoformat()
        draft.write_text(json.dumps({"real_zero": now, "virtual_zero": virtual, "rate": 1.0}))
        draft.replace(clock)

    set_clock("2030-05-01T12:00:00+00:00")
    host = new_host(app=app_with_timers, settings={"EVERY": "0 0 3 * * *"}, arguments=["--clock-file", str(clock)])
    host.start()
    host.until("days", "Running")
    time.sleep(0.3)
    assert host.lines("ticks.jsonl") == []
    set_clock("2030-06-01T18:00:00+00:00")
    assert host.until("days", seconds=5)["output"] == 31
    wait_for(lambda: [line["past_due"] for line in host.lines("ticks.jsonl")] == [True])


def wait_for(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.02)
