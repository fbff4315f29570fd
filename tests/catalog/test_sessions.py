"""Sessions, their sources and steps."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.catalog import Catalog, first_id, new_id
from holdfast.catalog.transitions import ended, moved
from holdfast.model.errors import ErrorInfo, NotFound
from holdfast.model.session import ARCHIVE_STEPS, STEPS, Download, Session, State, Step
from holdfast.model.source import source_key

AT = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
_EARLIEST = datetime(2000, 1, 1)  # noqa: DTZ001 (Hypothesis takes naive bounds)
ERROR = ErrorInfo(code="export-failed", title="The export failed", detail="no space")


def session(catalog: Catalog, number: int = 0, **fields: Any) -> Session:
    """A running session, recorded."""
    at = AT + timedelta(minutes=number)
    return catalog.sessions.create(
        Session(
            id=new_id(at, str(fields.get("policy", "nightly"))),
            started_at=at,
            **{"policy": "nightly", "state": State.RUNNING, **fields},
        )
    )


def source(name: str = "sql-a/sales") -> tuple[str, str]:
    """Name and key."""
    return name, source_key(name)


@given(st.lists(st.datetimes(min_value=_EARLIEST, timezones=st.just(UTC)), min_size=2, max_size=5))
def test_ids_sort_by_time(moments: list[datetime]) -> None:
    """Listing by id is listing by time, to the millisecond."""
    in_time = sorted(moments)
    for earlier, later in pairwise(in_time):
        if later - earlier >= timedelta(milliseconds=1):
            assert new_id(earlier, "z") < new_id(later, "a")
        assert first_id(earlier) < new_id(earlier, "a")


def test_an_occasion_gives_the_same_id_twice() -> None:
    """So that a repeated start opens one session."""
    assert new_id(AT, "nightly", "slot 1") == new_id(AT, "nightly", "slot 1")
    assert new_id(AT, "nightly", "slot 1") != new_id(AT, "nightly", "slot 2")
    assert new_id(AT, "nightly") != new_id(AT, "nightly")
    assert new_id(AT, "Größe / 1", "x").startswith("20260301T030000000Z-gr-e-1-")


def test_a_session_opened_twice_is_one_and_keeps_its_state(catalog: Catalog) -> None:
    """A replayed activity must not reset what has happened since."""
    first = session(catalog)
    catalog.sessions.add_sources(first.id, [source()])
    catalog.sessions.request_cancel(first.id)
    again = catalog.sessions.create(first)
    assert again.cancel_requested
    assert [s.source for s in again.sources] == ["sql-a/sales"]


def test_a_session_that_nobody_opened_is_not_found(catalog: Catalog) -> None:
    """Whatever is asked of it."""
    for ask in (
        catalog.sessions.get,
        catalog.sessions.close,
        catalog.sessions.request_cancel,
        catalog.sessions.is_cancelled,
        catalog.sessions.begin,
    ):
        with pytest.raises(NotFound):
            ask("none")  # type: ignore[operator]
    with pytest.raises(NotFound):
        catalog.sessions.add_sources("none", [source()])
    with pytest.raises(NotFound):
        catalog.sessions.set_step(session(catalog).id, "none", "validate", State.RUNNING)


def test_sessions_are_listed_oldest_first_page_by_page(catalog: Catalog) -> None:
    """By policy, by state, after an id, from a moment on."""
    ids = [session(catalog, n, policy="nightly" if n % 2 else "weekly").id for n in (3, 1, 2, 0)]
    in_order = sorted(ids)
    assert [s.id for s in catalog.sessions.list()] == in_order
    assert [s.id for s in catalog.sessions.list(limit=2)] == in_order[:2]
    assert [s.id for s in catalog.sessions.list(after=in_order[1], limit=2)] == in_order[2:]
    assert [s.policy for s in catalog.sessions.list(policy="nightly")] == ["nightly", "nightly"]
    assert [s.id for s in catalog.sessions.list(after=first_id(AT + timedelta(minutes=2)))] == in_order[2:]
    catalog.sessions.close(in_order[0], State.SUCCEEDED)
    assert [s.id for s in catalog.sessions.list(state=State.SUCCEEDED)] == in_order[:1]
    assert [s.id for s in catalog.sessions.unended()] == in_order[1:]


def test_three_thousand_sources_fit_and_every_batch_is_the_same_each_time(catalog: Catalog) -> None:
    """A row each; batches of a hundred, as the orchestrations ask for them."""
    sources = [source(f"sql-{n % 7}/db{n}") for n in range(3000)]
    found = session(catalog)
    assert catalog.sessions.add_sources(found.id, sources) == 3000
    batches = [catalog.sessions.source_keys(found.id, offset, 100) for offset in range(0, 3100, 100)]
    assert [len(batch) for batch in batches] == [100] * 30 + [0]
    assert {key for batch in batches for key in batch} == {key for _, key in sources}
    assert catalog.sessions.source_keys(found.id, 100, 100) == batches[1]
    assert catalog.sessions.counts(found.id) == {State.PENDING: 3000}


def test_adding_sources_again_resets_none(catalog: Catalog) -> None:
    """Half of them were there already, one of them is under way."""
    found = session(catalog)
    catalog.sessions.add_sources(found.id, [source("a/1"), source("a/2")])
    catalog.sessions.set_step(found.id, source_key("a/1"), "validate", State.RUNNING)
    assert catalog.sessions.add_sources(found.id, [source(f"a/{n}") for n in range(1, 5)]) == 2
    assert catalog.sessions.source(found.id, source_key("a/1")).step("validate").state is State.RUNNING
    assert len(catalog.sessions.source_keys(found.id)) == 4


def test_two_that_add_the_same_sources_at_once_both_succeed(catalog: Catalog) -> None:
    """An activity that runs twice at the same time."""
    found = session(catalog)
    new: list[int] = []
    threads = [
        threading.Thread(
            target=lambda: new.append(catalog.sessions.add_sources(found.id, [source(f"a/{n}") for n in range(150)]))
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(new) == 4
    assert len(catalog.sessions.source_keys(found.id)) == 150


def test_the_kind_of_a_session_gives_its_sources_their_steps(catalog: Catalog) -> None:
    """An archive session exports nothing."""
    found = session(catalog, kind="archive")
    catalog.sessions.add_sources(found.id, [source()])
    assert [step.name for step in catalog.sessions.get(found.id).sources[0].steps] == list(ARCHIVE_STEPS)
    with pytest.raises(NotFound):
        catalog.sessions.set_step(found.id, source_key("sql-a/sales"), "export", State.RUNNING)


def test_steps_keep_their_times_and_details(catalog: Catalog) -> None:
    """The first start and the first end count; the detail follows."""
    found, key = session(catalog), source_key("sql-a/sales")
    catalog.sessions.add_sources(found.id, [source()])
    catalog.sessions.set_step(found.id, key, "export", State.RUNNING, "table 1", at=AT)
    catalog.sessions.set_step(found.id, key, "export", State.RUNNING, "table 2", at=AT + timedelta(minutes=1))
    catalog.sessions.set_step(found.id, key, "export", State.SUCCEEDED, at=AT + timedelta(minutes=2))
    run = catalog.sessions.set_step(found.id, key, "export", State.SUCCEEDED, at=AT + timedelta(minutes=9))
    assert run.step("export") == Step(
        name="export", state=State.SUCCEEDED, started_at=AT, ended_at=AT + timedelta(minutes=2), detail="table 2"
    )
    assert catalog.sessions.get(found.id).sources[0] == run


def test_a_late_message_moves_nothing_back(catalog: Catalog) -> None:
    """A step that succeeded does not run, and does not fail, by a message that took its time."""
    found, key = session(catalog), source_key("sql-a/sales")
    catalog.sessions.add_sources(found.id, [source()])
    catalog.sessions.set_step(found.id, key, "export", State.SUCCEEDED, at=AT)
    for late in (State.PENDING, State.RUNNING, State.FAILED, State.CANCELLED, State.SKIPPED):
        run = catalog.sessions.set_step(found.id, key, "export", late, "late")
        assert run.step("export").state is State.SUCCEEDED
        assert run.step("export").detail == ""


def test_a_new_attempt_says_so_and_starts_again(catalog: Catalog) -> None:
    """Its time is its own."""
    found, key = session(catalog), source_key("sql-a/sales")
    catalog.sessions.add_sources(found.id, [source()])
    catalog.sessions.set_step(found.id, key, "export", State.RUNNING, at=AT)
    catalog.sessions.set_step(found.id, key, "export", State.FAILED, "no space", at=AT + timedelta(minutes=1))
    later = AT + timedelta(minutes=5)
    run = catalog.sessions.set_step(found.id, key, "export", State.RUNNING, "attempt 2", at=later, again=True)
    assert run.step("export") == Step(name="export", state=State.RUNNING, started_at=later, detail="attempt 2")


def test_success_clears_the_error_and_a_late_failure_does_not_bring_it_back(catalog: Catalog) -> None:
    """The second attempt succeeded; the first one's message arrives afterwards."""
    found, key = session(catalog), source_key("sql-a/sales")
    catalog.sessions.add_sources(found.id, [source()])
    run = catalog.sessions.set_source(found.id, key, State.FAILED, ERROR)
    assert run.error == ERROR
    catalog.sessions.set_source(found.id, key, restore_point="p1", archive_due=True, archive_flags=["monthly"])
    catalog.sessions.set_source(found.id, key, State.SUCCEEDED)
    run = catalog.sessions.set_source(found.id, key, State.FAILED, ERROR)
    assert (run.state, run.error, run.restore_point) == (State.SUCCEEDED, None, "p1")
    assert run.archive_flags == ["monthly"]
    assert catalog.sessions.source_keys(found.id, archive_due=True) == [key]
    assert catalog.sessions.source_keys(found.id, archive_due=False) == []


