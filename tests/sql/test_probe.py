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
from holdfast.model.job import SqlConnection
from holdfast.sql import probe
from holdfast.sql.preflight import run_probe
from holdfast.sql.queries import queries_for

CONNECTION = SqlConnection(host="s.database.windows.net", database="sales; drop")


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
    assert set(answer) == {query.id for query in queries_for(managed_instance=False)} | {"errors"}
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
    assert run_probe(command, CONNECTION, cancelled=never) == ({"P01": [{"db": "sales; drop"}]}, {"P02": "no"})


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
