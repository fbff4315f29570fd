"""What a point is made of, whatever it comes from: streams of entries, the ZIP's order, the skeleton."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from holdfast.bacpac.columns import Column
from holdfast.repository.objects.manifests import FileFacts


@dataclass(frozen=True)
class EntrySource:
    """One entry to be read once, from its beginning to its end."""

    name: str
    length: int
    read: Callable[[], Iterator[bytes]]
    sha256: str | None = None  # where it is known: what is read must have it


@dataclass(frozen=True)
class TableSource:
    """The table whose stream it is, and what is known of its rows: their columns in the order of the data, their number."""

    schema: str
    name: str
    rows: int | None = None
    columns: Sequence[Column] | None = field(default=None, repr=False)


@dataclass(frozen=True)
class StreamSource:
    """A stream: entries whose bytes lie back to back."""

    name: str
    entries: Sequence[EntrySource]
    table: TableSource | None = None

    @property
    def length(self) -> int:
        """Bytes of the whole stream."""
        return sum(entry.length for entry in self.entries)


@dataclass(frozen=True)
class Skeletal:
    """What the very same file is built from: the skeleton's bytes (empty where there is none), and the file it gives."""

    skeleton: bytes
    identical_possible: bool
    file: FileFacts | None


@dataclass(frozen=True)
class PointContent:
    """Everything that a point holds.

    `skeletal` may take long: it is called in a thread of its own, and calls what it is given often; that raises to stop it.
    """

    streams: Sequence[StreamSource]
    order: Sequence[str] = field(repr=False)  # names of the entries as they lie in the ZIP
    skeletal: Callable[[Callable[[], None]], Skeletal]

    @property
    def length(self) -> int:
        """Bytes of all entries, inflated."""
        return sum(stream.length for stream in self.streams)
