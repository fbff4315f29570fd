"""An export by the stand-in is a valid new BACPAC of the same database, as a real exporter would write it again."""

from __future__ import annotations

import hashlib
import io
import os
import re
import stat
import struct
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from holdfast.bacpac import describe
from holdfast.bacpac.package import Bacpac
from holdfast.bacpac.skeleton import Skeleton
from local.sqlpackage.__main__ import run
from local.sqlpackage.delivery import archive

T = ("dbo", "Orders")
COUNT = 20_000


@pytest.fixture
def orders(make: Any, azure: Any) -> Path:
    """An emulated database with one table of 20,000 rows, in one part."""
    columns = [make.column(T, "Id", "[int]", nullable=False), make.column(T, "Note", "[nvarchar]", Length=40)]
    note = "note".encode("utf-16-le")
    rows = b"".join(struct.pack("<iH", n, len(note)) + note for n in range(COUNT))
    azure.content = make.write(
        make.entries(make.model(make.table(T, columns)), {T: [rows]}, rows=COUNT), "orders.bacpac"
    )
    return azure.content


def entries(path: Path) -> dict[str, bytes]:
    with Bacpac.open(path) as bacpac:
        return {entry.name: b"".join(bacpac.pieces(entry.name)) for entry in bacpac.entries}


def tables(path: Path) -> dict[tuple[str, str], bytes]:
    """The bytes of each table, its parts joined in key order."""
    with Bacpac.open(path) as bacpac:
        return {
            (table.schema, table.name): b"".join(piece for part in table.parts for piece in bacpac.pieces(part))
            for table in bacpac.tables()
        }


