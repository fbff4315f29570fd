"""What is open of a repository: its place, its keys, its chains, and where a point is found."""

from __future__ import annotations

from collections.abc import Iterable

from holdfast.model.clock import Clock
from holdfast.model.errors import NotFound, Rehydrating
from holdfast.model.installation import Installation
from holdfast.model.point import Tier
from holdfast.repository.errors import PointConflict
from holdfast.repository.format import check_id
from holdfast.repository.frames.codecs import LEVEL
from holdfast.repository.keys.keys import RepositoryKeys
from holdfast.repository.objects import description as descriptions
from holdfast.repository.objects.chain import Chain, Problem
from holdfast.repository.objects.locators import chain_ids, chains_of_point, manifest_of_point
from holdfast.repository.objects.manifests import PointHeader, ReadManifest
from holdfast.repository.objects.owners import Owner, read_owner
from holdfast.repository.objects.seal import Sealer
from holdfast.repository.points.point_reading import ChainReader, PointReader
from holdfast.repository.points.rehydration import rehydrate
from holdfast.storage import ObjectStore


class Opened:
    """What every kind of work on a repository begins with."""

    def __init__(
        self,
        store: ObjectStore,
        description: descriptions.Description,
        keys: RepositoryKeys,
        clock: Clock,
        name: str,
        installation: Installation | None = None,
    ) -> None:
        """Use `init` or `open`."""
        self.installation = installation
        """Who works here. It owns the chains that it begins, and removes nothing of others; None: a person, who may."""
        self.store, self.description, self.clock, self.name = store, description, clock, name
        self._keys = keys
        self.level = LEVEL
        """How hard what is stored is compressed: zstd's level, 1 to 19. Any level reads any."""
        self.sealer = Sealer(keys, description.repository, description.chunking)

    @property
    def tier(self) -> Tier:
        """What points of this repository say."""
        return "archive" if self.description.archive else "backup"

    def chains(self) -> list[str]:
        """Ids of all chains, sorted."""
        return chain_ids(self.store)

    def manifests(self, chain: str) -> tuple[list[ReadManifest], list[Problem]]:
        """All manifests of a chain that can be read, in their order, and everything that is wrong with them."""
        return self._chain(chain).manifests()

    def reader(self, read: ReadManifest, beside: PointReader | None = None) -> PointReader:
        """Reads the point of a manifest. `beside` reads the same chain: what was read of the index serves both."""
        return self._reader(read, beside.reader if beside else None)

    def owner(self, chain: str) -> Owner | None:
        """Which installation may remove points of the chain; None: no installation may. Raises Damaged, NewerFormat."""
        return read_owner(self._chain(chain))

    def existing(self, header: PointHeader) -> ReadManifest | None:
        """The point of that id, where a writer committed it. Raises PointConflict where another chain has it."""
        for chain in chains_of_point(self.store, header.id):
            found = self._search(header.id, [chain])
            if found is not None:
                if chain != header.chain:
                    raise PointConflict(f"{header.id} is a point of chain {chain}")
                return found
        return None

    def _chain(self, chain: str) -> Chain:
        return Chain(self.store, self.sealer, check_id(chain, "chain"))

    def _reader(self, read: ReadManifest, reader: ChainReader | None = None) -> PointReader:
        # An archive point stands alone: only its own index objects, so that no other point's packs are asked for.
        if self.description.archive:
            reader = ChainReader(self._chain(read.manifest.chain), read.manifest.indexes)
        return PointReader(reader or ChainReader(self._chain(read.manifest.chain)), read)

    def _readable(self, point: str) -> PointReader:
        reader = self._reader(self._find(point))
        if self.description.archive:
            found = rehydrate(reader, None)
            if not found.ready:
                raise Rehydrating(f"{point}: {found.pending} packs are in the archive tier or on their way out of it")
        return reader

    def _find(self, point: str, chain: str | None = None) -> ReadManifest:
        found = self._search(check_id(point, "point"), [chain] if chain is not None else None)
        if found is None:
            raise NotFound(f"restore point {point}")
        return found

    def _search(self, point: str, chains: Iterable[str] | None) -> ReadManifest | None:
        """The point's manifest, by its locator where there is one, else by reading the manifests, newest first."""
        told = list(chains) if chains is not None else chains_of_point(self.store, point) or self.chains()
        for chain_id in told:
            found = manifest_of_point(self._chain(chain_id), point)
            if found is not None:
                return found
        return None
