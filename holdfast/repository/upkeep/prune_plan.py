"""What of a chain nothing needs: finds every pack and index object, marks what points reach, and says what is to go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from holdfast.model.errors import Damaged, HoldfastError, Rehydrating, Unavailable
from holdfast.repository.errors import NewerFormat
from holdfast.repository.format import Kind, folder, object_name
from holdfast.repository.objects.chain import Chain, shunned
from holdfast.repository.objects.index import ChunkIndex
from holdfast.repository.objects.packs import PackTable, decode_index, read_table
from holdfast.repository.objects.seal import open_document
from holdfast.repository.objects.sequence import Sequence
from holdfast.repository.points.point_reading import ChainReader, PointReader
from holdfast.repository.points.writing import PACK_BYTES
from holdfast.repository.upkeep.marking import LiveChunks, reclaimable
from holdfast.repository.upkeep.prune_report import PruneRules
from holdfast.storage import ObjectInfo

#: Packs below this are small; where a chain has this many of a kind that stay, they are written together.
SMALL_PACK, MANY_SMALL = PACK_BYTES // 4, 24


@dataclass
class ChainSpace:
    """What lies in a chain's folders, and what is known of it."""

    packs: dict[str, tuple[Kind, ObjectInfo]] = field(default_factory=dict)  # by name
    indexes: dict[str, int] = field(default_factory=dict)  # name to bytes
    named_by: dict[str, list[str]] = field(default_factory=dict)  # index object to names of packs
    unknown: set[str] = field(default_factory=set)  # packs and index objects that cannot be read
    notes: list[str] = field(default_factory=list)
    index: ChunkIndex = field(default_factory=ChunkIndex)

    def bytes(self, name: str) -> int | None:
        """Bytes of a pack or index object that is there."""
        found = self.packs.get(name)
        return found[1].bytes if found else self.indexes.get(name)


@dataclass
class Plan:
    """Names of objects. `dead`: nothing needs them. `rewrite`: what of them is needed goes into new packs, in this order."""

    dead: list[str] = field(default_factory=list)
    rewrite: list[str] = field(default_factory=list)
    kept_bytes: dict[str, int] = field(default_factory=dict)  # of packs to rewrite: about what stays
    live: LiveChunks | None = None


def look(chain: Chain, known: Sequence, *, names_only: bool = False) -> ChainSpace:
    """Lists and reads the chain's index. Packs that are condemned or quarantined count only where nothing else has a chunk.

    `names_only`: only lists.
    """
    space, avoided = ChainSpace(), shunned(known.record)
    for kind in (Kind.RECIPE_PACK, Kind.DATA_PACK):
        for info in chain.store.list(folder(chain.id, kind)):
            space.packs[info.name] = (kind, info)
    space.indexes = {info.name: info.bytes for info in chain.store.list(folder(chain.id, Kind.INDEX))}
    for name in space.indexes if not names_only else ():
        if name.rpartition("/")[2] in avoided:
            continue
        try:
            tables = index_tables(chain, name)
        except (Damaged, NewerFormat) as error:
            space.unknown.add(name)
            space.notes.append(f"{name}: it cannot be read and stays; `check --repair` sets it aside ({error.detail})")
            continue
        space.named_by[name] = [object_name(chain.id, table.kind, table.pack) for table in tables]
        for table in tables:
            _add(chain, space, table, avoided)
    for name, (kind, info) in space.packs.items() if not names_only else ():
        pack = name.rpartition("/")[2]
        if space.index.has_pack(pack) or pack in avoided:
            continue
        try:
            space.index.add(read_table(chain.store, chain.sealer, chain.id, kind, info))
        except Unavailable:
            raise
        except HoldfastError as error:
            space.unknown.add(name)
            why = "it is in the archive tier" if isinstance(error, Rehydrating) else error.detail
            space.notes.append(f"{name}: no index object names it and it cannot be read, so it stays ({why})")
    return space


def index_tables(chain: Chain, name: str) -> list[PackTable]:
    """What an index object says. Raises Damaged, NewerFormat, ObjectMissing."""
    return decode_index(open_document(chain.sealer, Kind.INDEX, chain.id, name, chain.store.get(name)), name)


