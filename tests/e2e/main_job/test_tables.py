"""Tables through the app: a worker reads them, people get the same as directly from the repository. And a drill."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from local import plan
from local.profile import LocalProfile
from local.samples.databases import write_sample

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


def test_tables_through_the_app_and_a_drill(runs: Any, world: LocalProfile, tmp_path: Path) -> None:
    """Listed, shown and exported by the command; compared over HTTP; restored; the point proven; nothing is left."""

    def command(*arguments: str | Path) -> Any:
        words = [sys.executable, "-c", "from holdfast.cli.main import run; run()", *map(str, arguments)]
        ran = subprocess.run(
            [*words, "--state", str(world.state), "-o", "json"], capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)

    write_sample(tmp_path / "hr.bacpac", "hr", scale=0.1)
    world.load(tmp_path / "hr.bacpac", "sql-tables/hr", managed=False)
    runs.policy("tables", "sql-tables/*")
    assert runs.states(runs.backup("tables")) == {"sql-tables/hr": "succeeded"}
    (point,) = runs.points("default", "sql-tables/hr")
    listed = command("table", "list", point["id"])
    assert {(one["schema"], one["name"]): one["rows"] for one in listed} == {
        (one["schema"], one["name"]): one["rows"] for one in point["tables"]
    }
    assert command("table", "show", point["id"], "hr.Employee", "--rows", "2")[0].keys()
    to = tmp_path / "employee.parquet"
    exported = command("table", "export", point["id"], "hr.Employee", "--to", to)
    assert pq.read_metadata(to).num_rows == exported["rows"] > 0
    body = {"table": "hr.Employee", "other": point["id"]}
    ended = runs.wait(world.api("POST", f"points/{point['id']}/tables/diff", body)["id"])
    assert (ended["kind"], ended["state"]) == ("table", "succeeded")
    assert world.api("GET", f"points/{point['id']}/tables")["value"] == point["tables"]
    told = command(
        *("table", "restore", point["id"], "hr.Employee", "--to", "sql-tables/hr", "--as", "hr.EmployeeBefore")
    )
    assert (told["kind"], told["state"]) == ("table", "succeeded")
    assert any("foreign key" in line["message"] for line in runs.log(told["id"]))
    again = {"table": "hr.Employee", "target": "sql-tables/hr", "new_name": "hr.Employee"}
    refused = runs.wait(world.api("POST", f"points/{point['id']}/tables/restore", again)["id"])
    assert runs.states(refused) == {"sql-tables/hr": "table-there"}
    assert runs.states(runs.backup("tables")) == {"sql-tables/hr": "succeeded"}
    rows = {one["name"]: one["rows"] for one in runs.points("default", "sql-tables/hr")[-1]["tables"]}
    assert rows["EmployeeBefore"] == rows["Employee"] == exported["rows"]
    server = plan.STAGING_SERVER_ID.replace("sql-staging", "sql-tables")
    proven = command("drill", "start", point["id"], "--target", server, "--wait")
    assert (proven["kind"], runs.states(proven)) == ("drill", {"sql-tables/hr": "succeeded"})
    (drill,) = command("drill", "list", "--database", "sql-tables/hr")
    assert (drill["point"], drill["state"]) == (point["id"], "proven")
    assert {one["outcome"] for one in drill["proof"]} <= {"same", "unknown"}
    listed = command("source", "list", "--database", "sql-tables/*")
    assert [(one["source"], one["proven_point"]) for one in listed] == [("sql-tables/hr", point["id"])]
    assert runs.left() == []
