"""Where a table of a point is damaged: which of the others the same damage leaves readable, so that people can go on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from holdfast.model.errors import Damaged
from holdfast.repository.points.point_reading import PointReader
from holdfast.repository.points.reach import Needed
from holdfast.repository.points.recipes import StreamRecipe

#: Names that a message holds; of more it says how many.
_NAMED = 12


def damaged_table(point: PointReader, name: str, error: Damaged, others: Sequence[StreamRecipe]) -> Damaged:
    """The error that names the table and those of `others` that what is known of the damage does not touch.

    Reads what the streams are made of, and no data: a frame that nobody has read yet may be damaged, too.
    """
    readable = [f"{one.table[0]}.{one.table[1]}" for one in others if one.table and _untouched(point, one)]
    told = ", ".join(sorted(readable)[:_NAMED])
    more = f" and {len(readable) - _NAMED} more" if len(readable) > _NAMED else ""
    id_ = point.read.manifest.point.id
    advice = (
        f"Not touched by this damage: {told}{more} ({len(readable)} of the {len(others)} other tables). "
        if readable
        else "No other table is free of this damage. " * bool(others)
    )
    return Damaged(
        f"table {name}: {error.detail}",
        help=f"{advice}`holdfast point salvage {id_} --to FOLDER` gives back what stands before the damage; "
        "`holdfast repository check --read-data` finds all damage; other points may hold the table whole.",
    )


def _untouched(point: PointReader, stream: StreamRecipe) -> bool:
    return all(_whole(point, ids) for ids in _chunks(point, stream))


def _chunks(point: PointReader, stream: StreamRecipe) -> Iterable[bytes]:
    needed = Needed(point.reader.streams.extents)
    needed.add(stream.ref)
    try:
        yield from needed.chunks()
    except Damaged:
        # What says where its bytes are is damaged itself.
        yield b""


def _whole(point: PointReader, ids: bytes) -> bool:
    if not ids:
        return False
    packs, frames = point.reader.chunks.frames_of(ids)
    return not bool((packs < 0).any()) and not point.reader.index.any_unreadable(packs, frames)
