"""What the pages say of the command line is what the command line takes."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from holdfast.cli.main import app

ROOT = typer.main.get_command(app)
PAGES = [Path("README.md"), Path("CONTRIBUTING.md"), *Path("docs").rglob("*.md")]
CODE = re.compile(r"```.*?\n(.*?)```|`([^`\n]+)`", re.DOTALL)
CALL = re.compile(r"(?:^|[\s/(])holdfast ((?:--)?[a-z][^\n|#;&)]*)")


def commands(command: Any = ROOT, name: str = "") -> Iterator[tuple[str, Any]]:
    if not hasattr(command, "commands"):
        yield name, command
    for word, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, f"{name} {word}".strip())


COMMANDS = dict(commands())


def wrong_in(call: str) -> list[str]:
    """What of a call's words is no command or no option of it."""
    words = call.split()
    command: Any = ROOT
    while words and hasattr(command, "commands") and re.fullmatch(r"[a-z][a-z-]*", words[0]):
        if words[0] not in command.commands:
            return [words[0]]
        command = command.commands[words.pop(0)]
    taken = {"--help", "--install-completion", "--show-completion"}
    taken.update(one for parameter in command.params for one in (*parameter.opts, *parameter.secondary_opts))
    named = re.findall(r"(?<!\S)\[?(--[a-z][a-z-]*)", " ".join(words))
    return [one for one in named if one not in taken] if not hasattr(command, "commands") or command is ROOT else []


def calls(text: str) -> list[str]:
    found = []
    for match in CODE.finditer(text):
        whole = (match[1] or match[2]).replace("\\\n", " ")
        found += CALL.findall(whole)
    return found


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_prints_json_and_explains_itself(name: str) -> None:
    options = {one: parameter for parameter in COMMANDS[name].params for one in parameter.opts}
    assert {"--output", "-o"} <= set(options)
    assert COMMANDS[name].help
    assert [one for one, parameter in options.items() if not parameter.help] == []


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_command_on_a_page_exists_with_its_options(page: Path) -> None:
    assert {call: wrong for call in calls(page.read_text()) if (wrong := wrong_in(call))} == {}


def test_a_command_or_an_option_that_is_none_is_found() -> None:
    text = (
        "`holdfast point fetch X`, `holdfast point list --colour`\n```console\nholdfast point list \\\n  --hue 3\n```\n"
    )
    assert [wrong_in(call) for call in calls(text)] == [["fetch"], ["--colour"], ["--hue"]]
    assert wrong_in("point list --output json") == []


def test_the_index_leads_to_every_page() -> None:
    index = Path("docs/README.md")
    linked = {(index.parent / target).resolve() for target in re.findall(r"\]\(([^)#]+)\)", index.read_text())}
    decisions = {one for one in Path("docs/decisions").glob("*.md") if one.name != "README.md"}
    assert {str(one) for one in Path("docs").rglob("*.md") if one.resolve() not in linked} == {
        *map(str, decisions),
        str(index),
    }