def test_a_source_that_ends_can_settle_its_steps(catalog: Catalog) -> None:
    """Nobody wants to see a step run for ever in a session that is over."""
    found, key = session(catalog), source_key("sql-a/sales")
    catalog.sessions.add_sources(found.id, [source()])
    catalog.sessions.set_step(found.id, key, "validate", State.SUCCEEDED)
    catalog.sessions.set_step(found.id, key, "export", State.RUNNING)
    run = catalog.sessions.set_source(found.id, key, State.CANCELLED, settle=True)
    states = {step.name: step.state for step in run.steps}
    assert states["validate"] is State.SUCCEEDED
    assert states["export"] is State.CANCELLED
    assert states["commit"] is State.SKIPPED
    assert all(ended(state) for state in states.values())


def test_steps_changed_by_many_at_once_all_arrive(catalog: Catalog) -> None:
    """Each step is told by another activity."""
    found, key = session(catalog), source_key("sql-a/sales")
    catalog.sessions.add_sources(found.id, [source()])
    threads = [
        threading.Thread(target=catalog.sessions.set_step, args=(found.id, key, step, State.SUCCEEDED, step))
        for step in STEPS
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [step.detail for step in catalog.sessions.source(found.id, key).steps] == list(STEPS)


@pytest.mark.parametrize(
    ("states", "cancelled", "expected"),
    [
        ([State.SUCCEEDED, State.SUCCEEDED], False, State.SUCCEEDED),
        ([State.SUCCEEDED, State.FAILED], False, State.PARTIAL),
        ([State.FAILED, State.FAILED], False, State.FAILED),
        ([State.SUCCEEDED, State.CANCELLED], True, State.CANCELLED),
        ([], False, State.SUCCEEDED),
    ],
)
def test_a_session_ends_as_its_sources_ended(
    catalog: Catalog, states: list[State], cancelled: bool, expected: State
) -> None:
    """Unless the caller knows better."""
    found = session(catalog)
    catalog.sessions.add_sources(found.id, [source(f"a/{n}") for n in range(len(states))])
    for number, state in enumerate(states):
        catalog.sessions.set_source(found.id, source_key(f"a/{number}"), state)
    if cancelled:
        assert catalog.sessions.request_cancel(found.id)
    assert catalog.sessions.close(found.id).state is expected


def test_the_first_end_of_a_session_holds(catalog: Catalog, clock: Any) -> None:
    """And nobody cancels what is over."""
    found = session(catalog)
    first = catalog.sessions.close(found.id, State.FAILED, ERROR)
    clock.advance(hours=1)
    assert catalog.sessions.close(found.id, State.SUCCEEDED) == first
    assert first.ended_at == clock.now() - timedelta(hours=1)
    assert not catalog.sessions.request_cancel(found.id)
    assert not catalog.sessions.is_cancelled(found.id)
    assert catalog.sessions.begin(found.id).state is State.FAILED


def test_an_idempotency_key_stands_for_its_first_session(catalog: Catalog) -> None:
    """Whoever comes second is told of the first one's."""
    assert catalog.sessions.once("key", "s1") == "s1"
    assert catalog.sessions.once("key", "s2") == "s1"
    assert catalog.sessions.once("other", "s2") == "s2"


def test_a_long_error_of_a_source_is_kept_whole(catalog: Catalog) -> None:
    """SqlPackage may name hundreds of objects."""
    found, key = session(catalog), source_key("sql-a/sales")
    catalog.sessions.add_sources(found.id, [source()])
    long = ErrorInfo(code="export-blocked", title="x", detail="View [dbo].[v]; " * 5000)
    catalog.sessions.set_source(found.id, key, State.FAILED, long)
    assert catalog.sessions.get(found.id).sources[0].error == long


def test_the_operation_behind_a_copy_is_kept_beside_the_source(catalog: Catalog) -> None:
    """Steps that change afterwards do not lose it, and nobody is shown it."""
    found, key = session(catalog), source_key("sql-a/sales")
    catalog.sessions.add_sources(found.id, [source()])
    assert catalog.sessions.copy_operation(found.id, key) == ""
    url = "https://management.azure.com/operations/1?" + "s" * 3000
    catalog.sessions.set_copy_operation(found.id, key, url)
    run = catalog.sessions.set_step(found.id, key, "stage", State.RUNNING)
    assert catalog.sessions.copy_operation(found.id, key) == url
    assert url not in run.model_dump_json()
    with pytest.raises(NotFound):
        catalog.sessions.set_copy_operation(found.id, "none", url)


def test_a_download_is_recorded(catalog: Catalog) -> None:
    """What it made and until when."""
    found = session(catalog, kind="download")
    made = Download(blob="b", bytes=2**40, sha256="0" * 64, identical=True, expires_at=AT)
    assert catalog.sessions.set_download(found.id, made).download == made
    assert catalog.sessions.get(found.id).download == made


def test_a_removed_session_is_gone_with_its_sources(catalog: Catalog) -> None:
    """Nothing is left behind."""
    found = session(catalog)
    catalog.sessions.add_sources(found.id, [source()])
    catalog.sessions.remove(found.id)
    with pytest.raises(NotFound):
        catalog.sessions.get(found.id)
    assert catalog.sessions.source_keys(found.id) == []


states = st.sampled_from([s for s in State if s is not State.PARTIAL])


@given(st.lists(states, max_size=8))
def test_messages_in_any_order_leave_the_furthest_state(told: list[State]) -> None:
    """Without a new attempt, each repetition and each delay changes nothing."""
    step = Step(name="export")
    for state in told:
        step = moved(step, state, None, AT, again=False)
    again = step
    for state in told:
        again = moved(again, state, None, AT + timedelta(hours=1), again=False)
    assert again.state == step.state
    assert again.ended_at == step.ended_at
    assert (step.ended_at is not None) == ended(step.state)
    if State.SUCCEEDED in told:
        assert step.state is State.SUCCEEDED
