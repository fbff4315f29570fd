"""The main job over real databases: everything that is exported comes back, entry by entry, from both repositories.

Four say the same of every entry: the SqlPackage stand-in when it wrote it, the manifest of the backup, the manifest of
the archive, and the file that a person downloads. Rows are counted by a reader of their own, below, and by the exporter.
"""

from __future__ import annotations

import re
import struct
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from local.samples.databases import write_sample

pytestmark = pytest.mark.e2e

_REPORT = Path(__file__).resolve().parents[3] / ".cache" / "prove" / "bacpacs.txt"
_HEAD = ("file", "kind", "way", "entries", "tables", "rows", "origin", "stored", "archived", "compared")

# --- the second reader -----------------------------------------------------------------------------------------------

_NS = "{http://schemas.microsoft.com/sqlserver/dac/Serialization/2012/02}"
_FIXED = {"tinyint": 1, "smallint": 2, "int": 4, "bigint": 8, "real": 4, "float": 8, "smallmoney": 4, "money": 8}
_FIXED |= {"datetime": 8, "smalldatetime": 4, "date": 3, "time": 5, "datetime2": 8, "datetimeoffset": 10}
_ONE_BYTE = {"bit": 1, "uniqueidentifier": 16, "decimal": 19, "numeric": 19}
_TWO_BYTES = ("char", "nchar", "varchar", "nvarchar", "binary", "varbinary", "rowversion", "timestamp")
_FOUR_BYTES = ("text", "ntext", "image", "sql_variant")
_FORMS = {1: "<B", 2: "<H", 4: "<I", 8: "<Q"}

_Column = tuple[int, int]  # bytes of the length's prefix; bytes of the value where there is no prefix


def _properties(element: ET.Element) -> dict[str, str]:
    return {p.attrib["Name"]: p.get("Value", "") for p in element.findall(f"{_NS}Property")}


def _relation(element: ET.Element, name: str) -> ET.Element | None:
    return next((r for r in element.findall(f"{_NS}Relationship") if r.get("Name") == name), None)


def _type_of(element: ET.Element) -> str:
    relation = _relation(element, "Type")
    assert relation is not None
    return relation.find(f".//{_NS}References").attrib["Name"]  # type: ignore[union-attr]


def _columns(table: ET.Element, aliases: dict[str, ET.Element]) -> list[_Column]:
    found: list[_Column] = []
    listed = _relation(table, "Columns")
    for column in listed.findall(f"{_NS}Entry/{_NS}Element") if listed is not None else []:
        specifier = _relation(column, "TypeSpecifier")
        if column.get("Type") == "SqlComputedColumn" or specifier is None:
            continue
        inner = specifier.find(f".//{_NS}Element")
        assert inner is not None
        facets, name = _properties(inner), _type_of(inner)
        if name in aliases:
            facets, name = {**_properties(aliases[name]), **facets}, _type_of(aliases[name])
        kind = name.removeprefix("[sys].").strip("[]")
        nullable = _properties(column).get("IsNullable", "True") == "True"
        if kind in _FIXED:
            found.append((1, 0) if nullable else (0, _FIXED[kind]))
        elif kind in _ONE_BYTE:
            found.append((1, 0))
        elif kind == "char" and not nullable:
            found.append((0, 2 * int(facets.get("Length", "1"))))
        elif facets.get("IsMax") == "True":
            found.append((8, 0))
        elif kind in _TWO_BYTES or kind == "sysname":
            found.append((2, 0))
        else:
            found.append((4 if kind in _FOUR_BYTES else 8, 0))
    return found


def _count(raw: bytes, columns: Sequence[_Column]) -> int:
    at = rows = 0
    while at < len(raw):
        for prefix, value in columns:
            length = value
            if prefix:
                (length,) = struct.unpack_from(_FORMS[prefix], raw, at)
                at += prefix
                if length == (1 << 8 * prefix) - 1:
                    continue
                if prefix == 8 and length == (1 << 64) - 2:
                    while chunk := struct.unpack_from("<I", raw, at)[0]:
                        at += 4 + chunk
                    length = 4
            at += length
        rows += 1
    assert at == len(raw), "the reader lost its place"
    return rows


def _rows(file: Path) -> dict[str, int]:
    """Rows by `schema.table`, with nothing of the product's own reader."""
    with zipfile.ZipFile(file) as package:
        model = ET.fromstring(package.read("model.xml"))  # noqa: S314 (what we loaded ourselves)
        elements = list(model.iter(f"{_NS}Element"))
        aliases = {e.attrib["Name"]: e for e in elements if e.get("Type") == "SqlUserDefinedDataType"}
        columns = {_plain(e.attrib["Name"]): _columns(e, aliases) for e in elements if e.get("Type") == "SqlTable"}
        found = dict.fromkeys(columns, 0)
        for name in package.namelist():
            if part := re.fullmatch(r"Data/(.*)/TableData-\d+-\d+\.BCP", name, re.IGNORECASE):
                table = unquote(part[1])
                found[table] += _count(package.read(name), columns[table])
    return found


def _plain(name: str) -> str:
    return ".".join(re.findall(r"\[((?:[^\]]|\]\])*)\]", name)).replace("]]", "]")


