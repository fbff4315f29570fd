"""Each pitfall of Durable Functions that concerns us, as the local host shows it: kept, so that local success counts.

Those of the real host's replay and of its client need a host; those of the SDK are seen without one.
"""

# ruff: noqa: BLE001 (what an orchestrator's tasks raise is a plain Exception)

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import azure.durable_functions as df
import azure.functions as func
import pytest

from local.host.index import BadAppError, index_app

# --- the real host's replay ----------------------------------------------------------------------------------------


def test_pitfall_1_a_sliding_window_over_task_any_starts_new_tasks_one_after_another(orchestration: Any) -> None:
    """The second WhenAny names the new task alone, and the host waits for that one before it looks at the next."""

    def window(context: Any) -> Any:
        tasks = [context.call_activity("A", i) for i in range(3)]
        left = [3, 4]
        while tasks:
            done = yield context.task_any(tasks)
            tasks.remove(done)
            if left:
                tasks.append(context.call_activity("A", left.pop(0)))

    run = orchestration(window)
    run.turn()
    turn = run.turn(done(0))
    assert [event["Input"] for event in turn.asked] == ["3"]
    turn = run.turn(done(1))
    assert 4 in turn.sdk_open, "the SDK has asked for the fifth"
    assert turn.asked == [], "the host still waits for the fourth"
    turn = run.turn(done(3))
    assert [event["Input"] for event in turn.asked] == ["4"]


def test_pitfall_2_an_instance_runs_until_every_open_task_has_ended(host: Any) -> None:
    key = host.begin("forgets_a_timer", {"seconds": 2, "cancel": False})
    host.until(key, "Running")
    ended = host.until(key)
    assert seconds_between(ended) >= 1
    key = host.begin("forgets_a_timer", {"seconds": 60, "cancel": True})
    assert host.until(key, seconds=10)["output"] == "returned"


def test_pitfall_3_continue_as_new_loses_events_that_were_not_awaited(host: Any) -> None:
    key = host.begin("two_generations", 1)
    host.until(key, "Running")
    host.ask("POST", f"/durabletask/instances/{key}/raiseEvent/second", "early")
    host.ask("POST", f"/durabletask/instances/{key}/raiseEvent/first", "now")
    assert host.until(key)["output"] == "lost"


def test_a_child_that_starts_afresh_answers_its_parent_once_with_its_last_generation(host: Any) -> None:
    """As the wait for a turn does."""
    assert host.until(host.begin("waits_for_rounds"))["output"] == (1 + 4 + 9) ** 2


def test_pitfall_4_terminate_does_not_reach_sub_orchestrations(host: Any) -> None:
    key = host.begin("waits_for_child")
    host.until(f"{key}-child", "Running")
    host.ask("POST", f"/api/client/terminate/{key}?reason=enough")
    assert host.until(key)["output"] == "enough"
    assert host.instance(f"{key}-child")["runtimeStatus"] == "Running"


def test_pitfall_5_a_second_start_of_a_running_id_is_refused(host: Any) -> None:
    key = host.begin("waits", key="only-one")
    status, answer = host.ask("POST", "/api/start/waits/only-one")
    assert status == 409
    assert b"already exists" in answer
    host.ask("POST", f"/api/client/raise/{key}?name=go", 1)
    host.until(key, "Completed")
    assert host.begin("waits", key="only-one") == key, "an ended instance may be started again"


def test_pitfall_6_a_failure_inside_task_all_beside_a_retry_is_warned_of_loudly(host: Any) -> None:
    """The SDK numbers the next activity 2 while the host gives 2 to the retry's timer: its firing "completes" the
    activity with nothing. This must never pass unnoticed."""
    key = host.begin("fan_in_that_raises")
    host.until(key, "Running")
    wait_until(lambda: any(is_warning(line) and line["instance"] == key for line in host.log))


def is_warning(line: dict[str, Any]) -> bool:
    return line["level"] == "error" and "a failure inside task_all" in line["event"]


