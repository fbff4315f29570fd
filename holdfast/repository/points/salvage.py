"""Gives back what can still be read of a damaged point: whole entries, and of the others what stands before the damage."""

from __future__ import annotations

import errno
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import BinaryIO

from holdfast.bacpac.columns import Column, RowsNotDecodable
from holdfast.bacpac.model import read_model
from holdfast.bacpac.package import MODEL
from holdfast.bacpac.rows import RowCounter
from holdfast.model.errors import BadBacpac, Cancelled, Damaged, DiskFull, InvalidInput
from holdfast.model.job import Progress
from holdfast.model.point import Entry
from holdfast.repository.errors import NewerFormat
from holdfast.repository.points.point_reading import PointReader
from holdfast.repository.points.recipes import StreamRecipe

REPORT = "salvage.json"
PARTIAL = ".partial"
#: Bytes that are read in one go while an entry is read up to its damage.
STEPS = (4 << 20, 128 << 10, 4 << 10, 128, 1)
_HARMLESS = re.compile(r"[^\x00-\x1f/\\:*?\"<>|]+")


@dataclass
class SalvagedEntry:
    """One entry. `state` is `whole` (verified by SHA-256), `partial` (cut before the damage) or `lost` (nothing of it)."""

    name: str
    state: str
    bytes: int  # that it should have
    bytes_read: int
    file: str | None = None
    what: str | None = None


@dataclass
class SalvagedTable:
    """One table. `rows_read`: whole rows in the files; None where rows cannot be counted."""

    schema: str
    name: str
    state: str
    rows: int | None
    rows_read: int | None
    bytes: int
    bytes_read: int


