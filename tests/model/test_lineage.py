"""Which chain a database goes on with: across renames and failovers, and never two databases on one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from holdfast.model.lineage import KnownSource, settle, unsettled
from holdfast.model.source import Source, SourceKind

NOW = datetime(2026, 3, 1, tzinfo=UTC)
_GROUP = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Sql"


def sql(name: str, guid: str, secondary: str | None = None) -> Source:
    server, database = name.split("/")
    return Source(
        kind=SourceKind.SQL_DATABASE,
        resource_id=f"{_GROUP}/servers/{server}/databases/{database}",
        server=server,
        database=database,
        region="westeurope",
        host=server,
        database_guid=guid,
        secondary=secondary,
    )


def managed(name: str, made_at: datetime | None, secondary: str | None = None) -> Source:
    server, database = name.split("/")
    return Source(
        kind=SourceKind.MANAGED_DATABASE,
        resource_id=f"{_GROUP}/managedInstances/{server}/databases/{database}",
        server=server,
        database=database,
        region="westeurope",
        host=server,
        made_at=made_at,
        secondary=secondary,
    )


class Memory:
    """What the catalog remembers, and a session's way of using it."""

    def __init__(self) -> None:
        self.known: dict[str, KnownSource] = {}
        self.sessions = 0

    def session(
        self,
        present: Sequence[Source],
        links: Mapping[str, set[str]] | None = None,
        chosen: Sequence[Source] | None = None,
    ) -> dict[str, str]:
        """Name to chain of what is chosen (else: every primary)."""
        self.sessions += 1
        mine = [s for s in present if not s.secondary] if chosen is None else chosen
        asked = {s.identity for s in unsettled(mine, self.known)}
        partners = {i: names for i, names in (links or {}).items() if i in asked}
        done = settle(mine, present, self.known, partners, NOW + timedelta(days=self.sessions))
        for settled in done:
            if settled.came_from is not None:
                self.known[settled.came_from.identity] = settled.came_from
            self.known[settled.known.identity] = settled.known
        return {settled.known.name: settled.known.chain for settled in done}


def test_a_renamed_sql_database_keeps_its_chain_by_its_guid() -> None:
    memory = Memory()
    before = memory.session([sql("a/sales", "G1")])["a/sales"]
    assert memory.session([sql("a/orders", "g1")])["a/orders"] == before


def test_a_new_database_under_an_old_name_does_not_get_the_old_ones_chain() -> None:
    memory = Memory()
    before = memory.session([sql("a/sales", "g1")])["a/sales"]
    assert memory.session([sql("a/sales", "g2")])["a/sales"] != before


def test_a_renamed_instance_database_keeps_its_chain_by_instance_and_creation_date() -> None:
    memory = Memory()
    before = memory.session([managed("mi/people", NOW), managed("mi/other", NOW + timedelta(milliseconds=1))])
    after = memory.session([managed("mi/staff", NOW), managed("mi/other", NOW + timedelta(milliseconds=1))])
    assert after == {"mi/staff": before["mi/people"], "mi/other": before["mi/other"]}
    again = memory.session([managed("mi/people", NOW), managed("mi/other", NOW + timedelta(milliseconds=1))])
    assert again == before, "and back"


def test_an_instance_database_of_the_same_date_elsewhere_or_beside_it_is_another() -> None:
    memory = Memory()
    before = memory.session([managed("mi/people", NOW)])["mi/people"]
    elsewhere = memory.session([managed("mi2/people2", NOW)])["mi2/people2"]
    both = memory.session([managed("mi/people", NOW), managed("mi/twin", NOW)])
    assert len({before, elsewhere, both["mi/twin"]}) == 3
    assert both["mi/people"] == before
    nothing_known = memory.session([managed("mi/undated", None)])["mi/undated"]
    assert memory.session([managed("mi/undated2", None)])["mi/undated2"] != nothing_known


def test_after_a_failover_the_other_side_goes_on_with_the_chain_and_after_the_failback_the_first() -> None:
    memory = Memory()
    links = {"ga": {"B/sales"}, "gb": {"a/sales"}}
    before = memory.session([sql("a/sales", "ga"), sql("b/sales", "gb", "Geo")], links)["a/sales"]
    over = memory.session([sql("a/sales", "ga", "Geo"), sql("b/sales", "gb")], links)
    assert over == {"b/sales": before}
    assert memory.session([sql("a/sales", "ga", "Geo"), sql("b/sales", "gb")], links) == over
    assert memory.session([sql("a/sales", "ga"), sql("b/sales", "gb", "Geo")], links) == {"a/sales": before}


