"""The shadow alone: ids are given as the real host gives them."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from local.host.history import ActionType, EventType
from local.host.replay import NonDeterminismError, Shadow, UnsupportedActionError

T = "2026-01-01T00:00:00.000000Z"


def activity(name: str = "A", **more: Any) -> dict[str, Any]:
    return {"actionType": ActionType.CALL_ACTIVITY, "functionName": name, "input": "null", **more}


def with_retry(attempts: int = 2, name: str = "R") -> dict[str, Any]:
    options = {"firstRetryIntervalInMilliseconds": 5000, "maxNumberOfAttempts": attempts}
    return activity(name, retryOptions=options) | {"actionType": ActionType.CALL_ACTIVITY_WITH_RETRY}


def every(*actions: dict[str, Any]) -> dict[str, Any]:
    return {"actionType": ActionType.WHEN_ALL, "compoundActions": list(actions)}


def first(*actions: dict[str, Any]) -> dict[str, Any]:
    return {"actionType": ActionType.WHEN_ANY, "compoundActions": list(actions)}


def timer(*, cancelled: bool = False) -> dict[str, Any]:
    return {"actionType": ActionType.CREATE_TIMER, "fireAt": T, "isCanceled": cancelled}


def wait(name: str = "E") -> dict[str, Any]:
    return {"actionType": ActionType.WAIT_FOR_EXTERNAL_EVENT, "externalEventName": name}


def begun(*actions: dict[str, Any]) -> Shadow:
    shadow = Shadow("i", "x", actions)
    shadow.feed({"EventType": EventType.ORCHESTRATOR_STARTED, "Timestamp": T})
    shadow.feed({"EventType": EventType.EXECUTION_STARTED})
    return shadow


def done(task: int) -> dict[str, Any]:
    return {"EventType": EventType.TASK_COMPLETED, "TaskScheduledId": task, "Result": "1"}


def failed(task: int) -> dict[str, Any]:
    return {"EventType": EventType.TASK_FAILED, "TaskScheduledId": task}


def fired(task: int) -> dict[str, Any]:
    return {"EventType": EventType.TIMER_FIRED, "TimerId": task}


def raised(name: str = "E") -> dict[str, Any]:
    return {"EventType": EventType.EVENT_RAISED, "Name": name}


def kinds(shadow: Shadow) -> dict[int, str]:
    return {number: one.type.name for number, one in shadow.emitted.items()}


def test_top_level_actions_are_taken_one_after_another() -> None:
    shadow = begun(activity("A"), activity("B"))
    assert list(shadow.emitted) == [0]
    shadow.feed(done(0))
    assert [one.fields["Name"] for one in shadow.emitted.values()] == ["A", "B"]
    assert not shadow.finished
    shadow.feed(done(1))
    assert shadow.finished


def test_waits_and_continue_as_new_take_no_number() -> None:
    again = {"actionType": ActionType.CONTINUE_AS_NEW, "input": "7"}
    shadow = begun(first(wait(), timer()), activity(), again)
    assert kinds(shadow) == {0: "TIMER_CREATED"}
    shadow.feed(raised())
    assert kinds(shadow) == {0: "TIMER_CREATED", 1: "TASK_SCHEDULED"}
    shadow.feed(done(1))
    assert shadow.continue_as_new == again
    assert not shadow.finished, "the timer is open"
    shadow.feed(fired(0))
    assert shadow.finished


def test_a_retry_takes_a_number_for_its_timer_and_one_for_its_attempt() -> None:
    shadow = begun(with_retry(2), activity())
    shadow.feed(failed(0))
    assert shadow.emitted[1].fields["FireAt"] == "2026-01-01T00:00:05.000000Z"
    shadow.feed(fired(1))
    assert kinds(shadow) == {0: "TASK_SCHEDULED", 1: "TIMER_CREATED", 2: "TASK_SCHEDULED"}
    shadow.feed(done(2))
    assert shadow.emitted[3].fields["Name"] == "A"


def test_after_the_last_failed_attempt_comes_one_more_timer_that_is_due_at_once() -> None:
    shadow = begun(with_retry(1), activity())
    shadow.feed(failed(0))
    assert kinds(shadow) == {0: "TASK_SCHEDULED", 1: "TIMER_CREATED"}
    assert shadow.emitted[1].fields["FireAt"] == T
    shadow.feed(fired(1))
    assert shadow.emitted[2].fields["Name"] == "A"


def test_a_cancelled_timer_takes_its_number_and_its_firing_is_a_duplicate() -> None:
    shadow = begun(timer(cancelled=True), activity())
    assert kinds(shadow) == {0: "TIMER_CREATED", 1: "TASK_SCHEDULED"}
    assert shadow.cancelled == {0}
    assert not shadow.feed(fired(0))


def test_a_second_completion_of_one_task_is_a_duplicate() -> None:
    shadow = begun(activity(), wait())
    assert shadow.feed(done(0))
    assert not shadow.feed(done(0))
    assert not shadow.feed(failed(7))


def test_when_all_waits_for_every_child_even_after_a_failure() -> None:
    shadow = begun(every(activity(), activity()), activity("next"))
    shadow.feed(failed(0))
    assert 2 not in shadow.emitted
    assert shadow.misnumbers
    shadow.feed(done(1))
    assert shadow.emitted[2].fields["Name"] == "next"


def test_a_failure_inside_a_fan_in_with_nothing_after_it_is_harmless() -> None:
    shadow = begun(every(activity(), activity()))
    shadow.feed(failed(0))
    shadow.feed(done(1))
    assert not shadow.misnumbers
    alone = begun(every(with_retry(1)), activity("next"))
    for event in (failed(0), fired(1)):
        alone.feed(event)
    assert not alone.misnumbers


def test_when_any_goes_on_with_the_first_and_leaves_the_rest_open() -> None:
    shadow = begun(first(activity(), activity()), activity("next"))
    shadow.feed(done(1))
    shadow.feed(done(2))
    assert not shadow.finished
    assert shadow.open_tasks == {0}
    shadow.feed(done(0))
    assert shadow.finished


def test_nested_fan_ins_end_from_the_inside_out() -> None:
    shadow = begun(every(first(activity(), wait("a")), every(activity(), with_retry(1))), activity("next"))
    shadow.feed(done(1))
    shadow.feed(raised("a"))
    assert 3 not in shadow.emitted
    shadow.feed(done(2))
    assert shadow.emitted[3].fields["Name"] == "next"


def test_an_event_that_came_early_is_kept_and_the_oldest_is_taken_first() -> None:
    shadow = begun(activity(), wait(), wait(), activity("next"))
    for event in (raised(), raised(), done(0)):
        shadow.feed(event)
    assert shadow.emitted[1].fields["Name"] == "next"


def test_the_newest_wait_gets_the_event_so_that_an_abandoned_one_does_not_eat_it() -> None:
    """The real host keeps waits for one name on a stack; with a queue this would hang."""
    shadow = begun(first(wait(), timer()), first(wait(), timer()), activity("next"))
    shadow.feed(fired(0))
    shadow.feed(raised())
    assert shadow.emitted[2].fields["Name"] == "next"


def test_an_entity_answers_by_the_guid_of_the_call() -> None:
    call = {"actionType": ActionType.CALL_ENTITY, "instanceId": "@e@k", "operation": "op", "input": "1"}
    signal = {**call, "actionType": ActionType.SIGNAL_ENTITY}
    shadow = begun(signal, call, activity())
    guids = [json.loads(one.fields["Input"])["id"] for one in shadow.emitted.values()]
    assert shadow.open_tasks == {guids[1]}
    shadow.feed({**raised(guids[1]), "Input": '{"result": "1"}'})
    assert kinds(shadow) == {0: "EVENT_SENT", 1: "EVENT_SENT", 2: "TASK_SCHEDULED"}
    assert not json.loads(shadow.emitted[1].fields["Input"]).get("signal")


def test_a_sub_orchestration_without_an_id_is_named_by_execution_and_number() -> None:
    sub = {"actionType": ActionType.CALL_SUB_ORCHESTRATOR, "functionName": "S", "input": None}
    shadow = begun(every(sub, {**sub, "instanceId": "mine"}))
    assert [one.fields["InstanceId"] for one in shadow.emitted.values()] == ["x:0", "mine"]


@pytest.mark.parametrize(
    "event",
    [
        {"EventType": EventType.TASK_SCHEDULED, "EventId": 0, "Name": "Other"},
        {"EventType": EventType.TIMER_CREATED, "EventId": 0},
        {"EventType": EventType.TASK_SCHEDULED, "EventId": 1, "Name": "A"},
    ],
    ids=["another name", "another type", "another number"],
)
def test_a_history_that_the_code_does_not_produce_is_refused(event: dict[str, Any]) -> None:
    with pytest.raises(NonDeterminismError, match="Non-Deterministic workflow detected"):
        begun(activity()).feed(event)


def test_names_are_case_insensitive_in_the_history() -> None:
    shadow = begun(activity("Square"))
    shadow.feed({"EventType": EventType.TASK_SCHEDULED, "EventId": 0, "Name": "square"})
    assert not shadow.emitted


def test_call_http_is_refused_with_what_to_do_instead() -> None:
    with pytest.raises(UnsupportedActionError, match="call an activity instead"):
        begun({"actionType": ActionType.CALL_HTTP})


def test_a_fan_in_of_thousands_is_linear() -> None:
    """Eight times the children take about eight times as long, not sixty-four times."""

    def seconds(children: int) -> float:
        shadow = begun(every(*(activity() for _ in range(children))))
        began = time.process_time()
        for number in range(children):
            shadow.feed(done(number))
        assert shadow.finished
        return time.process_time() - began

    small = min(seconds(2000) for _ in range(5))
    large = min(seconds(16000) for _ in range(3))
    assert large < 25 * small