@dataclass
class Salvage:
    """What was given back of a point, and what is lost."""

    id: str
    folder: str
    entries: list[SalvagedEntry] = field(default_factory=list)
    tables: list[SalvagedTable] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether every entry is whole."""
        return all(entry.state == "whole" for entry in self.entries)

    def as_json(self) -> dict[str, object]:
        """As the report and the CLI show it."""
        lost = sum(entry.bytes - entry.bytes_read for entry in self.entries)
        tables = [{"schema": t.schema, **{k: v for k, v in asdict(t).items() if k != "schema"}} for t in self.tables]
        entries = [asdict(entry) for entry in self.entries]
        head = {"id": self.id, "folder": self.folder, "complete": self.complete, "lost_bytes": lost}
        return {**head, "tables": tables, "entries": entries}


def salvage(
    point: PointReader, folder: Path, *, progress: Callable[[Progress], None], cancelled: Callable[[], bool]
) -> Salvage:
    """Writes every entry that can be read below `folder`, which must be new or empty, and a report beside them.

    Raises Damaged where the recipe cannot be read (nothing can be told then), InvalidInput, Cancelled, DiskFull,
    Rehydrating.
    """
    recipe = point.recipe
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InvalidInput(f"--to {folder}: it must be a new or an empty folder")
    found = Salvage(point.read.manifest.point.id, str(folder))
    work = _Salvaging(point, folder, _columns(point), progress, cancelled)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for stream in recipe.streams:
            entries, rows = work.stream(stream)
            found.entries += entries
            if stream.table:
                found.tables.append(_table(stream, entries, rows))
        (folder / REPORT).write_text(json.dumps(found.as_json(), indent=2) + "\n")
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(str(folder)) from None
        raise
    return found


def _columns(point: PointReader) -> dict[tuple[str, str], tuple[Column, ...] | None]:
    """Columns of every table, where the model can be read."""
    try:
        model = read_model(point.entry(MODEL))
    except (Damaged, NewerFormat, BadBacpac, KeyError):
        return {}
    return {key: table.columns for key, table in model.tables.items()}


def _table(stream: StreamRecipe, entries: list[SalvagedEntry], rows: int | None) -> SalvagedTable:
    schema, name = stream.table or ("", "")
    states = {entry.state for entry in entries}
    state = states.pop() if len(states) == 1 else "partial" if states else "whole"
    known = stream.rows if state == "whole" else rows
    read = sum(entry.bytes_read for entry in entries)
    return SalvagedTable(schema, name, state, stream.rows, known, stream.ref.length, read)


@dataclass
class _Salvaging:
    point: PointReader
    folder: Path
    columns: dict[tuple[str, str], tuple[Column, ...] | None]
    progress: Callable[[Progress], None]
    cancelled: Callable[[], bool]

    def __post_init__(self) -> None:
        self._done = Progress(phase="salvage", bytes_total=self.point.read.manifest.inflated_bytes)

    def stream(self, stream: StreamRecipe) -> tuple[list[SalvagedEntry], int | None]:
        """All entries of one stream, and the whole rows in them where they can be counted."""
        columns = self.columns.get(stream.table) if stream.table else None
        entries: list[SalvagedEntry] = []
        total: int | None = 0
        for entry in stream.entries:
            if self.cancelled():
                raise Cancelled(self.point.read.manifest.point.id)
            salvaged, rows = self._entry(entry, columns)
            entries.append(salvaged)
            total = None if total is None or rows is None else total + rows
            self._done.bytes += entry.bytes
            self.progress(self._done.model_copy())
        return entries, total

    def _entry(self, entry: Entry, columns: tuple[Column, ...] | None) -> tuple[SalvagedEntry, int | None]:
        path = self.folder.joinpath(*_safe(entry.name))
        path.parent.mkdir(parents=True, exist_ok=True)
        counter, what = _Rows(columns), None
        with path.open("xb") as file:
            try:
                for piece in self.point.entry(entry.name):
                    file.write(piece)
                    counter.feed(piece)
            except (Damaged, NewerFormat) as error:
                what = error.detail or error.title
        if what is None:
            return SalvagedEntry(entry.name, "whole", entry.bytes, entry.bytes, self._relative(path)), counter.whole()
        partial, counter = path.with_name(path.name + PARTIAL), _Rows(columns)
        path.rename(partial)
        with partial.open("r+b") as file:
            kept = self._before_damage(entry, file, counter)
        if kept:
            found = SalvagedEntry(entry.name, "partial", entry.bytes, kept, self._relative(partial), what)
            return found, counter.rows()
        partial.unlink()
        return SalvagedEntry(entry.name, "lost", entry.bytes, 0, None, what), counter.rows()

    def _before_damage(self, entry: Entry, file: BinaryIO, counter: _Rows) -> int:
        """Writes what stands before the first damage, to the last whole row where rows can be told; returns its bytes."""
        file.truncate(0)
        for piece in self._readable(entry):
            file.write(piece)
            counter.feed(piece)
        size = file.tell()
        border = counter.border(size)
        file.truncate(border)
        return border

    def _readable(self, entry: Entry) -> Iterator[bytes]:
        """The entry's bytes up to the first that cannot be read, in ever smaller steps."""
        at = 0
        for step in STEPS:
            while at < entry.bytes:
                end = min(at + step, entry.bytes)
                try:
                    piece = self.point.part(entry.name, at, end)
                except (Damaged, NewerFormat):
                    break
                yield piece
                at = end

    def _relative(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()


class _Rows:
    """Counts whole rows as far as they can be told."""

    def __init__(self, columns: tuple[Column, ...] | None) -> None:
        self._counter: RowCounter | None = None
        try:
            self._counter = RowCounter(columns) if columns else None
        except RowsNotDecodable:
            return

    def feed(self, piece: bytes) -> None:
        try:
            if self._counter is not None:
                self._counter.feed(piece)
        except RowsNotDecodable:
            self._counter = None

    def whole(self) -> int | None:
        try:
            return self._counter.finish() if self._counter else None
        except RowsNotDecodable:
            return None

    def rows(self) -> int | None:
        return self._counter.rows if self._counter else None

    def border(self, size: int) -> int:
        return self._counter.border if self._counter else size


def _safe(name: str) -> list[str]:
    """The entry's name as parts of a path that cannot lead out of the folder."""
    parts = ["".join(_HARMLESS.findall(part)).lstrip(".") for part in name.split("/")]
    return [part or "_" for part in parts]
