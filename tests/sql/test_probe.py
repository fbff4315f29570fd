"""The built-in probe and the command that runs it, with a driver that answers from a list."""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from holdfast.model.errors import Cancelled, Forbidden, HoldfastError, Unavailable
from holdfast.sql import probe
from holdfast.sql.preflight import Answer, run_probe
from holdfast.sql.protocol import Inquiry, NotACopy, Repair
from holdfast.sql.queries import queries_for

CONNECTION = Inquiry(host="s.database.windows.net", database="sales; drop")


class Driver:
    """Stands in for mssql_python: databases by name, each a list of answers in the queries' order."""

    def __init__(self, answers: dict[str, Callable[[str], Any]]) -> None:
        self.answers, self.strings, self.open = answers, list[str](), 0

    def connect(self, text: str, *, autocommit: bool, timeout: int) -> Any:
        assert autocommit
        assert timeout > 0
        self.strings.append(text)
        answer = self.answers["master" if "Database=master;" in text else "source"]
        answer("connect")
        self.open += 1
        return SimpleNamespace(cursor=lambda: _Cursor(answer), close=self._close)

    def _close(self) -> None:
        self.open -= 1


class _Cursor:
    def __init__(self, answer: Callable[[str], Any]) -> None:
        self.answer, self.rows, self.description = answer, [], []

    def execute(self, text: str) -> None:
        names, self.rows = self.answer(text)
        self.description = [(name, None) for name in names]

    def fetchall(self) -> list[Any]:
        return self.rows


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Driver]:
    def put(**answers: Callable[[str], Any]) -> Driver:
        driver = Driver(answers)
        monkeypatch.setitem(sys.modules, "mssql_python", driver)
        return driver

    return put


def nothing(_text: str) -> Any:
    return ["x"], []


def test_values_of_every_kind_become_json(use: Callable[..., Driver]) -> None:
    def source(text: str) -> Any:
        if "sys.database_scoped_credentials;" in text:
            return ["a", "b", "c", "d", "e"], [
                (b"\x01\xff", datetime(2026, 1, 2, tzinfo=UTC), Decimal(12), UUID(int=1), None)
            ]
        return nothing(text)

    driver = use(source=source, master=nothing)
    answer = json.loads(json.dumps(probe.probe(CONNECTION, "client")))
    assert answer["P09"] == [
        {"a": "0x01ff", "b": "2026-01-02T00:00:00+00:00", "c": 12, "d": str(UUID(int=1)), "e": None}
    ]
    assert set(answer) == {query.id for query in queries_for(managed_instance=False)} | {"errors", "refused"}
    assert driver.open == 0, "both connections are closed"


def test_the_connection_names_the_identity_and_no_secret_and_keeps_odd_names(use: Callable[..., Driver]) -> None:
    driver = use(source=nothing, master=nothing)
    probe.probe(CONNECTION, "client-id")
    assert "Authentication=ActiveDirectoryMSI;UID=client-id;" in driver.strings[0]
    assert "Database={sales; drop};" in driver.strings[0]
    assert not any(word in text.lower() for text in driver.strings for word in ("pwd", "password", "token"))


def test_a_query_that_is_refused_costs_only_its_own_answer(use: Callable[..., Driver]) -> None:
    def source(text: str) -> Any:
        if "sys.certificates" in text:
            raise RuntimeError("The SELECT permission was denied\nsecond line")
        return nothing(text)

    use(source=source, master=nothing)
    answer = probe.probe(CONNECTION, None)
    assert answer["errors"] == {"P10": "The SELECT permission was denied"}
    assert "P10" not in answer
    assert "P09" in answer


def test_a_closed_master_costs_only_the_list_of_logins(use: Callable[..., Driver]) -> None:
    def closed(_text: str) -> Any:
        raise RuntimeError("Login failed for user")

    use(source=nothing, master=closed)
    answer = probe.probe(CONNECTION, None)
    assert "P06b" not in answer
    assert answer["errors"]["P06b"].startswith("master cannot be reached")


@pytest.mark.parametrize(
    ("said", "kind"),
    [("Login failed for user '<token-identified principal>'. (18456)", Forbidden), ("TCP timeout", Unavailable)],
)
def test_the_command_reports_why_it_cannot_connect(
    use: Callable[..., Driver],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    said: str,
    kind: type[HoldfastError],
) -> None:
    def closed(_text: str) -> Any:
        raise RuntimeError(said)

    use(source=closed, master=closed)
    monkeypatch.setattr(sys, "stdin", io.StringIO(CONNECTION.model_dump_json()))
    assert probe.main() == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == kind.code
    assert said in error["detail"]


