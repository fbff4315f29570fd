"""Small BACPACs made for one test each."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import pytest

from holdfast.bacpac.names import data_folder, join_name
from holdfast.bacpac.writer import write_package

SPACE = "http://schemas.microsoft.com/sqlserver/dac/Serialization/2012/02"
TYPES = (
    '<?xml version="1.0" encoding="utf-8"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="xml" ContentType="text/xml" /><Default Extension="BCP" ContentType="application/octet-stream" />'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml" /></Types>'
)


class Maker:
    """Writes model, origin and whole packages; everything can be overridden, to make bad ones."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @staticmethod
    def column(
        table: tuple[str, str],
        name: str,
        type_name: str,
        *,
        nullable: bool = True,
        builtin: bool = True,
        **facets: object,
    ) -> str:
        """A SqlSimpleColumn."""
        source = 'ExternalSource="BuiltIns" ' if builtin else ""
        null = "" if nullable else '<Property Name="IsNullable" Value="False" />'
        properties = "".join(f'<Property Name="{key}" Value="{value}" />' for key, value in facets.items())
        return (
            f'<Entry><Element Type="SqlSimpleColumn" Name={quoteattr(join_name(*table, name))}>{null}'
            f'<Relationship Name="TypeSpecifier"><Entry><Element Type="SqlTypeSpecifier">{properties}'
            f'<Relationship Name="Type"><Entry><References {source}Name={quoteattr(type_name)} /></Entry></Relationship>'
            "</Element></Entry></Relationship></Element></Entry>"
        )

    @staticmethod
    def table(name: tuple[str, str], columns: Iterable[str]) -> str:
        """A SqlTable."""
        return (
            f'<Element Type="SqlTable" Name={quoteattr(join_name(*name))}><Relationship Name="Columns">'
            f"{''.join(columns)}</Relationship></Element>"
        )

    @staticmethod
    def module(kind: str, name: str, script: str, *, key: str = "BodyScript") -> str:
        """A view, procedure, function or trigger."""
        return (
            f'<Element Type="{kind}" Name={quoteattr(name)}><Property Name="{key}">'
            f"<Value>{escape(script)}</Value></Property></Element>"
        )

    @staticmethod
    def model(*elements: str, platform: str = "SqlAzureV12") -> bytes:
        """A model.xml of these elements."""
        dsp = f"Microsoft.Data.Tools.Schema.Sql.{platform}DatabaseSchemaProvider"
        return (
            f'<?xml version="1.0" encoding="utf-8"?><DataSchemaModel FileFormatVersion="1.2" SchemaVersion="2.6" '
            f'DspName="{dsp}" CollationLcid="1033" CollationCaseSensitive="False" xmlns="{SPACE}"><Model>'
            '<Element Type="SqlDatabaseOptions"><Property Name="Collation" Value="Latin1_General_CI_AS" /></Element>'
            f"{''.join(elements)}</Model></DataSchemaModel>"
        ).encode()

    @staticmethod
    def origin(model: bytes, *, contains_data: bool = True, checksum: str | None = None, rows: int = 0) -> bytes:
        """An Origin.xml for a model."""
        digest = checksum or hashlib.sha256(model).hexdigest().upper()
        return (
            f'﻿<?xml version="1.0" encoding="utf-8"?><DacOrigin xmlns="{SPACE}"><PackageProperties>'
            f"<Version>3.1.0.0</Version><ContainsExportedData>{str(contains_data).lower()}</ContainsExportedData>"
            '<StreamVersions><Version StreamName="Data">2.0.0.0</Version></StreamVersions></PackageProperties>'
            "<Operation><Identity>a94db334-5abf-4411-a99a-961b8f0d0633</Identity>"
            "<Start>2021-09-16T10:50:13.9970400+01:00</Start></Operation>"
            f"<ExportStatistics><TableRowCountTotalTag>{rows}</TableRowCountTotalTag></ExportStatistics>"
            f'<Checksums><Checksum Uri="/model.xml">{digest}</Checksum></Checksums></DacOrigin>'
        ).encode()

    def entries(
        self, model: bytes, data: Mapping[tuple[str, str], Iterable[bytes]] | None = None, **origin: object
    ) -> dict[str, bytes]:
        """All entries of a package: its XML parts and the tables' parts."""
        parts = {
            f"{data_folder(*table)}/TableData-{n:03}-00000.BCP": part
            for table, pieces in (data or {}).items()
            for n, part in enumerate(pieces)
        }
        return {
            "model.xml": model,
            "[Content_Types].xml": TYPES.encode(),
            **parts,
            "Origin.xml": self.origin(model, **origin),  # type: ignore[arg-type]
        }

    def write(self, entries: Mapping[str, bytes], name: str = "made.bacpac") -> Path:
        """The package as a file."""
        path = self._folder / name
        with path.open("w+b") as out:
            write_package(out, ((entry, [content]) for entry, content in entries.items()), "normal")
        return path


@pytest.fixture
def make(tmp_path: Path) -> Maker:
    """Makes models and packages in a folder of its own."""
    return Maker(tmp_path)
