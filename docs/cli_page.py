"""The reference page of the command line, from the commands themselves; `generate.py` writes it.

The page holds a command's words as `--help` says them, in the order in which `--help` lists them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from holdfast.cli.main import app
from holdfast.cli.session_views import PARTIAL_EXIT_CODE
from holdfast.model.errors import Cancelled

NAME = "docs/reference/cli.md"


def commands() -> Iterator[tuple[str, Any]]:
    """Every command with its whole name, `repository key add`, nouns left out."""
    yield from _below("", typer.main.get_command(app))


def page() -> str:
    """The page's text."""
    found = dict(commands())
    parts = [
        "# The command line\n",
        "Made from the commands. `holdfast COMMAND --help` says the same. Every way to fail: [errors](errors.md).\n",
        "Every command takes `--output json` (`-o json`): data alone on standard output, a list as a bare array,",
        'an error as `{"error": …}` on standard error. Talk and progress go to standard error in either case.\n',
        f"Exit code 0 is success, 2 a usage error, {PARTIAL_EXIT_CODE} a part that failed, "
        f"{Cancelled.exit_code} an interruption; any other is an error's own.\n",
        "Completion in your shell: `holdfast --install-completion`; `holdfast --show-completion` only prints it.\n",
        "| command | what it does |",
        "|---|---|",
        *(f"| [`{name}`](#{_anchor(name)}) | {_first(command)} |" for name, command in found.items()),
        "",
    ]
    parts += [_section(name, command) for name, command in found.items()]
    return "\n".join(parts)


def _below(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield name, command
        return
    for word, one in inner.items():
        yield from _below(f"{name} {word}".strip(), one)


def _section(name: str, command: Any) -> str:
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option" and not one.hidden]
    usage = " ".join((f"holdfast {name}", *map(_placed, arguments), "[OPTIONS]"))
    rows = [
        f"## {name}\n",
        f"{_plain(command.help)}\n",
        f"```\n{usage}\n```\n",
        "| | default | meaning |",
        "|---|---|---|",
    ]
    rows += [f"| `{_plain(_placed(one))}` | {_default(one)} | {_plain(one.help)} |" for one in arguments]
    rows += [f"| {_spelled(one)} | {_default(one)} | {_plain(one.help)} |" for one in options]
    return "\n".join(rows) + "\n"


def _placed(argument: Any) -> str:
    shown = str(argument.metavar or argument.name.upper()).strip("[]")
    many = "…" if argument.nargs == -1 else ""
    return f"{shown}{many}" if argument.required else f"[{shown}{many}]"


def _spelled(option: Any) -> str:
    return ", ".join(f"`{one}`" for one in (*option.opts, *option.secondary_opts))


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    value = parameter.default
    if callable(value) or value in (None, "", False) or value in ([], ()):
        return "–"
    return f"`{getattr(value, 'value', value)}`"


def _first(command: Any) -> str:
    return _plain((command.help or "").split("\n\n")[0])


def _plain(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|").replace("<", "&lt;")


def _anchor(name: str) -> str:
    return name.replace(" ", "-")
