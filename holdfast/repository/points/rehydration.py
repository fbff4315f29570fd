"""Brings a point's packs out of the archive tier: starts what is not started, says what is pending."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from holdfast.repository.format import object_name
from holdfast.repository.objects.chain import READERS
from holdfast.repository.parallel import in_order
from holdfast.repository.points.point_reading import PointReader
from holdfast.storage import ObjectInfo
from holdfast.storage.interface import Priority


@dataclass(frozen=True)
class Rehydration:
    """How far a point is on its way out of the archive tier."""

    ready: bool  # everything can be read
    pending: int  # packs that cannot be read yet
    bytes: int  # of all packs that the point needs


def rehydrate(point: PointReader, priority: Priority | None) -> Rehydration:
    """Starts rehydrating every pack that the point needs; `priority` None only looks. May be called again at any time."""
    store, chain = point.reader.chain.store, point.reader.chain.id
    names = []
    for number in sorted(point.packs()):
        pack = point.reader.index.packs[number]
        names.append(object_name(chain, pack.kind, pack.pack))

    def ask(name: str) -> ObjectInfo:
        return store.stat(name) if priority is None else store.rehydrate(name, priority)

    with ThreadPoolExecutor(READERS) as pool:
        infos = list(in_order(pool, ask, names, 4 * READERS))
    pending = sum(not info.readable for info in infos)
    return Rehydration(ready=pending == 0, pending=pending, bytes=sum(info.bytes for info in infos))
