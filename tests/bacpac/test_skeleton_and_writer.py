"""Packages that are written can be read, by others too; and written again to the very same bytes."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.bacpac import writer
from holdfast.bacpac.deflate import RECIPES, Deflater, Recipe, deflated
from holdfast.bacpac.limits import Limits
from holdfast.bacpac.package import Bacpac
from holdfast.bacpac.skeleton import Skeleton
from holdfast.bacpac.writer import Level, write_package
from holdfast.model.errors import Damaged, InvalidInput

LEVELS = ("stored", "fast", "fastest-zlib", "normal")
per_example = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)

contents = st.one_of(st.binary(max_size=2000), st.binary(min_size=1, max_size=40).map(lambda b: b * 5000))
part_names = st.text(st.characters(codec="utf-8", exclude_characters="/\\", exclude_categories=("C",)), min_size=1)


def written(path: Path, entries: dict[str, bytes], level: Level) -> Path:
    with path.open("w+b") as out:
        write_package(out, ((name, iter([data[:7], data[7:]])) for name, data in entries.items()), level)
    return path


@per_example
@given(data=st.dictionaries(part_names, contents, max_size=6), level=st.sampled_from(LEVELS), twice=st.booleans())
def test_write_read_rebuild(make: Any, tmp_path: Path, data: dict[str, bytes], level: Level, twice: bool) -> None:
    """For any entries: Python's zipfile and our reader give back what was written, and the skeleton the file itself."""
    folded = {name.casefold(): f"Data/x{n} {name}" for n, name in enumerate(data)}
    entries = make.entries(make.model()) | {folded[name.casefold()]: content for name, content in data.items()}
    path = written(tmp_path / "w.bacpac", entries, level)
    with zipfile.ZipFile(path) as package:
        assert {info.filename: package.read(info) for info in package.infolist()} == entries
    with Bacpac.open(path) as bacpac:
        assert {entry.name: b"".join(bacpac.pieces(entry.name)) for entry in bacpac.entries} == entries
    skeleton = Skeleton.from_bytes(Skeleton.of(path, threads=1).to_bytes())
    if level != "fast":  # isal's bytes are no zlib's
        assert skeleton.identical_possible
    if skeleton.identical_possible:
        out = io.BytesIO()
        skeleton.rebuild(lambda name: iter([entries[name]]), out)
        assert out.getvalue() == path.read_bytes()
    if twice:
        assert written(tmp_path / "again.bacpac", entries, level).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_gives_a_stream_that_inflates(recipe: Recipe) -> None:
    data = bytes(range(256)) * 999
    assert zlib.decompress(b"".join(deflated(recipe, [data[:5], data[5:]])), -15) == data


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_is_recognised(make: Any, tmp_path: Path, recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever deflated, the file can be written again bit for bit."""
    monkeypatch.setattr(writer, "_deflater", lambda level: Deflater(recipe))
    rows = b"".join(n.to_bytes(3, "little") for n in range(50_000))
    entries = make.entries(make.model()) | {"Data/dbo.T/TableData-000-00000.BCP": rows}
    path = written(tmp_path / "r.bacpac", entries, "normal")
    skeleton = Skeleton.of(path)
    assert skeleton.identical_possible
    out = io.BytesIO()
    skeleton.rebuild(lambda name: iter([entries[name]]), out)
    assert out.getvalue() == path.read_bytes()


def test_a_deflate_that_nobody_can_repeat_is_said(make: Any, tmp_path: Path) -> None:
    entries = make.entries(make.model()) | {"Data/dbo.T/TableData-000-00000.BCP": b"abcabcabd" * 3000}
    skeleton = Skeleton.of(written(tmp_path / "f.bacpac", entries, "fast"))
    assert not skeleton.identical_possible
    with pytest.raises(InvalidInput, match="TableData-000"):
        skeleton.rebuild(lambda name: iter([entries[name]]), io.BytesIO())


def test_a_skeleton_is_small(make: Any, tmp_path: Path) -> None:
    """It costs about 180 bytes an entry, and nothing of the rows."""
    data = {f"Data/dbo.T/TableData-{n:03}-00000.BCP": bytes([n]) * 100_000 for n in range(100)}
    skeleton = Skeleton.of(written(tmp_path / "s.bacpac", make.entries(make.model()) | data, "normal"))
    assert len(skeleton.to_bytes()) < 100 * 300


def test_other_bytes_than_were_stored_are_not_passed_off_as_the_file(make: Any, tmp_path: Path) -> None:
    part = "Data/dbo.T/TableData-000-00000.BCP"
    entries = make.entries(make.model()) | {part: b"rows" * 100}
    skeleton = Skeleton.of(written(tmp_path / "d.bacpac", entries, "normal"))
    changed = entries | {part: b"rowz" * 100}
    with pytest.raises(Damaged):
        skeleton.rebuild(lambda name: iter([changed[name]]), io.BytesIO())


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-1], lambda b: b + b"x", lambda b: b[3:], lambda b: b[:20], lambda b: b""]
)
def test_a_damaged_skeleton_is_damaged_and_no_other_error(make: Any, tmp_path: Path, damage: Any) -> None:
    raw = Skeleton.of(written(tmp_path / "k.bacpac", make.entries(make.model()), "normal")).to_bytes()
    with pytest.raises(Damaged):
        Skeleton.from_bytes(damage(raw))


def test_more_entries_than_16_bits_can_count(make: Any, tmp_path: Path) -> None:
    """ZIP64 by number."""
    data = {f"Data/t{n}/TableData-000-00000.BCP": b"" for n in range(66_000)}
    path = written(tmp_path / "many.bacpac", make.entries(make.model()) | data, "stored")
    with Bacpac.open(path) as bacpac:
        assert len(bacpac.entries) == 66_003
    with zipfile.ZipFile(path) as package:
        assert len(package.infolist()) == 66_003


def test_an_entry_larger_than_4_gib(make: Any, tmp_path: Path) -> None:
    """ZIP64 by size, which nobody knew when the entry began."""
    size, piece = (4 << 30) + 12_345, bytes(1 << 20)
    name = "Data/dbo.T/TableData-000-00000.BCP"

    def zeros() -> Iterator[bytes]:
        for _ in range(size // len(piece)):
            yield piece
        yield piece[: size % len(piece)]

    path = tmp_path / "large.bacpac"
    with path.open("w+b") as out:
        write_package(out, [*((n, [d]) for n, d in make.entries(make.model()).items()), (name, zeros())], "fast")
    with zipfile.ZipFile(path) as package:
        assert package.getinfo(name).file_size == size
    with Bacpac.open(path, Limits(data_ratio=2000)) as bacpac:
        assert bacpac.entry(name).bytes == size
        assert sum(map(len, bacpac.pieces(name))) == size


def test_a_stream_can_be_read_in_any_manner(make: Any, tmp_path: Path) -> None:
    part = "Data/dbo.T/TableData-000-00000.BCP"
    rows = b"".join(n.to_bytes(4, "little") for n in range(300_000))
    path = written(tmp_path / "r.bacpac", make.entries(make.model()) | {part: rows}, "normal")
    with Bacpac.open(path) as bacpac, bacpac.open_entry(part) as first, bacpac.open_entry(part) as second:
        start = first.read(10)
        assert second.read() == rows
        assert start + first.read(3) + first.read() == rows
        assert first.read(1) == b""