def script(tmp_path: Path, text: str) -> str:
    file = tmp_path / "probe.py"
    file.write_text(text)
    return f"{sys.executable} {file}"


def never() -> bool:
    return False


def test_a_probe_gets_the_connection_on_stdin_and_its_rows_come_back(tmp_path: Path) -> None:
    command = script(
        tmp_path,
        "import json, sys; c = json.load(sys.stdin); "
        "print(json.dumps({'P01': [{'db': c['database']}], 'errors': {'P02': 'no'}}))",
    )
    assert run_probe(command, CONNECTION, cancelled=never) == Answer({"P01": [{"db": "sales; drop"}]}, {"P02": "no"})


def test_what_a_probe_reports_is_raised_as_it_was(tmp_path: Path) -> None:
    error = Forbidden("no user for the identity").info().model_dump(mode="json")
    command = script(tmp_path, f"import json, sys; print(json.dumps({{'error': {error!r}}})); sys.exit(1)")
    with pytest.raises(HoldfastError) as caught:
        run_probe(command, CONNECTION, cancelled=never)
    assert caught.value.info().code == "missing-rights"
    assert caught.value.info().permanent


@pytest.mark.parametrize(
    "text",
    ["raise SystemExit('it broke')", "print('no json')", "", "import os; os.kill(os.getpid(), 9)", "print('[]')"],
)
def test_a_probe_that_breaks_may_be_tried_again(tmp_path: Path, text: str) -> None:
    with pytest.raises(Unavailable):
        run_probe(script(tmp_path, text), CONNECTION, cancelled=never)


def test_a_probe_that_cannot_be_started_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="could not be started"):
        run_probe(str(tmp_path / "missing"), CONNECTION, cancelled=never)


def test_a_cancelled_preflight_ends_its_probe(tmp_path: Path) -> None:
    command = script(tmp_path, "import time; time.sleep(60)")
    began = time.monotonic()
    with pytest.raises(Cancelled):
        run_probe(command, CONNECTION, cancelled=lambda: True)
    assert time.monotonic() - began < 20


def test_a_probe_that_hangs_is_given_up(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="within"):
        run_probe(script(tmp_path, "import time; time.sleep(60)"), CONNECTION, cancelled=never, deadline=0.6)


COPY = Inquiry(
    host="h",
    database="hf-1-2",
    kind="staging-copy",
    repairs=[
        Repair(id="0", statements=["DROP VIEW [v]"]),
        Repair(id="1", statements=["DROP USER [u]", "DROP USER [w]"]),
    ],
)


def server(run: list[str], *, name: str = "hf-1-2", refuses: str = "") -> Callable[[str], Any]:
    """Notes the statements that are no questions."""

    def answer(text: str) -> Any:
        if text == "SELECT DB_NAME() AS name":
            return ["name"], [(name,)]
        if not text.lstrip().upper().startswith("SELECT") and text != "connect":
            run.append(text)
        if text == refuses:
            raise RuntimeError("Cannot drop it (15138)")
        return nothing(text)

    return answer


def test_each_repair_is_one_transaction_and_a_refused_one_is_rolled_back(use: Callable[..., Driver]) -> None:
    run: list[str] = []
    use(source=server(run, refuses="DROP USER [w]"), master=nothing)
    answer = probe.probe(COPY, None)
    assert answer["refused"] == {"1": "Cannot drop it (15138)"}
    begin = ["SET XACT_ABORT ON", "BEGIN TRANSACTION"]
    assert run == [
        *(*begin, "DROP VIEW [v]", "COMMIT TRANSACTION"),
        *(*begin, "DROP USER [u]", "DROP USER [w]"),
        "IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION",
    ]


@pytest.mark.parametrize(
    "changes", [{"kind": "source"}, {"database": "sales"}], ids=["not called a copy", "without our prefix"]
)
def test_nothing_runs_where_no_copy_stands(use: Callable[..., Driver], changes: dict[str, Any]) -> None:
    run: list[str] = []
    use(source=server(run, name=changes.get("database", "hf-1-2")), master=nothing)
    with pytest.raises(NotACopy):
        probe.probe(COPY.model_copy(update=changes), None)
    assert run == []


def test_nothing_runs_where_the_server_gives_another_name(use: Callable[..., Driver]) -> None:
    run: list[str] = []
    use(source=server(run, name="sales"), master=nothing)
    with pytest.raises(NotACopy, match="sales"):
        probe.probe(COPY, None)
    assert run == []