def _add(chain: Chain, space: ChainSpace, table: PackTable, avoided: set[str]) -> None:
    found = space.packs.get(object_name(chain.id, table.kind, table.pack))
    whole = found is not None and found[1].bytes == table.pack_bytes
    space.index.add(table, present=whole and table.pack not in avoided)


def plan_archive(chain: Chain, known: Sequence, space: ChainSpace) -> Plan:
    """In an archive repository each point has packs of its own: what no manifest names is dead. Nothing is rewritten."""
    packs = {pack for read in known.points for pack in read.manifest.packs}
    indexes = {index for read in known.points for index in read.manifest.indexes}
    dead = [name for name in space.packs if name.rpartition("/")[2] not in packs]
    others = [name for name in space.indexes if name.rpartition("/")[2] not in indexes]
    return Plan(dead + [name for name in others if not _names_any(chain, name, packs)])


def _names_any(chain: Chain, index: str, packs: set[str]) -> bool:
    """Whether an index object that no manifest names was made by a repair of packs that are needed."""
    try:
        return any(table.pack in packs for table in index_tables(chain, index))
    except (Damaged, NewerFormat):
        return False


def plan(
    chain: Chain, known: Sequence, space: ChainSpace, rules: PruneRules, now: datetime, check: Callable[[], None]
) -> Plan:
    """Marks what all points reach; what is write-once at the time `now` is not rewritten.

    Raises Damaged where a recipe or node cannot be read: nothing may be removed then.
    """
    live = LiveChunks(space.index)
    reader = ChainReader(chain, filled=space.index)
    lost = live.mark((PointReader(reader, read) for read in known.points), check)
    if lost:
        space.notes.append(f"{chain.id}: {lost} chunks that its points need are in no pack; run `repository check`")
    found = Plan(live=live)
    avoided = shunned(known.record)
    small: dict[Kind, list[str]] = {}
    below = 0
    for pack, needed in zip(space.index.packs, live.frames(), strict=True):
        name = object_name(chain.id, pack.kind, pack.pack)
        listed = space.packs.get(name)
        if listed is None:
            continue
        if not needed.any():
            found.dead.append(name)
            continue
        gain = reclaimable(pack.stored, pack.plain, pack.codecs, needed)
        found.kept_bytes[name] = listed[1].bytes - gain
        # What was condemned and is needed all the same (only by hand can that be) must come out of there.
        if gain * 100 > rules.dead_percent * listed[1].bytes or pack.pack in avoided:
            found.rewrite.append(name)
        elif listed[1].bytes < SMALL_PACK:
            small.setdefault(pack.kind, []).append(name)
            below += gain
        else:
            below += gain
    if below:
        space.notes.append(
            f"{chain.id}: {below:,} bytes are dead in packs of which at most {rules.dead_percent} % is; "
            "a lower --dead frees more"
        )
    # Of a quarantined pack that no index object names nobody knows what it holds: it stays while anything is missing.
    blind = {one.object for one in known.record.quarantined} if known.record and lost else set()
    unindexed = [name for name in space.packs if not _indexed(space, name) and name not in blind]
    found.dead += [name for name in unindexed if name.rpartition("/")[2] in avoided]
    for names in small.values():
        found.rewrite += names if len(names) >= MANY_SMALL else []
    found.rewrite = [name for name in sorted(found.rewrite) if _may_be_rewritten(space, name, now)]
    return found


def _indexed(space: ChainSpace, name: str) -> bool:
    return space.index.has_pack(name.rpartition("/")[2])


def _may_be_rewritten(space: ChainSpace, name: str, now: datetime) -> bool:
    """A copy of a locked pack's chunks would only take more space: the pack itself must stay."""
    info = space.packs[name][1]
    if not info.readable:
        space.notes.append(f"{name}: parts of it are dead, but it is in the archive tier and is not rewritten")
    elif info.write_once(now):
        space.notes.append(f"{name}: parts of it are dead, but it is locked or held and is not rewritten")
    return info.readable and not info.write_once(now)


def needed_places(space: ChainSpace, found: Plan, names: list[str]) -> dict[str, np.ndarray]:
    """For packs that are to be rewritten the places of the chunks that are needed."""
    numbers = {pack.pack: number for number, pack in enumerate(space.index.packs)}
    wanted = {numbers[name.rpartition("/")[2]]: name for name in names}
    places = found.live.places(wanted) if found.live else {}
    return {wanted[number]: one for number, one in places.items()}
