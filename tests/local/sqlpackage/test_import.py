"""The stand-in fills an empty database of the emulator once, and fails as SqlPackage's import is known to fail."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from holdfast.bacpac.package import Bacpac
from holdfast.sql.protocol import Inquiry
from local.sqlpackage.__main__ import run
from local.sqlprobe.__main__ import probe

if TYPE_CHECKING:
    from tests.local.sqlpackage.conftest import World

T = ("dbo", "T")
HOST = "shop.database.windows.net"
GROUP = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/holdfast"
SERVER = f"{GROUP}/providers/Microsoft.Sql/servers/shop"


class Target:
    """An empty database, and the package that is to fill it."""

    def __init__(self, world: World, file: Path) -> None:
        self.world, self.file = world, file
        self.client = ""

    def empty(self, name: str, **more: Any) -> None:
        self.world.admin("PUT", "resources", {"id": f"{SERVER}/databases/{name}", **more})

    def command(self, name: str = "target", file: Path | None = None) -> list[str]:
        connection = (
            f"Server=tcp:{HOST},1433;Initial Catalog={name};Authentication=Active Directory Managed Identity;"
            f"User Id={self.client};Encrypt=True"
        )
        return ["/Action:Import", f"/TargetConnectionString:{connection}", f"/SourceFile:{file or self.file}"]

    def faults(self, tmp_path: Path, **faults: Any) -> None:
        file = tmp_path / "emulator.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), "faults": faults}))


@pytest.fixture
def target(world: World, make: Any, tmp_path: Path) -> Target:
    columns = [make.column(T, "Id", "[int]", nullable=False)]
    file = make.write(make.entries(make.model(make.table(T, columns)), {T: [b"\1\0\0\0\2\0\0\0"]}, rows=2))
    world.admin("PUT", "resources", {"id": SERVER})
    found = Target(world, file)
    roles = [["SQL importer", GROUP]]
    found.client = world.admin("POST", "identities", {"name": "worker", "app": True, "roles": roles})["client_id"]
    found.empty("target")
    return found


def test_an_import_fills_an_empty_database_once(
    target: Target, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(target.command()) == 0
    said = capsys.readouterr().out
    for line in (
        "Importing to database 'target' on server",
        "Creating deployment plan",
        "Successfully imported database",
    ):
        assert line in said
    exported = tmp_path / "again.bacpac"
    words = [
        word.replace("/Action:Import", "/Action:Export").replace("/Target", "/Source") for word in target.command()
    ]
    assert run([*words[:2], f"/TargetFile:{exported}"]) == 0
    with Bacpac.open(exported) as bacpac:
        assert b"".join(bacpac.pieces(bacpac.tables()[0].parts[0]))[:4] == b"\1\0\0\0"
    capsys.readouterr()
    assert run(target.command()) == 1
    assert "Error SQL0: Data cannot be imported into target because it contains one or more user objects" in (
        capsys.readouterr().err
    )


def test_an_import_that_was_killed_leaves_a_database_that_no_other_import_takes(
    target: Target, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target.faults(tmp_path, die_in_import=0)
    ran = subprocess.run(
        [sys.executable, "-m", "local.sqlpackage", *target.command()], capture_output=True, check=False, timeout=60
    )
    assert ran.returncode == -9
    target.faults(tmp_path)
    assert run(target.command()) == 1
    assert "contains one or more user objects" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("faults", "says"),
    [
        ({"import_error": 2714}, "Msg 2714, Level 16, State 1, Line 1 There is already an object named"),
        ({"import_error": 33159}, "Msg 33159, Level 16, State 1, Line 1 Principal 'somebody' could not be created."),
        ({"import_error": 15151}, "Msg 15151, Level 16, State 1, Line 1 Cannot find the object"),
        ({"lose_connection": 0}, "A transport-level error has occurred"),
    ],
)
def test_an_import_fails_as_servers_refuse(
    target: Target, tmp_path: Path, capsys: pytest.CaptureFixture[str], faults: dict[str, Any], says: str
) -> None:
    target.faults(tmp_path, **faults)
    assert run(target.command()) == 1
    said = capsys.readouterr().err
    assert said.startswith("*** Error importing database:Could not import package.")
    assert says in said


def test_a_database_that_is_too_small_reaches_its_quota(target: Target, capsys: pytest.CaptureFixture[str]) -> None:
    target.empty("small", properties={"maxSizeBytes": 4})
    assert run(target.command("small")) == 1
    assert "Msg 40544" in capsys.readouterr().err


def test_who_may_not_fill_it_and_what_is_no_package(
    target: Target, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(target.command(file=tmp_path / "none.bacpac")) == 1
    assert "Could not load package" in capsys.readouterr().err
    denied = target.world.admin("POST", "identities", {"name": "nobody", "app": True, "roles": []})["client_id"]
    target.client = denied
    assert run(target.command()) == 1
    assert "Login failed for user" in capsys.readouterr().err


def test_databases_of_an_instance_are_renamed_by_the_probe_s_stand_in(target: Target, tmp_path: Path) -> None:
    instance = f"{GROUP}/providers/Microsoft.Sql/managedInstances/mi"
    made = target.world.admin("PUT", "resources", {"id": instance})
    for name in ("sales", "sales-restore-1"):
        target.world.admin("PUT", "resources", {"id": f"{instance}/databases/{name}", "tags": {"was": name}})
    host = made["properties"]["fullyQualifiedDomainName"]
    moves = [("sales", "sales-pre-1"), ("sales-restore-1", "sales")]
    inquiry = Inquiry(host=host, database="sales", managed_instance=True, kind="restored", moves=moves)
    for _ in range(2):
        assert probe(inquiry, target.client)["errors"] == {}
    found = {
        name: target.world.admin("PUT", "resources", {"id": f"{instance}/databases/{name}"})["tags"]["was"]
        for name in ("sales", "sales-pre-1")
    }
    assert found == {"sales": "sales-restore-1", "sales-pre-1": "sales"}
