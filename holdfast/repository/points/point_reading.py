"""Reads a point: its recipe and layout, its entries, the packs that it needs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

import numpy as np

from holdfast.model.errors import Damaged
from holdfast.model.point import Entry, RestorePoint, Tier
from holdfast.repository.deltas.chunks import ID_BYTES
from holdfast.repository.frames.codecs import decode_frame
from holdfast.repository.objects.chain import Chain
from holdfast.repository.objects.index import ChunkIndex
from holdfast.repository.objects.manifests import Held, ReadManifest, inline_frame
from holdfast.repository.objects.seal import MAX_DOCUMENT
from holdfast.repository.objects.told_indexes import add_told
from holdfast.repository.points.reach import Needed, streams_of
from holdfast.repository.points.reading import ChunkReader
from holdfast.repository.points.recipes import Layout, Recipe, StreamRecipe
from holdfast.repository.points.stream_reading import Span, StreamReader


class ChainReader:
    """What reading several points of one chain shares: the index, and the frames read last."""

    def __init__(self, chain: Chain, only: list[str] | None = None, *, filled: ChunkIndex | None = None) -> None:
        """The index is read when it is needed: from all index objects, or from those named in `only`.

        What they do not tell is looked for in the packs themselves. `filled`: an index that is all there is.
        """
        self.chain, self.index = chain, filled if filled is not None else ChunkIndex()
        # Of the index and not of this reader: a reader that names itself stays in memory until the collector comes.
        index = self.index
        more = [lambda: chain.add_indexed(index, only), lambda: chain.add_unindexed(index)]
        if only is not None:  # a repair may have made new index objects of the same packs
            more.insert(1, lambda: chain.add_indexed(index))
        more.append(lambda: add_told(chain, index))
        self.chunks = ChunkReader(chain.store, chain.sealer, chain.id, self.index, more if filled is None else [])
        self.streams = StreamReader(self.chunks, chain.id)

    def held(self, held: Held, name: str) -> bytes:
        """A recipe or layout. Raises Damaged."""
        frame = inline_frame(held, name)
        if frame is not None:
            plain = bytes(decode_frame(frame, MAX_DOCUMENT, name))
        else:
            ref = held.stream(name)
            plain = self.streams.read(ref, 0, ref.length).tobytes()
        if len(plain) != held.bytes:
            raise Damaged(f"{name}: its recipe or layout has another length than it says")
        return plain


@dataclass
class PointReader:
    """Reads one point."""

    reader: ChainReader
    read: ReadManifest

    @cached_property
    def recipe(self) -> Recipe:
        """Raises Damaged naming the manifest or the pack."""
        manifest = self.read.manifest
        return Recipe.decode(self.reader.held(manifest.recipe, self.read.name), self.read.name)

    @cached_property
    def layout(self) -> Layout:
        """Raises Damaged naming the manifest or the pack."""
        data = self.reader.held(self.read.manifest.layout, self.read.name)
        return Layout.decode(data, self.recipe, self.read.name)

    def point(self, repository: str, tier: Tier) -> RestorePoint:
        """The point as everybody sees it."""
        manifest, header = self.read.manifest, self.read.manifest.point
        return RestorePoint(
            id=header.id,
            source=header.source,
            chain=header.chain,
            repository=repository,
            tier=tier,
            created_at=header.created_at,
            kind=manifest.kind,
            consistency=header.consistency,
            flags=header.flags,
            terms=header.terms,
            identical_possible=manifest.identical_possible,
            entries=self.recipe.entries,
            tables=self.recipe.tables,
            inflated_bytes=manifest.inflated_bytes,
            stored_bytes=manifest.added_bytes + self.read.object_bytes,
            session=header.session,
            resource_id=header.resource_id,
            sequence=manifest.sequence,
            warnings=header.warnings,
            transformations=header.transformations,
            installation=header.installation,
        )

    def entries(
        self, names: Iterable[str] | None = None, *, few: bool = False
    ) -> Iterator[tuple[Entry, Iterator[memoryview]]]:
        """The entries named, in that order (default: the ZIP's), each with its bytes, read ahead across entries.

        `few`: the first bytes may be all that is taken, so nothing is read ahead.
        Take every entry's bytes before the next entry. On an entry's end its length and SHA-256 are verified: Damaged.
        """
        slices = self.recipe.slices()
        entries = [slices[name][2] for name in (self.layout.order if names is None else names)]
        pieces = self.reader.streams.pieces(self._spans(entries, slices), few=few)
        by_entry = groupby(pieces, key=lambda tagged: tagged[0])
        waiting: tuple[int, Iterator[tuple[int, np.ndarray]]] | None = None
        for number, entry in enumerate(entries):
            own: Iterator[memoryview] = iter(())
            if entry.bytes:
                waiting = next(by_entry, None)
                if waiting is None or waiting[0] != number:
                    raise Damaged(f"{self.read.name}: {entry.name} has no bytes")
                own = (piece.data for _, piece in waiting[1])
            yield entry, self._verified(entry, own)

    def entry(self, name: str) -> Iterator[bytes]:
        """One entry's bytes, verified at the end. Raises Damaged, KeyError for a name that is none."""
        for _, pieces in self.entries([name]):
            yield from map(bytes, pieces)

    def part(self, name: str, start: int, end: int) -> bytes:
        """The bytes of an entry from `start` to `end`, not verified by its SHA-256. Raises Damaged, Rehydrating."""
        stream, begin, _ = self._slices[name]
        return bytes(self.reader.streams.read(stream.ref, begin + start, begin + end).tobytes())

    @cached_property
    def _slices(self) -> dict[str, tuple[StreamRecipe, int, Entry]]:
        return self.recipe.slices()

    def packs(self) -> set[int]:
        """Numbers (in the index) of every pack that reading this point needs. Raises Damaged where a chunk is in none."""
        chunks, needed = self.reader.chunks, Needed(self.reader.streams.extents)
        for ref, _ in streams_of(self):
            needed.add(ref)
        found: set[int] = set()
        for ids in needed.chunks():
            packs, _ = chunks.frames_of(ids)
            lost = np.flatnonzero(packs < 0)
            if len(lost):
                chunks.locate(ids[int(lost[0]) * ID_BYTES : (int(lost[0]) + 1) * ID_BYTES])
            found.update(np.unique(packs).tolist())
        return found

    def _spans(self, entries: list[Entry], slices: dict[str, tuple[StreamRecipe, int, Entry]]) -> Iterator[Span]:
        for number, entry in enumerate(entries):
            stream, start, _ = slices[entry.name]
            yield Span(number, stream.ref, start, start + entry.bytes)

    def _verified(self, entry: Entry, pieces: Iterator[memoryview]) -> Iterator[memoryview]:
        digest = hashlib.sha256()
        length = 0
        for piece in pieces:
            digest.update(piece)
            length += len(piece)
            yield piece
        if length != entry.bytes or digest.hexdigest() != entry.sha256:
            raise Damaged(f"{entry.name} of point {self.read.manifest.point.id} is not what was stored")
