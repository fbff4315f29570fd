"""The stand-in of the table loader: what a backup of the database then holds is what the point held."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from holdfast.bacpac.package import MODEL, Bacpac
from holdfast.bacpac.table_definition import read_definition
from holdfast.model.errors import ReportedError
from holdfast.sql.loading import run_load
from holdfast.sql.table_protocol import Load
from local.samples.databases import write_sample
from local.sqltable.__main__ import main
from tests.local.sqlpackage.conftest import CLIENT, DATABASE, HOST, Azure


def rows_of(file: Path, schema: str, name: str) -> bytes:
    with Bacpac.open(file) as bacpac:
        table = next(one for one in bacpac.tables() if (one.schema, one.name) == (schema, name))
        return b"".join(b"".join(bacpac.pieces(part)) for part in table.parts)


@pytest.fixture
def wanted(azure: Azure, tmp_path: Path) -> Load:
    """The table of yesterday's state, to be made in today's database."""
    old, azure.content = tmp_path / "old.bacpac", tmp_path / "now.bacpac"
    write_sample(old, "hr", 0, scale=0.1)
    write_sample(azure.content, "hr", 1, scale=0.1)
    (tmp_path / "rows").write_bytes(rows_of(old, "hr", "Employee"))
    with Bacpac.open(old) as bacpac:
        definition = read_definition(bacpac.pieces(MODEL), "hr", "Employee", indexes=True)
        table = bacpac.model().tables["hr", "Employee"]
    from holdfast.bacpac.rows import RowCounter

    counter = RowCounter(table.columns or ())
    counter.feed((tmp_path / "rows").read_bytes())
    return Load(
        host=HOST,
        database=DATABASE,
        schema_name="hr",
        table="Employee before",
        mark="0123abcd",
        definition=definition,
        rows_file=str(tmp_path / "rows"),
        rows=counter.finish(),
    )


def run(wanted: Load, azure: Azure, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    monkeypatch.setenv("HOLDFAST_EMULATOR", str(azure.emulator_json()))
    monkeypatch.setenv("HOLDFAST_WORKER_CLIENT_ID", CLIENT)
    monkeypatch.setattr(sys, "stdin", io.StringIO(wanted.model_dump_json()))
    code = main()
    return code, json.loads(capsys.readouterr().out)


def test_the_database_then_holds_the_table_as_the_point_had_it(
    azure: Azure, wanted: Load, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert azure.content is not None
    before = rows_of(azure.content, "hr", "Employee")
    assert run(wanted, azure, monkeypatch, capsys) == (0, {"rows": wanted.rows})
    assert rows_of(azure.content, "hr", "Employee before") == Path(wanted.rows_file).read_bytes()
    assert rows_of(azure.content, "hr", "Employee") == before != Path(wanted.rows_file).read_bytes()
    with Bacpac.open(azure.content) as bacpac:
        again = read_definition(bacpac.pieces(MODEL), "hr", "Employee before", indexes=True)
    assert again.columns == wanted.definition.columns
    assert again.primary_key == wanted.definition.primary_key
    assert again.indexes == wanted.definition.indexes
    altered = azure.altered
    assert run(wanted, azure, monkeypatch, capsys) == (0, {"rows": wanted.rows})
    assert azure.altered == altered, "done again, it finds its own table"


def test_another_load_of_that_name_is_refused_and_changes_nothing(
    azure: Azure, wanted: Load, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for table in ("Employee", "EMPLOYEE"):
        other = wanted.model_copy(update={"table": table})
        code, answer = run(other, azure, monkeypatch, capsys)
        assert (code, answer["error"]["code"]) == (1, "table-there")
    code, answer = run(wanted.model_copy(update={"schema_name": "none"}), azure, monkeypatch, capsys)
    assert (code, answer["error"]["code"]) == (1, "not-found")
    code, answer = run(wanted.model_copy(update={"rows": 1}), azure, monkeypatch, capsys)
    assert (code, answer["error"]["code"]) == (1, "table-load-failed")
    assert azure.altered == 0


def test_the_workers_side_raises_what_the_loader_reports(azure: Azure, wanted: Load, tmp_path: Path) -> None:
    script = tmp_path / "sqltable"
    report = {"error": {"code": "table-there", "title": "There is one", "detail": "x", "help": "h", "permanent": True}}
    script.write_text(f"#!/bin/sh\ncat >/dev/null\necho '{json.dumps(report)}'\nexit 1\n")
    script.chmod(0o755)
    with pytest.raises(ReportedError) as raised:
        run_load(str(script), wanted, cancelled=lambda: False)
    assert raised.value.info().code == "table-there"
    script.write_text("#!/bin/sh\ncat >/dev/null\necho 'Segmentation fault' >&2\nexit 139\n")
    with pytest.raises(Exception, match=r"139.*Segmentation"):
        run_load(str(script), wanted, cancelled=lambda: False)
