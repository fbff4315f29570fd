"""The XML parts beside the model: Origin.xml, DacMetadata.xml, [Content_Types].xml and the relationships."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from local.samples.chance import Chance
from local.samples.database import FIRST_DAY
from local.samples.xml_tree import DECLARATION, attribute

_DAC = "http://schemas.microsoft.com/sqlserver/dac/Serialization/2012/02"
_OPC = "http://schemas.openxmlformats.org/package/2006"
_MARK = "\ufeff"
_SERVER = (
    "Microsoft SQL Azure (RTM) - 12.0.2000.8 \n\tNov  2 2025 01:40:17 \n\tCopyright (C) 2025 Microsoft Corporation\n"
)


def content_types() -> bytes:
    """`[Content_Types].xml`: the same in every package."""
    kinds = (
        ("xml", "text/xml"),
        ("BCP", "application/octet-stream"),
        ("rels", "application/vnd.openxmlformats-package.relationships+xml"),
    )
    defaults = "".join(f'<Default Extension="{ext}" ContentType="{kind}" />' for ext, kind in kinds)
    return f'{_MARK}{DECLARATION}<Types xmlns="{_OPC}/content-types">{defaults}</Types>'.encode()


def metadata(database: str) -> bytes:
    """`DacMetadata.xml`: the name of the database that was exported."""
    return (
        f'{_MARK}{DECLARATION}\r\n<DacType xmlns="{_DAC}">\r\n  <Name>{attribute(database)}</Name>\r\n'
        "  <Version>0.0.0.0</Version>\r\n</DacType>"
    ).encode()


def relationships(parts: Iterable[tuple[str, str, str]], chance: Chance) -> bytes:
    """`_rels/.rels`: two relationships a data part, with new ids at every export. Parts: schema, table, entry's name."""
    found = []
    for schema, table, name in parts:
        for kind, value in (("table", table), ("schema", schema)):
            number = "R" + chance.text(f"relationship {kind} {name}")[:16]
            found.append(f'<Relationship Type="{kind}={attribute(value)}" Target="/{attribute(name)}" Id="{number}" />')
    return (
        f'{_MARK}{DECLARATION}<Relationships xmlns="{_OPC}/relationships">{"".join(found)}</Relationships>'
    ).encode()


def origin(
    model: bytes, counts: Mapping[str, int], *, day: int, chance: Chance, data_bytes: int, rows: int, tables: list[str]
) -> bytes:
    """`Origin.xml`. Sizes and times are of that day's export; the checksum is of the model."""
    started = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, 3) + timedelta(days=day)  # noqa: DTZ001 (text)
    number = chance.text("operation")
    identity = "-".join((number[:8], number[8:12], number[12:16], number[16:20], number[20:]))
    objects = "\r\n".join(f"      <{kind}>{count}</{kind}>" for kind, count in counts.items())
    text = f"""{_MARK}{DECLARATION}
<DacOrigin xmlns="{_DAC}">
  <PackageProperties>
    <Version>3.1.0.0</Version>
    <ContainsExportedData>true</ContainsExportedData>
    <StreamVersions>
      <Version StreamName="Data">2.0.0.0</Version>
      <Version StreamName="DeploymentContributors">1.0.0.0</Version>
    </StreamVersions>
  </PackageProperties>
  <Operation>
    <Identity>{identity}</Identity>
    <Start>{started.isoformat()}.0000000+01:00</Start>
    <End>0001-01-01T00:00:00.0000000</End>
    <ProductName>Microsoft.SqlServer.Dac, Version=162.0.0.0, Culture=neutral, PublicKeyToken=89845dcd8080cc91</ProductName>
    <ProductVersion>162.5.57.1</ProductVersion>
    <ProductSchema>{_DAC}</ProductSchema>
  </Operation>
  <Server>
    <ServerVersion>{_SERVER}</ServerVersion>
    <ObjectCounts>
{objects}
    </ObjectCounts>
  </Server>
  <ExportStatistics>
    <SourceDatabaseSize>{8_192 + data_bytes // 1_024}</SourceDatabaseSize>
    <TableRowCountTotalTag>{rows}</TableRowCountTotalTag>
  </ExportStatistics>
  <Checksums>
    <Checksum Uri="/model.xml">{hashlib.sha256(model).hexdigest().upper()}</Checksum>
  </Checksums>
  <ModelSchemaVersion>2.9</ModelSchemaVersion>
  <DataPhaseTables>{attribute(",".join(tables))}</DataPhaseTables>
</DacOrigin>"""
    return text.replace("\r\n", "\n").replace("\n", "\r\n").encode()
