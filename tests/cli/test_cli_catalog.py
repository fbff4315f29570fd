"""`holdfast catalog` and `holdfast repository adopt`: files that are whole or refused, and what the app is asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from holdfast.cli import catalog
from holdfast.model.clock import SystemClock
from holdfast.model.installation import Installation
from holdfast.repository import PointHeader, Repository
from holdfast.storage import open_store
from local.samples.databases import write_sample

from .conftest import PASSWORD, FakeApp, Run, session

HEAD = {
    "holdfast": "catalog",
    "version": 1,
    "schema": 2,
    "installation": "an-id",
    "name": "prod",
    "exported_at": "2026-03-01T03:00:00Z",
}


def row(number: int) -> dict[str, Any]:
    return {
        "table": "holdfastpolicies",
        "partition": "policies",
        "key": f"p{number}",
        "values": {"document": "ä{}", "n": 1},
    }


@pytest.fixture
def exported(run: Run, fake_app: FakeApp, tmp_path: Path) -> Path:
    """Five rows in two pages."""
    fake_app.answers["GET catalog"] = HEAD
    pages = [[row(0), row(1), row(2)], [row(3), row(4)]]
    fake_app.answers["GET catalog/rows"] = [{"value": pages[0], "next": "x"}, {"value": pages[1], "next": None}]
    file = tmp_path / "catalog.jsonl"
    ran = run("catalog", "export", "--to", file, "-o", "json")
    assert ran.json == {"file": str(file), "rows": 5, "installation": "an-id", "schema": 2}
    assert file.stat().st_mode & 0o77 == 0, "it names every database: for its owner alone"
    return file


def test_an_export_is_a_line_a_row_and_says_that_it_is_whole(exported: Path) -> None:
    lines = [json.loads(line) for line in exported.read_text().splitlines()]
    assert lines[0] == HEAD
    assert lines[1:-1] == [row(number) for number in range(5)]
    assert lines[-1]["rows"] == 5


def test_an_import_sends_all_rows_in_order_and_decides_the_identity_once(
    run: Run, fake_app: FakeApp, exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "_ROWS", 2)
    fake_app.asked.clear()
    taken = {"added": 1, "same": 1, "kept": [], "identity": "taken"}
    later = {"added": 1, "same": 0, "kept": ["holdfastpolicies policies/p4"], "identity": "same"}
    fake_app.answers["POST catalog/rows"] = [taken, later, later]
    ran = run("catalog", "import", exported, "-o", "json")
    assert ran.json["added"] == 3
    assert ran.json["kept"] == ["holdfastpolicies policies/p4"] * 2
    assert ran.json["identity"] == "taken"
    sent = [fake_app.sent(at) for at in range(3)]
    assert [one for part in sent for one in part["rows"]] == [row(number) for number in range(5)]
    assert [(part["identity"], part["last"]) for part in sent] == [("auto", False), ("keep", False), ("keep", True)]
    assert all(part["head"] == HEAD for part in sent)


@pytest.mark.parametrize("damage", ["cut", "end", "changed", "line", "empty", "foreign"])
def test_a_file_that_is_not_whole_never_reaches_the_app(
    run: Run, fake_app: FakeApp, exported: Path, damage: str
) -> None:
    lines = exported.read_bytes().splitlines(keepends=True)
    exported.write_bytes(
        {
            "cut": b"".join(lines[:4]),
            "end": b"".join(lines[:-1]),
            "changed": b"".join(lines).replace(b'"p3"', b'"q3"'),
            "line": b"".join([*lines[:2], b"{}\n", *lines[3:]]),
            "empty": b"",
            "foreign": b'{"version": 1}\n',
        }[damage]
    )
    fake_app.asked.clear()
    ran = run("catalog", "import", exported)
    assert ran.code == 2
    assert exported.name in ran.err
    assert fake_app.asked == []


def test_a_rebuild_and_an_adoption_are_sessions(run: Run, fake_app: FakeApp) -> None:
    fake_app.answers["POST catalog/rebuild"] = session("pending", kind="rebuild")
    fake_app.answers["POST repositories/default/adopt"] = session("pending", kind="adopt")
    ran = run("catalog", "rebuild", "--adopt", "--dry-run", "-o", "json")
    assert ran.json["kind"] == "rebuild"
    assert "policies" in ran.err
    assert fake_app.sent() == {"adopt": True, "dry_run": True, "worker": "standard"}
    assert run("repository", "adopt", "default", "--database", "sales", "-o", "json").json["kind"] == "adopt"
    assert fake_app.sent() == {"databases": ["sales"], "dry_run": False, "worker": "standard"}


def test_a_repository_is_adopted_by_its_address(run: Run, tmp_path: Path) -> None:
    """By a person who says for whom."""
    (tmp_path / "repository").mkdir()
    url, password, package = (tmp_path / "repository").as_uri(), tmp_path / "password", tmp_path / "shop.bacpac"
    password.write_text(PASSWORD)
    assert run("repository", "init", url, "--password-file", password).code == 0
    write_sample(package, "shop", scale=0.02)
    ours = Installation(id="old", name="gone")
    clock = SystemClock()
    opened = Repository.open(open_store(url), PASSWORD, clock=clock, installation=ours)
    header = PointHeader(id="p1", source="srv/shop", chain="c1", created_at=clock.now(), session="s")
    opened.store_point(package, header, owner="w")
    asked = ("repository", "adopt", url, "--password-file", password, "--installation", "new", "-o", "json")
    assert run("repository", "adopt", url, "--password-file", password).code == 2
    expected = {"chain": "c1", "source": "srv/shop", "points": 1, "owner": "gone (old)"}
    assert run(*asked, "--dry-run").json == [{**expected, "state": "would be adopted"}]
    assert run(*asked, "--database", "other").json == []
    assert run(*asked).json == [{**expected, "state": "adopted"}]
    assert run(*asked).json == [{**expected, "owner": "new", "state": "owned"}]
