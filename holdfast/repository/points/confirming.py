"""Reads back a point that was just written: what storage acknowledged is compared with what it gives."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from holdfast.model.errors import Damaged
from holdfast.model.job import Progress
from holdfast.repository.format import object_name
from holdfast.repository.objects.chain import READERS
from holdfast.repository.objects.index import IndexedPack
from holdfast.repository.parallel import in_order
from holdfast.repository.points.point_reading import PointReader
from holdfast.repository.points.restoring import verify
from holdfast.storage import ObjectMissing


def confirm(point: PointReader, progress: Callable[[Progress], None], cancelled: Callable[[], bool]) -> bool:
    """Manifest, recipe, index and every pack of a point, as the storage gives them now; whether its data was read too.

    Packs in the archive tier cannot be read without hours and money: of them it is compared that they are there, whole;
    what is in them was verified when it was read to be written, and storage compares its own checksum on the way in.
    Raises Damaged, Cancelled.
    """
    chain, index = point.reader.chain, point.reader.index
    packs = [index.packs[number] for number in sorted(point.packs())]

    def readable(pack: IndexedPack) -> bool:
        name = object_name(chain.id, pack.kind, pack.pack)
        try:
            info = chain.store.stat(name)
        except ObjectMissing:
            raise Damaged(f"{name}: {point.read.manifest.point.id} needs it and it is missing") from None
        if info.bytes != pack.pack_bytes:
            raise Damaged(f"{name}: it has {info.bytes} bytes and not the {pack.pack_bytes} that were written")
        return info.readable

    with ThreadPoolExecutor(READERS) as pool:
        read_too = all(list(in_order(pool, readable, packs, 4 * READERS)))
    if read_too:
        verify(point, progress=progress, cancelled=cancelled)
    return read_too
