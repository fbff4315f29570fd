"""Stores a point: once, under the chain's lock, over the point before where that can be read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from holdfast.model.clock import Clock
from holdfast.model.errors import Damaged
from holdfast.model.job import Progress
from holdfast.repository.deltas.base_damage import BaseDamaged
from holdfast.repository.format import check_id
from holdfast.repository.objects.chain import Chain, ChainLock
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
            # A second damage, and nothing at all is taken of the point before: each attempt reads the whole database.
            if not self.archive and attempts < 2:
                before = self._before(head.point)
                if not spoiled and (before is not None or head.point is None):
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
            )
            try:
                return writer.write(content(), header, lock, head, progress, cancelled)
            except BaseDamaged as error:
                # A damaged point must not stop the next one: what it cannot lend is stored anew, and no chunk is taken
                # for stored that may be in a damaged pack.
                spoiled.add(error.root)
                attempts += 1

    def _before(self, last: ReadManifest | None) -> PointReader | None:
        """The chain's last point where it can be read so far as to lend its streams."""
        if last is None:
            return None
        reader = self.reader_of(last)
        try:
            _ = reader.recipe
        except Damaged:
            return None
        return reader
