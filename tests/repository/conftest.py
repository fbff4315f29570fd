"""Small BACPACs made to order, repositories in memory, and what tests look for in them."""

from __future__ import annotations

import hashlib
import random
import struct
import zipfile
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from holdfast.repository import PasswordCost, PointHeader, Repository
from holdfast.storage.memory import MemoryStore

#: Trying a password costs nothing here.
CHEAP = PasswordCost(iterations=1, lanes=1, memory_kib=64)
PASSWORD = "correct horse battery staple"
NAMESPACE = "http://schemas.microsoft.com/sqlserver/dac/Serialization/2012/02"
TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"


class HandClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, 3, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def move(self, **by: float) -> None:
        self.time += timedelta(**by)


def row(number: int, text: str) -> bytes:
    """A row of every table made here: `id int NOT NULL, body nvarchar(max) NULL`."""
    body = text.encode("utf-16-le")
    return struct.pack("<iQ", number, len(body)) + body


def rows(count: int, seed: int = 0) -> bytes:
    """Rows that do not compress to nothing and differ from seed to seed."""
    words = random.Random(seed)
    return b"".join(row(number, f"row {number} of seed {seed}: {words.getrandbits(200):x}") for number in range(count))


def _column(table: str, name: str, kind: str, extra: str, nullable: str) -> str:
    return (
        f'<Entry><Element Type="SqlSimpleColumn" Name="[dbo].[{table}].[{name}]">{nullable}'
        f'<Relationship Name="TypeSpecifier"><Entry><Element Type="SqlTypeSpecifier">{extra}<Relationship Name="Type">'
        f'<Entry><References ExternalSource="BuiltIns" Name="[{kind}]" /></Entry></Relationship></Element></Entry>'
        "</Relationship></Element></Entry>"
    )


def _model(tables: Sequence[str]) -> bytes:
    elements = "".join(
        f'<Element Type="SqlTable" Name="[dbo].[{table}]"><Relationship Name="Columns">'
        + _column(table, "id", "int", "", '<Property Name="IsNullable" Value="False" />')
        + _column(table, "body", "nvarchar", '<Property Name="IsMax" Value="True" />', "")
        + "</Relationship></Element>\n"
        for table in tables
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?><DataSchemaModel FileFormatVersion="1.2" SchemaVersion="2.6" '
        'DspName="Microsoft.Data.Tools.Schema.Sql.SqlAzureV12DatabaseSchemaProvider" CollationLcid="1033" '
        f'CollationCaseSensitive="False" xmlns="{NAMESPACE}"><Model>{elements}</Model></DataSchemaModel>'
    ).encode()


def build_bacpac(path: Path, tables: Mapping[str, Sequence[bytes]], *, exported: int = 1, shuffle: int = 0) -> Path:
    """A BACPAC of tables in schema dbo, each with the bytes of its parts. `exported` changes what every export changes.

    `shuffle` lays the entries in another order, as a parallel export does.
    """
    model = _model(list(tables))
    origin = (
        f'<?xml version="1.0" encoding="utf-8"?><DacOrigin xmlns="{NAMESPACE}"><PackageProperties>'
        "<ContainsExportedData>true</ContainsExportedData></PackageProperties><Operation>"
        f"<Identity>{exported:032x}</Identity></Operation><Checksums>"
        f'<Checksum Uri="/model.xml">{hashlib.sha256(model).hexdigest().upper()}</Checksum></Checksums></DacOrigin>'
    ).encode()
    types = f'<?xml version="1.0" encoding="utf-8"?><Types xmlns="{TYPES}"></Types>'.encode()
    entries = [("model.xml", model), ("Origin.xml", origin), ("[Content_Types].xml", types)]
    for table, parts in tables.items():
        entries += [(f"Data/dbo.{table}/TableData-{n:03d}-00000.BCP", part) for n, part in enumerate(parts)]
    if shuffle:
        random.Random(shuffle).shuffle(entries)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as file:
        for name, data in entries:
            info = zipfile.ZipInfo(name, (2026, 1, 1 + exported % 28, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(info, data)
    return path


def entries_of(path: Path) -> list[tuple[str, bytes]]:
    """Names and inflated bytes, in the ZIP's order."""
    with zipfile.ZipFile(path) as file:
        return [(name, file.read(name)) for name in file.namelist()]


def header_of(number: int, chain: str = "chain-a", **more: object) -> PointHeader:
    """The header of the n-th point of a chain."""
    return PointHeader(
        id=f"20260101T{number:06d}Z-{chain}",
        source=f"server/{chain}",
        chain=chain,
        created_at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number),
        session=f"session-{number}",
        **more,  # type: ignore[arg-type]
    )


class Tools:
    """The functions above, since a conftest cannot be imported from tests."""

    row = staticmethod(row)
    rows = staticmethod(rows)
    build_bacpac = staticmethod(build_bacpac)
    entries_of = staticmethod(entries_of)
    header_of = staticmethod(header_of)
    password = PASSWORD
    cost = CHEAP
    clock = HandClock

    @staticmethod
    def flip(store: MemoryStore, name: str, at: int, bit: int = 0) -> None:
        """Changes one bit of an object."""
        data = bytearray(store.objects[name].data)
        data[at] ^= 1 << bit
        store.objects[name].data = bytes(data)

    @staticmethod
    def total(store: MemoryStore) -> int:
        """Bytes of all objects."""
        return sum(len(one.data) for one in store.objects.values())


@pytest.fixture(scope="session")
def tools() -> type[Tools]:
    return Tools


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def memory(clock: HandClock) -> MemoryStore:
    return MemoryStore(clock=clock)


@pytest.fixture
def repository(memory: MemoryStore, clock: HandClock) -> Repository:
    return Repository.init(memory, PASSWORD, clock=clock, name="default", cost=CHEAP)


@pytest.fixture
def archive(clock: HandClock) -> Repository:
    store = MemoryStore(url="memory:archive", clock=clock)
    return Repository.init(store, "archive " + PASSWORD, clock=clock, name="archive", archive=True, cost=CHEAP)


@pytest.fixture
def bacpac(tmp_path: Path) -> Callable[..., Path]:
    """Builds BACPACs: `bacpac({"T": [part, …]}, exported=2)`."""
    made = 0

    def build(tables: Mapping[str, Sequence[bytes]], **more: int) -> Path:
        nonlocal made
        made += 1
        return build_bacpac(tmp_path / f"made-{made}.bacpac", tables, **more)

    return build
