"""Checks one chain: manifests and records, index, packs, and what every point needs of them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from holdfast.model.counted import counted
from holdfast.model.errors import HoldfastError, Rehydrating, Unavailable
from holdfast.repository.format import Kind, manifest_name, object_name
from holdfast.repository.objects.chain import Chain, shunned
from holdfast.repository.objects.index import ChunkIndex
from holdfast.repository.objects.listing import ChainObjects
from holdfast.repository.objects.manifests import ReadManifest
from holdfast.repository.objects.packs import PackTable, decode_index, read_table
from holdfast.repository.objects.seal import open_document
from holdfast.repository.objects.sequence import Sequence
from holdfast.repository.parallel import in_order
from holdfast.repository.points.point_reading import ChainReader
from holdfast.repository.upkeep.check_packs import PackFindings, check_pack
from holdfast.repository.upkeep.check_points import PointWalk
from holdfast.repository.upkeep.check_report import CheckProblem, CheckReport, Subset, problem_with
from holdfast.storage import ObjectInfo, ObjectMissing

#: Packs that are read beside each other; each is held whole.
PACKS_AT_ONCE = 2


@dataclass
class ChainCheck:
    """What of a chain is damaged. `damage` and what follows is what a repair works on."""

    chain: Chain
    objects: ChainObjects
    report: CheckReport
    wanted: Subset | None
    known: Sequence = field(init=False)
    damage: dict[str, PackFindings] = field(default_factory=dict)
    bad_indexes: dict[str, str] = field(default_factory=dict)  # name to what is wrong
    unindexed: list[str] = field(default_factory=list)  # packs that can be read and that no readable index object names
    read_whole: set[str] = field(default_factory=set)  # packs that were read and are whole

    def run(self) -> None:
        """Fills the report. Raises Unavailable and Forbidden."""
        self.known = self.chain.read_sequence()
        self.report.points += len(self.known.manifests)
        self.report.problems += [CheckProblem(*pair) for pair in self.known.problems()]
        state = self.known.record
        self._avoided = shunned(state)
        self._condemned = {one.object for one in (state.condemned if state else [])}
        self._quarantined = {one.object for one in (state.quarantined if state else [])}
        reader = ChainReader(self.chain)
        self._tables(reader)
        if self.wanted is not None:
            self._read_packs(reader.index, self.wanted)
        # A chunk that lies elsewhere, too, is read from there.
        for name, found in self.damage.items():
            if found.whole:
                reader.index.spoil_pack(name.rpartition("/")[2])
            reader.index.spoil_frames(name.rpartition("/")[2], found.frames)
        hits, used = self._walk(self.known.points, reader)
        if hits or self.damage:
            hits = self._still(hits)
        self._tell_packs(hits)
        self._tell_left(used)

    def _still(self, hits: dict[str, _Hit]) -> dict[str, _Hit]:
        """Without the points that were deleted meanwhile, and knowing what was condemned: a check needs no lock."""
        now = self.chain.read_sequence()
        self._condemned |= {one.object for one in (now.record.condemned if now.record else [])}
        live = {read.manifest.point.id for read in now.points}
        for hit in hits.values():
            hit.points &= live
        return {name: hit for name, hit in hits.items() if hit.points}

    def _tell_packs(self, hits: dict[str, _Hit]) -> None:
        for name, found in sorted(self.damage.items()):
            hit, what = hits.pop(name, _Hit()), "; ".join(dict.fromkeys(found.what))
            if name in self._condemned and not hit.points:
                continue
            if name in self._quarantined and not hit.points:
                self.report.notes.append(
                    f"{name}: it is set aside, and no point needs what is damaged; prune removes it"
                )
                continue
            self.report.problems.append(CheckProblem(name, what, sorted(hit.points), sorted(hit.tables)))
        for name, hit in sorted(hits.items()):
            what = "what these points need is in no pack"
            self.report.problems.append(CheckProblem(name, what, sorted(hit.points), sorted(hit.tables)))

    def _tell_left(self, used: set[str]) -> None:
        waiting = [name for name in self._condemned if name in self.objects.packs or name in self.objects.indexes]
        if waiting:
            self.report.notes.append(
                f"{self.chain.id}: {counted(len(waiting), 'object')} to go with a prune after the grace"
            )
        for number in sorted(self.known.leftover):
            name = manifest_name(self.chain.id, number)
            self.report.notes.append(f"{name}: it was removed and is still there; the next prune deletes it")
        for name in sorted(set(self.objects.packs) - used - set(self.damage) - self._condemned):
            self.report.notes.append(f"{name}: no point needs it; it is left from a writer that died")

    def _tables(self, reader: ChainReader) -> None:
        """Fills the index, and finds packs that are missing or of another length."""
        for name in self.objects.indexes:
            if name in self._quarantined:
                self.report.notes.append(f"{name}: it is damaged and set aside; prune removes it")
                continue
            try:
                data = self.chain.store.get(name)
                for table in decode_index(
                    open_document(self.chain.sealer, Kind.INDEX, self.chain.id, name, data), name
                ):
                    self._add_table(reader, table)
            except Unavailable:
                raise
            except HoldfastError as error:
                if isinstance(error, ObjectMissing):  # replaced by a prune since it was listed
                    continue
                problem = problem_with(name, error)
                self.bad_indexes[name] = problem.what
                self.report.problems.append(problem)
        for name, (kind, info) in self.objects.packs.items():
            pack = name.rpartition("/")[2]
            if reader.index.has_pack(pack):
                continue
            try:
                table = read_table(self.chain.store, self.chain.sealer, self.chain.id, kind, info)
            except Rehydrating:
                self.report.notes.append(f"{name}: no readable index names it, and it is in the archive tier")
            except Unavailable:
                raise
            except HoldfastError as error:
                self.damage[name] = PackFindings(name, what=[problem_with(name, error).what], whole=True)
            else:
                if pack not in self._avoided:
                    self.unindexed.append(name)
                reader.index.add(table, present=pack not in self._avoided)

    def _add_table(self, reader: ChainReader, table: PackTable) -> None:
        name = object_name(self.chain.id, table.kind, table.pack)
        found = self.objects.packs.get(name)
        whole = found is not None and found[1].bytes == table.pack_bytes
        reader.index.add(table, present=whole and table.pack not in self._avoided)
        if found is None:
            self.damage[name] = PackFindings(name, what=["the pack is missing"], whole=True)
        elif not whole:
            self.damage[name] = cut = PackFindings(name)
            cut.what.append(f"it has {found[1].bytes} bytes and should have {table.pack_bytes}")
            ends = table.offsets + table.stored
            cut.frames |= {number for number, end in enumerate(ends.tolist()) if end > found[1].bytes}

    def _read_packs(self, index: ChunkIndex, wanted: Subset) -> None:
        packs = self.objects.packs.items()
        chosen = [(kind, info) for name, (kind, info) in packs if name.rpartition("/")[2] in wanted]
        with ThreadPoolExecutor(PACKS_AT_ONCE) as pool:
            for found in in_order(pool, partial(self._read_pack, index), chosen, PACKS_AT_ONCE + 1):
                if isinstance(found, str):
                    self.report.notes.append(found)
                    continue
                self.report.packs_read += 1
                self.report.bytes_read += found.bytes_read
                if not (found.what or found.whole):
                    self.read_whole.add(found.name)
                    continue
                known = self.damage.setdefault(found.name, found)
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
        except ObjectMissing:
            return PackFindings(info.name, what=["the pack is missing"], whole=True)
        return check_pack(
            self.chain.sealer, self.chain.id, kind, info.name, data, index.pack(info.name.rpartition("/")[2])
        )

    def _walk(self, manifests: list[ReadManifest], reader: ChainReader) -> tuple[dict[str, _Hit], set[str]]:
        walk = PointWalk(reader, self.damage)
        hits: dict[str, _Hit] = {}
        for read in manifests:
            for name, tables in walk.hits(read).items():
                hit = hits.setdefault(name, _Hit())
                hit.points.add(read.manifest.point.id)
                hit.tables |= tables
        return hits, walk.used


@dataclass
class _Hit:
    points: set[str] = field(default_factory=set)
    tables: set[str] = field(default_factory=set)
