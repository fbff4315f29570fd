"""Reads the repository back: finds and names every damaged object, and the points that are hit.

The structure is always checked: description, key slots, manifests and their links, index, recipes, trees, that every
chunk of every point lies in a pack that is there in its full length. `read_data` reads and verifies the packs as well.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from holdfast.model.errors import HoldfastError, InvalidInput, Rehydrating
from holdfast.repository.chain import Chain
from holdfast.repository.check_packs import PackFindings, check_pack
from holdfast.repository.check_points import PointWalk
from holdfast.repository.description import verify_description
from holdfast.repository.errors import ForeignSlot
from holdfast.repository.format import DESCRIPTION, Kind, object_name
from holdfast.repository.index import ChunkIndex
from holdfast.repository.listing import ChainObjects, Listing, list_all
from holdfast.repository.manifests import ReadManifest
from holdfast.repository.packs import PackTable, decode_index, read_table
from holdfast.repository.parallel import in_order
from holdfast.repository.point_reading import ChainReader
from holdfast.repository.seal import Sealer, open_document
from holdfast.repository.slots import read_slot
from holdfast.storage import ObjectInfo, ObjectStore

#: Packs that are read beside each other; each is held whole.
PACKS_AT_ONCE = 2


@dataclass(frozen=True)
class Subset:
    """Packs whose id falls into part `n` of `t`: the same ones every time, all of them after n = 1 to t."""

    n: int = 1
    t: int = 1

    @classmethod
    def of(cls, pair: tuple[int, int] | None) -> Subset | None:
        """Raises InvalidInput for a part that is none."""
        if pair is None:
            return None
        n, t = pair
        if not 1 <= n <= t:
            raise InvalidInput(f"{n}/{t} is no part: say 1/{t} to {t}/{t}")
        return cls(n, t)

    def __contains__(self, pack: str) -> bool:
        return int(pack, 16) % self.t == self.n - 1


@dataclass
class CheckProblem:
    """A damaged or missing object, and the points that cannot be read whole because of it."""

    object: str
    what: str
    points: list[str] = field(default_factory=list)


@dataclass
class CheckReport:
    """What a check found. `notes` are no damage: what writers that died left behind, what could not be read yet."""

    objects: int = 0
    chains: int = 0
    points: int = 0
    packs_read: int = 0
    bytes_read: int = 0
    problems: list[CheckProblem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing is damaged."""
        return not self.problems

    @property
    def damaged_points(self) -> list[str]:
        """Ids of the points that are hit, sorted."""
        return sorted({point for problem in self.problems for point in problem.points})


def check_repository(store: ObjectStore, sealer: Sealer, *, read_data: bool, subset: Subset | None) -> CheckReport:
    """Checks everything. Raises Unavailable and Forbidden; damage is in the report."""
    report = CheckReport()
    listing = list_all(store)
    report.objects = listing.objects
    report.notes += [f"{name}: this version does not know what it is" for name in listing.unknown]
    _check_heads(store, sealer, listing, report)
    wanted = subset or (Subset() if read_data else None)
    for chain_id, objects in sorted(listing.chains.items()):
        report.chains += 1
        _ChainCheck(Chain(store, sealer, chain_id), objects, report, wanted).run()
    return report


def _check_heads(store: ObjectStore, sealer: Sealer, listing: Listing, report: CheckReport) -> None:
    try:
        verify_description(store.get(DESCRIPTION), sealer.keys)
    except HoldfastError as error:
        report.problems.append(_problem(DESCRIPTION, error))
    for name in listing.slots:
        try:
            read_slot(store.get(name), name, sealer.repository)
        except ForeignSlot:
            report.notes.append(f"{name}: it is of another repository; left from an init that died")
        except HoldfastError as error:
            report.problems.append(_problem(name, error))
    for name in listing.locators:
        try:
            open_document(sealer, Kind.LOCATOR, name.rpartition("/")[2], name, store.get(name))
        except HoldfastError as error:
            report.problems.append(_problem(name, error))


