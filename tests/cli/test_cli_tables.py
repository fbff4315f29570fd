"""`holdfast table`, directly on a repository and through the app: what it prints for scripts, and how it refuses."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest

from holdfast.cli import downloading
from local.samples.databases import write_sample

from .conftest import FakeApp, Run, session

KEYS = {"schema", "name", "rows", "bytes", "decodable", "reason"}


@pytest.fixture
def at(repository: str, password_file: Path) -> tuple[str | Path, ...]:
    return ("--repository", repository, "--password-file", password_file)


def imported(run: Run, at: tuple[str | Path, ...], *files: Path) -> list[dict[str, Any]]:
    ran = run("point", "import", *files, "--source", "srv/hr", *at, "-o", "json")
    assert ran.code == 0, ran.err
    found: list[dict[str, Any]] = ran.json if isinstance(ran.json, list) else [ran.json]
    return found


def test_the_tables_of_a_point_as_scripts_see_them(
    run: Run, at: tuple[str | Path, ...], bacpacs: dict[str, Path], tmp_path: Path
) -> None:
    before, after = imported(run, at, bacpacs["hr-0"], bacpacs["hr-1"])
    listed = run("table", "list", before["id"], *at, "-o", "json").json
    assert all(set(one) == KEYS for one in listed)
    assert [(one["schema"], one["name"]) for one in listed] == sorted((one["schema"], one["name"]) for one in listed)
    employee = next(one for one in listed if one["name"] == "Employee")
    assert employee["decodable"] is True
    assert employee["rows"] > 3
    shown = run("table", "show", before["id"], "hr.Employee", "--rows", "3", *at, "-o", "json").json
    assert len(shown) == 3
    assert all(value is None or isinstance(value, str) for row in shown for value in row.values())
    assert next(iter(shown[0])) in run("table", "show", before["id"], "hr.employee", *at).out
    to = tmp_path / "employee.parquet"
    ran = run("table", "export", before["id"], "hr.Employee", "--to", to, *at, "-o", "json").json
    assert {k: ran[k] for k in ("point", "table", "file", "rows")} == {
        "point": before["id"],
        "table": "hr.Employee",
        "file": str(to),
        "rows": employee["rows"],
    }
    assert pq.read_metadata(to).num_rows == employee["rows"]
    found = run("table", "diff", before["id"], after["id"], "hr.Employee", *at, "-o", "json").json
    assert (found["before"], found["after"], found["primary_key"]) == (before["id"], after["id"], ["EmployeeID"])
    assert found["added"] + found["removed"] + found["changed"] == len(found["rows"]) or len(found["rows"]) == 20
    few = run("table", "diff", before["id"], after["id"], "hr.Employee", "--rows", "0", *at, "-o", "json").json
    assert few == {**found, "rows": []}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("show", "POINT", "hr.Nothing"), 4),
        (("show", "POINT", "a.b.c.d"), 4),
        (("show", "POINT", "hr."), 2),
        (("show", "20200101T000000Z-00000000", "hr.Employee"), 4),
        (("export", "POINT", "hr.Employee", "--to", "x.xlsx"), 2),
        (("diff", "POINT", "20200101T000000Z-00000000", "hr.Employee"), 4),
    ],
)
def test_what_is_not_there_or_cannot_be_is_refused(
    run: Run, at: tuple[str | Path, ...], bacpacs: dict[str, Path], arguments: tuple[str, ...], code: int
) -> None:
    (point,) = imported(run, at, bacpacs["hr-0"])
    ran = run("table", *(point["id"] if one == "POINT" else one for one in arguments), *at, "-o", "json")
    assert ran.code == code, ran.err
    assert ran.out == ""
    assert ran.err


def test_a_wrong_password_opens_no_table(
    run: Run, at: tuple[str | Path, ...], bacpacs: dict[str, Path], repository: str, tmp_path: Path
) -> None:
    (point,) = imported(run, at, bacpacs["hr-0"])
    wrong = tmp_path / "wrong"
    wrong.write_text("another password\n")
    for command in (("list", point["id"]), ("show", point["id"], "hr.Employee")):
        ran = run("table", *command, "--repository", repository, "--password-file", wrong)
        assert ran.code == 12
        assert "another password" not in ran.out + ran.err


def test_tables_beside_the_damage_are_exported_and_named(
    run: Run, at: tuple[str | Path, ...], repository: str, tmp_path: Path
) -> None:
    """Bits flip in a pack: the table that they hit is named with those that can still be read, and these can be."""
    write_sample(tmp_path / "shop.bacpac", "shop")
    (point,) = imported(run, at, tmp_path / "shop.bacpac")
    names = [one["schema"] + "." + one["name"] for one in point["tables"] if one["rows"]]
    packs = [p for p in Path(repository.removeprefix("file://")).glob("chains/*/data/*") if p.is_file()]
    pack = max(packs, key=lambda one: one.stat().st_size)
    pack.chmod(0o644)
    whole = pack.read_bytes()
    outcomes: dict[str, Any] = {}
    for place in range(100, len(whole), len(whole) // 6):
        pack.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        ends = {}
        for name in names:
            to = tmp_path / "t.csv"
            to.unlink(missing_ok=True)
            ends[name] = run("table", "export", point["id"], name, "--to", to, *at)
            assert to.exists() == (ends[name].code == 0)
        outcomes[str(place)] = ends
        for name, ran in ends.items():
            if ran.code:
                assert ran.code == 13
                assert f"table {name}" in ran.err
                told = {
                    other for other in names if other in ran.err.partition("Not touched")[2].partition("holdfast")[0]
                }
                assert all(ends[other].code == 0 for other in told)
    assert any(0 < sum(ran.code == 0 for ran in ends.values()) < len(names) for ends in outcomes.values())


@pytest.fixture
def link(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """What the link gives."""
    given = {"content": b""}

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=given["content"])

    monkeypatch.setattr(
        downloading, "new_download_client", lambda _: httpx.Client(transport=httpx.MockTransport(answer))
    )
    return given


def answered(fake_app: FakeApp, link: dict[str, bytes], act: str, content: bytes, **more: Any) -> None:
    link["content"] = content
    done = {
        "url": "https://storage.test/exports/x?sig=secret-signature",
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "expires_at": "2026-02-01T00:00:00Z",
        **more,
    }
    fake_app.answers |= {
        f"POST points/p1/tables/{act}": session(kind="table"),
        "GET sessions/s1": session("succeeded", kind="table", download=done),
    }


def test_through_the_app_the_same_is_printed(
    run: Run, fake_app: FakeApp, link: dict[str, bytes], tmp_path: Path
) -> None:
    rows = [{"id": "1", "body": None}]
    answered(fake_app, link, "show", json.dumps(rows).encode())
    ran = run("table", "show", "p1", "dbo.T", "--rows", "1", "-o", "json")
    assert (ran.code, ran.json) == (0, rows)
    assert fake_app.sent(0) == {"table": "dbo.T", "rows": 1}
    listed = [{"schema": "dbo", "name": "T", "rows": 1, "bytes": 9, "decodable": True, "reason": None}]
    answered(fake_app, link, "list", json.dumps(listed).encode())
    assert run("table", "list", "p1", "--repository", "default", "-o", "json").json == listed
    assert fake_app.sent(-2) == {"repository": "default"}
    to = tmp_path / "t.csv"
    answered(fake_app, link, "export", b"id\r\n1\r\n", rows=1, losses=["column body: 3 values …"])
    ran = run("table", "export", "p1", "T", "--to", to, "-o", "json")
    assert (ran.json["rows"], ran.json["losses"], to.read_bytes()) == (1, ["column body: 3 values …"], b"id\r\n1\r\n")
    assert "column body" in ran.err
    assert "secret-signature" not in ran.out + ran.err
    answered(fake_app, link, "diff", json.dumps({"primary_key": ["id"], "added": 1, "rows": []}).encode())
    assert run("table", "diff", "p1", "p2", "T", "-o", "json").json["added"] == 1
    assert fake_app.sent(-2) == {"table": "T", "other": "p2", "rows": 20}


def test_a_table_session_that_fails_ends_with_its_error(run: Run, fake_app: FakeApp, tmp_path: Path) -> None:
    damaged = {"code": "damaged", "title": "Damaged", "detail": "table dbo.T: pack x", "help": "Not touched: dbo.U"}
    fake_app.answers |= {
        "POST points/p1/tables/export": session(kind="table"),
        "GET sessions/s1": session("failed", kind="table", error=damaged),
    }
    to = tmp_path / "t.parquet"
    ran = run("table", "export", "p1", "dbo.T", "--to", to)
    assert ran.code == 13
    assert "dbo.U" in ran.err
    assert not to.exists()


def test_a_table_is_restored_through_the_app_and_what_it_lacks_is_said(run: Run, fake_app: FakeApp) -> None:
    fake_app.answers |= {
        "POST points/p1/tables/restore": session(kind="table"),
        "GET sessions/s1": session("succeeded", kind="table"),
        "GET sessions/s1/log": {"value": [{"level": "warning", "message": "dbo.New: left out: foreign key FK_A"}]},
    }
    arguments = ("table", "restore", "p1", "dbo.Old", "--to", "srv/shop", "--as", "dbo.New", "--with-indexes")
    ran = run(*arguments)
    assert ran.code == 0, ran.err
    assert "foreign key FK_A" in ran.err
    assert fake_app.sent(0) == {"table": "dbo.Old", "target": "srv/shop", "new_name": "dbo.New", "with_indexes": True}


@pytest.mark.parametrize(
    "arguments",
    [
        ("--to", "shop", "--as", "dbo.New"),
        ("--to", "srv/", "--as", "dbo.New"),
        ("--to", "srv/shop", "--as", "dbo."),
        ("--to", "srv/shop", "--as", "dbo.New", "--repository", "file:///x"),
    ],
)
def test_a_target_that_cannot_be_is_refused_before_anything_is_asked(
    run: Run, fake_app: FakeApp, arguments: tuple[str, ...]
) -> None:
    assert run("table", "restore", "p1", "dbo.Old", *arguments).code == 2
    assert fake_app.asked == []
