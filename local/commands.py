"""`holdfast local …`: the local profile on the command line. Added to the CLI by an entry point of the package."""

from __future__ import annotations

import json
import shlex
import signal
import sys
import time
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table

from local.profile_file import SERVICES, default_state

local_app = typer.Typer(
    name="local", help="One machine instead of Azure: emulators, workers as processes.", no_args_is_help=True
)

Output = Annotated[Literal["table", "json"], typer.Option("--output", "-o", help="How to print the result.")]
State = Annotated[
    Path | None, typer.Option("--state", help="State folder; default: HOLDFAST_STATE, else ~/.holdfast/local.")
]


def _profile(state: Path | None, **options: Any) -> Any:
    from local.profile import LocalProfile  # half a second of imports that `--help` does without

    return LocalProfile(state or default_state(), **options)


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


def _print(found: Any, output: str, columns: tuple[str, ...] = ()) -> None:
    """Data on stdout: a bare array or one object as JSON, or a table."""
    if output == "json":
        sys.stdout.write(json.dumps(found, indent=2, default=str) + "\n")
        return
    table = Table(box=None, pad_edge=False)
    rows = found if isinstance(found, list) else [{"name": key, "value": value} for key, value in found.items()]
    names = columns if isinstance(found, list) else ("name", "value")
    for name in names:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(_cell(row.get(name)) for name in names))
    # A pipe or file is as wide as the table needs, as with every other command.
    Console(width=None if sys.stdout.isatty() else 10_000).print(table)


def _cell(value: Any) -> str:
    """As a person reads it: a line an entry of what holds others."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return "\n".join(f"{name}: {_cell(entry)}" for name, entry in value.items())
    if isinstance(value, list):
        return "\n".join(map(_cell, value))
    return str(value)


@local_app.command()
def up(
    state: State = None,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return when everything is ready.")] = False,
    clock_file: Annotated[Path | None, typer.Option(help="File of a scaled clock for everything.")] = None,
    pace: Annotated[float, typer.Option(help="Azure's durations times this.")] = 0.01,
    output: Output = "table",
) -> None:
    """Makes a ready world and keeps it running until Ctrl-C, or, with --detach, until `local down`."""
    profile = _profile(state, clock_file=clock_file, pace=pace)
    profile.up()
    _print(profile.status(), output)
    if detach:
        return
    _say("ready; Ctrl-C stops everything")
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))
    try:
        while True:
            time.sleep(1)
            services = profile.status()["services"]
            dead = [name for name in SERVICES if not services[name]]
            if dead:
                _say(f"{', '.join(dead)} ended; its log is in {profile.state / 'logs'}")
                raise typer.Exit(1)
    except KeyboardInterrupt:
        _say("stopping")
    finally:
        profile.down()


@local_app.command()
def down(state: State = None, output: Output = "table") -> None:
    """Stops everything, workers too. What was stored stays in the state folder."""
    profile = _profile(state)
    profile.down()
    _print({"state": str(profile.state), "running": False}, output)


@local_app.command()
def status(state: State = None, output: Output = "table") -> None:
    """Prints what runs, and the addresses."""
    _print(_profile(state).status(), output)


@local_app.command()
def load(
    file: Annotated[Path, typer.Argument(help="A BACPAC.", exists=True, dir_okay=False)],
    database: Annotated[str, typer.Option(help="`server/database` or `instance/database`.")],
    managed_instance: Annotated[bool, typer.Option("--managed-instance", help="It is a managed instance.")] = False,
    region: Annotated[str | None, typer.Option(help="Region of a new server or instance.")] = None,
    state: State = None,
    output: Output = "table",
) -> None:
    """Makes or replaces an emulated database; makes its server or instance if missing."""
    _print(_profile(state).load(file, database, managed=managed_instance, region=region), output)


@local_app.command()
def resources(state: State = None, output: Output = "table") -> None:
    """Lists copies, VMs, disks and network cards, and which of them are leftovers."""
    columns = ("type", "name", "region", "power_state", "session", "leftover")
    _print(_profile(state).resources(), output, columns)


@local_app.command()
def notices(state: State = None, output: Output = "table") -> None:
    """Lists what channel `local` was told; a page shows the same, its address is printed first."""
    profile = _profile(state)
    _say(f"page: {profile.notice_page()}")
    found = [{**notice, **notice["data"]} for notice in profile.notices()]
    _print(found if output == "table" else profile.notices(), output, ("timestamp", "event", "title"))


@local_app.command()
def password(
    repository: Annotated[str, typer.Argument(help="Name of a repository of the profile.")] = "default",
    to: Annotated[Path | None, typer.Option("--to", help="Write it to this file, which only you can read.")] = None,
    state: State = None,
    output: Output = "table",
) -> None:
    """Writes a repository's password from the emulated vault to a file, for commands that work without the app."""
    from local.azure.state_folder import write_private

    profile = _profile(state)
    file = to or profile.state / f"password-{repository}"
    write_private(file, profile.password(repository).encode())
    _print({"repository": repository, "password_file": str(file)}, output)


@local_app.command()
def env(state: State = None, output: Output = "table") -> None:
    """Prints the environment in which commands on a repository's URL act as this world's operator.

    For a shell: `eval "$(holdfast local env)"`.
    """
    found = _profile(state).operator_environment()
    if output == "json":
        _print(found, output)
        return
    for name, value in found.items():
        sys.stdout.write(f"export {name}={shlex.quote(value)}\n")


def demo(
    bacpac: Annotated[
        list[Path] | None,
        typer.Option("--bacpac", help="One's own BACPAC, in place of samples; repeat it.", exists=True, dir_okay=False),
    ] = None,
    state: State = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave everything running to look around.")] = False,
    output: Output = "table",
) -> None:
    """Runs the main job from end to end on this machine, compares what comes back, and says whether it held."""
    from local.demo import run_demo

    found = run_demo(bacpac or [], state, keep=keep, say=Console(stderr=output == "json"))
    if output == "json":
        _print(found, output)
