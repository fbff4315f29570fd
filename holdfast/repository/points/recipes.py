"""The recipe: which streams a point has, and which slice of which stream each entry is. The layout: how the ZIP was laid."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from holdfast.model.errors import Damaged
from holdfast.model.point import Entry, Table
from holdfast.repository.deltas.trees import StreamRef
from holdfast.repository.format import canonical

_COUNT = struct.Struct("<L")


@dataclass(frozen=True)
class StreamRecipe:
    """One stream of a point, or a table without one."""

    name: str
    ref: StreamRef
    entries: tuple[Entry, ...]
    table: tuple[str, str] | None = None  # schema and name
    rows: int | None = None

    def line(self) -> bytes:
        """As the recipe holds it."""
        value: dict[str, object] = {
            **self.ref.to_json(),
            "name": self.name,
            "entries": [[entry.name, entry.bytes, entry.sha256] for entry in self.entries],
        }
        if self.table:
            value["table"] = {"schema": self.table[0], "name": self.table[1], "rows": self.rows}
        return canonical(value) + b"\n"

    @classmethod
    def parse(cls, line: bytes, where: str) -> StreamRecipe:
        """Raises Damaged."""
        try:
            value = json.loads(line)
            entries = tuple(Entry(name=name, bytes=size, sha256=sha256) for name, size, sha256 in value["entries"])
            told = value.get("table")
            table = (str(told["schema"]), str(told["name"])) if told else None
            rows = told["rows"] if told else None
            recipe = cls(str(value["name"]), StreamRef.from_json(value, where), entries, table, rows)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Damaged(f"{where}: a line of the recipe is not one") from None
        if sum(entry.bytes for entry in entries) != recipe.ref.length:
            raise Damaged(f"{where}: the entries of {recipe.name} do not fill its stream")
        return recipe


@dataclass(frozen=True)
class Recipe:
    """All streams of a point, in order of name."""

    streams: tuple[StreamRecipe, ...]

    @classmethod
    def of(cls, streams: Iterable[StreamRecipe]) -> Recipe:
        """Puts the streams in order."""
        return cls(tuple(sorted(streams, key=lambda one: (one.name, [entry.name for entry in one.entries]))))

    @property
    def entries(self) -> list[Entry]:
        """All entries, in the recipe's order; the layout counts them so."""
        return [entry for stream in self.streams for entry in stream.entries]

    @property
    def tables(self) -> list[Table]:
        """All tables, by schema and name."""
        found = [
            Table(schema=stream.table[0], name=stream.table[1], rows=stream.rows, bytes=stream.ref.length)
            for stream in self.streams
            if stream.table
        ]
        return sorted(found, key=lambda table: (table.schema_name, table.name))

    def slices(self) -> dict[str, tuple[StreamRecipe, int, Entry]]:
        """For every entry's name its stream, the offset at which it begins there, and itself."""
        found: dict[str, tuple[StreamRecipe, int, Entry]] = {}
        for stream in self.streams:
            at = 0
            for entry in stream.entries:
                found[entry.name] = (stream, at, entry)
                at += entry.bytes
        return found

    def encode(self) -> bytes:
        """A line a stream."""
        return b"".join(stream.line() for stream in self.streams)

    @classmethod
    def decode(cls, data: bytes, where: str) -> Recipe:
        """Raises Damaged."""
        return cls(tuple(StreamRecipe.parse(line, where) for line in data.splitlines() if line))


@dataclass(frozen=True)
class Layout:
    """The order of the entries in the ZIP, and the skeleton (empty where there is none)."""

    order: tuple[str, ...]
    skeleton: bytes

    def encode(self, recipe: Recipe) -> bytes:
        """Entries as numbers in the recipe's order."""
        numbers = {entry.name: number for number, entry in enumerate(recipe.entries)}
        wanted = [numbers[name] for name in self.order]
        return _COUNT.pack(len(wanted)) + struct.pack(f"<{len(wanted)}L", *wanted) + self.skeleton

    @classmethod
    def decode(cls, data: bytes, recipe: Recipe, where: str) -> Layout:
        """Raises Damaged where it does not name every entry once."""
        entries = recipe.entries
        try:
            (count,) = _COUNT.unpack_from(data)
            numbers = struct.unpack_from(f"<{count}L", data, _COUNT.size)
        except struct.error:
            raise Damaged(f"{where}: the layout is cut short") from None
        if sorted(numbers) != list(range(len(entries))):
            raise Damaged(f"{where}: the layout does not name every entry once")
        return cls(tuple(entries[number].name for number in numbers), data[_COUNT.size * (count + 1) :])
