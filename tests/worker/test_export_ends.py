"""Every way in which an export can end, with a stand-in for SqlPackage that behaves as told."""

from __future__ import annotations

import os
import signal
import time
from collections import namedtuple
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from holdfast.model.job import SqlConnection
from holdfast.worker import sqlpackage as sqlpackage_module
from holdfast.worker.expectation import Expectation, remember

if TYPE_CHECKING:
    from tests.worker.conftest import Office, StandIn

SOURCE = SqlConnection(host="s.database.windows.net", database="sales")

BLOCKED = (
    "*** Error exporting database:One or more unsupported elements were found in the schema used as part of a data package.",
    "Error SQL71562: Error validating element [dbo].[v]: View: [dbo].[v] has an unresolved reference to object "
    "[Other].[dbo].[t]. External references are not supported when creating a package from this platform.",
    "Error SQL71627: The element User: [CORP\\anna] has property AuthenticationType set to a value that is not supported "
    "in Microsoft Azure SQL Database v12.",
)


def succeeds(package: Path) -> list[dict[str, Any]]:
    return [
        {"say": "Connecting to database 'sales' on server 's'."},
        {"say": "Extracting schema"},
        {"say": "Exporting data"},
        {"say": "Processing Table '[dbo].[Orders]'."},
        {"copy": str(package)},
        {"say": "Successfully exported database and saved it to file 'x'."},
    ]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_an_export_that_succeeds_leaves_its_file_for_the_store_job(
    office: Office, sqlpackage: StandIn, package: Path
) -> None:
    sqlpackage.does(*succeeds(package))
    result = office.run(office.export_job())
    assert (result.state, result.error) == ("succeeded", None)
    assert result.output["bytes"] == package.stat().st_size
    assert result.output["entries"] == 3
    assert result.output["rows"] == 42, "Origin.xml tells how many rows SqlPackage counted"
    assert (office.folder() / "database.bacpac").read_bytes() == package.read_bytes()
    assert not (office.folder() / "process.json").exists()


def test_no_secret_is_on_the_command_line_or_in_the_environment(
    office: Office, sqlpackage: StandIn, package: Path
) -> None:
    sqlpackage.does(*succeeds(package))
    office.run(office.export_job())
    (run,) = sqlpackage.runs
    line = " ".join(run["argv"])
    assert "Authentication=Active Directory Managed Identity;User Id=client-id" in line
    assert not any(word in line.lower() for word in ("accesstoken", "password", "pwd="))
    assert run["env"]["HOME"].startswith(str(office.folder())), "what .NET leaves behind goes with the workspace"


def test_progress_names_the_table_and_the_bytes(
    office: Office, sqlpackage: StandIn, package: Path, tmp_path: Path
) -> None:
    remember(office.root, SOURCE, Expectation(table_rows={"dbo.Orders": 7, "dbo.Lines": 9}))
    gate = tmp_path / "gate"
    sqlpackage.does(
        {"write": 1000},
        {"say": "Processing Table '[dbo].[Orders]'."},
        {"say": "Processing Table '[dbo].[Lines]'."},
        {"wait_for": str(gate)},
        *succeeds(package),
    )
    job = office.export_job()
    office.start()
    office.mailbox.submit(job)
    seen = office.wait_for(
        lambda: next(
            (
                beat.progress
                for beat in office.mailbox.heartbeats.get(job.id, [])
                if beat.progress.table == "dbo.Lines" and beat.progress.bytes
            ),
            None,
        )
    )
    assert (seen.tables_done, seen.tables_total, seen.rows, seen.bytes) == (1, 2, 7, 1000)
    gate.touch()
    assert office.result_of(job).state == "succeeded"


def test_a_blocked_export_names_object_cause_and_mend(office: Office, sqlpackage: StandIn) -> None:
    sqlpackage.does(*({"complain": line} for line in BLOCKED), {"exit": 1})
    result = office.run(office.export_job())
    assert result.state == "failed"
    assert result.error is not None
    assert (result.error.code, result.error.permanent) == ("export-blocked", True)
    assert "View [dbo].[v]" in result.error.detail
    assert "[Other].[dbo].[t]" in result.error.detail
    assert "User [CORP\\anna]" in result.error.detail
    assert "SQL71562" in result.error.detail
    assert result.error.help
    assert not office.folder().exists(), "a failed attempt leaves no folder"


