"""How exports end badly: exit code 1 and SqlPackage's own messages, so that the worker learns to read them."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from holdfast.bacpac.model import read_model
from holdfast.bacpac.preflight import find_in
from local.sqlpackage import messages
from local.sqlpackage.__main__ import run
from local.sqlpackage.messages import Message
from local.sqlpackage.schema_errors import schema_errors
from tests.preflight_cases import CASES, Case

T = ("dbo", "T")
VIEW = ("SqlView", "[dbo].[v]", "SELECT a FROM Other.dbo.T2")
ELEMENTS = {
    "a windows user": (
        r'<Element Type="SqlUser" Name="[C\a]"><Property Name="AuthenticationType" Value="3" /></Element>',
        r"Error SQL71627: The element User: [C\a] has property AuthenticationType set to a value that is not supported in "
        "Microsoft Azure SQL Database v12.",
    ),
    "an orphan": (
        '<Element Type="SqlUser" Name="[o]"><Property Name="AuthenticationType" Value="1" /></Element>',
        "Error SQL71564: Error validating element [o]: The element User: [o] has been orphaned from its login and cannot be "
        "deployed.",
    ),
    "a user of a certificate": (
        '<Element Type="SqlUser" Name="[u]"><Relationship Name="Certificate"><Entry /></Relationship></Element>',
        None,
    ),
    "a certificate": (
        '<Element Type="SqlCertificate" Name="[c]" />',
        "Error SQL71626: The element Certificate: [c] is not supported in Microsoft Azure SQL Database v12.",
    ),
    "a symmetric key": ('<Element Type="SqlSymmetricKey" Name="[k]" />', None),
    "an external table": ('<Element Type="SqlExternalTable" Name="[dbo].[e]" />', None),
    "an external data source": ('<Element Type="SqlExternalDataSource" Name="[e]" />', None),
    "a credential": ('<Element Type="SqlDatabaseCredential" Name="[e]" />', None),
    "an entra user": (
        '<Element Type="SqlUser" Name="[x]"><Property Name="AuthenticationType" Value="4" /></Element>',
        None,
    ),
    "a synonym": (
        '<Element Type="SqlSynonym" Name="[dbo].[s]"><Property Name="ForObjectScript"><Value>O.dbo.T</Value></Property>'
        "</Element>",
        None,
    ),
}


@pytest.fixture
def database(make: Any, azure: Any) -> Path:
    """An emulated database with 300,000 rows that hardly compress."""
    model = make.model(make.table(T, [make.column(T, "Id", "[int]", nullable=False)]))
    rows = b"".join(struct.pack("<I", n * 2654435761 % 2**32) for n in range(300_000))
    azure.content = make.write(make.entries(model, {T: [rows]}))
    return azure.content


def fails(azure: Any, to: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What a failing export prints to stderr."""
    assert run(azure.command(to)) == 1
    said = capsys.readouterr().err
    assert said.startswith("*** Error exporting database:")
    return said


