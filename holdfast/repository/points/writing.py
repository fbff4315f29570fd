"""Writes a point: content in, manifest out. The point exists from the one write of its manifest, and not before.

Threads: one reads, inflates and hashes entries; some read the point before; the caller's compares, counts rows, cuts,
names and looks chunks up; two compress and seal; two upload; one makes the skeleton. What lies between them is bounded,
so memory is a constant.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain as chained
from typing import TYPE_CHECKING

from holdfast.bacpac.package import MODEL
from holdfast.model.clock import Clock
from holdfast.model.errors import Cancelled, RepositoryLocked
from holdfast.model.job import Progress
from holdfast.model.point import PointKind
from holdfast.repository.deltas.chunks import SMALL_CHUNKS, TABLE_CHUNKS
from holdfast.repository.format import Kind, canonical, locator_name, manifest_name, new_id, object_name
from holdfast.repository.frames.codecs import encode_frame
from holdfast.repository.objects.chain import Chain, ChainLock, Head
from holdfast.repository.objects.index import ChunkIndex
from holdfast.repository.objects.manifests import (
    MAX_INLINE,
    Held,
    Manifest,
    PointHeader,
    ReadManifest,
    held_inline,
    open_manifest,
)
from holdfast.repository.objects.packs import PackTable, encode_index
from holdfast.repository.objects.seal import put_document, seal_document
from holdfast.repository.points.content import PointContent, Skeletal
from holdfast.repository.points.feeding import FedStream, Feed
from holdfast.repository.points.frame_writing import FrameWriter, PackPlace
from holdfast.repository.points.older_streams import OlderStreams
from holdfast.repository.points.point_reading import PointReader
from holdfast.repository.points.recipes import Layout, Recipe, StreamRecipe
from holdfast.repository.points.table_rows import TableRows
from holdfast.storage import AlreadyExists, Tier

if TYPE_CHECKING:
    from holdfast.repository.points.bases import Bases
    from holdfast.repository.points.stream_writing import StreamWriter

PACK_BYTES = 16 << 20
#: Packs of an archive repository are few and large: the archive tier charges by the object that is read.
ARCHIVE_PACK_BYTES = 48 << 20
#: An index object is written after this many chunks, so that none is large and a writer that dies leaves its work found.
INDEX_CHUNKS = 1 << 18
COMPRESSING = 2

ProgressFn = Callable[[Progress], None]
CancelledFn = Callable[[], bool]


@dataclass
class _Added:
    """What the point adds to the repository."""

    packs: list[str]
    indexes: list[str]
    size: int = 0


class PointWriter:
    """Writes one point into a chain whose lock is held."""

    def __init__(
        self,
        chain: Chain,
        index: ChunkIndex,
        before: PointReader | None,
        *,
        spoiled: set[bytes],
        level: int,
        archive: bool,
        clock: Clock,
        older: Iterator[ReadManifest],
    ) -> None:
        """`index`: the chunks that need not be stored again; empty for a point that must stand alone.

        `before`: the point that this one may be a delta of; `older`: those before it, newest first. `spoiled`: roots of
        its streams that cannot be read. `level` is the compressor's.
        """
        self.chain, self._index, self._archive, self._clock = chain, index, archive, clock
        self._before, self._spoiled, self._level = before, spoiled, level
        self._older = older
        self._added = _Added([], [])
        self._unindexed: list[PackTable] = []

    def write(
        self,
        content: PointContent,
        header: PointHeader,
        lock: ChainLock,
        head: Head,
        progress: ProgressFn,
        cancelled: CancelledFn,
    ) -> ReadManifest:
        """Stores the content and the manifest after `head`.

        Raises Cancelled, RepositoryLocked, BadBacpac, Unavailable; BaseDamaged for a stream of the point before.
        """
        with (
            ThreadPoolExecutor(COMPRESSING, thread_name_prefix="compress") as pool,
            ThreadPoolExecutor(2, thread_name_prefix="upload") as uploads,
            _aside(content.skeletal) as skeletal,
            Feed(content.streams) as feed,
        ):
            data = self._frames(Kind.DATA_PACK, pool, uploads)
            recipes = self._frames(Kind.RECIPE_PACK, pool, uploads)

            def check() -> None:
                if cancelled():
                    raise Cancelled(header.id)
                lock.ensure()

            # Loaded by who writes: their loops bring numba.
            from holdfast.repository.points.bases import Bases
            from holdfast.repository.points.stream_writing import StreamWriter

            before = self._before
            boundary_key = self.chain.sealer.keys.boundary_key(self.chain.id)
            writer = StreamWriter(data, recipes, boundary_key, before.reader.streams if before else None)
            names = [stream.name for stream in content.streams]
            bases = None
            if before is not None:
                older = OlderStreams(PointReader(before.reader, read) for read in self._older)
                bases = Bases(before.recipe, before.reader.streams, self._spoiled, names, older)
            recipe = self._store_streams(feed, content, writer, (data, recipes), bases, progress, check)
            data.finish()
            progress(Progress(phase="store: skeleton", bytes=content.length, bytes_total=content.length))
            made = skeletal.result()
            check()
            layout = Layout(tuple(content.order), made.skeleton).encode(recipe)
            held_before = (before.read.manifest.recipe, before.read.manifest.layout) if before else (None, None)
            held_recipe = self._hold(recipe.encode(), writer, recipes, held_before[0])
            held_layout = self._hold(layout, writer, recipes, held_before[1])
            recipes.finish()
            self._index_written((data, recipes), everything=True)
        kind: PointKind = "full" if head.point is None or self._archive else "increment"
        manifest = Manifest(
            repository=self.chain.sealer.repository,
            chain=self.chain.id,
            sequence=head.previous.sequence + 1 if head.previous else 1,
            previous=head.previous,
            fence=lock.fence,
            point=header,
            kind=kind,
            identical_possible=made.identical_possible,
            written_at=self._clock.now(),
            file=made.file,
            recipe=held_recipe,
            layout=held_layout,
            entries=len(recipe.entries),
            tables=len(recipe.tables),
            inflated_bytes=content.length,
            added_bytes=self._added.size,
            packs=self._added.packs,
            indexes=self._added.indexes,
            record=head.record.sequence if head.record else None,
        )
        return self._commit(manifest, lock, cancelled)

    def _frames(self, kind: Kind, pool: ThreadPoolExecutor, uploads: ThreadPoolExecutor) -> FrameWriter:
        data = kind is Kind.DATA_PACK
        place = PackPlace(
            self.chain.store,
            self.chain.sealer,
            self.chain.id,
            kind,
            Tier.ARCHIVE if self._archive and data else Tier.HOT,
            ARCHIVE_PACK_BYTES if self._archive and data else PACK_BYTES,
            self._level,
        )
        return FrameWriter(place, self.chain.sealer.namer(self.chain.id, kind), self._index, pool, uploads)

    def _store_streams(
        self,
        feed: Iterable[FedStream],
        content: PointContent,
        writer: StreamWriter,
        frames: Iterable[FrameWriter],
        bases: Bases | None,
        progress: ProgressFn,
        check: Callable[[], None],
    ) -> Recipe:
        from holdfast.repository.points.stream_writing import StreamKind

        tables = sum(stream.table is not None for stream in content.streams)
        done = Progress(phase="store", bytes_total=content.length, tables_total=tables)
        found: list[StreamRecipe] = []

        def counted(pieces: Iterable[bytes]) -> Iterator[bytes]:
            for piece in pieces:
                yield piece
                done.bytes += len(piece)
                check()
                progress(done.model_copy())
                self._index_written(frames, everything=False)

        for fed in feed:
            table = fed.source.table
            done.table = f"{table.schema}.{table.name}" if table else None
            pieces = counted(fed.pieces)
            head = next(pieces, b"")
            base = bases.of(fed.source.name, fed.source.length, head, table=table is not None) if bases else None
            rows = TableRows(table.columns, table.rows) if table else None
            # Without the model no table's rows can be told, so no table's damage may take it along.
            alone = any(entry.name == MODEL for entry in fed.source.entries)
            sizes = TABLE_CHUNKS if table else SMALL_CHUNKS
            kind = StreamKind(sizes, rows, length=fed.source.length, alone=alone)
            whole = chained([head], pieces)
            ref = writer.tree(whole, kind) if base is None else writer.delta(whole, base, kind)
            named = (table.schema, table.name) if table else None
            found.append(StreamRecipe(fed.source.name, ref, fed.entries, named, rows.finish() if rows else None))
            done.tables_done += table is not None
            check()
            progress(done.model_copy())
        return Recipe.of(found)

    def _hold(self, plain: bytes, writer: StreamWriter, recipes: FrameWriter, before: Held | None) -> Held:
        """Short ones go into the manifest, so that a point of a small database is read with one request."""
        from holdfast.repository.points.stream_writing import StreamKind

        frame = encode_frame(plain)
        if len(frame) <= MAX_INLINE:
            return held_inline(len(plain), frame)
        kind = StreamKind(SMALL_CHUNKS, writer=recipes)
        base = before.stream(self.chain.id) if before is not None and before.inline is None else None
        if base is None or base.root in self._spoiled:
            return Held.of_stream(writer.tree([plain], kind))
        return Held.of_stream(writer.delta([plain], base, kind))

    def _index_written(self, writers: Iterable[FrameWriter], *, everything: bool) -> None:
        """Writes an index object of the packs that lie in the storage: of all now, or once there are many chunks."""
        for writer in writers:
            self._unindexed += writer.take_written()
        chunks = sum(len(table.lengths) for table in self._unindexed)
        if not self._unindexed or (chunks < INDEX_CHUNKS and not everything):
            return
        tables, self._unindexed = self._unindexed, []
        index_id = new_id()
        name = object_name(self.chain.id, Kind.INDEX, index_id)
        size = put_document(self.chain.store, self.chain.sealer, Kind.INDEX, self.chain.id, name, encode_index(tables))
        self._added.indexes.append(index_id)
        self._added.packs += [table.pack for table in tables]
        self._added.size += size + sum(table.pack_bytes for table in tables)

    def _commit(self, manifest: Manifest, lock: ChainLock, cancelled: CancelledFn) -> ReadManifest:
        chain, store, sealer = self.chain, self.chain.store, self.chain.sealer
        point, sequence = manifest.point.id, manifest.sequence
        hint = canonical({"chain": chain.id, "point": point, "sequence": sequence})
        # A locator may be left from an attempt that died; it leads to this chain, which is all that it is for.
        with suppress(AlreadyExists):
            put_document(store, sealer, Kind.LOCATOR, chain.id, locator_name(point, chain.id), hint)
        if cancelled():
            raise Cancelled(point)
        lock.ensure(ask=True)
        name = manifest_name(chain.id, sequence)
        sealed = seal_document(sealer, Kind.MANIFEST, chain.id, name, manifest.encode())
        try:
            store.put(name, sealed)
        except AlreadyExists:
            # Either an earlier put of ours whose answer was lost, or another writer's manifest: its bytes tell.
            if store.get(name) != sealed:
                raise RepositoryLocked(f"{name}: another writer committed first") from None
        return open_manifest(sealer, chain.id, sequence, sealed)


@contextmanager
def _aside(work: Callable[[Callable[[], None]], Skeletal]) -> Iterator[Future[Skeletal]]:
    """Runs `work` in a thread that is told to stop when the rest fails, and has ended when this has: it reads the file."""
    failed = threading.Event()

    def check() -> None:
        if failed.is_set():
            raise Cancelled("the skeleton: the point is not written")

    with ThreadPoolExecutor(1, thread_name_prefix="skeleton") as pool:
        try:
            yield pool.submit(work, check)
        except BaseException:
            failed.set()
            raise
