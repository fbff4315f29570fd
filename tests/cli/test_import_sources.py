"""Files to take in: found by name, fetched one at a time into a folder that goes with them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from holdfast.cli.import_sources import FarFile, find_local
from holdfast.model.errors import DiskFull, Unavailable
from holdfast.storage.foreign_blobs import ForeignBlob


class Place:
    """A container of one blob, that breaks off after `pieces`."""

    def __init__(self, pieces: int) -> None:
        self.pieces = pieces
        self.asked = 0

    def stream(self, name: str) -> Iterator[bytes]:
        self.asked += 1
        for _ in range(self.pieces):
            yield b"x" * 10
        if self.pieces < 3:
            raise Unavailable(name)


def _far(place: Any, folder: Path) -> FarFile:
    return FarFile(place, ForeignBlob("a/b.bacpac", 30, datetime(2026, 1, 1, 3, 0, 0, 5, UTC)), folder)


def test_a_fetched_file_is_whole_while_it_is_needed_and_gone_afterwards(tmp_path: Path) -> None:
    told: list[int] = []
    with _far(Place(3), tmp_path).here(told.append) as path:
        assert path.read_bytes() == b"x" * 30
    assert told == [10, 20, 30]
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_breaks_off_is_never_given_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(Unavailable), _far(Place(2), tmp_path).here(lambda _: None):
        pytest.fail("half a file was given")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_does_not_fit_is_not_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=29))
    place = Place(3)
    with pytest.raises(DiskFull) as full, _far(place, tmp_path).here(lambda _: None):
        pytest.fail("it does not fit")
    assert "--work-folder" in full.value.help
    assert place.asked == 0


def test_only_bacpacs_of_folders_are_found_and_the_others_counted(tmp_path: Path) -> None:
    for name in ("b.bacpac", "sub/A.BACPAC", ".c.bacpac", "sub/notes.txt", "d.bacpac.part"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"12")
    (tmp_path / "folder.bacpac").mkdir()
    named = tmp_path / "sub" / "notes.txt"
    found = find_local([tmp_path, named, tmp_path / "b.bacpac"])
    names = [Path(file.name).relative_to(tmp_path).as_posix() for file in found.files]
    assert names == ["b.bacpac", "sub/A.BACPAC", "sub/notes.txt"], "what is named is taken, whatever it is called, once"
    assert found.others == 3
    assert {file.size for file in found.files} == {2}
