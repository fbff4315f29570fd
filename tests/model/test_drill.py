"""Which drills are due: the rules, by example and for any history."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.model.drill import (
    AGAIN,
    AT_ONCE,
    DrillRecord,
    drill_database,
    due,
    last_proven,
    objective_for,
)
from holdfast.model.protection import NewestPoint

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
MONTH = timedelta(days=30)


def newest(chain: str) -> NewestPoint:
    return NewestPoint(id=f"p-{chain}", chain=chain, source=f"srv/{chain}", created_at=NOW)


def drill(chain: str, state: Any, **ago: float) -> DrillRecord:
    return DrillRecord(
        id=f"{chain}-{ago}",
        source=f"srv/{chain}",
        chain=chain,
        point="p",
        point_created_at=NOW,
        repository="default",
        state=state,
        started_at=NOW - timedelta(**ago),
    )


def chains(*points: str, **history: list[DrillRecord]) -> list[str]:
    return [one.chain for one in due(MONTH, map(newest, points), history, NOW)]


def test_a_chain_that_was_never_proven_is_due_and_goes_first() -> None:
    assert chains("a", "b", a=[drill("a", "proven", days=31)]) == ["b", "a"]


@pytest.mark.parametrize(
    ("history", "is_due"),
    [
        ([("proven", 29)], False),
        ([("proven", 30)], True),
        ([("proven", 40), ("failed", 0.5)], False),
        ([("proven", 40), ("failed", 1)], True),
        ([("proven", 5), ("failed", 1)], True),
        ([("failed", 2), ("proven", 1)], False),
        ([("cancelled", 0.5)], False),
        ([("running", 0.1)], False),
        ([("running", 3)], True),
    ],
)
def test_when_a_chain_is_due(history: list[tuple[str, float]], is_due: bool) -> None:
    assert (chains("a", a=[drill("a", state, days=days) for state, days in history]) == ["a"]) is is_due


def test_a_failed_drill_of_a_daily_policy_does_not_wait_longer_than_the_policy() -> None:
    half = timedelta(hours=12)
    known = {"a": [drill("a", "failed", hours=13)]}
    assert half < AGAIN
    assert [one.chain for one in due(half, [newest("a")], known, NOW)] == ["a"]


def test_no_more_run_beside_each_other_than_may() -> None:
    names = [f"c{number}" for number in range(5)]
    assert len(chains(*names)) == AT_ONCE
    running = {name: [drill(name, "running", hours=1)] for name in names[: AT_ONCE - 1]}
    assert len(chains(*names, **running)) == 1


@given(
    st.dictionaries(
        st.sampled_from("abcdef"),
        st.lists(
            st.tuples(st.sampled_from(["running", "proven", "failed", "cancelled"]), st.floats(0, 100)), max_size=5
        ),
    ),
    st.integers(1, 60),
)
def test_every_chain_comes_to_its_turn_and_none_twice(history: dict[str, list[tuple[str, float]]], every: int) -> None:
    """Drills that are due are run at once, ever and again: within a round every chain is proven, and then nothing is due."""
    known = {chain: [drill(chain, state, days=ago) for state, ago in drills] for chain, drills in history.items()}
    at, proven = NOW + timedelta(days=4 + every), set()
    for _ in range(20):
        found = due(timedelta(days=every), map(newest, "abcdef"), known, at)
        assert len({one.chain for one in found}) == len(found) <= AT_ONCE
        for one in found:
            assert one.chain not in proven
            proven.add(one.chain)
            record = drill(one.chain, "proven", days=0).model_copy(update={"started_at": at})
            known.setdefault(one.chain, []).append(record)
    assert due(timedelta(days=every), map(newest, "abcdef"), known, at) == []


@pytest.mark.parametrize(
    ("inflated", "objective"),
    [(0, "S0"), (160 << 30, "S0"), (170 << 30, "S3"), (600 << 30, "S3"), (1 << 40, "HS_Gen5_2")],
)
def test_the_smallest_size_that_holds_it(inflated: int, objective: str) -> None:
    assert objective_for(inflated) == objective


def test_a_drills_database_is_told_by_its_session() -> None:
    assert drill_database("s1") == drill_database("s1") != drill_database("s2")
    assert drill_database("s1").startswith("hf-drill-")


def test_the_last_proof_is_the_newest_that_proved() -> None:
    found = last_proven([drill("a", "proven", days=9), drill("a", "proven", days=2), drill("a", "failed", days=1)])
    assert found is not None
    assert found.started_at == NOW - timedelta(days=2)
    assert last_proven([drill("a", "failed", days=1)]) is None
