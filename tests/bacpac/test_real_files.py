"""Real BACPACs, made by other people with many versions of the exporter, read whole and written again."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path
from typing import Any

import pytest

from holdfast.bacpac import describe
from holdfast.bacpac.model import read_model
from holdfast.bacpac.package import Bacpac
from holdfast.bacpac.preflight import find_in
from holdfast.bacpac.skeleton import Skeleton
from holdfast.bacpac.writer import Level, write_package

pytestmark = pytest.mark.real

NOT_REPEATABLE = {"course-netcore.bacpac"}
"""Written by .NET Core on Windows, whose deflate no zlib repeats."""
LATER_THAN_THE_JUDGE = {"AdventureWorksLT-2025.bacpac"}
"""Its model is of SQL Server 2025 (Sql170), which DacFx 15.0 does not know."""
TABLES_AND_ROWS = {
    "AdventureWorksLT-2025.bacpac": (12, 4277),
    "AdventureWorksLT-dp300.bacpac": (12, 4277),
    "AdventureWorksLT-tsql.bacpac": (12, 4277),
    "Northwind-urbidata.bacpac": (13, 3308),
    "Northwind-urf.bacpac": (13, 3309),
    "contosoconcerthall.bacpac": (11, 71),
    "course-netcore.bacpac": (1, 1),
    "dogwooddojo.bacpac": (11, 59),
    "fabrikamjazzclub.bacpac": (11, 47),
    "pubs.bacpac": (11, 255),
    "wingtipcatalogdb.bacpac": (10, 1),
    "wingtiptenantdb.bacpac": (11, 29),
}


def test_the_folder_is_the_known_one(real_bacpacs: dict[str, Path]) -> None:
    assert set(TABLES_AND_ROWS) <= set(real_bacpacs)


@pytest.mark.parametrize("name", sorted(TABLES_AND_ROWS))
def test_tables_and_rows(real_bacpacs: dict[str, Path], name: str) -> None:
    """Every table is decodable, and the rows are those that the exporter counted, where it says so."""
    with Bacpac.open(real_bacpacs[name]) as bacpac:
        tables = describe.tables(bacpac)
        counted = bacpac.origin().rows
        assert [t.reason for t in bacpac.tables() if t.columns is None] == []
        data = sum(entry.bytes for entry in bacpac.entries if entry.name.startswith("Data/"))
    rows = sum(table.rows or 0 for table in tables)
    assert (len(tables), rows) == TABLES_AND_ROWS[name]
    assert counted in (rows, None)
    assert sum(table.bytes for table in tables) == data


@pytest.mark.parametrize("name", sorted(TABLES_AND_ROWS))
def test_entries_are_those_that_zipfile_reads(real_bacpacs: dict[str, Path], name: str) -> None:
    with Bacpac.open(real_bacpacs[name]) as bacpac, zipfile.ZipFile(real_bacpacs[name]) as package:
        assert [entry.name for entry in bacpac.entries] == package.namelist()
        for entry in bacpac.entries:
            with bacpac.open_entry(entry.name) as stream:
                assert stream.read() == package.read(entry.name)


@pytest.mark.parametrize("name", sorted(TABLES_AND_ROWS))
def test_the_very_same_file_comes_back(real_bacpacs: dict[str, Path], name: str, tmp_path: Path) -> None:
    """From the inflated entries and a skeleton that went through bytes; or it is said that it cannot."""
    skeleton = Skeleton.from_bytes(Skeleton.of(real_bacpacs[name]).to_bytes())
    assert skeleton.identical_possible == (name not in NOT_REPEATABLE)
    if skeleton.identical_possible:
        with Bacpac.open(real_bacpacs[name]) as bacpac, (tmp_path / name).open("wb") as out:
            skeleton.rebuild(bacpac.pieces, out)
        written, original = ((folder / name).read_bytes() for folder in (tmp_path, real_bacpacs[name].parent))
        assert hashlib.sha256(written).hexdigest() == hashlib.sha256(original).hexdigest() == skeleton.sha256


@pytest.mark.dacfx
@pytest.mark.timeout(600)
def test_dacfx_takes_what_we_write(real_bacpacs: dict[str, Path], judge: Any, tmp_path: Path) -> None:
    """It opens and unpacks packages of every level, and says of each model what it says of the original's."""
    known = sorted(set(real_bacpacs) - LATER_THAN_THE_JUDGE)
    wanted: list[tuple[Level, str]] = [("normal", name) for name in known]
    wanted += [
        (level, name)
        for level in ("stored", "fast", "fastest-zlib")
        for name in ("course-netcore.bacpac", "pubs.bacpac")
    ]
    written: dict[Path, Path] = {}
    for level, name in wanted:
        path = tmp_path / f"{level}-{name}"
        with Bacpac.open(real_bacpacs[name]) as bacpac, path.open("w+b") as out:
            write_package(out, ((entry.name, bacpac.pieces(entry.name)) for entry in bacpac.entries), level)
        written[path] = real_bacpacs[name]
    said = judge.messages(*written, *(real_bacpacs[name] for name in known))
    for ours, original in written.items():
        assert said[ours] == said[original] or judge.difference(ours, original) is None, (ours, original)
    assert judge.unpack(tmp_path / "stored-pubs.bacpac", tmp_path / "unpacked") == []