def test_a_crash_of_sqlpackage_may_be_tried_again(office: Office, sqlpackage: StandIn) -> None:
    sqlpackage.does({"write": 500}, {"kill": signal.SIGSEGV})
    result = office.run(office.export_job())
    assert result.error is not None
    assert (result.error.code, result.error.permanent) == ("export-failed", False)
    assert "signal 11" in result.error.detail
    assert not office.folder().exists()


def test_a_kill_for_want_of_memory_says_so(office: Office, sqlpackage: StandIn) -> None:
    sqlpackage.does({"kill": signal.SIGKILL})
    result = office.run(office.export_job())
    assert result.error is not None
    assert "memory" in result.error.help


def test_an_expired_token_may_be_tried_again(office: Office, sqlpackage: StandIn) -> None:
    token = "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJodHRwczovL2RhdGFiYXNlIn0.c2ln"
    sqlpackage.does(
        {"complain": f"*** Error exporting database:Could not extract package. Token {token}"},
        {"complain": "*** Login failed: Token is expired."},
        {"exit": 1},
    )
    result = office.run(office.export_job())
    assert result.error is not None
    assert (result.error.code, result.error.permanent) == ("export-failed", False)
    assert "token expired" in result.error.detail
    assert token not in result.model_dump_json()


def test_a_secret_in_sqlpackages_words_never_reaches_the_result(
    office: Office, sqlpackage: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    sqlpackage.does({"complain": "*** Error: Server=x;Password=hunter2;AccessToken=abcdef went wrong"}, {"exit": 1})
    result = office.run(office.export_job())
    written = result.model_dump_json() + capsys.readouterr().out
    assert "hunter2" not in written
    assert "abcdef" not in written
    assert "went wrong" in written


def test_a_full_disk_that_sqlpackage_meets_is_told_as_such(office: Office, sqlpackage: StandIn) -> None:
    sqlpackage.does(
        {"complain": "*** Error exporting database:No space left on device : '/mnt/x/tables/0.tmp'"}, {"exit": 1}
    )
    result = office.run(office.export_job())
    assert result.error is not None
    assert result.error.code == "disk-full"


_Usage = namedtuple("_Usage", "total used free")


def test_an_export_that_cannot_fit_is_not_begun(
    office: Office, sqlpackage: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _path: _Usage(0, 0, 10 << 30))
    remember(office.root, SOURCE, Expectation(data_bytes=100 << 30))
    result = office.run(office.export_job())
    assert result.error is not None
    assert result.error.code == "disk-full"
    assert "10,737,418,240" in result.error.detail
    assert sqlpackage.runs == []


def test_a_disk_that_fills_up_ends_the_export(
    office: Office, sqlpackage: StandIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The reserve is set above what the disk has, once SqlPackage runs: as if others had filled the disk meanwhile."""
    sqlpackage.does({"write": 100}, {"wait_for": str(tmp_path / "never")})
    office.start()
    job = office.export_job()
    office.mailbox.submit(job)
    office.wait_for(lambda: sqlpackage.runs)
    monkeypatch.setattr(sqlpackage_module, "RESERVE_BYTES", 1 << 60)
    result = office.result_of(job)
    assert result.error is not None
    assert result.error.code == "disk-full"
    assert not alive(sqlpackage.runs[0]["pid"])
    assert not office.folder().exists()


def test_exit_code_0_without_a_file_is_no_success(office: Office, sqlpackage: StandIn) -> None:
    sqlpackage.does({"say": "Successfully exported database"})
    result = office.run(office.export_job())
    assert result.error is not None
    assert result.error.code == "export-failed"


def test_exit_code_0_with_a_broken_package_is_no_success(office: Office, sqlpackage: StandIn) -> None:
    sqlpackage.does({"write": 5000})
    result = office.run(office.export_job())
    assert result.error is not None
    assert result.error.code == "bad-bacpac"
    assert not office.folder().exists()


def test_exit_code_0_after_an_error_of_the_whole_export_is_no_success(
    office: Office, sqlpackage: StandIn, package: Path
) -> None:
    sqlpackage.does({"copy": str(package)}, {"say": "*** Error exporting database:Something odd."})
    result = office.run(office.export_job())
    assert result.error is not None
    assert "Something odd" in result.error.detail


def test_a_missing_sqlpackage_is_told(office: Office) -> None:
    result = office.run(office.export_job())
    assert result.error is not None
    assert result.error.code == "export-failed"
    assert "could not be started" in result.error.detail


def test_cancelling_ends_sqlpackage_and_its_children(office: Office, sqlpackage: StandIn, tmp_path: Path) -> None:
    sqlpackage.does({"ignore_sigterm": 1}, {"child": 1}, {"wait_for": str(tmp_path / "never")})
    office.start()
    job = office.export_job()
    office.mailbox.submit(job)
    child = int(office.wait_for(lambda: (f := sqlpackage.folder / "child.pid").exists() and f.read_text()))
    office.mailbox.cancelled.add(job.id)
    result = office.result_of(job)
    assert (result.state, result.error and result.error.code) == ("cancelled", "cancelled")
    assert not alive(sqlpackage.runs[0]["pid"])
    office.wait_for(lambda: not alive(child))
    assert not office.folder().exists()


def test_a_job_cancelled_before_it_began_does_not_begin(office: Office, sqlpackage: StandIn) -> None:
    sqlpackage.does({"exit": 0})
    job = office.export_job()
    office.mailbox.cancelled.add(job.id)
    assert office.run(job).state == "cancelled"
    assert sqlpackage.runs == []


def test_an_export_run_again_begins_with_an_empty_folder(office: Office, sqlpackage: StandIn, package: Path) -> None:
    leftover = office.folder() / "database.bacpac"
    leftover.parent.mkdir(parents=True)
    leftover.write_bytes(b"half of a file")
    (leftover.parent / "tables").mkdir()
    sqlpackage.does(*succeeds(package))
    assert office.run(office.export_job()).state == "succeeded"
    assert leftover.read_bytes() == package.read_bytes()


def test_a_new_attempt_removes_the_earlier_one_of_the_same_source(
    office: Office, sqlpackage: StandIn, package: Path
) -> None:
    sqlpackage.does(*succeeds(package))
    office.run(office.export_job("s1-key-1"))
    office.run(office.export_job("s1-other-1", source="server/other"))
    office.run(office.export_job("s1-key-2"))
    assert sorted(path.name for path in (office.root / "exports").iterdir()) == ["s1-key-2", "s1-other-1"]


def test_a_database_with_little_room_is_exported_compressed(
    office: Office, sqlpackage: StandIn, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _path: _Usage(0, 0, 20 << 30))
    sqlpackage.does(*succeeds(package))
    remember(office.root, SOURCE, Expectation(data_bytes=10 << 30))
    office.run(office.export_job("w1"))
    remember(office.root, SOURCE, Expectation(data_bytes=1 << 30))
    office.run(office.export_job("w2"))
    assert "/p:CompressionOption=Fast" in sqlpackage.runs[0]["argv"]
    assert "/p:CompressionOption=NotCompressed" in sqlpackage.runs[1]["argv"]


def test_a_workspace_name_that_leads_elsewhere_is_refused(office: Office, sqlpackage: StandIn) -> None:
    sqlpackage.does({"exit": 0})
    result = office.run(office.export_job("../../etc"))
    assert result.error is not None
    assert result.error.code == "invalid-input"
    assert sqlpackage.runs == []


def test_a_flood_of_output_does_not_fill_the_memory(office: Office, sqlpackage: StandIn) -> None:
    """Thousands of errors and a line without end: the result stays short."""
    sqlpackage.does(
        {"complain": "x" * 1_000_000},
        *(
            {"complain": f"Error SQL71564: The element Filegroup: [F{number}] is not supported."}
            for number in range(500)
        ),
        {"exit": 1},
    )
    result = office.run(office.export_job())
    assert result.error is not None
    assert result.error.code == "export-blocked"
    assert "more" in result.error.detail
    assert len(result.model_dump_json()) < 4_000


def test_sqlpackage_runs_in_a_group_of_its_own(office: Office, sqlpackage: StandIn, tmp_path: Path) -> None:
    """A signal for the worker's group, as a terminal sends it, does not reach the export."""
    sqlpackage.does({"wait_for": str(tmp_path / "never")})
    office.start()
    job = office.export_job()
    office.mailbox.submit(job)
    pid = office.wait_for(lambda: sqlpackage.runs)[0]["pid"]
    assert os.getpgid(pid) == pid != os.getpgid(0)
    office.mailbox.cancelled.add(job.id)
    began = time.monotonic()
    office.result_of(job)
    assert time.monotonic() - began < 15