@dataclass
class _ChainCheck:
    chain: Chain
    objects: ChainObjects
    report: CheckReport
    wanted: Subset | None

    def run(self) -> None:
        manifests, problems = self.chain.manifests()
        self.report.points += len(manifests)
        self.report.problems += [CheckProblem(problem.object, problem.what) for problem in problems]
        reader = ChainReader(self.chain)
        damage = self._tables(reader)
        if self.wanted is not None:
            self._read_packs(reader.index, damage, self.wanted)
        hits, used = self._walk(manifests, reader, damage)
        for name, found in sorted(damage.items()):
            points = sorted(hits.pop(name, set()))
            self.report.problems.append(CheckProblem(name, "; ".join(dict.fromkeys(found.what)), points))
        for name, hit in sorted(hits.items()):
            self.report.problems.append(CheckProblem(name, "what these points need is in no pack", sorted(hit)))
        for name in sorted(set(self.objects.packs) - used - set(damage)):
            self.report.notes.append(f"{name}: no point needs it; it is left from a writer that died")

    def _tables(self, reader: ChainReader) -> dict[str, PackFindings]:
        """Fills the index, and finds packs that are missing or of another length."""
        damage: dict[str, PackFindings] = {}
        for name in self.objects.indexes:
            try:
                data = self.chain.store.get(name)
                for table in decode_index(
                    open_document(self.chain.sealer, Kind.INDEX, self.chain.id, name, data), name
                ):
                    self._add_table(reader, table, damage)
            except HoldfastError as error:
                self.report.problems.append(_problem(name, error))
        for name, (kind, info) in self.objects.packs.items():
            if reader.index.has_pack(name.rpartition("/")[2]):
                continue
            try:
                reader.index.add(read_table(self.chain.store, self.chain.sealer, self.chain.id, kind, info))
            except Rehydrating:
                self.report.notes.append(f"{name}: no readable index names it, and it is in the archive tier")
            except HoldfastError as error:
                damage[name] = PackFindings(name, what=[_problem(name, error).what], whole=True)
        return damage

    def _add_table(self, reader: ChainReader, table: PackTable, damage: dict[str, PackFindings]) -> None:
        name = object_name(self.chain.id, table.kind, table.pack)
        found = self.objects.packs.get(name)
        reader.index.add(table, present=found is not None and found[1].bytes == table.pack_bytes)
        if found is None:
            damage[name] = PackFindings(name, what=["the pack is missing"], whole=True)
        elif found[1].bytes != table.pack_bytes:
            damage[name] = cut = PackFindings(name)
            cut.what.append(f"it has {found[1].bytes} bytes and should have {table.pack_bytes}")
            ends = table.offsets + table.stored
            cut.frames |= {number for number, end in enumerate(ends.tolist()) if end > found[1].bytes}

    def _read_packs(self, index: ChunkIndex, damage: dict[str, PackFindings], wanted: Subset) -> None:
        packs = self.objects.packs.items()
        chosen = [(kind, info) for name, (kind, info) in packs if name.rpartition("/")[2] in wanted]
        with ThreadPoolExecutor(PACKS_AT_ONCE) as pool:
            for found in in_order(pool, partial(self._read_pack, index), chosen, PACKS_AT_ONCE + 1):
                if isinstance(found, str):
                    self.report.notes.append(found)
                    continue
                self.report.packs_read += 1
                self.report.bytes_read += found.bytes_read
                if found.what or found.whole:
                    known = damage.setdefault(found.name, found)
                    if known is not found:
                        known.what += found.what
                        known.frames |= found.frames
                        known.whole |= found.whole

    def _read_pack(self, index: ChunkIndex, chosen: tuple[Kind, ObjectInfo]) -> PackFindings | str:
        kind, info = chosen
        try:
            data = self.chain.store.get(info.name)
        except Rehydrating:
            return f"{info.name}: it is in the archive tier and was not read"
        return check_pack(
            self.chain.sealer, self.chain.id, kind, info.name, data, index.pack(info.name.rpartition("/")[2])
        )

    def _walk(
        self, manifests: list[ReadManifest], reader: ChainReader, damage: dict[str, PackFindings]
    ) -> tuple[dict[str, set[str]], set[str]]:
        walk = PointWalk(reader, damage)
        hits: dict[str, set[str]] = {}
        for read in manifests:
            for name in walk.objects_that_hit(read):
                hits.setdefault(name, set()).add(read.manifest.point.id)
        return hits, walk.used


def _problem(name: str, error: HoldfastError) -> CheckProblem:
    return CheckProblem(name, error.detail.removeprefix(f"{name}: ") or error.title)
