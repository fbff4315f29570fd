"""The named samples, and a package's entries of any of them on any day."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote

import numpy as np

from holdfast.bacpac.writer import Level, write_package
from holdfast.model.errors import InvalidInput
from local.samples.chance import Chance
from local.samples.database import Database, Moment, TableRows
from local.samples.documents import documents
from local.samples.events import events
from local.samples.every_type import types
from local.samples.hr import hr
from local.samples.legacy import legacy
from local.samples.model_xml import count_elements, elements_of, model_xml
from local.samples.package_xml import content_types, metadata, origin, relationships
from local.samples.rows import encode_rows
from local.samples.schema import Table
from local.samples.series import empty, series
from local.samples.shop import shop

SAMPLES: dict[str, Callable[[Moment], Database]] = {
    "shop": shop,
    "events": events,
    "documents": documents,
    "hr": hr,
    "types": types,
    "series": series,
    "empty": empty,
    "legacy": legacy,
}
HEALTHY = tuple(name for name in SAMPLES if name != "legacy")
"""Those that can be exported."""

# Rows at a time: memory follows from it, about 25 bytes for each byte of a batch.
_BATCH = 4_000
# Real exports read large tables in key ranges, each a part of its own, with borders from statistics that move.
_ROWS_A_PART = 4_000
_MOST_PARTS = 8
# What System.Uri leaves alone in a path, so what DacFx leaves alone in a part's name.
_UNESCAPED = "-._~!$&'()*+,;=:@"

Entry = tuple[str, Iterator[bytes]]


@dataclass(frozen=True)
class _Part:
    table: Table
    name: str
    rows: TableRows
    first: int
    last: int


@dataclass
class _Totals:
    data_bytes: int = 0
    rows: int = 0


def generate(name: str, day: int = 0, scale: float = 1.0, seed: int = 1) -> Iterator[Entry]:
    """The entries of the package in the order of an exporter, for `write_package`; read each before the next.

    Day N is day N-1 with a day's changes; day 0 is the first. Raises InvalidInput for a name, day or scale that there is
    not.
    """
    if name not in SAMPLES:
        raise InvalidInput(f"there is no sample {name!r}; there are {', '.join(SAMPLES)}")
    if day < 0 or scale <= 0:
        raise InvalidInput("day must not be negative and scale must be above 0")
    # The rows' chance knows no day: what did not change is the same. The export's own ids are new every day.
    database = SAMPLES[name](Moment(day, scale, Chance(f"{seed}\n{name}")))
    return _entries(name, day, database, Chance(f"{seed}\n{name}\nexport of day {day}"))


def write_sample(to: Path, name: str, day: int = 0, scale: float = 1.0, seed: int = 1, level: Level = "normal") -> None:
    """Writes the sample as a BACPAC. Raises InvalidInput as `generate` does, OSError where the file cannot be written."""
    entries = generate(name, day, scale, seed)
    with to.open("wb") as out:
        write_package(out, entries, level)


def _entries(name: str, day: int, database: Database, export: Chance) -> Iterator[Entry]:
    elements = elements_of(database.schema)
    model = model_xml(elements)
    yield "model.xml", iter([model])
    yield "DacMetadata.xml", iter([metadata(name)])
    yield "[Content_Types].xml", iter([content_types()])
    parts = _parts(database, export)
    totals = _Totals()
    for part in parts:
        yield part.name, _part_bytes(part, totals)
    if parts:
        named = ((p.table.schema, p.table.name, p.name) for p in parts)
        yield "_rels/.rels", iter([relationships(named, export)])
    tables = [f"{table.schema}.{table.name}" for table in database.schema.tables]
    yield (
        "Origin.xml",
        iter(
            [
                origin(
                    model,
                    count_elements(elements),
                    day=day,
                    chance=export,
                    data_bytes=totals.data_bytes,
                    rows=totals.rows,
                    tables=tables,
                )
            ]
        ),
    )


def _parts(database: Database, export: Chance) -> list[_Part]:
    """Each table's key ranges, all of them in the order in which a parallel export happened to finish them."""
    found: list[_Part] = []
    for (schema, name), rows in database.rows.items():
        table = database.schema.table(schema, name)
        folder = f"Data/{quote(f'{schema}.{name}', safe=_UNESCAPED)}"
        borders = _borders(len(rows.keys), export, f"{schema}.{name}")
        for number, (first, last) in enumerate(pairwise(borders)):
            found.append(_Part(table, f"{folder}/TableData-{number:03}-00000.BCP", rows, first, last))
    order = export.below("finished", np.arange(len(found), dtype=np.int64), 1 << 40)
    return [found[place] for place in np.argsort(order, kind="stable").tolist()]


def _borders(rows: int, export: Chance, label: str) -> list[int]:
    if not rows:
        return [0]
    parts = min(-(-rows // _ROWS_A_PART), _MOST_PARTS)
    each = rows // parts
    shift = export.below(f"border {label}", np.arange(parts, dtype=np.int64), max(each // 10, 1)).tolist()
    return [0, *(each * n + shift[n] for n in range(1, parts)), rows]


def _part_bytes(part: _Part, totals: _Totals) -> Iterator[bytes]:
    for at in range(part.first, part.last, _BATCH):
        keys = part.rows.keys[at : min(at + _BATCH, part.last)]
        piece = encode_rows(part.table.stored, part.rows.build(keys))
        totals.rows += len(keys)
        totals.data_bytes += len(piece)
        yield piece