def _counted_by_exporter(file: Path) -> int | None:
    with zipfile.ZipFile(file) as package:
        total = re.search(rb"<TableRowCountTotalTag>(\d+)<", package.read("Origin.xml"))
    return int(total[1]) if total else None


# --- the job ---------------------------------------------------------------------------------------------------------


def _run(runs: Any, name: str, files: Sequence[Path], folder: Path, *, through_app: int) -> list[tuple[str, ...]]:
    """Loads every file twice (SQL Database, Managed Instance), backs up staged and direct, archives, downloads, compares.

    The first `through_app` points of each repository are downloaded through the app, the rest of the backup
    repository straight from storage.
    """
    sources: dict[str, Path] = {}
    for number, file in enumerate(files):
        database = f"{re.sub('[^A-Za-z0-9]', '-', file.stem)}-{number}"
        for server, managed in ((f"sql-{name}", False), (f"mi-{name}", True)):
            runs.world.load(file, f"{server}/{database}", managed=managed)
            sources[f"{server}/{database}"] = file
    runs.policy(name, f"sql-{name}/*", f"mi-{name}/*")
    sessions: dict[str, dict[str, Any]] = {}
    for way, staging in (("staged", True), ("direct", False)):
        sessions[way] = runs.backup(name, staging=staging)
        assert runs.states(sessions[way]) == dict.fromkeys(sources, "succeeded")
        archived = runs.archive(name)
        assert runs.states(archived) == dict.fromkeys(sources, "succeeded")
    cases = []
    for source in sources:
        backups, copies = (runs.points(repository, source) for repository in ("default", "archive"))
        assert [p["created_at"] for p in backups] == [p["created_at"] for p in copies]
        assert [p["consistency"] for p in backups] == ["transactional", "live"]
        cases += [(source, way, p, c) for way, p, c in zip(sessions, backups, copies, strict=True)]
    # Both ways of both kinds are among the first of any list that is long enough: the files take turns.
    cases.sort(key=lambda case: (list(files).index(sources[case[0]]), case[0], case[1]))
    points = [case[2] for case in cases[:through_app]] + [case[3] for case in cases[:through_app]]
    downloads = runs.download(points, folder)
    table = []
    for number, (source, way, point, copy) in enumerate(cases):
        file = sources[source]
        wanted = runs.exported(sessions[way]["id"], source)
        witnesses = {"manifest": runs.digests(point), "archive's manifest": runs.digests(copy)}
        if number < through_app:
            witnesses["download"] = runs.entries(downloads[number])
            witnesses["download from the archive"] = runs.entries(downloads[through_app + number])
        else:
            runs.world.repository("default").write_bacpac(point["id"], folder / "direct.bacpac")
            witnesses["from storage"] = runs.entries(folder / "direct.bacpac")
        assert {who: said for who, said in witnesses.items() if said != wanted} == {}, (source, way)
        counted = _rows(file)
        for said in (point, copy):
            assert {f"{t['schema']}.{t['name']}": t["rows"] for t in said["tables"]} == counted, (source, way)
        total = _counted_by_exporter(file)
        if total is not None:
            assert sum(counted.values()) == total, file.name
        kind = "instance" if source.startswith("mi-") else "database"
        table.append(
            (
                *(file.stem, kind, way, f"{len(wanted)}", f"{len(counted)}", f"{sum(counted.values()):,}"),
                *("-" if total is None else f"{total:,}", f"{point['stored_bytes']:,}", f"{copy['stored_bytes']:,}"),
                f"{len(witnesses)} identical",
            )
        )
    assert runs.left() == []
    return table


def _print(table: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(row[column]) for row in (_HEAD, *table)) for column in range(len(_HEAD))]
    lines = ["  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)) for row in (_HEAD, *table)]
    text = "\n".join(line.rstrip() for line in lines)
    print(f"\n{text}")  # noqa: T201 (the table is what `-s` is for)
    return text


def _sample(folder: Path, name: str) -> Path:
    file = folder / f"{name}.bacpac"
    write_sample(file, name, scale=0.2)
    return file


@pytest.mark.timeout(1500)
def test_what_is_backed_up_and_archived_comes_back_as_it_was(
    runs: Any, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Every type of column, and two real databases where there are any; staged and direct, database and instance."""
    files = [_sample(tmp_path, "types")]
    try:
        real = request.getfixturevalue("real_bacpacs")
        files += [real[name] for name in ("pubs.bacpac", "course-netcore.bacpac") if name in real]
    except pytest.skip.Exception:
        files += [_sample(tmp_path, "hr"), _sample(tmp_path, "empty")]
    _print(_run(runs, "part", files, tmp_path, through_app=4))


@pytest.mark.prove
@pytest.mark.whole
@pytest.mark.real
@pytest.mark.timeout(0)
def test_bacpacs_all_of_them_come_back_as_they_were(runs: Any, real_bacpacs: dict[str, Path], tmp_path: Path) -> None:
    """Every real BACPAC, every download through the app."""
    files = list(real_bacpacs.values())
    table = _run(runs, "all", files, tmp_path, through_app=4 * len(files))
    _REPORT.parent.mkdir(parents=True, exist_ok=True)
    _REPORT.write_text(_print(table) + "\n")
