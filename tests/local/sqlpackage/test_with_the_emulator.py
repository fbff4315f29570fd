"""The stand-ins against the real Azure emulator in a process of its own: rights, tokens, content and log, as at work."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from holdfast.bacpac.package import Bacpac
from local.sqlpackage.__main__ import run

if TYPE_CHECKING:
    from tests.local.sqlpackage.conftest import World

T = ("dbo", "T")
HOST = "shop.database.windows.net"


def command(client_id: str, to: Path, database: str = "orders") -> list[str]:
    connection = (
        f"Server=tcp:{HOST},1433;Initial Catalog={database};Authentication=Active Directory Managed Identity;"
        f"User Id={client_id};Encrypt=True"
    )
    return ["/Action:Export", f"/SourceConnectionString:{connection}", f"/TargetFile:{to}"]


def test_an_export_and_a_probe(
    world: World, make: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only who has the right gets anything, only what was loaded comes out, and the emulator learns what was written."""
    model = make.model(make.table(T, [make.column(T, "Id", "[int]", nullable=False)]))
    file = make.write(make.entries(model, {T: [b"\1\0\0\0\2\0\0\0"]}, rows=2))
    loaded = world.admin("POST", "databases", {"file": str(file), "server": "shop", "database": "orders"})
    client = world.admin("POST", "identities", {"name": "worker", "app": True, "roles": []})["client_id"]
    to = tmp_path / "out.bacpac"

    assert run(command(client, to)) == 1
    assert 'Cannot open database "orders"' in capsys.readouterr().err

    scope = "/subscriptions/" + loaded["id"].split("/")[2]
    world.admin("POST", "identities", {"name": "worker", "app": True, "roles": [["SQL reader", scope]]})
    assert run(command(client, to)) == 0
    with Bacpac.open(to) as bacpac:
        assert b"".join(piece for part in bacpac.tables()[0].parts for piece in bacpac.pieces(part))[:4] == b"\1\0\0\0"
        names = {entry.name for entry in bacpac.entries}
    (told,) = world.admin("GET", "exports")
    assert set(told["entries"]) == names
    assert run(command(client, to, "none")) == 1
    assert 'Cannot open database "none"' in capsys.readouterr().err

    monkeypatch.setenv("HOLDFAST_WORKER_CLIENT_ID", client)
    question = json.dumps({"host": HOST, "database": "orders"})
    ran = subprocess.run(
        [sys.executable, "-m", "local.sqlprobe"],
        input=question,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["V01"] == [{"s": "dbo", "t": "T", "n": 2}]
    gone = question.replace("orders", "none")
    ran = subprocess.run(
        [sys.executable, "-m", "local.sqlprobe"], input=gone, capture_output=True, text=True, check=False, timeout=60
    )
    assert ran.returncode == 1
    assert json.loads(ran.stdout)["error"]["code"] == "missing-rights"