def test_pitfall_6_the_smallest_case_mixes_up_ids(orchestration: Any) -> None:
    def smallest(context: Any) -> Any:
        try:
            yield context.task_all(
                [context.call_activity("A"), context.call_activity_with_retry("R", df.RetryOptions(10, 2))]
            )
        except Exception:
            context.set_custom_status("caught")
        yield context.call_activity("Cleanup")

    run = orchestration(smallest)
    run.turn()
    turn = run.turn(failed(0), failed(1))
    assert turn.asked[0]["EventType"] == 10, "number 2 is a timer for the host"
    assert 2 in turn.sdk_open, "and Cleanup for the SDK"
    assert turn.shadow.misnumbers


# --- the SDK -------------------------------------------------------------------------------------------------------


def test_pitfall_7_the_clients_raise_event_arrives_as_a_json_string(host: Any) -> None:
    by_client, by_hand = host.begin("waits"), host.begin("waits")
    host.ask("POST", f"/api/client/raise/{by_client}?name=go", {"ok": True})
    host.ask("POST", f"/durabletask/instances/{by_hand}/raiseEvent/go", {"ok": True})
    assert host.until(by_client)["output"] == '{"ok": true}'
    assert host.until(by_hand)["output"] == {"ok": True}


def test_pitfall_8_a_falsy_signal_input_is_not_sent_and_breaks_the_operation(host: Any) -> None:
    host.ask("POST", "/api/client/signal/falsy?by=5")
    host.ask("POST", "/api/client/signal/falsy?by=0")
    host.ask("POST", "/api/client/signal/falsy?by=7")
    wait_until(lambda: host.ask("POST", "/api/client/read/falsy")[1] == [True, 12])


def test_pitfall_9_an_empty_task_all_yields_none(orchestration: Any) -> None:
    def empty(context: Any) -> Any:
        found = yield context.task_all([])
        return {"found": found}

    assert orchestration(empty).turn().answer["output"] == {"found": None}


def test_pitfall_10_a_timer_in_another_zone_is_sent_as_if_it_were_utc(orchestration: Any) -> None:
    def zoned(context: Any) -> Any:
        yield context.create_timer(datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=2))))

    [timer] = orchestration(zoned).turn().asked
    assert timer["FireAt"] == "2026-01-01T12:00:00.000000Z"


def test_pitfall_11_calling_by_function_object_ignores_the_durable_name() -> None:
    app = df.DFApp()

    @app.activity_trigger(input_name="payload", activity="Renamed")
    def plain(payload: str) -> str:
        return payload

    assert list(index_app(app).activities) == ["renamed"]
    assert plain._function._name == "plain", "and that is what call_activity(plain) would ask for"


def test_pitfall_12_the_context_must_be_named_context() -> None:
    app = df.DFApp()

    @app.orchestration_trigger(context_name="ctx")
    def named_otherwise(ctx: df.DurableOrchestrationContext) -> int:
        return 1

    with pytest.raises(BadAppError, match=r"named_otherwise: .*must be named like the bindings"):
        index_app(app)


def test_pitfall_12_a_blueprint_counts_once_it_is_registered() -> None:
    app, blueprint = df.DFApp(), df.Blueprint()

    @blueprint.activity_trigger(input_name="payload")
    def from_blueprint(payload: str) -> str:
        return payload

    assert not index_app(app).activities
    app.register_functions(blueprint)
    assert list(index_app(app).activities) == ["from_blueprint"]


def test_pitfall_13_output_that_is_no_json_fails_the_run_at_its_end(orchestration: Any) -> None:
    def unfit(context: Any) -> Any:
        yield context.call_activity("A")
        return datetime.now(UTC)

    run = orchestration(unfit)
    run.turn()
    assert "not JSON serializable" in run.turn(done(0)).answer["error"]


