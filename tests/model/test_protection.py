"""The report of what is protected: every database that is there or was is in it, with a reason where it must have one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from holdfast.model.lineage import noticed
from holdfast.model.policy import Policy, policy_from
from holdfast.model.protection import NewestPoint, Protection, protection
from holdfast.model.source import Source, SourceKind, chain_id

NOW = datetime(2026, 3, 1, tzinfo=UTC)
_DAILY = {"daily": {"at": ["03:00"], "keep_days": 7}}


def source(name: str, **more: Any) -> Source:
    server, database = name.split("/")
    return Source(
        kind=SourceKind.SQL_DATABASE,
        resource_id=f"/subscriptions/s/resourceGroups/g/providers/Microsoft.Sql/servers/{server}/databases/{database}",
        server=server,
        database=database,
        region="westeurope",
        host="h",
        **more,
    )


def policy(name: str, priority: int = 10, **more: Any) -> Policy:
    return policy_from({"name": name, "priority": priority, "schedules": _DAILY, **more})


def point(chain: str, name: str) -> NewestPoint:
    return NewestPoint(id="p1", chain=chain, source=name, created_at=NOW)


def only(found: list[Protection]) -> Protection:
    (one,) = found
    return one


def test_a_protected_database_names_its_policy_and_its_newest_point() -> None:
    mine = source("a/one")
    found = only(protection([mine], [], [policy("p")], {mine.chain: point(mine.chain, "a/one")}))
    assert (found.state, found.policy, found.last_point, found.why) == ("protected", "p", "p1", "")


def test_a_database_that_no_policy_selects_is_unprotected() -> None:
    found = only(protection([source("a/one")], [], [policy("p", select={"servers": ["b"]})], {}))
    assert (found.state, found.why, found.last_point) == ("unprotected", "no policy selects it", None)


def test_the_rule_that_excludes_is_named_with_its_policy() -> None:
    rules = policy("p", select={"exclude": {"databases": ["one"]}})
    found = only(protection([source("a/one")], [], [rules], {}))
    assert (found.state, found.why) == ("excluded", "policy p: exclude.databases: one")


def test_a_policy_without_a_schedule_protects_nothing_by_itself() -> None:
    found = only(protection([source("a/one")], [], [policy_from({"name": "p"})], {}))
    assert (found.state, found.policy) == ("unprotected", "p")
    assert "no schedule" in found.why


def test_a_dropped_database_keeps_its_points_in_the_report_under_its_last_name() -> None:
    gone = noticed(source("a/one", database_guid="g"), NOW).model_copy(
        update={"lineage": "g", "holds": True, "policy": "p", "dropped_at": NOW}
    )
    found = only(protection([], [gone], [policy("p")], {gone.chain: point(gone.chain, "a/one")}))
    assert (found.source, found.state, found.last_point) == ("a/one", "dropped", "p1")
    assert "2026-03-01" in found.why


def test_a_moved_chain_is_shown_with_the_database_that_goes_on_with_it() -> None:
    """And not a second time as the dropped one that it was."""
    here = source("b/one", database_guid="gb")
    holder = noticed(here, NOW).model_copy(update={"lineage": "ga", "holds": True})
    before = noticed(source("a/one", database_guid="ga"), NOW).model_copy(update={"lineage": "ga", "policy": "p"})
    found = only(protection([here], [holder, before], [policy("p")], {chain_id("ga"): point(chain_id("ga"), "a/one")}))
    assert (found.source, found.last_point) == ("b/one", "p1")


def test_a_taken_in_bacpac_is_shown_as_such() -> None:
    chain = chain_id("old/thing")
    assert "taken-in" in only(protection([], [], [], {chain: point(chain, "old/thing")})).why


@given(st.sets(st.integers(0, 20)), st.sets(st.integers(0, 20)), st.sets(st.integers(0, 20)))
def test_nothing_is_missing_and_nothing_comes_twice(there: set[int], remembered: set[int], pointed: set[int]) -> None:
    sources = {n: source(f"a/db{n}", database_guid=f"g{n}") for n in range(21)}
    known = [
        noticed(sources[n], NOW).model_copy(update={"lineage": sources[n].identity, "holds": True, "policy": "p"})
        for n in remembered
    ]
    newest = {sources[n].chain: point(sources[n].chain, sources[n].name) for n in pointed}
    found = protection([sources[n] for n in there], known, [policy("p")], newest)
    assert [one.source for one in found] == sorted({sources[n].name for n in there | remembered | pointed})
    for one in found:
        assert (one.state == "protected") is (one.source in {sources[n].name for n in there})
        assert one.state == "protected" or one.why