def test_a_reference_outside(make: Any, azure: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Named whole: object, target, number, in the words of the exporter."""
    azure.content = make.write(make.entries(make.model(make.module(*VIEW, key="QueryScript"))))
    said = fails(azure, tmp_path / "out.bacpac", capsys)
    assert "Validation of the schema model for data package failed." in said
    assert (
        "Error SQL71561: Error validating element [dbo].[v]: View: [dbo].[v] has an unresolved reference to object "
        "[Other].[dbo].[T2]. External references are not supported when creating a package from this platform."
    ) in said
    assert not (tmp_path / "out.bacpac").exists()
    assert azure.log == []


@pytest.mark.parametrize("case", sorted(ELEMENTS))
def test_the_export_says_it_as_the_exporter_does(make: Any, case: str) -> None:
    element, line = ELEMENTS[case]
    if line:
        assert schema_errors(read_model([make.model(element)])) == [line]


@pytest.mark.parametrize("case", [case for case in CASES if not case.live], ids=lambda case: case.object)
def test_the_export_fails_exactly_where_preflight_blocks(make: Any, case: Case) -> None:
    """Whatever preflight lets pass is exported, and what it blocks is refused under the same numbers."""
    for elements in (case.troubled, case.sound):
        model = read_model([make.model(*elements)])
        blocking = [f.error_number for f in find_in(model) if f.severity == "blocks-export"]
        assert [error.split(":")[0].removeprefix("Error ") for error in schema_errors(model)] == blocking


def test_all_errors_at_once(make: Any, azure: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    azure.content = make.write(
        make.entries(make.model(make.module(*VIEW, key="QueryScript"), *(e for e, _ in ELEMENTS.values())))
    )
    said = fails(azure, tmp_path / "out.bacpac", capsys)
    assert "One or more unsupported elements were found in the schema used as part of a data package." in said
    assert said.count("Error SQL") == 8


def test_an_expired_token(azure: Any, database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    azure.token = "an-old-token"
    said = fails(azure, tmp_path / "out.bacpac", capsys)
    assert "Login failed for user '<token-identified principal>'. Token is expired." in said
    assert "an-old-token" not in said


def test_a_database_that_is_not_there(azure: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = fails(azure, tmp_path / "out.bacpac", capsys)
    assert 'Cannot open database "Sales" requested by the login. The login failed.' in said


@pytest.mark.parametrize(
    ("status", "says"), [(409, "is not currently available"), (404, "holds nothing"), (500, "A network-related")]
)
def test_other_refusals(
    azure: Any, database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], status: int, says: str
) -> None:
    azure.status = status
    assert says in fails(azure, tmp_path / "out.bacpac", capsys)


def test_no_identity(
    azure: Any, database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [word.replace("11111111", "99999999") for word in azure.command(tmp_path / "out.bacpac")]
    assert run(command) == 1
    assert "ManagedIdentityCredential authentication unavailable. Identity not found" in capsys.readouterr().err
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:9")
    assert "No response from the metadata endpoint" in fails(azure, tmp_path / "out.bacpac", capsys)


def test_a_server_that_does_not_answer(
    azure: Any, database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    azure.address = "https://127.0.0.1:9"
    azure.emulator_json()
    said = fails(azure, tmp_path / "out.bacpac", capsys)
    assert "Could not connect to database server." in said
    assert "A network-related" in said


def test_another_authority_is_not_trusted(
    azure: Any, database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever sits in between gets no token."""
    from local.azure.certificates import ensure_certificates
    from local.azure.state_folder import StateFolder

    other = StateFolder(tmp_path / "other").prepare()
    ensure_certificates(other)
    (azure.folder / "ca.pem").write_bytes(other.ca.read_bytes())
    assert "Could not connect" in fails(azure, tmp_path / "out.bacpac", capsys)
    assert not any("_sql" in path for path in azure.asked)


def test_damaged_rows_are_not_exported(
    azure: Any, database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = bytearray(database.read_bytes())
    raw[len(raw) // 2] ^= 1
    database.write_bytes(raw)
    assert "TableData-000-00000.BCP is damaged" in fails(azure, tmp_path / "out.bacpac", capsys)


def test_disk_full(
    azure: Any, database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOLDFAST_SQLPACKAGE_DISK_FULL_AFTER_BYTES", "400000")
    assert "No space left on device" in fails(azure, tmp_path / "out.bacpac", capsys)
    assert azure.log == []


def test_killed_in_the_middle(azure: Any, database: Path, tmp_path: Path) -> None:
    """From emulator.json, as a test of the whole would set it: half a file, no log, no exit code."""
    azure.emulator_json(die_after_bytes=400_000)
    to = tmp_path / "out.bacpac"
    ran = subprocess.run(
        [sys.executable, "-m", "local.sqlpackage", *azure.command(to)],
        env=dict(os.environ),
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == -signal.SIGKILL
    assert 0 < to.stat().st_size <= 400_000
    assert azure.log == []


def test_a_slow_source(azure: Any, database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDFAST_SQLPACKAGE_ROWS_PER_SECOND", "400000")
    began = time.monotonic()
    assert run(azure.command(tmp_path / "out.bacpac")) == 0
    assert time.monotonic() - began > 300_000 / 400_000 - 0.05


def test_memory_does_not_grow_with_the_rows(make: Any, azure: Any, tmp_path: Path) -> None:
    """240 MB of rows pass through a process that needs no more than for none: the interpreter, and compiled loops."""
    model = make.model(make.table(T, [make.column(T, "Id", "[bigint]", nullable=False)]))
    block = b"".join(struct.pack("<q", n * 2654435761) for n in range(25_000))
    azure.content = make.write(make.entries(model, {T: [block * 1200]}), level="stored")
    # Not getrusage: that counts what the parent held when it forked.
    script = (
        "import sys; from pathlib import Path; from local.sqlpackage.__main__ import run; code = run(sys.argv[1:]); "
        "print(Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0]); sys.exit(code)"
    )
    words = azure.command(tmp_path / "out.bacpac", "/p:CompressionOption=NotCompressed")
    ran = subprocess.run(
        [sys.executable, "-c", script, *words],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout.split()[-1]) < 150 << 10


def test_every_message_says_where_it_is_from() -> None:
    """Nothing is passed off as SqlPackage's own words that nobody has seen there."""
    found = [message for message in vars(messages).values() if isinstance(message, Message)]
    assert len(found) > 20
    assert all(message.source for message in found)
    assert any(message.source == messages.GUESS for message in found)
