"""Tables as files that other programs read: Parquet, typed; CSV, as text that loses nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet as pq

from holdfast.bacpac.columns import Column
from holdfast.bacpac.values.arrow import LOSSES, SURROGATES, ArrowRows
from holdfast.bacpac.values.readable import ReadableRows
from holdfast.bacpac.values.row_batches import row_batches
from holdfast.model.errors import InvalidInput

FORMATS = (".parquet", ".csv")

#: How CSV writes NULL: an empty field without quotes; an empty text has quotes (RFC 4180 knows no NULL).
_NULL = ""


@dataclass(frozen=True)
class WrittenTable:
    """What was written. `losses`: what the format could not carry, a sentence each."""

    rows: int
    bytes: int
    losses: list[str] = field(default_factory=list)


def write_table(columns: Sequence[Column], pieces: Iterable[bytes | memoryview], to: Path) -> WrittenTable:
    """Writes a table's rows, whole or not at all; the ending of `to` says how. Memory does not grow with the table.

    Raises InvalidInput for another ending, RowsNotDecodable, and what `pieces` raises.
    """
    if to.suffix.lower() not in FORMATS:
        raise InvalidInput(f"{to.name}: a table is written as {' or '.join(FORMATS)}", help="Give such a name to --to.")
    with _whole(to) as unfinished:
        if to.suffix.lower() == ".parquet":
            rows, losses = _parquet(columns, pieces, unfinished)
        else:
            rows, losses = _csv(columns, pieces, unfinished)
    return WrittenTable(rows, to.stat().st_size, losses)


def _parquet(columns: Sequence[Column], pieces: Iterable[bytes | memoryview], to: Path) -> tuple[int, list[str]]:
    maker = ArrowRows(columns)
    rows = 0
    with pq.ParquetWriter(to, maker.schema, compression="zstd") as writer:
        for batch in row_batches(columns, pieces):
            writer.write_batch(maker.batch(batch))
            rows += batch.rows
    return rows, [f"column {name}: {count:,} {LOSSES[what]}" for (name, what), count in sorted(maker.lost.items())]


def _csv(columns: Sequence[Column], pieces: Iterable[bytes | memoryview], to: Path) -> tuple[int, list[str]]:
    maker = ReadableRows(columns)
    rows = 0
    with to.open("w", encoding="utf-8", newline="") as file:
        # Everything is quoted but NULL, so that a reader can tell it from an empty text; csv.writer can do so from
        # Python 3.12 on.
        file.write(",".join(_quoted(column.name) for column in columns) + "\r\n")
        for batch in row_batches(columns, pieces):
            for row in maker.rows(batch):
                file.write(",".join(_NULL if value is None else _quoted(value) for value in row) + "\r\n")
            rows += batch.rows
    return rows, [f"{maker.alone:,} {LOSSES[SURROGATES]}"] if maker.alone else []


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def first_rows(
    columns: Sequence[Column], pieces: Iterable[bytes | memoryview], count: int
) -> Iterator[dict[str, str | None]]:
    """The first rows as texts by column; no more is read than they need."""
    maker = ReadableRows(columns)
    names = [column.name for column in columns]
    for batch in row_batches(columns, pieces):
        for row in maker.rows(batch.only(min(count, batch.rows))):
            yield dict(zip(names, row, strict=True))
        count -= batch.rows
        if count <= 0:
            return


@contextmanager
def _whole(to: Path) -> Iterator[Path]:
    unfinished = to.with_name(f".{to.name}.part")
    try:
        yield unfinished
        unfinished.replace(to)
    finally:
        unfinished.unlink(missing_ok=True)
