"""What pages are made of: charts, pages of lists, tiles, the reading of a typed policy."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from holdfast.model.overdue import Overdue
from holdfast.model.point import RestorePoint
from holdfast.model.policy import parse_policy
from holdfast.model.protection import Protection
from holdfast.model.session import Session, SourceRun, State
from holdfast.web.charts import session_bars, strip
from holdfast.web.overview import attention, tiles
from holdfast.web.paging import paged
from holdfast.web.policy_form import EXAMPLE, as_yaml, line_of, read_policy
from holdfast.web.sessions import counts_of, in_order
from holdfast.web.sources import Proof, source_row

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
TODAY = NOW.date()


def point(day: date, kind: str = "increment") -> RestorePoint:
    at = datetime(day.year, day.month, day.day, 3, tzinfo=UTC)
    fields = {"id": f"{day}", "source": "s/d", "chain": "c", "created_at": at, "kind": kind, "consistency": "live"}
    return RestorePoint.model_validate(fields)


def test_days_before_the_first_point_are_no_gaps() -> None:
    found = strip([point(TODAY - timedelta(days=3), "full"), point(TODAY)], TODAY, 6, [str(TODAY)])
    assert [day.mark for day in found.days] == ["before", "before", "full", "none", "none", "increment"]
    assert [day.proven for day in found.days] == [False] * 5 + [True]
    assert found.said == "2 of the last 6 days have a restore point; none on 2026-11-24, 2026-11-25"


def test_a_chain_that_is_older_than_the_strip_has_gaps_from_its_first_day() -> None:
    found = strip([point(TODAY - timedelta(days=4)), point(TODAY)], TODAY, 4)
    assert [day.mark for day in found.days] == ["none", "none", "none", "increment"]


@given(st.lists(st.integers(0, 60)), st.integers(1, 40))
def test_every_day_of_a_strip_is_told_once(back: list[int], length: int) -> None:
    found = strip([point(TODAY - timedelta(days=n)) for n in back], TODAY, length)
    assert [day.day for day in found.days] == [TODAY - timedelta(days=n) for n in range(length - 1, -1, -1)]
    assert {day.day for day in found.days if day.mark == "increment"} == {
        TODAY - timedelta(days=n) for n in back if n < length
    }


def test_bars_count_ended_backups_by_the_day_of_their_end() -> None:
    def session(state: State, days: int, kind: str = "backup") -> Session:
        at = NOW - timedelta(days=days)
        return Session(id=f"{state}{days}{kind}", kind=kind, state=state, started_at=at, ended_at=at)

    states = [
        session(State.SUCCEEDED, 0),
        session(State.SUCCEEDED, 0),
        session(State.FAILED, 0),
        session(State.PARTIAL, 1),
    ]
    ignored = [session(State.CANCELLED, 0), session(State.FAILED, 0, "download"), session(State.FAILED, 9)]
    bars = session_bars([*states, *ignored], TODAY, 3)
    assert [(bar.succeeded, bar.partial, bar.failed) for bar in bars] == [(0, 0, 0), (0, 1, 0), (2, 0, 1)]
    assert bars[-1].heights == (40.0, 0.0, 20.0)
    assert session_bars([], TODAY, 3)[0].heights == (0, 0, 0)


@given(st.integers(0, 500), st.integers(-3, 80), st.integers(1, 60))
def test_pages_together_are_the_list(length: int, page: int, most: int) -> None:
    items = list(range(length))
    shown, pager = paged(items, page, most, {"q": "a b", "none": None})
    assert len(shown) <= most
    assert (pager.total, pager.last - pager.first + 1 if shown else 0) == (length, len(shown))
    seen, number, behind = [], 1, "?"
    while behind:
        part, at = paged(items, number, most, {"q": "a b"})
        seen, number, behind = seen + part, number + 1, at.behind
        assert behind in (None, f"?q=a+b&page={number}")
    assert seen == items


def protection(name: str, state: str) -> Protection:
    fields = {"kind": "sqlDatabase", "region": "r", "status": "Online", "policy": None, "why": "", "chain": name}
    return Protection.model_validate(
        {"source": name, "state": state, "last_point": None, "last_point_at": None, **fields}
    )


def test_tiles_count_an_overdue_database_as_unwell_and_an_old_proof_as_none() -> None:
    late = Overdue(policy="p", source="b", chain="b", missed=NOW)
    fresh, old = (Proof(point="x", at=NOW - timedelta(days=days)) for days in (30, 32))
    states = {"a": "protected", "b": "protected", "c": "unprotected", "d": "excluded", "e": "dropped"}
    rows = [source_row(protection(n, s), {"b": late}, {"a": fresh, "b": old, "e": fresh}) for n, s in states.items()]
    found = {tile.name: tile for tile in tiles(rows, 2, NOW)}
    assert (found["protected"].count, found["protected"].of, found["protected"].level) == (1, 3, "bad")
    assert (found["overdue"].count, found["unprotected"].count) == (1, 1)
    assert (found["proven in 31 days"].count, found["proven in 31 days"].of) == (1, 2)
    assert found["failed last time"].level == "bad"
    told = attention(sources=rows, alarms=[("p", "10 of 12 points")], channels=[("ops", "HTTP 500")])
    assert [one.what for one in told] == [
        "1 database overdue",
        "1 database without a policy",
        "retention of p waits for approval",
        "channel ops does not deliver",
    ]


def test_what_is_wrong_comes_before_what_is_well() -> None:
    states = [State.SUCCEEDED, State.PENDING, State.FAILED, State.RUNNING, State.FAILED]
    runs = [SourceRun(source=f"s{n}", key=str(n), state=state) for n, state in enumerate(states)]
    assert [one.source for one in in_order(runs)] == ["s2", "s4", "s3", "s1", "s0"]
    assert counts_of(runs) == ({"failed": 2, "running": 1, "pending": 1, "succeeded": 1}, 0.6)
    assert counts_of([]) == ({}, 0.0)


def test_the_example_is_a_policy_and_survives_the_editor() -> None:
    policy = parse_policy(EXAMPLE)
    assert read_policy(EXAMPLE).policy == policy
    assert parse_policy(as_yaml(policy)) == policy
    assert line_of(EXAMPLE, "schedules") == 5
    assert line_of(EXAMPLE, "worker") is None


@given(st.text(max_size=200))
def test_whatever_is_typed_is_a_policy_or_has_an_error(text: str) -> None:
    found = read_policy(text)
    assert (found.policy is None) == bool(found.errors)
