"""Samples are valid packages: to our own reader, and to Microsoft's."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path
from typing import Any

import pytest

from holdfast.bacpac.package import Bacpac
from holdfast.bacpac.preflight import find
from holdfast.bacpac.rows import RowCounter
from holdfast.model.errors import InvalidInput
from local.samples.databases import HEALTHY, SAMPLES, generate, write_sample
from local.samples.legacy import EXTERNAL_VIEW, ORPHAN, WINDOWS_USER

from .conftest import Sample


def _entries(file: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(file) as package:
        return {name: package.read(name) for name in package.namelist()}


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("day", [0, 10])
def test_every_row_of_every_table_decodes_and_they_are_as_many_as_the_origin_says(
    sample: Sample, name: str, day: int
) -> None:
    with Bacpac.open(sample(name, day)) as package:
        total = 0
        for table in package.tables():
            assert table.columns is not None, table.reason
            counter = RowCounter(table.columns)
            for part in table.parts:
                for piece in package.pieces(part):
                    counter.feed(piece)
            total += counter.finish()
        assert total == package.origin().rows
        assert (total > 0) == (name != "empty")


@pytest.mark.parametrize("name", SAMPLES)
def test_the_same_arguments_give_the_same_bytes(tmp_path: Path, sample: Sample, name: str) -> None:
    again = tmp_path / "again.bacpac"
    write_sample(again, name, day=3, scale=0.2)
    assert again.read_bytes() == sample(name, 3).read_bytes()


def test_another_seed_gives_other_rows_in_the_same_tables(sample: Sample) -> None:
    one, other = _entries(sample("hr")), _entries(sample("hr", seed=2))
    assert one["model.xml"] == other["model.xml"]
    assert one["Data/hr.Employee/TableData-000-00000.BCP"] != other["Data/hr.Employee/TableData-000-00000.BCP"]


def test_known_bytes_stay_as_they_are() -> None:
    """Benches and golden files rely on them: who changes this line makes old figures incomparable."""
    digest = hashlib.sha256()
    for name, pieces in generate("series", day=2, scale=0.1):
        digest.update(name.encode())
        for piece in pieces:
            digest.update(piece)
    assert digest.hexdigest() == KNOWN


KNOWN = "969153d663c7583fd8f248b730d10a281bab89cf73894d3c8ebd58559b9894d4"


def test_only_the_old_database_has_blockers(sample: Sample) -> None:
    for name in HEALTHY:
        with Bacpac.open(sample(name)) as package:
            assert [f for f in find(package) if f.severity != "warning"] == []
    with Bacpac.open(sample("legacy")) as package:
        found = find(package)
    assert {f.id for f in found if f.severity == "blocks-export"} == {"P01", "P04", "P06"}
    named = " ".join(f.object for f in found)
    assert all(name in named for name in (EXTERNAL_VIEW, ORPHAN, WINDOWS_USER))


@pytest.mark.parametrize("arguments", [("nothing", 0, 1.0), ("shop", -1, 1.0), ("shop", 0, 0.0)])
def test_what_there_is_not_is_refused(arguments: tuple[str, int, float]) -> None:
    with pytest.raises(InvalidInput):
        generate(*arguments)


def test_no_password_is_in_a_model(sample: Sample) -> None:
    assert b'Name="Password" Value=""' in _entries(sample("hr"))["model.xml"]


@pytest.mark.dacfx
def test_microsofts_code_loads_them_and_finds_nothing_wrong_with_the_healthy_ones(sample: Sample, judge: Any) -> None:
    files = [sample(name, day) for name in HEALTHY for day in (0, 10)]
    assert judge.refusals("load", *files) == []
    assert judge.messages(*files) == {file: [] for file in files}


@pytest.mark.dacfx
def test_microsofts_code_unpacks_them_to_a_script_with_every_table(sample: Sample, judge: Any, tmp_path: Path) -> None:
    for name in ("shop", "types", "legacy"):
        file = sample(name, 4)
        assert judge.unpack(file, tmp_path / name) == []
        script = (tmp_path / name / "model.sql").read_text("utf-8-sig")
        with Bacpac.open(file) as package:
            for table in package.tables():
                escaped = table.name.replace("]", "]]")
                assert f"CREATE TABLE [{table.schema}].[{escaped}]" in script


@pytest.mark.dacfx
def test_microsofts_code_names_what_is_wrong_with_the_old_one(sample: Sample, judge: Any) -> None:
    file = sample("legacy")
    said = judge.messages(file)[file]
    for what, number in ((EXTERNAL_VIEW, "SQL71501"), (ORPHAN, "SQL71501"), (WINDOWS_USER, "SQL71627")):
        assert any(number in line and what in line for line in said)
