"""Stores a point: once, under the chain's lock, over the newest point that can be read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain as chained

from holdfast.model.clock import Clock
from holdfast.model.errors import Damaged
from holdfast.model.job import Progress
from holdfast.repository.deltas.base_damage import BaseDamaged
from holdfast.repository.format import check_id
from holdfast.repository.objects.chain import Chain, ChainLock, Head
from holdfast.repository.objects.index import ChunkIndex
from holdfast.repository.objects.manifests import PointHeader, ReadManifest
from holdfast.repository.points.content import PointContent
from holdfast.repository.points.point_reading import PointReader
from holdfast.repository.points.writing import PointWriter

ProgressFn = Callable[[Progress], None]
CancelledFn = Callable[[], bool]


@dataclass(frozen=True)
class Storing:
    """What storing needs of a repository. `existing` finds the point of a header that was stored before,
    `claim` makes the chain ours where it is nobody's."""

    chain_of: Callable[[str], Chain]
    reader_of: Callable[[ReadManifest], PointReader]
    existing: Callable[[PointHeader], ReadManifest | None]
    claim: Callable[[Chain], None]
    level: int
    archive: bool
    clock: Clock

    def store(
        self,
        content: Callable[[], PointContent],
        header: PointHeader,
        owner: str,
        progress: ProgressFn,
        cancelled: CancelledFn,
    ) -> ReadManifest:
        """The point's manifest, written now or before. Raises as `Repository.store_point`."""
        check_id(header.id, "point")
        chain = self.chain_of(header.chain)
        # Without the lock first, so that a repeated step needs none; and again, since a writer may just have ended.
        read = self.existing(header)
        if read is not None:
            return read
        with chain.locked(owner) as lock:
            read = self.existing(header)
            if read is not None:
                return read
            self.claim(chain)
            return self._write(chain, lock, content, header, progress, cancelled)

    def _write(
        self,
        chain: Chain,
        lock: ChainLock,
        content: Callable[[], PointContent],
        header: PointHeader,
        progress: ProgressFn,
        cancelled: CancelledFn,
    ) -> ReadManifest:
        """Writes the point; again where the point before turns out to be damaged, at most twice."""
        head = chain.head()
        spoiled: set[bytes] = set()
        attempts = 0
        while True:
            index = ChunkIndex()
            before: PointReader | None = None
            told = header
            # A second damage, and nothing at all is taken of the point before: each attempt reads the whole database.
            if not self.archive and attempts < 2:
                before = self._before(chain, head)
                told = _with_warning(header, head.point, before)
                # Of a damaged recipe nobody knows which packs are damaged with it: then no chunk counts as stored.
                if not spoiled and (before.read if before else None) is head.point:
                    # Damaged index objects only cost storing their chunks again; `check` names them.
                    chain.add_indexed(index, absent=False, head=head)
            writer = PointWriter(
                chain,
                index,
                before,
                spoiled=spoiled,
                level=self.level,
                archive=self.archive,
                clock=self.clock,
                older=chain.points_before(head),
            )
            try:
                return writer.write(content(), told, lock, head, progress, cancelled)
            except BaseDamaged as error:
                # A damaged point must not stop the next one: what it cannot lend is stored anew, and no chunk is taken
                # for stored that may be in a damaged pack.
                spoiled.add(error.root)
                attempts += 1

    def _before(self, chain: Chain, head: Head) -> PointReader | None:
        """The newest point of the chain that can be read so far as to lend its streams."""
        for read in chained([head.point] if head.point else [], chain.points_before(head)):
            reader = self.reader_of(read)
            try:
                _ = reader.recipe
            except Damaged:
                continue
            return reader
        return None


def _with_warning(header: PointHeader, newest: ReadManifest | None, before: PointReader | None) -> PointHeader:
    """The header, saying so where the chain's newest point could not be what this one is a delta of."""
    if newest is None or (before is not None and before.read is newest):
        return header
    instead = f"is stored over {before.read.manifest.point.id}" if before else "is stored whole"
    damaged = (
        f"the recipe of {newest.manifest.point.id} cannot be read, so this point {instead}; run `repository check`"
    )
    return header.model_copy(update={"warnings": [*header.warnings, damaged]})