def test_what_it_prints(azure: Any, orders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    to = tmp_path / "out.bacpac"
    assert run(azure.command(to)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "stand-in" in lines[0]
    for wanted in (
        "Connecting to database 'Sales' on server 'tcp:sql-one.database.windows.net,1433'.",
        "Extracting schema",
        "Exporting data",
        "Processing Table '[dbo].[Orders]'.",
        f"Successfully exported database and saved it to file '{to}'.",
    ):
        assert wanted in lines
    assert re.fullmatch(r"Time elapsed 0:00:\d\d\.\d\d", lines[-1])


def test_quiet_prints_nothing_but_writes_its_log(
    azure: Any, orders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "diagnostics.log"
    assert run(azure.command(tmp_path / "out.bacpac", "/Quiet:True", f"/DiagnosticsFile:{log}")) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1
    assert "Processing Table '[dbo].[Orders]'." in log.read_text()


def test_the_emulator_learns_what_was_written(azure: Any, orders: Path, tmp_path: Path) -> None:
    """So that whoever compares a restored point later knows what the export held, byte for byte."""
    to = tmp_path / "out.bacpac"
    assert run(azure.command(to)) == 0
    (told,) = azure.log
    assert (told["server"], told["database"]) == ("sql-one.database.windows.net", "Sales")
    assert told["entries"] == {name: hashlib.sha256(data).hexdigest() for name, data in entries(to).items()}


def test_two_exports_differ_as_real_ones_do(
    azure: Any, orders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ids, times and borders move; the model and each table's rows do not."""
    first, second = tmp_path / "1.bacpac", tmp_path / "2.bacpac"
    monkeypatch.setenv("HOLDFAST_SQLPACKAGE_SEED", "7")
    assert run(azure.command(first)) == 0
    monkeypatch.setenv("HOLDFAST_SQLPACKAGE_SEED", "8")
    assert run(azure.command(second)) == 0
    one, two = entries(first), entries(second)
    assert one["model.xml"] == two["model.xml"]
    assert one["Origin.xml"] != two["Origin.xml"]
    assert one["_rels/.rels"] != two["_rels/.rels"]
    assert tables(first) == tables(second) == tables(orders)


def test_a_seed_repeats_everything_but_the_time(
    azure: Any, orders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOLDFAST_SQLPACKAGE_SEED", "7")
    made = []
    for name in ("1.bacpac", "2.bacpac"):
        assert run(azure.command(tmp_path / name)) == 0
        found = entries(tmp_path / name)
        found["Origin.xml"] = re.sub(rb"<Start>.*?</Start>", b"", found["Origin.xml"])
        made.append(found)
    assert list(made[0].items()) == list(made[1].items())


def test_borders_move_at_times_and_always_at_rows(
    azure: Any, orders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers, cuts = set(), set()
    for seed in range(12):
        monkeypatch.setenv("HOLDFAST_SQLPACKAGE_SEED", str(seed))
        to = tmp_path / f"{seed}.bacpac"
        assert run(azure.command(to, "/p:CompressionOption=NotCompressed")) == 0
        with Bacpac.open(to) as bacpac:
            (table,) = bacpac.tables()
            sizes = [bacpac.entry(part).bytes for part in table.parts]
        assert all(size % 14 == 0 for size in sizes)
        assert sum(sizes) == 14 * COUNT
        numbers.add(len(sizes))
        cuts.add(tuple(sizes))
    assert len(numbers) > 1
    assert len(cuts) > 3


@pytest.mark.parametrize(
    ("option", "method"), [("NotCompressed", 0), ("Fast", 8), ("SuperFast", 8), ("Normal", 8), ("Maximum", 8)]
)
def test_compression(azure: Any, orders: Path, tmp_path: Path, option: str, method: int) -> None:
    """Whatever is asked for, the file can be rebuilt bit for bit, as real exporters' files can."""
    to = tmp_path / "out.bacpac"
    assert run(azure.command(to, f"/p:CompressionOption={option}")) == 0
    with Bacpac.open(to) as bacpac:
        assert bacpac.entry("model.xml").method == method
    assert Skeleton.of(to).identical_possible


def test_a_file_that_exists_is_kept_if_so_told(
    azure: Any, orders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    to = tmp_path / "out.bacpac"
    to.write_bytes(b"mine")
    assert run(azure.command(to, "/OverwriteFiles:False")) == 1
    assert to.read_bytes() == b"mine"
    assert "already exists" in capsys.readouterr().err
    assert run(azure.command(to, "/OverwriteFiles:True")) == 0


def test_an_empty_database(make: Any, azure: Any, tmp_path: Path) -> None:
    """No rows, so no data parts and no relationships."""
    azure.content = make.write(make.entries(make.model(make.table(T, [make.column(T, "Id", "[int]")]))))
    to = tmp_path / "out.bacpac"
    assert run(azure.command(to)) == 0
    assert sorted(entries(to)) == ["Origin.xml", "[Content_Types].xml", "model.xml"]


def test_rows_that_cannot_be_decoded_are_exported_all_the_same(make: Any, azure: Any, tmp_path: Path) -> None:
    model = make.model(make.table(T, [make.column(T, "V", "[vector]")]))
    azure.content = make.write(make.entries(model, {T: [b"one", b"two"]}))
    to = tmp_path / "out.bacpac"
    assert run(azure.command(to)) == 0
    assert [data for name, data in sorted(entries(to).items()) if name.startswith("Data/")] == [b"one", b"two"]


def test_temporary_files_go_where_they_should_and_vanish(azure: Any, orders: Path, tmp_path: Path) -> None:
    temporary = tmp_path / "tables"
    assert run(azure.command(tmp_path / "out.bacpac", f"/p:TempDirectoryForTableData={temporary}")) == 0
    assert list(temporary.iterdir()) == []


def test_as_it_reaches_a_worker(azure: Any, orders: Path, tmp_path: Path) -> None:
    """The archive unpacks to an executable that finds its emulator by itself, whatever the worker's own Python path."""
    place = tmp_path / "opt"
    with zipfile.ZipFile(io.BytesIO(archive(azure.address, azure.ca_file))) as package:
        for info in package.infolist():
            file = Path(package.extract(info, place))
            file.chmod(info.external_attr >> 16)
    assert stat.S_IMODE((place / "sqlpackage").stat().st_mode) == 0o755
    environment = {key: value for key, value in os.environ.items() if key != "HOLDFAST_EMULATOR"}
    environment["PYTHONPATH"] = str(tmp_path / "elsewhere")
    ran = subprocess.run(
        [place / "sqlpackage", *azure.command(tmp_path / "out.bacpac")],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    assert tables(tmp_path / "out.bacpac") == tables(orders)


@pytest.mark.real
def test_every_real_database(
    azure: Any, real_bacpacs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The export has the same model, the same rows of every table and a true count."""
    for seed, (name, original) in enumerate(real_bacpacs.items()):
        monkeypatch.setenv("HOLDFAST_SQLPACKAGE_SEED", str(seed))
        azure.content = original
        to = tmp_path / name
        assert run(azure.command(to, "/p:CompressionOption=Fast")) == 0
        assert tables(to) == tables(original)
        with Bacpac.open(original) as before, Bacpac.open(to) as after:
            assert describe.tables(after) == describe.tables(before)
            assert b"".join(after.pieces("model.xml")) == b"".join(before.pieces("model.xml"))
            assert {e.name for e in after.entries if "Data/" not in e.name} == {
                e.name for e in before.entries if "Data/" not in e.name
            }
            assert after.origin().rows == before.origin().rows
            assert after.origin().operation_id != before.origin().operation_id


@pytest.mark.real
@pytest.mark.dacfx
@pytest.mark.timeout(600)
def test_dacfx_takes_every_export(
    azure: Any, real_bacpacs: dict[str, Path], judge: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It opens and unpacks each, and says of each model what it says of the original's."""
    exported: dict[Path, Path] = {}
    for seed, (name, original) in enumerate(real_bacpacs.items()):
        monkeypatch.setenv("HOLDFAST_SQLPACKAGE_SEED", str(seed))
        azure.content = original
        assert run(azure.command(tmp_path / name)) == 0
        exported[tmp_path / name] = original
    assert judge.refusals("load", *exported) == []
    # Models of SQL Server 2025 are later than this DacFx.
    known = {to: original for to, original in exported.items() if to.name != "AdventureWorksLT-2025.bacpac"}
    said = judge.messages(*known, *known.values())
    for to, original in known.items():
        assert said[to] == said[original] or judge.difference(to, original) is None, to
    for name in ("Northwind-urbidata.bacpac", "course-netcore.bacpac"):
        assert judge.unpack(tmp_path / name, tmp_path / "unpacked" / name) == []
