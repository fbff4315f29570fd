"""The store, payload limits, logs and the app's index, each on its own."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import azure.durable_functions as df
import azure.functions as func
import pytest

from local.host import lifecycle, payload
from local.host.history import EVENT_NAMES, EventType, moment_of, stamp
from local.host.host_json import BadHostJsonError, resolve, time_span
from local.host.index import BadAppError, index_app, load_app
from local.host.logs import JsonLines
from local.host.store import Changes, Schedule, StateInUseError, Store

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Any:
    opened = Store(tmp_path / "s.db")
    yield opened
    opened.close()


def test_a_transaction_that_fails_leaves_nothing_and_tells_nobody(store: Store) -> None:
    heard: list[Changes] = []
    store.listener = heard.append
    with pytest.raises(AttributeError), store.transaction() as change:  # noqa: PT012 (it fails on its way)
        lifecycle.start(change, NOW, "o", None, instance_id="a")
        change.queue_work("a", "x", 0, "act", None)
        change.no_such_thing()  # type: ignore[attr-defined]
    assert store.instance("a") is None
    assert store.inbox("a") == []
    assert heard == []
    with store.transaction() as change:
        lifecycle.start(change, NOW, "o", None, instance_id="a")
    assert list(heard[0].instances) == ["a"]


def test_what_a_former_owner_left_is_found_in_its_order(tmp_path: Path) -> None:
    first = Store(tmp_path / "s.db")
    with first.transaction() as change:
        for key in ("b", "a", "c"):
            lifecycle.start(change, NOW, "o", None, instance_id=key)
        change.send("b", {"EventType": 15})
        change.queue_work("b", "x", 1, "one", "1")
        change.queue_work("a", "y", 2, "two", None)
    first.close()
    second = Store(tmp_path / "s.db")
    left = second.left_over()
    second.close()
    assert list(left.instances) == ["b", "a", "c"]
    assert [(work.instance, work.task, work.name, work.input) for work in left.work] == [
        ("b", 1, "one", "1"),
        ("a", 2, "two", None),
    ]


def test_a_state_file_has_one_owner(tmp_path: Path, store: Store) -> None:
    with pytest.raises(StateInUseError, match="owned by the running host"):
        Store(tmp_path / "s.db")
    assert store.counts()["messages"] == 0


def test_timers_are_due_in_their_order(store: Store) -> None:
    with store.transaction() as change:
        for timer, due in ((1, 30.0), (2, 10.0), (3, 20.0)):
            change.start_timer("a", "x", timer, due, "t")
    assert store.next_due() == 10.0
    assert [row[2] for row in store.due_timers(25.0)] == [2, 3]
    with store.transaction() as change:
        change.drop_timer("a", "x", 2)
    assert store.next_due() == 20.0


def test_a_new_generation_loses_history_and_timers_and_keeps_messages(store: Store) -> None:
    with store.transaction() as change:
        lifecycle.start(change, NOW, "o", "1", instance_id="a")
        change.append_history("a", 0, ["{}"])
        change.start_timer("a", "x", 1, 1.0, "t")
        change.new_execution("a", "second", "2", 5.0)
    found = store.instance("a")
    assert found is not None
    assert (found.execution, found.input, found.status) == ("second", "2", "Pending")
    assert store.history("a") == []
    assert store.next_due() is None
    assert len(store.inbox("a")) == 1


def test_an_instance_that_is_started_again_is_a_new_one(store: Store) -> None:
    with store.transaction() as change:
        lifecycle.start(change, NOW, "o", "1", instance_id="a")
        change.append_history("a", 0, ["{}"])
    old = store.instance("a")
    with store.transaction() as change:
        lifecycle.start(change, NOW + timedelta(days=1), "p", "2", instance_id="a")
    new = store.instance("a")
    assert old is not None
    assert new is not None
    assert (new.name, new.input) == ("p", "2")
    assert new.execution != old.execution
    assert store.history("a") == []
    assert len(store.inbox("a")) == 1


def test_schedules_and_entities_are_kept(store: Store) -> None:
    assert store.schedule("tick") is None
    with store.transaction() as change:
        change.put_schedule("tick", Schedule(None, 2.0, 1.0))
        change.put_entity("@e@k", "7", 1.0)
    assert store.schedule("tick") == Schedule(None, 2.0, 1.0)
    assert store.entity("@e@k") == ("7",)
    with store.transaction() as change:
        assert change.delete_entity("@e@k")
        assert not change.delete_entity("@e@k")
    assert store.entity("@e@k") is None


def test_a_payload_is_taken_warned_of_or_refused_by_its_bytes(caplog: pytest.LogCaptureFixture) -> None:
    small, large, huge = "x" * 45_000, "ä" * 22_501, "x" * 1_000_001
    assert payload.check(None, "thing") is None
    assert payload.check(small, "thing") == small
    assert not caplog.records
    assert payload.check(large, "thing") == large
    assert [record.message for record in caplog.records] == ["large payload"]
    with pytest.raises(payload.PayloadTooLargeError, match="The thing has 1000001 bytes"):
        payload.check(huge, "thing")


def test_a_log_record_is_one_json_line_with_what_it_brought() -> None:
    record = logging.makeLogRecord({"msg": "hello %s", "args": ("you",), "levelname": "INFO", "name": "n", "extra": 1})
    told = json.loads(JsonLines().format(record))
    assert (told["event"], told["level"], told["logger"], told["extra"]) == ("hello you", "info", "n", 1)


def test_event_names_are_those_of_the_status_json() -> None:
    assert EVENT_NAMES[EventType.SUB_ORCHESTRATION_CREATED] == "SubOrchestrationInstanceCreated"
    assert EVENT_NAMES[EventType.TIMER_FIRED] == "TimerFired"
    assert EVENT_NAMES[EventType.CONTINUE_AS_NEW] == "ContinueAsNew"
    assert len(set(EVENT_NAMES.values())) == 21


def test_times_are_written_with_six_digits_and_read_back() -> None:
    assert stamp(NOW) == "2026-01-01T00:00:00.000000Z"
    assert moment_of(stamp(NOW)) == NOW
    assert moment_of("2026-01-01T00:00:00.1234567Z").microsecond == 123456
    assert moment_of("2026-01-01T02:00:00+02:00") == NOW


def test_settings_are_put_into_binding_values() -> None:
    assert resolve("a-%X%-%Y%", {"X": "1", "Y": "2"}) == "a-1-2"
    with pytest.raises(BadHostJsonError, match="no app setting X"):
        resolve("%X%", {})


@pytest.mark.parametrize(("text", "seconds"), [("00:00:30", 30), ("1.02:00:00", 93600), ("00:00:00.5000000", 0.5)])
def test_time_spans_are_read(text: str, seconds: float) -> None:
    assert time_span(text).total_seconds() == seconds
    with pytest.raises(BadHostJsonError):
        time_span(text + "x")


def test_an_annotation_that_does_not_suit_its_binding_is_refused() -> None:
    app = func.FunctionApp()

    @app.route(route="x")
    def wrong(req: int) -> str:
        return "x"

    with pytest.raises(BadAppError, match=r"wrong: the parameter req has the type int"):
        index_app(app)


def test_an_annotation_that_cannot_be_resolved_is_refused() -> None:
    app = func.FunctionApp()

    @app.route(route="x")
    def wrong(req: NoSuchThing) -> str:  # noqa: F821
        return "x"

    with pytest.raises(BadAppError, match="wrong: an annotation"):
        index_app(app)


def test_two_functions_of_one_name_are_refused() -> None:
    app, other = df.DFApp(), df.Blueprint()

    @app.activity_trigger(input_name="payload", activity="same")
    def first(payload: str) -> str:
        return payload

    @other.activity_trigger(input_name="payload", activity="Same")
    def second(payload: str) -> str:
        return payload

    app.register_functions(other)
    with pytest.raises(BadAppError, match="two durable functions named Same"):
        index_app(app)


@pytest.mark.parametrize(
    ("settings", "indexed"),
    [
        ({}, True),
        ({"AzureWebJobs.off.Disabled": "false"}, True),
        ({"AzureWebJobs.off.Disabled": "true"}, False),
        ({"AzureWebJobs_off_Disabled": "1"}, False),
    ],
)
def test_a_function_that_is_disabled_by_a_setting_is_left_out(settings: dict[str, str], indexed: bool) -> None:
    app = df.DFApp()

    @app.activity_trigger(input_name="payload")
    def off(payload: str) -> str:
        return payload

    assert ("off" in index_app(app, settings).activities) is indexed


def test_two_functions_with_one_python_name_are_refused() -> None:
    app = df.DFApp()

    for _ in range(2):

        @app.activity_trigger(input_name="payload")
        def same(payload: str) -> str:
            return payload

    with pytest.raises(BadAppError, match="same does not have a unique function name"):
        index_app(app)


def test_a_folder_without_one_app_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "function_app", raising=False)
    with pytest.raises(BadAppError, match="there is no"):
        load_app(tmp_path)
    (tmp_path / "function_app.py").write_text("x = 1")
    with pytest.raises(BadAppError, match="holds 0"):
        load_app(tmp_path)
    sys.modules.pop("function_app", None)