def test_pitfall_14_code_that_changes_while_it_runs_fails_as_non_deterministic(new_host: Callable[..., Any]) -> None:
    host = new_host()
    host.start()
    key = host.begin("changes")
    wait_until(lambda: len(host.lines("squares.jsonl")) == 2)
    host.kill()
    host.start(SAMPLE_SECOND="large")
    host.ask("POST", f"/durabletask/instances/{key}/raiseEvent/go", 1)
    ended = host.until(key)
    assert ended["runtimeStatus"] == "Failed"
    assert "Non-Deterministic workflow detected" in ended["output"]


def test_pitfall_15_a_duplicate_completion_does_not_reach_the_history(orchestration: Any) -> None:
    def two(context: Any) -> Any:
        first = yield context.call_activity("A")
        second = yield context.call_activity("B")
        return [first, second]

    run = orchestration(two)
    run.turn()
    turn = run.turn(done(0, 1), done(0, 2))
    assert sum(event["EventType"] == 5 for event in run.history) == 1
    assert run.turn(done(1, 3)).answer["output"] == [1, 3]
    assert turn.asked[0]["EventId"] == 1


def test_pitfall_17_an_activitys_error_and_stack_are_in_the_history(host: Any) -> None:
    """Redact in the activity, before raising."""
    key = host.begin("calls", "fails_at_once")
    caught = host.until(key)["output"]["caught"]
    assert caught.startswith("Activity function 'fails_at_once' failed:  ValueError: at once")
    assert "Traceback" in caught


def test_pitfall_18_a_payload_beyond_the_limit_is_refused(host: Any) -> None:
    assert "Pass a reference" in host.until(host.begin("sizes", {"activity": 1_100_000}))["output"]
    assert "Pass a reference" in host.until(host.begin("sizes", {"output": 1_100_000}))["output"]
    assert "custom status has 16" in host.until(host.begin("sizes", {"status": 16_100}))["output"]
    status, answer = host.ask("POST", "/api/start/echo", "x" * 1_100_000)
    assert status == 409
    assert b"Pass a reference" in answer


def test_pitfall_18_a_payload_that_azure_would_move_to_a_blob_is_warned_of(host: Any) -> None:
    assert host.until(host.begin("sizes", {"activity": 46_000}))["runtimeStatus"] == "Completed"
    assert any(line["event"] == "large payload" and line["what"] == "result of activity 'large'" for line in host.log)
    assert not any("xxxxxxxx" in json.dumps(line) for line in host.log), "the log holds no payload"


def test_a_missing_activity_fails_the_orchestration_even_if_it_catches(host: Any) -> None:
    ended = host.until(host.begin("calls", "no_such_activity"))
    assert ended["runtimeStatus"] == "Failed"
    assert "The function 'no_such_activity' doesn't exist" in ended["output"]


def test_an_activity_that_quits_its_process_only_fails(host: Any) -> None:
    assert "ended by SystemExit" in host.until(host.begin("calls", "quits"))["output"]["caught"]


def test_an_unknown_binding_is_refused_by_name() -> None:
    app = func.FunctionApp()

    @app.blob_trigger(arg_name="blob", path="a/b", connection="C")
    def on_blob(blob: func.InputStream) -> None: ...

    with pytest.raises(BadAppError, match="on_blob: the local host has no binding 'blobTrigger'"):
        index_app(app)


def done(task: int, result: object = None) -> dict[str, Any]:
    return {"EventType": 5, "TaskScheduledId": task, "Result": json.dumps(result)}


def failed(task: int) -> dict[str, Any]:
    return {"EventType": 6, "TaskScheduledId": task, "Reason": "r", "Details": "d"}


def seconds_between(status: dict[str, Any]) -> float:
    began, ended = (datetime.fromisoformat(status[key]) for key in ("createdTime", "lastUpdatedTime"))
    return (ended - began).total_seconds()


def wait_until(true: Callable[[], bool], seconds: float = 20) -> None:
    import time

    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.05)