def test_a_failover_whose_first_side_is_gone_keeps_the_chain_too() -> None:
    memory = Memory()
    before = memory.session([sql("a/sales", "ga")])["a/sales"]
    assert memory.session([sql("b/sales", "gb")], {"gb": {"a/sales"}}) == {"b/sales": before}


def test_an_instance_that_fails_over_keeps_its_databases_chains() -> None:
    memory = Memory()
    before = memory.session([managed("one/hr", NOW), managed("two/hr", NOW, "Failover group")])["one/hr"]
    id_two = managed("two/hr", NOW).identity
    after = memory.session([managed("one/hr", NOW, "Failover group"), managed("two/hr", NOW)], {id_two: {"one/hr"}})
    assert after == {"two/hr": before}


def test_both_sides_standing_alone_never_write_to_one_chain() -> None:
    memory = Memory()
    links = {"gb": {"a/sales"}}
    before = memory.session([sql("a/sales", "ga"), sql("b/sales", "gb", "Geo")])["a/sales"]
    memory.session([sql("a/sales", "ga", "Geo"), sql("b/sales", "gb")], links)
    apart = memory.session([sql("a/sales", "ga"), sql("b/sales", "gb")])
    assert apart["b/sales"] == before
    assert apart["a/sales"] != before
    assert memory.session([sql("a/sales", "ga"), sql("b/sales", "gb")]) == apart, "for good"


def test_a_primary_that_is_linked_to_another_primary_takes_nothing_from_it() -> None:
    memory = Memory()
    memory.session([sql("a/sales", "ga")])
    both = memory.session([sql("a/sales", "ga"), sql("b/sales", "gb")], {"gb": {"a/sales"}, "ga": {"b/sales"}})
    assert both["a/sales"] != both["b/sales"]


def test_a_replica_that_is_backed_up_has_a_chain_of_its_own_even_with_its_primarys_guid() -> None:
    memory = Memory()
    present = [sql("a/sales", "same"), sql("b/sales", "same", "Geo")]
    both = memory.session(present, chosen=present)
    assert both["a/sales"] != both["b/sales"]


class Estate(RuleBasedStateMachine):
    """Pairs of linked databases and instance databases; fail over, rename, part and drop in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.memory = Memory()
        self.first: dict[str, str] = {}

    @initialize()
    def begin(self) -> None:
        self.primary = "a"
        self.linked = True
        self.renames = {"a": 0, "b": 0, "mi": 0}

    def present(self) -> tuple[list[Source], dict[str, set[str]]]:
        names = {side: f"{side}/db{self.renames[side]}" for side in ("a", "b")}
        found = [
            sql(names[side], f"g{side}", "Geo" if self.linked and side != self.primary else None) for side in ("a", "b")
        ]
        links = {"ga": {names["b"]}, "gb": {names["a"]}} if self.linked else {}
        return [*found, managed(f"mi/db{self.renames['mi']}", NOW)], links

    @rule()
    def fail_over(self) -> None:
        self.primary = "b" if self.primary == "a" else "a"

    @rule(side=st.sampled_from(["mi"]))
    def rename(self, side: str) -> None:
        self.renames[side] += 1

    @precondition(lambda self: self.linked)
    @rule()
    def part(self) -> None:
        self.linked = False

    @rule()
    def back_up(self) -> None:
        present, links = self.present()
        chains = self.memory.session(present, links)
        assert len(set(chains.values())) == len(chains), "two databases on one chain"
        mine = {("mi" if name.startswith("mi/") else "pair"): chain for name, chain in chains.items()}
        assert self.first.setdefault("mi", mine["mi"]) == mine["mi"]
        if self.linked:
            assert self.first.setdefault("pair", mine["pair"]) == mine["pair"]

    @invariant()
    def at_most_one_holds_a_chain(self) -> None:
        held = [k.lineage for k in self.memory.known.values() if k.holds]
        assert len(set(held)) == len(held)


TestEstate = Estate.TestCase
TestEstate.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


@given(st.lists(st.integers(0, 30), unique=True), st.lists(st.integers(0, 30), unique=True))
def test_whatever_comes_and_goes_nobody_gets_anothers_chain(first: list[int], second: list[int]) -> None:
    memory = Memory()
    before = memory.session([sql(f"s/db{n}", f"g{n}") for n in first])
    after = memory.session([sql(f"s/db{n}", f"g{n}") for n in second])
    for name in before.keys() & after.keys():
        assert before[name] == after[name]
    assert len({*before.values(), *after.values()}) == len(before.keys() | after.keys())
