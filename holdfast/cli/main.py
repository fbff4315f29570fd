"""The command's root: puts the nouns together, and ends every error with its exit code and never a traceback."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Annotated, Any

import typer
from typer.exceptions import Abort, Exit, TyperException

from holdfast import __version__
from holdfast.bacpac.compiled import tell_of_compiling
from holdfast.cli import (
    archive,
    backup,
    catalog,
    cost,
    doctor,
    drill,
    explain,
    holding,
    notify,
    overdue,
    point,
    policy,
    preflight,
    removing,
    repository,
    restore,
    retention,
    retention_app,
    salvaging,
    schema,
    session,
    source,
    status,
    table,
)
from holdfast.cli import repository_locks as locks
from holdfast.cli.adopting import adopt
from holdfast.cli.output import print_text, say, say_error
from holdfast.cli.point_import import import_points
from holdfast.cli.repository_copy import copy as copy_chains
from holdfast.cli.unlocking import add_ways_to_open
from holdfast.model.errors import Cancelled, HoldfastError, InvalidInput

_INTERRUPTED = Cancelled.exit_code
_QUIET = logging.NullHandler()
_COMPILING = "compiling loops to machine code, once on this machine: that takes some seconds …"

app = typer.Typer(
    name="holdfast",
    help="Backup for Azure SQL Database and Azure SQL Managed Instance.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
for _noun, _commands in (
    ("policy", policy.app),
    ("schema", schema.app),
    ("backup", backup.app),
    ("archive", archive.app),
    ("cost", cost.app),
    ("session", session.app),
    ("source", source.app),
    ("point", point.app),
    ("table", table.app),
    ("drill", drill.app),
    ("repository", repository.app),
    ("catalog", catalog.app),
    ("restore", restore.app),
    ("retention", retention.app),
    ("notify", notify.app),
):
    app.add_typer(_commands, name=_noun)
locks.add_to(repository.app)
retention_app.add_to(retention.app)
holding.add_to(point.app)
point.app.command("delete")(removing.delete)
point.app.command("salvage")(salvaging.salvage)
repository.app.command("prune")(removing.prune)
app.command("preflight")(preflight.preflight)
app.command("status")(status.status)
app.command("doctor")(doctor.doctor)
app.command("explain")(explain.explain)
app.command("overdue")(overdue.overdue)
point.app.command("import")(import_points)
repository.app.command("copy")(copy_chains)
repository.app.command("adopt")(adopt)


def _version(wanted: bool) -> None:
    if wanted:
        print_text(f"holdfast {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and end.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Backup for Azure SQL Database and Azure SQL Managed Instance."""


def add_nouns(to: typer.Typer, found: Sequence[EntryPoint]) -> None:
    """Adds nouns of other packages: a Typer app or a function each. One that cannot be loaded says so when it is called."""
    for entry in found:
        try:
            loaded: Any = entry.load()
        except Exception as error:  # noqa: BLE001 (whatever is wrong with it, the other commands must work)
            loaded = _broken(entry.name, error)
        if isinstance(loaded, typer.Typer):
            to.add_typer(loaded, name=entry.name)
        else:
            to.command(entry.name)(loaded)


def _broken(name: str, error: Exception) -> Callable[[], None]:
    what = f"{type(error).__name__}: {error}"

    def tell() -> None:
        raise HoldfastError(
            f"the command `{name}` cannot be loaded: {what}", help="Install the package that brings it again."
        )

    tell.__doc__ = "Cannot be loaded."
    return tell


add_nouns(app, sorted(entry_points(group="holdfast.commands"), key=lambda entry: entry.name))


add_ways_to_open(app)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code. Raises nothing."""
    # Libraries log what they then raise; without a handler Python would print it among our words.
    logging.getLogger().addHandler(_QUIET)
    tell_of_compiling(lambda: say(_COMPILING))
    try:
        ended = app(args=list(arguments) if arguments is not None else None, standalone_mode=False)
    except HoldfastError as error:
        say_error(error.info())
        return error.info().exit_code
    except Exit as error:
        return error.exit_code
    except (KeyboardInterrupt, Abort):
        say("interrupted")
        return _INTERRUPTED
    except TyperException as error:
        return _misused(error)
    except SystemExit as error:  # Typer's way out when whoever read our output has gone
        return error.code if isinstance(error.code, int) else HoldfastError.exit_code
    except Exception as error:  # noqa: BLE001 (the last line before the person)
        if os.environ.get("HOLDFAST_DEBUG"):
            traceback.print_exc()
        said = HoldfastError(f"{type(error).__name__}: {error}", help="Set HOLDFAST_DEBUG=1 for details and report it.")
        say_error(said.info())
        return said.exit_code
    return ended if isinstance(ended, int) else 0


def _misused(error: TyperException) -> int:
    context = getattr(error, "ctx", None)
    command = getattr(context, "command_path", "holdfast")
    message = error.format_message()
    if message:  # it is empty where a noun was given without a verb: then the help was shown
        say_error(InvalidInput(message, help=f"`{command} --help` shows how it is used.").info())
    return InvalidInput.exit_code


def run() -> None:
    """Entry point of the package."""
    sys.exit(main())
