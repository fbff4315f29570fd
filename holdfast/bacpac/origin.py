"""Origin.xml: who exported what and when, the model's checksum, and how many rows the exporter counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from holdfast.bacpac import xml_reader
from holdfast.model.errors import BadBacpac

ENTRY = "Origin.xml"


@dataclass(frozen=True)
class Origin:
    """What Origin.xml says. Absent values are empty or None: old versions write less."""

    contains_data: bool
    """False in a dacpac without data."""
    model_sha256: str | None
    """Of the inflated model.xml; lower-case hex."""
    operation_id: str = ""
    started: str = ""
    """As written: local time with offset."""
    product_version: str = ""
    """DacFx version, `170.2.70.1`."""
    server_version: str = ""
    object_counts: Mapping[str, int] = field(default_factory=dict)
    database_kilobytes: int | None = None
    rows: int | None = None
    """TableRowCountTotalTag: rows of all tables."""
    data_phase_tables: tuple[str, ...] = ()
    """`schema.table` of all tables; versions 162 and later."""


def read_origin(chunks: Iterable[bytes]) -> Origin:
    """Reads Origin.xml. Raises BadBacpac where it is not the file that DacFx writes."""
    values: dict[str, str] = {}
    counts: dict[str, int] = {}
    path: list[str] = []
    uris: list[str] = []

    def start(tag: str, attributes: Mapping[str, str]) -> None:
        path.append(tag)
        if tag == "Checksum":
            uris.append(attributes.get("Uri", ""))

    def end(tag: str, text: str) -> None:
        path.pop()
        parent = path[-1] if path else ""
        if parent == "ObjectCounts":
            counts[tag] = _whole(tag, text) or 0
        elif tag == "Checksum":
            values[f"Checksum {uris[-1].lstrip('/')}"] = text.strip()
        elif not path:
            values["root"] = tag
        else:
            values.setdefault(f"{parent}/{tag}", text.strip())

    xml_reader.parse(ENTRY, chunks, start, end)
    if values.get("root") != "DacOrigin":
        raise BadBacpac(f"{ENTRY} is not DacFx's: its root is {values.get('root')!r}")
    checksum = values.get("Checksum model.xml")
    return Origin(
        contains_data=values.get("PackageProperties/ContainsExportedData", "").lower() == "true",
        model_sha256=checksum.lower() if checksum else None,
        operation_id=values.get("Operation/Identity", ""),
        started=values.get("Operation/Start", ""),
        product_version=values.get("Operation/ProductVersion", ""),
        server_version=values.get("Server/ServerVersion", ""),
        object_counts=counts,
        database_kilobytes=_whole("SourceDatabaseSize", values.get("ExportStatistics/SourceDatabaseSize")),
        rows=_whole("TableRowCountTotalTag", values.get("ExportStatistics/TableRowCountTotalTag")),
        data_phase_tables=tuple(t for t in values.get("DacOrigin/DataPhaseTables", "").split(",") if t),
    )


def _whole(tag: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return int(text)
    except ValueError as error:
        raise BadBacpac(f"{ENTRY}: {tag} is {text!r} and should be a number") from error
