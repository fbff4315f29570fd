"""Prune: mark, grace, sweep. Safe beside writers and readers, and after a death at any moment.

Nothing is deleted that a record has not named first: from then on no writer leans on it, and a writer that began before
fails at its number. Restores that had read the index before the record have the grace to end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime

from holdfast.model.clock import Clock
from holdfast.model.errors import Damaged, Forbidden, RepositoryLocked
from holdfast.model.installation import Installation
from holdfast.repository.errors import NewerFormat, NotOwned
from holdfast.repository.format import Kind, locator_name, manifest_name, object_name
from holdfast.repository.objects.chain import READERS, Chain, ChainLock
from holdfast.repository.objects.owners import ensure_removable
from holdfast.repository.objects.packs import PackTable
from holdfast.repository.objects.recording import ChainRecorder
from holdfast.repository.objects.records import Condemned, Quarantined
from holdfast.repository.objects.sequence import Sequence, size_of
from holdfast.repository.parallel import in_order
from holdfast.repository.points.writing import PACK_BYTES
from holdfast.repository.upkeep.prune_plan import (
    ChainSpace,
    Plan,
    index_tables,
    look,
    needed_places,
    plan,
    plan_archive,
)
from holdfast.repository.upkeep.prune_report import ChainPruned, PruneRules
from holdfast.repository.upkeep.read_back import CopiesRead
from holdfast.repository.upkeep.removing import Refusal, finish_removals
from holdfast.repository.upkeep.repacking import IndexWriter, Repacker
from holdfast.storage import ObjectMissing, Tier

#: Packs whose needed chunks are looked up in one go.
BATCH = 64
#: What Azure charges an object of the archive tier for at least.
ARCHIVE_DAYS = 180


@dataclass
class ChainPrune:
    """Prunes one chain."""

    chain: Chain
    rules: PruneRules
    clock: Clock
    archive: bool
    installation: Installation | None
    #: Points of which the chain has locators.
    located: list[str]
    #: Called between steps; raises to stop.
    check: Callable[[], None]
    report: ChainPruned = field(init=False)

    def run(self, owner: str) -> ChainPruned:
        """Prunes, or says what it would do. What keeps it from that is in the report; raises Unavailable, Cancelled."""
        self.report = ChainPruned(self.chain.id)
        try:
            with ExitStack() as stack:
                lock = None if self.rules.dry_run else stack.enter_context(self.chain.locked(owner))
                ensure_removable(self.chain, self.installation)
                self._run(lock)
        except (
            Damaged,
            NewerFormat,
            NotOwned,
            RepositoryLocked,
            ObjectMissing,
        ) as error:
            # Missing: a dry run holds no lock.
            self.report.error = f"{error.title}: {error.detail}"
        return self.report

    def _run(self, lock: ChainLock | None) -> None:
        known = self.chain.read_sequence()
        contradictions = known.problems()
        if contradictions:
            raise Damaged(
                f"{'; '.join(f'{name}: {what}' for name, what in contradictions)}; nothing is removed before that is settled"
            )
        recorder = ChainRecorder(self.chain, known, lock, self.clock) if lock else None
        self._leftovers(known, recorder)
        self.report.points = len(known.points)
        space = look(self.chain, known, names_only=self.archive)
        found = plan_archive(self.chain, known, space) if self.archive else self._planned(known, space, lock)
        self.report.notes += space.notes
        if recorder is not None:
            found.rewrite = self._rewrite(space, found, self._check(lock))
        else:
            self._foretell_rewrite(found)
        self._condemn(known, space, found, recorder)
        if lock is not None:
            lock.ensure(ask=True)
        self._sweep(space, found)

    def _planned(self, known: Sequence, space: ChainSpace, lock: ChainLock | None) -> Plan:
        """What is to go, once every copy that is to stand for what goes has been read; without that in a dry run."""
        copies, notes = CopiesRead(self.chain, self.rules.grace, self._check(lock)), len(space.notes)
        while True:
            del space.notes[notes:]
            found = plan(self.chain, known, space, self.rules, self.clock.now(), self._check(lock))
            bad = [] if lock is None else copies.damaged(space, found, known.record, self.clock.now())
            if not bad:
                return found
            for one in bad:
                self._tell_damaged(one.name, "; ".join(one.what[:3]))

    def _tell_damaged(self, name: str, what: str) -> None:
        told = f"{name}: {what}; what it was copied from stays. `repository check --read-data --repair` sets it aside"
        self.report.error = f"{self.report.error}; {told}" if self.report.error else f"{Damaged.title}: {told}"

    def _check(self, lock: ChainLock | None) -> Callable[[], None]:
        def check() -> None:
            self.check()
            if lock is not None:
                lock.ensure()

        return check

    def _leftovers(self, known: Sequence, recorder: ChainRecorder | None) -> None:
        """Manifests and records that a removal which died left, and what people's deletions left of locators."""
        before = {one.previous.sequence: one for one in known.leftover.values()}
        if recorder is not None:
            self.report.refused += finish_removals(recorder)
        for number, one in before.items():
            if recorder is None or (number not in known.leftover and number not in known.manifests):
                self.report.free(manifest_name(self.chain.id, number), size_of(one))

    def _rewrite(self, space: ChainSpace, found: Plan, check: Callable[[], None]) -> list[str]:
        """Copies what is needed; returns the packs of which everything needed lies elsewhere now."""
        indexes = IndexWriter(self.chain)
        writers: dict[tuple[Kind, Tier], Repacker] = {}
        moved: list[str] = []

        def put_index(table: PackTable) -> None:
            self.report.write(object_name(self.chain.id, table.kind, table.pack), table.pack_bytes)
            indexes.add(table)

        for begin in range(0, len(found.rewrite), BATCH):
            batch = found.rewrite[begin : begin + BATCH]
            for name, places in needed_places(space, found, batch).items():
                check()
                kind, info = space.packs[name]
                key = (kind, info.tier)
                writer = writers.get(key)
                if writer is None:
                    writer = writers[key] = Repacker(self.chain, kind, info.tier, PACK_BYTES, put_index)
                try:
                    writer.take(info, places)
                except (Damaged, NewerFormat) as error:
                    self.report.notes.append(f"{name}: it cannot be rewritten and stays ({error.detail})")
                else:
                    moved.append(name)
        for writer in writers.values():
            writer.finish()
            for name, what in writer.damaged.items():
                self._tell_damaged(name, f"it was written and does not read back ({what})")
            moved = [name for name in moved if name not in writer.failed]
        indexes.finish()
        for name, size in indexes.written.items():
            self.report.write(name, size)
        return moved

    def _foretell_rewrite(self, found: Plan) -> None:
        for name in found.rewrite:
            self.report.write(name, found.kept_bytes[name])

    def _condemn(self, known: Sequence, space: ChainSpace, found: Plan, recorder: ChainRecorder | None) -> None:
        """Names what is dead from now on, before anything of it is deleted."""
        now = self.clock.now() if recorder is None else recorder.now
        named = {one.object: one for one in (known.record.condemned if known.record else [])}
        quarantined = known.record.quarantined if known.record else []
        in_indexes = {pack for packs in space.named_by.values() for pack in packs}
        going = [*found.dead, *found.rewrite, *self._dead_indexes(space, quarantined)]
        kept = [one for name, one in named.items() if space.bytes(name) is not None or name in in_indexes]
        new = [
            Condemned(object=name, bytes=space.bytes(name) or 0, since=now)
            for name in dict.fromkeys(going)
            if name not in named
        ]
        self.condemned = {one.object: one for one in [*kept, *new]}
        stale = sorted(set(self.located) - {read.manifest.point.id for read in known.points})
        if recorder is None:
            return
        if new:
            there = [one for one in quarantined if self._is_there(space, one)]
            recorder.write(condemned=[*kept, *new], quarantined=there)
            # A writer that died leaves its locator; one that is asleep fails at the number that was just taken.
            self._delete({locator_name(point, self.chain.id): 0 for point in stale})
            self._leftovers(known, recorder)

    def _dead_indexes(self, space: ChainSpace, quarantined: list[Quarantined]) -> list[str]:
        """Index objects that were set aside: what they said is said by others."""
        return [] if self.archive else [one.object for one in quarantined if one.object in space.indexes]

    def _is_there(self, space: ChainSpace, one: Quarantined) -> bool:
        return space.bytes(one.object) is not None or "/manifests/" in one.object

    def _sweep(self, space: ChainSpace, found: Plan) -> None:
        """Deletes what is condemned, needed by nothing, and past its grace."""
        dead = {*found.dead, *found.rewrite, *(name for name in self.condemned if name in space.indexes)}
        over, gone = set(), set()
        waiting: dict[str, datetime] = {}
        for name, one in self.condemned.items():
            size, until = space.bytes(name), one.since + self.rules.grace
            if size is None:
                gone.add(name)
            elif name not in dead:
                self.report.notes.append(f"{name}: it was condemned and is needed after all, so it stays")
            elif until <= self.clock.now():
                over.add(name)
            else:
                waiting[name] = until
                self.report.wait(name, size, until)
        packs = {name: space.packs[name][1].bytes for name in over if name in space.packs}
        indexes = {name: space.indexes[name] for name in over if name in space.indexes}
        if not self.archive:
            indexes |= self._replaced_indexes(space, packs, gone)
            for name, named in space.named_by.items():
                if name not in indexes and waiting.keys() & set(named):
                    until = max(waiting[pack] for pack in named if pack in waiting)
                    self.report.wait(name, space.indexes[name], until)
        self._archive_fee(space, packs)
        # An index object goes before the packs that it names, so that none ever names what a prune has deleted.
        self._delete(indexes)
        self._delete(packs)

    def _replaced_indexes(self, space: ChainSpace, packs: Iterable[str], gone: set[str]) -> dict[str, int]:
        """Index objects that name packs that go; the other packs that they name are named by new ones first."""
        going = {*packs, *gone}
        old = [name for name, named in space.named_by.items() if going.intersection(named)]
        covered = {pack for name, named in space.named_by.items() if name not in set(old) for pack in named}
        if not self.rules.dry_run:
            writer = IndexWriter(self.chain)
            for name in old:
                for table in index_tables(self.chain, name):
                    pack = object_name(self.chain.id, table.kind, table.pack)
                    if pack not in going and pack not in covered:
                        covered.add(pack)
                        writer.add(table)
            writer.finish()
            for name, size in writer.written.items():
                self.report.write(name, size)
        return {name: space.indexes[name] for name in old}

    def _archive_fee(self, space: ChainSpace, packs: dict[str, int]) -> None:
        cold = [size for name, size in packs.items() if space.packs[name][1].tier is Tier.ARCHIVE]
        if cold:
            self.report.notes.append(
                f"{len(cold)} packs of {sum(cold)} bytes lie in the archive tier: for each that has lain there less than "
                f"{ARCHIVE_DAYS} days Azure charges the days that are left"
            )

    def _delete(self, names: dict[str, int]) -> None:
        """Deletes, or says that it would; what the storage keeps is in the report."""
        if self.rules.dry_run:
            for name, size in names.items():
                self.report.free(name, size)
            return

        def delete(name: str) -> Refusal | None:
            try:
                self.chain.store.delete(name)
            except Forbidden as error:
                return Refusal(name, error.detail.removeprefix(f"{name}: "), names[name])
            return None

        with ThreadPoolExecutor(READERS) as pool:
            for name, refusal in zip(names, in_order(pool, delete, names, 4 * READERS), strict=True):
                if refusal is None:
                    self.report.free(name, names[name])
                else:
                    self.report.refused.append(refusal)
