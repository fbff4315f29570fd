"""What a release changes is said by fragments, and each of them is heard."""

import re
from datetime import date
from pathlib import Path

import pytest

from local import changelog
from local.bundle import ROOT

_KINDS = ("upgrade", "added", "changed", "fixed", "removed")
_NAME = re.compile(rf"(\+[a-z-]+|\d+)\.({'|'.join(_KINDS)})(\.\d+)?\.md")
_FRAGMENTS = sorted((ROOT / "changes").glob("*.md"))
_DAY = date(2026, 1, 2)


@pytest.mark.parametrize("file", _FRAGMENTS, ids=lambda file: file.name)
def test_a_fragment_is_of_a_known_kind_and_says_something(file: Path) -> None:
    assert _NAME.fullmatch(file.name), f"name it WHAT.KIND.md, KIND one of {', '.join(_KINDS)}"
    assert re.fullmatch(r"[A-Z`].*\.\n", file.read_text(), re.S), "whole sentences"


@pytest.mark.skipif(not _FRAGMENTS, reason="the last release took them all")
def test_the_changelog_of_the_next_release_has_every_fragment_on_top() -> None:
    told = changelog.changelog("9.9.9", _DAY)
    new = told[told.index("## 9.9.9 (2026-01-02)") :]
    for file in _FRAGMENTS:
        assert " ".join(file.read_text().split()) in " ".join(new.split()), file.name


def test_a_release_that_nothing_is_said_about_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(changelog, "_CHANGES", tmp_path)
    monkeypatch.setattr(changelog, "_CHANGELOG", tmp_path / "CHANGELOG.txt")
    changelog._CHANGELOG.write_text("# Changelog\n\n## 1.0.0 (2026-01-01)\n")
    assert changelog.changelog("1.0.0", _DAY) == changelog._CHANGELOG.read_text()
    with pytest.raises(SystemExit, match=r"1\.0\.1"):
        changelog.changelog("1.0.1", _DAY)
