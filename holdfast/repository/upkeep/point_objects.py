"""Which objects a point needs: what must be locked and held with it, and what must not be deleted while it lives."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from holdfast.model.errors import Damaged
from holdfast.repository.errors import NewerFormat
from holdfast.repository.format import DESCRIPTION, Kind, folder, locator_name, object_name
from holdfast.repository.objects.chain import Chain
from holdfast.repository.objects.manifests import ReadManifest
from holdfast.repository.objects.packs import decode_index
from holdfast.repository.objects.seal import open_document
from holdfast.repository.points.point_reading import PointReader
from holdfast.storage import ObjectStore


def heads(store: ObjectStore) -> list[str]:
    """What every point of the repository needs: the description and the key slots."""
    return [DESCRIPTION, *(info.name for info in store.list("keys/"))]


def own_objects(read: ReadManifest) -> set[str]:
    """What the point shares with no other."""
    return {read.name, locator_name(read.manifest.point.id, read.manifest.chain)}


@dataclass
class NeededObjects:
    """Names of what each point of one chain needs. Remembers which index object tells of which packs."""

    chain: Chain
    manifests: Iterable[ReadManifest]
    _indexes: dict[str, set[str]] | None = field(default=None, init=False)

    def of(self, point: PointReader) -> set[str]:
        """The manifest, the locator (by which the chain is found), the packs, and the index objects that tell of them.

        Raises Damaged.
        """
        packs = [point.reader.index.packs[number] for number in point.packs()]
        found = {object_name(self.chain.id, pack.kind, pack.pack) for pack in packs} | own_objects(point.read)
        for pack in packs:
            found.update(object_name(self.chain.id, Kind.INDEX, index) for index in self._telling(pack.pack))
        return found

    def _telling(self, pack: str) -> set[str]:
        if self._indexes is None:
            self._indexes = self._read_indexes()
        return self._indexes.get(pack, set())

    def _read_indexes(self) -> dict[str, set[str]]:
        """Index objects by pack, of those that are there. Manifests tell of their own; the others are read: their
        manifests may be gone."""
        prefix = folder(self.chain.id, Kind.INDEX)
        there = {info.name.removeprefix(prefix) for info in self.chain.store.list(prefix)}
        telling: dict[str, set[str]] = {}
        told: set[str] = set()
        for read in self.manifests:
            own = there.intersection(read.manifest.indexes)
            told |= own
            for pack in read.manifest.packs:
                telling.setdefault(pack, set()).update(own)
        for index in sorted(there - told):
            name = f"{prefix}{index}"
            try:
                data = self.chain.store.get(name)
                tables = decode_index(open_document(self.chain.sealer, Kind.INDEX, self.chain.id, name, data), name)
            except (Damaged, NewerFormat):  # nobody can read by it; `check` names it
                continue
            for table in tables:
                telling.setdefault(table.pack, set()).add(index)
        return telling
