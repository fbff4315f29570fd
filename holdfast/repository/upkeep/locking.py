"""Locks and holds on points: on every object that a point needs, since a point is as safe as the weakest of them.

A point's manifest is its own alone, so a held manifest says that its point is held; there are no records beside the
storage's own state that could contradict it. `lock_planning` says how long; `point_objects` says what.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime

from holdfast.model.errors import Damaged, NotFound
from holdfast.repository.objects.chain import READERS, Chain, Problem, problem_of
from holdfast.repository.objects.manifests import PointHeader, ReadManifest
from holdfast.repository.parallel import in_order
from holdfast.repository.points.point_reading import ChainReader, PointReader
from holdfast.repository.upkeep.lock_planning import Lengthening, lengthenings, needed_until
from holdfast.repository.upkeep.point_objects import NeededObjects, heads, own_objects
from holdfast.storage import LockMode, NoImmutability, ObjectInfo, ObjectMissing, ObjectStore

ReaderOf = Callable[[ReadManifest, ChainReader], PointReader]


@dataclass
class LockReport:
    """What a run did, for how many points and objects. `changed`: those that were locked, held or released just now."""

    points: int = 0
    objects: int = 0
    changed: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True)
class PointState:
    """How safe a point is: `locked_until` is the earliest end among all objects that it needs, None where one has no lock.

    `weak`: names of objects that are neither locked now nor held, missing ones among them.
    """

    id: str
    chain: str
    source: str
    created_at: datetime
    locked_until: datetime | None
    mode: LockMode | None  # the weakest
    held: bool  # all of it
    objects: int
    weak: list[str]
    damaged: bool  # what it needs cannot be read: only its own objects are told of, and nothing is promised


@dataclass(frozen=True)
class _Point:
    read: ReadManifest
    objects: frozenset[str]  # without the heads
    damaged: bool = False

    @property
    def id(self) -> str:
        return self.read.manifest.point.id


@dataclass(frozen=True)
class _Chosen:
    """Points of one chain, and all its manifests that can be read."""

    chain: Chain
    reads: list[ReadManifest]
    chosen: list[ReadManifest]


class PointLocks:
    """Of one repository, at one moment. `origin`: where its generations are counted from."""

    def __init__(
        self, store: ObjectStore, chains: list[Chain], reader_of: ReaderOf, origin: datetime, now: datetime
    ) -> None:
        self._store, self._chains, self._reader_of = store, chains, reader_of
        self._origin, self._now = origin, now

    def headers(self, ids: Iterable[str] | None = None) -> list[PointHeader]:
        """What manifests say of these points, or of all, oldest first; no recipe is read. Raises NotFound."""
        chosen = self._select(ids) if ids else [_Chosen(one, [], one.manifests()[0]) for one in self._chains]
        found = [read.manifest.point for one in chosen for read in one.chosen]
        return sorted(found, key=lambda header: (header.created_at, header.id))

    def lock(self, ends: Mapping[str, datetime], mode: LockMode) -> LockReport:
        """Makes all that these points need write-once, each object until the latest of their ends or a little longer.

        Never shortens anything; ends that have passed are passed over. May be called every day: an object is touched at
        most once a generation. Raises NotFound, NoImmutability; what is damaged or missing is in the report.
        """
        report = self._report()
        wanted = {point: end for point, end in ends.items() if end > self._now}
        shared: datetime | None = None
        for one in self._select(ends):
            due = [read for read in one.chosen if read.manifest.point.id in wanted]
            points = self._points(one, due, report)
            needed = needed_until((wanted[point.id], point.objects) for point in points)
            report.points += len(points)
            self._lengthen(needed, self._needed_ones(one.chain, needed), mode, report)
            shared = max([end for end in (shared, *needed.values()) if end is not None], default=None)
        if shared is not None:
            present = self._heads()
            self._lengthen(dict.fromkeys(present, shared), present, mode, report)
        return report

    def hold(self, ids: Iterable[str], on: bool) -> LockReport:
        """Holds all that these points need, or releases what no other held point needs.

        Raises NotFound, NoImmutability, and Damaged: nothing is released on half the knowledge.
        """
        report = self._report()
        selected = self._select(ids)
        report.points = sum(len(one.chosen) for one in selected)
        for one in selected:
            # The manifests first: from then on no release of another point lets go of what these need.
            manifests = [read.name for read in one.chosen]
            self._set_hold(manifests, on, self._present(one.chain), report)
            needed = {name for point in self._all(one.chain, one.chosen) for name in point.objects}
            if on:
                self._set_hold(needed, True, self._present(one.chain), report)
                continue
            others = self._held(one.chain)
            kept = {name for point in others for name in point.objects}
            self._set_hold(needed - kept, False, self._present(one.chain), report)
            # Whoever held a point meanwhile may have lost what it shares with these.
            for later in self._held(one.chain):
                self._set_hold(later.objects, True, self._present(one.chain), report)
        if on or not any(self._held_manifests(chain) for chain in self._chains):
            present = self._heads()
            self._set_hold(present, on, present, report)
        return report

    def states(self) -> list[PointState]:
        """How long each point is write-once as a whole, and whether it is held, oldest first."""
        shared = list(self._heads().values())
        found: list[PointState] = []
        for chain in self._chains:
            present = self._present(chain)
            reads = chain.manifests()[0]
            for point in self._points(_Chosen(chain, reads, reads), reads, LockReport()):
                infos = [present[name] for name in sorted(point.objects) if name in present]
                found.append(self._state(point, infos + shared, sorted(point.objects - set(present))))
        return sorted(found, key=lambda state: (state.created_at, state.id))

    def _state(self, point: _Point, infos: list[ObjectInfo], missing: list[str]) -> PointState:
        header = point.read.manifest.point
        ends = [info.locked_until for info in infos]
        modes = {info.lock_mode for info in infos}
        until = None if None in ends or missing or point.damaged else min(end for end in ends if end is not None)
        mode = None if None in modes else LockMode.UNLOCKED if LockMode.UNLOCKED in modes else LockMode.LOCKED
        return PointState(
            point.id,
            header.chain,
            header.source,
            header.created_at,
            until,
            mode,
            all(info.held for info in infos) and not missing and not point.damaged,
            len(infos) + len(missing),
            missing + [info.name for info in infos if not info.write_once(self._now)],
            point.damaged,
        )

    def _report(self) -> LockReport:
        if not self._store.immutability:
            raise NoImmutability(self._store.url)
        return LockReport()

    def _select(self, ids: Iterable[str]) -> list[_Chosen]:
        """These points, by chain. Raises NotFound, before anything is done."""
        missing = set(ids)
        found: list[_Chosen] = []
        for chain in self._chains:
            reads = chain.manifests()[0]
            chosen = [read for read in reads if read.manifest.point.id in missing]
            missing -= {read.manifest.point.id for read in chosen}
            if chosen:
                found.append(_Chosen(chain, reads, chosen))
        if missing:
            raise NotFound(f"restore point {', '.join(sorted(missing))}")
        return found

    def _points(self, one: _Chosen, due: list[ReadManifest], report: LockReport) -> list[_Point]:
        """These points with their objects. Of a damaged one, which is a problem, at least its own."""
        found: list[_Point] = []
        needed, reader = NeededObjects(one.chain, one.reads), ChainReader(one.chain)
        for read in due:
            try:
                found.append(_Point(read, frozenset(needed.of(self._reader_of(read, reader)))))
            except Damaged as error:
                report.problems.append(problem_of(error, read.name))
                found.append(_Point(read, frozenset(own_objects(read)), damaged=True))
        return found

    def _all(self, chain: Chain, reads: list[ReadManifest]) -> list[_Point]:
        """The same, but Damaged is raised."""
        needed, reader = NeededObjects(chain, reads), ChainReader(chain)
        return [_Point(read, frozenset(needed.of(self._reader_of(read, reader)))) for read in reads]

    def _held(self, chain: Chain) -> list[_Point]:
        held = self._held_manifests(chain)
        return self._all(chain, [read for read in chain.manifests()[0] if read.name in held]) if held else []

    def _held_manifests(self, chain: Chain) -> set[str]:
        return {info.name for info in self._store.list(f"chains/{chain.id}/manifests/") if info.held}

    def _present(self, chain: Chain) -> dict[str, ObjectInfo]:
        found = {info.name: info for info in self._store.list(f"chains/{chain.id}/")}
        locators = (info for info in self._store.list("points/") if info.name.endswith(f"/{chain.id}"))
        return {**found, **{info.name: info for info in locators}}

    def _needed_ones(self, chain: Chain, needed: Iterable[str]) -> dict[str, ObjectInfo]:
        """The chain's objects, and of the locators those that are needed: in a large repository the others are many."""
        found = {info.name: info for info in self._store.list(f"chains/{chain.id}/")}

        def look(name: str) -> ObjectInfo | None:
            try:
                return self._store.stat(name)
            except ObjectMissing:
                return None

        locators = [name for name in needed if name not in found and name.startswith("points/")]
        with ThreadPoolExecutor(READERS) as pool:
            infos = in_order(pool, look, locators, 4 * READERS)
            return {**found, **{info.name: info for info in infos if info is not None}}

    def _heads(self) -> dict[str, ObjectInfo]:
        return {name: self._store.stat(name) for name in heads(self._store)}

    def _lengthen(
        self, needed: dict[str, datetime], present: dict[str, ObjectInfo], mode: LockMode, report: LockReport
    ) -> None:
        # One that may be taken back counts as none where none may be.
        locks = {
            name: info.locked_until if info.lock_mode in (mode, LockMode.LOCKED) else None
            for name, info in present.items()
        }
        report.objects += len(needed)
        report.problems += [Problem(name, "it is missing") for name in sorted(set(needed) - set(present))]
        plan = lengthenings(needed, locks, self._origin)
        self._each([one.name for one in plan], _locking(self._store, plan, mode), report)

    def _set_hold(self, names: Iterable[str], on: bool, present: dict[str, ObjectInfo], report: LockReport) -> None:
        wanted = sorted(names)
        report.objects += len(wanted)
        report.problems += [Problem(name, "it is missing") for name in wanted if name not in present]
        change = [name for name in wanted if name in present and present[name].held is not on]
        self._each(change, lambda name: self._store.hold(name, on), report)

    def _each(self, names: list[str], change: Callable[[str], object], report: LockReport) -> None:
        def attempt(name: str) -> Problem | str:
            try:
                change(name)
            except ObjectMissing:
                return Problem(name, "it is missing")
            return name

        with ThreadPoolExecutor(READERS) as pool:
            results: Iterator[Problem | str] = in_order(pool, attempt, names, 4 * READERS)
            for result in results:
                if isinstance(result, Problem):
                    report.problems.append(result)
                else:
                    report.changed.append(result)


def _locking(store: ObjectStore, plan: list[Lengthening], mode: LockMode) -> Callable[[str], object]:
    ends = {one.name: one.until for one in plan}
    return lambda name: store.lock(name, ends[name], mode)
