"""A machine that stores, deletes, prunes, kills, sleeps, archives and reads in any order: no half point, none lost."""

from __future__ import annotations

import shutil
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from holdfast.model.errors import Cancelled, RepositoryLocked, Unavailable
from holdfast.repository import LastPoint, PruneRules, Repository
from holdfast.storage.memory import FaultyStore, MemoryStore

CHAINS = ["chain-a", "chain-b"]
TABLES = st.dictionaries(
    st.sampled_from("ABC"), st.lists(st.integers(0, 400), min_size=1, max_size=2), min_size=1, max_size=3
)


GRACES = st.sampled_from([timedelta(0), timedelta(hours=24)])


class Killed(BaseException):
    """The process ends here."""


class Chains(RuleBasedStateMachine):
    """The model: for every committed point the file that it was made from, chain by chain in order."""

    tools: ClassVar[Any]

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="machine-"))
        self.clock = self.tools.clock()
        self.memory = MemoryStore(clock=self.clock)
        self.repository = Repository.init(self.memory, self.tools.password, clock=self.clock, cost=self.tools.cost)
        self.target = Repository.init(
            MemoryStore(clock=self.clock), "other", clock=self.clock, archive=True, cost=self.tools.cost
        )
        self.stored: dict[str, dict[str, Path]] = {chain: {} for chain in CHAINS}
        self.archived: dict[str, Path] = {}
        self.number = 0

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder)

    def _file(self, tables: dict[str, list[int]]) -> Path:
        self.number += 1
        data = {name: [self.tools.rows(count, seed=len(name)) for count in parts] for name, parts in tables.items()}
        return Path(self.tools.build_bacpac(self.folder / f"{self.number}.bacpac", data, exported=self.number))

    @rule(chain=st.sampled_from(CHAINS), tables=TABLES)
    def store(self, chain: str, tables: dict[str, list[int]]) -> None:
        file = self._file(tables)
        header = self.tools.header_of(self.number, chain)
        before = [point.sequence for point in self.repository.points(chain)]
        point = self.repository.store_point(file, header, owner="w")
        self.stored[chain][point.id] = file
        assert point.sequence > max(before, default=0)
        assert point.kind == ("increment" if before else "full")

    @rule(
        chain=st.sampled_from(CHAINS),
        tables=TABLES,
        puts=st.integers(0, 6),
        effect=st.sampled_from(["before", "after"]),
    )
    def storage_fails_at_a_write(self, chain: str, tables: dict[str, list[int]], puts: int, effect: Any) -> None:
        """The store's answer to one write is an error, with or without effect; the step is then done again."""
        left = [puts]

        def plan(operation: str, _: str) -> Any:
            if operation != "put":
                return None
            left[0] -= 1
            return effect if left[0] == -1 else None

        file = self._file(tables)
        header = self.tools.header_of(self.number, chain)
        failing = Repository.open(FaultyStore(self.memory, plan), self.tools.password, clock=self.clock)
        try:
            failing.store_point(file, header, owner="unlucky")
        except Unavailable:
            self.repository.store_point(file, header, owner="again")
        self.stored[chain][header.id] = file

    @rule(chain=st.sampled_from(CHAINS), tables=TABLES)
    def a_writer_sleeps_while_another_commits(self, chain: str, tables: dict[str, list[int]]) -> None:
        asleep, awake = self._file(tables), self._file(tables)
        first, second = self.tools.header_of(self.number - 1, chain), self.tools.header_of(self.number, chain)
        slept = False

        def sleep(_: Any) -> None:
            nonlocal slept
            if not slept:
                slept = True
                self.clock.move(seconds=120)
                self.repository.store_point(awake, second, owner="awake")

        with pytest.raises(RepositoryLocked):
            self.repository.store_point(asleep, first, owner="asleep", progress=sleep)
        self.stored[chain][second.id] = awake

    @rule(chain=st.sampled_from(CHAINS), tables=TABLES)
    def a_person_cancels(self, chain: str, tables: dict[str, list[int]]) -> None:
        with pytest.raises(Cancelled):
            self.repository.store_point(
                self._file(tables), self.tools.header_of(self.number, chain), owner="w", cancelled=lambda: True
            )

    @precondition(lambda self: any(self.stored.values()))
    @rule(data=st.data(), last_too=st.booleans())
    def delete(self, data: st.DataObject, last_too: bool) -> None:
        chain = data.draw(st.sampled_from([chain for chain in CHAINS if self.stored[chain]]))
        gone = data.draw(st.lists(st.sampled_from(sorted(self.stored[chain])), min_size=1, unique=True))
        if len(gone) == len(self.stored[chain]) and not last_too:
            with pytest.raises(LastPoint):
                self.repository.delete_points(gone, owner="d")
            return
        self.repository.delete_points(gone, owner="d", last_too=last_too)
        for point in gone:
            del self.stored[chain][point]

    @rule(grace=GRACES, hours=st.sampled_from([0, 25]))
    def prune(self, grace: timedelta, hours: int) -> None:
        self.clock.move(hours=hours)
        before = self.tools.total(self.memory)
        report = self.repository.prune(PruneRules(grace=grace, dead_percent=10), owner="p")
        assert report.ok
        written = self.tools.total(self.memory) - before + report.freed_bytes
        assert written - report.written_bytes < 3000, "records alone; the report tells all else"
        if grace:
            return
        assert report.waiting_bytes == 0
        assert self.repository.prune(PruneRules(grace=grace, dead_percent=10), owner="p").freed_bytes == 0

    @rule(grace=GRACES, alive=st.integers(0, 60), data=st.data())
    def a_delete_and_a_prune_die(self, grace: timedelta, alive: int, data: st.DataObject) -> None:
        """At any request. The points that were to be deleted are gone or not; the model is told which."""
        left = [alive]

        def plan(_: str, __: str) -> Any:
            left[0] -= 1
            if left[0] < 0:
                raise Killed

        dying = Repository.open(FaultyStore(self.memory, lambda *_: None), self.tools.password, clock=self.clock)
        dying.store.plan = plan  # type: ignore[attr-defined]
        known = sorted(point for chain in self.stored.values() for point in chain)
        gone = data.draw(st.lists(st.sampled_from(known), max_size=2, unique=True)) if known else []
        try:
            if gone:
                dying.delete_points(gone, owner="dying", last_too=True)
            dying.prune(PruneRules(grace=grace), owner="dying")
        except Killed:
            self.clock.move(seconds=61)
        for chain, points in self.stored.items():
            listed = {point.id for point in self.repository.survey(chain).points}
            for point in set(points) - listed:
                assert point in gone
                del points[point]

    @rule(chain=st.sampled_from(CHAINS), tables=TABLES, grace=GRACES)
    def a_writer_sleeps_while_a_prune_takes_a_number(
        self, chain: str, tables: dict[str, list[int]], grace: timedelta
    ) -> None:
        """It may commit only where nothing was condemned meanwhile; whatever is listed is whole."""
        header = self.tools.header_of(self.number + 1, chain)
        file = self._file(tables)
        slept = False

        def sleep(_: Any) -> None:
            nonlocal slept
            if not slept:
                slept = True
                self.clock.move(seconds=120)
                self.repository.prune(PruneRules(grace=grace), owner="p")

        try:
            self.repository.store_point(file, header, owner="asleep", progress=sleep)
        except RepositoryLocked:
            assert header.id not in {point.id for point in self.repository.points(chain)}
        else:
            self.stored[chain][header.id] = file

    @precondition(lambda self: any(self.stored.values()))
    @rule(data=st.data())
    def archive(self, data: st.DataObject) -> None:
        points = {point: file for chain in self.stored.values() for point, file in chain.items()}
        point = data.draw(st.sampled_from(sorted(points)))
        copy = self.repository.copy_point(point, self.target, flags=["yearly"], session="s", owner="w")
        self.archived[copy.id] = points[point]

    @precondition(lambda self: any(self.stored.values()))
    @rule(data=st.data(), identical=st.booleans())
    def read(self, data: st.DataObject, identical: bool) -> None:
        points = {point: file for chain in self.stored.values() for point, file in chain.items()}
        point = data.draw(st.sampled_from(sorted(points)))
        written = self.folder / "out"
        self.repository.write_bacpac(point, written, identical=identical)
        if identical:
            assert written.read_bytes() == points[point].read_bytes()
        assert self.tools.entries_of(written) == self.tools.entries_of(points[point])

    @invariant()
    def what_is_listed_is_what_was_committed(self) -> None:
        if hasattr(self, "repository"):
            for chain, points in self.stored.items():
                survey = self.repository.survey(chain)
                assert [point.id for point in survey.points] == list(points)
                assert survey.problems == []

    @invariant()
    def nothing_is_damaged(self) -> None:
        if hasattr(self, "repository") and self.number % 4 == 0:
            report = self.repository.check(read_data=True)
            assert (report.problems, report.points) == ([], sum(map(len, self.stored.values())))
            assert self.target.check(read_data=True).problems == []
            assert {point.id for point in self.target.points()} == set(self.archived)


@pytest.mark.timeout(300)
def test_no_order_of_events_loses_or_halves_a_point(tools: Any) -> None:
    Chains.tools = tools
    run_state_machine_as_test(
        Chains,
        settings=settings(
            max_examples=12,
            stateful_step_count=14,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
