"""`sqlpackage`: the command itself. Exit code 0: done; 1: anything else, as SqlPackage has it."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable, Sequence

from local.sqlpackage import arguments, messages
from local.sqlpackage.export import export
from local.sqlpackage.loading import load
from local.sqlpackage.refusal import ExportError, NotImported, Refusal


def run(words: Sequence[str]) -> int:
    """Runs a command line."""
    sys.stdout.write(messages.STAND_IN() + "\n")
    try:
        asked = arguments.parse(words)
        if isinstance(asked, arguments.ImportArguments):
            return _run_import(asked)
        _run_export(asked)
    except ExportError as error:
        return _fail(messages.FAILED(cause=error))
    except Refusal as error:
        return _fail(str(error))
    return 0


def _run_export(asked: arguments.ExportArguments) -> None:
    try:
        export(asked, _speaker(asked))
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise ExportError(messages.NO_SPACE(file=error.filename or asked.target_file)) from error
        raise ExportError(str(error)) from error


def _run_import(asked: arguments.ImportArguments) -> int:
    try:
        load(asked, _speaker(asked))
    except (ExportError, NotImported) as error:
        # What the endpoint refuses it refuses to both actions in the same words.
        return _fail(messages.IMPORT_FAILED(cause=error))
    except OSError as error:
        return _fail(messages.IMPORT_FAILED(cause=f"{messages.NO_PACKAGE(file=asked.source_file)}\n{error}"))
    return 0


def _speaker(asked: arguments.ExportArguments | arguments.ImportArguments) -> Callable[[str], None]:
    def say(line: str) -> None:
        if not asked.quiet:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
        if asked.diagnostics_file:
            with asked.diagnostics_file.open("a", encoding="utf-8") as log:
                log.write(line + "\n")

    return say


def _fail(text: str) -> int:
    sys.stdout.flush()
    sys.stderr.write(text + "\n")
    return 1


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