@pytest.mark.dacfx
@pytest.mark.timeout(600)
def test_dacfx_agrees_about_doctored_models(make: Any, judge: Any) -> None:
    """What we call a blocker is an error to DacFx too, under the same number; and it knows the shapes that we read."""
    table = make.table(("dbo", "T"), [make.column(("dbo", "T"), "id", "[int]", nullable=False)])
    dbo = '<Entry><References ExternalSource="BuiltIns" Name="[dbo]" /></Entry>'
    schema = f'<Relationship Name="Schema">{dbo}</Relationship>'
    table = table.removesuffix("</Element>") + schema + "</Element>"
    windows = (
        r'<Element Type="SqlLogin" Name="[CORP\a]" Disambiguator="1"><Property Name="IsMappedToWindowsLogin" Value="True" />'
        r'<Annotation Type="GloballyScoped" /></Element><Element Type="SqlUser" Name="[CORP\a]">'
        r'<Property Name="LoginIdentifierScript"><Value><![CDATA[[CORP\a]]]></Value></Property>'
        '<Property Name="AuthenticationType" Value="3" /><Relationship Name="Login"><Entry>'
        r'<References Name="[CORP\a]" Disambiguator="1" /></Entry></Relationship></Element>'
    )
    asymmetric = '<Element Type="SqlAsymmetricKey" Name="[ak]"><Property Name="Algorithm" Value="3" /></Element>'
    view = make.module("SqlView", "[dbo].[v]", "SELECT T2.id FROM Other.dbo.T2", key="QueryScript")
    columns = (
        '<Relationship Name="Columns"><Entry><Element Type="SqlComputedColumn" Name="[dbo].[v].[id]" />'
        "</Entry></Relationship>"
    )
    dependency = (
        '<Relationship Name="QueryDependencies"><Entry><Annotation Type="PersistedResolvableAnnotation" '
        'Name="[Other]|[dbo].[T2]"><Property Name="TargetTypeStorage" Value="ISqlColumnSource" />'
        '<Property Name="Length" Value="12" /><Property Name="Offset" Value="18" /></Annotation></Entry></Relationship>'
    )
    view = view.removesuffix("</Element>") + columns + dependency + schema + "</Element>"
    cases = {"windows": (windows, "SQL71627"), "asymmetric": (asymmetric, "SQL71626"), "view": (view, "SQL71561")}
    models = {name: make.model(table, doctored) for name, (doctored, _) in cases.items()}
    files = {name: make.write(make.entries(model), f"{name}.bacpac") for name, model in models.items()}
    said = judge.messages(*files.values())
    for name, (_, number) in cases.items():
        assert any(line.startswith(f"Error {number}") for line in said[files[name]]), said[files[name]]
        assert [f.error_number for f in find_in(read_model([models[name]]))] == [number]
