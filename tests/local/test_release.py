"""A release is the same bytes each time, or it is none."""

from pathlib import Path

import pytest

from local import release
from local.bundle import Archive
from local.parts import Part


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release, "_git", lambda *words: "1767225600" if words[0] == "log" else "")
    monkeypatch.setattr(release, "worker_bundle", lambda: Archive.of(b"worker"))
    monkeypatch.setattr(release, "packed", lambda bundle: [Part("numpy", "2.0", "BSD-3-Clause")])


def test_two_wheels_that_differ_are_no_release(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, clean: None) -> None:
    built = iter([("a.whl", b"1"), ("a.whl", b"2")])
    monkeypatch.setattr(release, "wheel", lambda: next(built))
    with pytest.raises(SystemExit, match="different"):
        release.release(tmp_path / "dist")
    assert not (tmp_path / "dist").exists()


def test_the_sums_are_of_what_is_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, clean: None) -> None:
    monkeypatch.setattr(release, "wheel", lambda: ("a.whl", b"1"))
    release.release(tmp_path)
    sums = dict(reversed(line.split("  ")) for line in (tmp_path / "SHA256SUMS").read_text().splitlines())
    written = {path.name for path in tmp_path.iterdir()} - {"SHA256SUMS"}
    assert {"a.whl", "holdfast-worker.tar.gz"} < written
    assert sums == {name: Archive.of((tmp_path / name).read_bytes()).sha256 for name in written}


def test_a_second_release_of_a_commit_is_the_same_bytes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, clean: None
) -> None:
    monkeypatch.setattr(release, "wheel", lambda: ("a.whl", b"1"))
    first, second = release.release(tmp_path / "1"), release.release(tmp_path / "2")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_what_is_not_committed_is_not_released(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(release, "_git", lambda *words: " M README.md")
    with pytest.raises(SystemExit, match="commit first"):
        release.release(tmp_path)
