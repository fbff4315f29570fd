"""Every way out of the command has its exit code, words for people, and no traceback."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from importlib.metadata import EntryPoint
from typing import Any

import httpx
import pytest
import typer

from holdfast.cli import main as main_module
from holdfast.cli import status as status_module
from holdfast.cli.main import add_nouns, app, main
from holdfast.model.errors import catalogue

from .conftest import FakeApp, Run, problem


@pytest.mark.parametrize(
    "arguments",
    [["point", "list", "--bogus"], ["nonsense"], ["point", "show"], ["status", "--output", "xml"], ["point"], []],
)
def test_a_usage_error_ends_with_2(run: Run, arguments: list[str]) -> None:
    ran = run(*arguments)
    assert ran.code == 2
    assert "Traceback" not in ran.err


def test_a_reported_problem_ends_with_its_own_exit_code_and_says_what_to_do(run: Run, fake_app: FakeApp) -> None:
    fake_app.answers["GET status"] = problem("repository-locked", 423, 11, detail="chain abc")
    ran = run("status")
    assert ran.code == 11
    assert ran.out == ""
    assert "title of repository-locked: chain abc" in ran.err
    assert "what to do" in ran.err
    assert "holdfast explain repository-locked" in ran.err


def test_a_script_gets_the_error_as_json_on_stderr_and_nothing_on_stdout(run: Run, fake_app: FakeApp) -> None:
    fake_app.answers["GET status"] = problem("missing-rights", 403, 6, detail="of the vault")
    ran = run("status", "--output", "json")
    assert (ran.code, ran.out) == (6, "")
    assert json.loads(ran.err)["error"]["code"] == "missing-rights"


def test_an_app_that_does_not_answer_is_unavailable_after_some_tries(run: Run, fake_app: FakeApp) -> None:
    fake_app.answers["GET status"] = httpx.ConnectError("refused")
    ran = run("status")
    assert ran.code == 7
    assert len(fake_app.asked) == 4


def test_an_app_that_comes_back_is_asked_again(run: Run, fake_app: FakeApp) -> None:
    fake_app.answers["GET status"] = [httpx.ReadTimeout("slow"), problem("unavailable", 503, 7), {"version": "1"}]
    said = run("status", "-o", "json").json
    assert {"url": "https://app.test", "version": "1"}.items() <= said.items()


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (httpx.Response(401), 6, "refused the key"),
        (httpx.Response(404), 7, "no Holdfast app"),
        (httpx.Response(502, text="<html>"), 7, "answered 502"),
        (httpx.Response(200, text="<html>hello"), 7, "not JSON"),
        (httpx.Response(500, text="{", headers={"content-type": "application/problem+json"}), 7, "answered 500"),
        (httpx.Response(400, json=[1], headers={"content-type": "application/problem+json"}), 7, "answered 400"),
    ],
)
def test_whatever_is_not_the_app_is_told_apart(
    run: Run, fake_app: FakeApp, answer: httpx.Response, code: int, words: str
) -> None:
    fake_app.answers["GET status"] = answer
    ran = run("status")
    assert ran.code == code
    assert words in ran.err


def test_the_key_is_sent_and_never_told(run: Run, fake_app: FakeApp) -> None:
    fake_app.answers["GET status"] = httpx.Response(401)
    ran = run("status")
    assert fake_app.asked[0].headers["x-functions-key"] == "the-function-key"
    assert "the-function-key" not in ran.out + ran.err


def test_nothing_that_names_an_app_is_an_error_of_its_own(run: Run) -> None:
    ran = run("status")
    assert ran.code == 40
    assert "HOLDFAST_URL" in ran.err


def test_an_interrupt_ends_with_130(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(status_module, "App", interrupted)
    assert run("status").code == 130


def test_a_mistake_of_ours_shows_no_traceback_unless_asked_for(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(status_module, "App", broken)
    ran = run("status")
    assert ran.code == 1
    assert "ZeroDivisionError: by zero" in ran.err
    assert "Traceback" not in ran.err
    monkeypatch.setenv("HOLDFAST_DEBUG", "1")
    assert "Traceback" in run("status").err


_CHATTY = """
import logging
from holdfast.cli import main
main.app.command("chat")(lambda: logging.getLogger("azure.identity").warning("every credential that was tried"))
main.main(["chat"])
"""


def test_what_libraries_log_is_not_shown() -> None:
    ran = subprocess.run([sys.executable, "-c", _CHATTY], capture_output=True, text=True, timeout=60, check=True)
    assert (ran.stdout, ran.stderr) == ("", "")


def test_run_hands_the_exit_code_to_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["holdfast", "nonsense"])
    with pytest.raises(SystemExit) as ended:
        main_module.run()
    assert ended.value.code == 2


def test_nouns_of_other_packages_are_added_and_a_broken_one_spoils_only_itself(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    grown = typer.Typer()
    grown.callback()(lambda: None)
    found = [
        EntryPoint("there", "tests_noun:there", "holdfast.commands"),
        EntryPoint("gone", "holdfast.no_such_module:x", "holdfast.commands"),
    ]
    monkeypatch.setattr(EntryPoint, "load", _load)
    add_nouns(grown, found)
    assert grown(["there"], standalone_mode=False) is None
    monkeypatch.setattr(main_module, "app", grown)
    assert main(["gone"]) == 1


def _load(entry: EntryPoint) -> object:
    if entry.name == "gone":
        raise ModuleNotFoundError("No module named 'gone'")
    return lambda: None


def test_the_local_profile_adds_its_noun(run: Run) -> None:
    ran = run("local", "--help")
    assert ran.code == 0
    assert "up" in ran.out


def test_every_error_is_explained(run: Run) -> None:
    listed = run("explain", "-o", "json").json
    assert {entry["code"] for entry in listed} == set(catalogue())
    assert len(listed) > 40
    for entry in listed:
        assert entry["title"]
        assert entry["help"]


def test_one_error_is_explained(run: Run) -> None:
    found = run("explain", "wrong-key", "-o", "json").json
    assert (found["code"], found["exit_code"], found["retried"]) == ("wrong-key", 12, False)
    assert "password" in run("explain", "wrong-key").out


def test_an_unknown_code_is_not_found(run: Run) -> None:
    assert run("explain", "no-such-code").code == 4


def test_every_command_takes_an_output_option() -> None:
    """The contract's promise: --output json works on every command. Other packages' nouns are tested where they are."""
    without = []
    waiting = [("holdfast", typer.main.get_command(app))]
    while waiting:
        path, command = waiting.pop()
        children = getattr(command, "commands", None)
        if children is not None:
            waiting.extend((f"{path} {name}", child) for name, child in children.items())
        elif _is_ours(command) and not any("--output" in parameter.opts for parameter in command.params):
            without.append(path)
    assert without == []


def _is_ours(command: Any) -> bool:
    return inspect.unwrap(command.callback).__module__.startswith("holdfast.")
