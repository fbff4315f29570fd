"""`holdfast explain`: what an error's code means and what to do about it."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import Annotated, Any

import typer

import holdfast
from holdfast.cli.output import Output, OutputOption, field, print_list, print_object
from holdfast.model.errors import HoldfastError, NotFound, catalogue


def explain(
    code: Annotated[str | None, typer.Argument(help="Code of an error; absent: all of them.")] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Explains an error: what it means, what to do, its exit code."""
    errors = known_errors()
    if code is None:
        found = [_entry(kind) for kind in errors.values()]
        print_list(found, output, (field("code"), field("exit_code", "exit"), field("title"), field("help")))
        return
    if code not in errors:
        raise NotFound(f"there is no error with the code {code!r}", help="`holdfast explain` lists all codes.")
    print_object(_entry(errors[code]), output)


@cache
def known_errors() -> dict[str, type[HoldfastError]]:
    """Every error by its code, those of parts that are installed included: an error stands where it belongs."""
    for found in pkgutil.walk_packages(holdfast.__path__, "holdfast."):
        if not found.name.endswith("__main__"):
            try:
                importlib.import_module(found.name)
            except ImportError:  # a part whose libraries are not on this machine
                continue
    return catalogue()


def _entry(kind: type[HoldfastError]) -> dict[str, Any]:
    return {
        "code": kind.code,
        "title": kind.title,
        "help": kind.advice,
        "exit_code": kind.exit_code,
        "http_status": kind.http_status,
        "retried": not kind.permanent,
    }
