"""What the errors of SqlPackage's import mean: what mends it, and whether a retry may help.

Numbers are SQL Server's (`Msg 2714`). What a new attempt in a new empty database would meet again is not tried again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from holdfast.model.errors import DiskFull, HoldfastError
from holdfast.model.restore.errors import ImportBlocked, ImportFailed
from holdfast.worker.redaction import shorten
from holdfast.worker.sqlpackage_errors import explain as explain_export

_SERVER = re.compile(r"Msg (?P<number>\d+), Level \d+, State \d+, Line \d+ (?P<text>.*)")
_NOT_EMPTY = re.compile(r"contains one or more user objects", re.IGNORECASE)
_LOST = re.compile(r"transport-level error|network-related or instance-specific|forcibly closed", re.IGNORECASE)

#: What no retry changes, by SQL Server's number: what a person does about it.
_BLOCKED = {
    2714: "Two objects have one name, most often a default constraint that was named as the engine names its own: rename "
    "it in the database, make a new point, or take the rows from a downloaded BACPAC.",
    15151: "A permission names an object that is not in the package, as after a ledger table was dropped: revoke it in the "
    "database and make a new point.",
    33159: "Only a Microsoft Entra connection makes Entra users: give the server an Entra administrator that includes the "
    "worker's identity, and its own identity the role Directory Readers.",
    40536: "Restore to the tier Premium or Business Critical: memory-optimised tables need it.",
    40544: "Name a larger tier or --max-size: the data do not fit into the database.",
    12134: "Restore to a server whose databases take the options that the point has.",
    4002: "Use SqlPackage 170.3.93 or later: earlier ones write rows that a server does not take.",
}


def explain(errors: Sequence[str], tail: Sequence[str], exit_code: int) -> HoldfastError:
    """The error of an import from SqlPackage's error lines, its last lines, and its exit code (negative: a signal)."""
    whole = [*errors, *(line for line in tail if line not in errors)]
    for line in whole:
        if match := _SERVER.search(line):
            number, text = int(match["number"]), shorten(match["text"].strip(), 400)
            advice = _BLOCKED.get(number)
            if advice is not None:
                return ImportBlocked(f"{text} (SQL Server {number})", help=advice)
    if any(_NOT_EMPTY.search(line) for line in whole):
        return ImportFailed("the target was not empty: an earlier import began there; a new one is made")
    if not any(_LOST.search(line) for line in whole) and exit_code < 0:
        return ImportFailed(
            f"SqlPackage was killed by signal {-exit_code}",
            help="Most often the machine's memory ran out: choose a size with more memory in the worker profile.",
        )
    # Connection, login, memory and disk are the same for both actions; the error's kind is the import's.
    found = explain_export(errors, tail, exit_code)
    if isinstance(found, DiskFull) or found.code not in ("export-failed", "export-blocked"):
        return found
    kind = ImportBlocked if found.code == "export-blocked" else ImportFailed
    advice = None if found.help == type(found).advice else found.help
    return kind(found.detail.replace("during the export", "during the import"), help=advice)
