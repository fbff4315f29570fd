"""What SqlPackage's errors mean: which object, what about it, what mends it, and whether a retry may help.

The codes and texts are those that people quote from SqlPackage; `docs/reference/preflight.md` lists them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from holdfast.model.errors import DiskFull, ExportBlocked, ExportFailed, Forbidden, HoldfastError, Unavailable
from holdfast.worker.redaction import shorten

_CODE = re.compile(r"\b(?:Error )?(SQL7\d{4})\s*:\s*(.*)")
_ELEMENT = re.compile(r"(?P<kind>[A-Z][\w ]*?): (?P<name>\[(?:[^\]]|\]\])*\](?:\.\[(?:[^\]]|\]\])*\])*)")
_REFERENCE = re.compile(r"unresolved reference to (?:object )?(?P<target>.+?)\.?(?: External| \(|$)")
_DENIED = re.compile(r"The (\w+(?: \w+)?) permission was denied on the object '([^']+)'(?:.*?schema '([^']+)')?")

#: Blockers by SqlPackage's number: the cause and the mend.
_BLOCKERS = {
    "SQL71501": (
        "refers to something that does not exist in the database",
        "Create what it refers to, or drop the object; a member of a change-data-capture role must leave the role",
    ),
    "SQL71561": (
        "refers to another database by name",
        "Write the name in two parts if it means this database; otherwise drop or rewrite the object",
    ),
    "SQL71562": (
        "refers to another database or server, which a BACPAC cannot hold",
        "Write the name in two parts if it means this database; otherwise drop or rewrite the object",
    ),
    "SQL71564": (
        "is of a kind that Azure SQL Database does not support, or belongs to a login that is gone",
        "Drop it; give an orphaned user its login again or drop the user",
    ),
    "SQL71626": (
        "is of a kind that Azure SQL Database does not support",
        "Drop the certificate, key, assembly or service if nothing needs it",
    ),
    "SQL71627": (
        "has a setting that Azure SQL Database does not support; of a user: it is a Windows user",
        "Drop the user, after giving what it owns to somebody else",
    ),
    "SQL71630": (
        "has a setting that Azure SQL Database does not support (FILESTREAM)",
        "Move the data out of the FILESTREAM filegroup and drop it",
    ),
}
_DISK_FULL = re.compile(r"no space left on device|not enough space on the disk|disk (?:is )?full", re.IGNORECASE)
_OTHER_BLOCKER = ("does not pass SqlPackage's check of the schema", "Mend or drop the object")


class CannotConnect(ExportFailed):
    """The way from the worker to the server is closed."""

    code = "cannot-connect"
    title = "The worker cannot reach the server"
    advice = (
        "Let the worker's subnet reach the server: a private endpoint, a service endpoint or a firewall rule; ports 1433 "
        "and, unless the server proxies, 11000 to 11999."
    )


#: What other messages mean, first match first: a pattern, the error, the detail (None: the line itself), the help.
_OTHERS: tuple[tuple[re.Pattern[str], type[HoldfastError], str | None, str | None], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), kind, detail, advice)
    for pattern, kind, detail, advice in (
        (
            r"token (?:is|has) expired|lifetime validation failed",
            ExportFailed,
            "the access token expired during the export",
            "It is tried again with a new token; SqlPackage renews tokens of a managed identity by itself from version "
            "162 on, so check its version if it happens again.",
        ),
        (
            r"is not allowed to access the server|deny public network access|connection was denied",
            CannotConnect,
            None,
            None,
        ),
        (
            r"login failed for user|cannot open database .* requested by the login|"
            r"server principal .* is not able to access",
            Forbidden,
            None,
            "Create a user for the worker's identity in the database: CREATE USER [identity] FROM EXTERNAL PROVIDER; "
            "ALTER ROLE db_owner ADD MEMBER [identity].",
        ),
        (
            r"permission was denied|does not have permission|do not have permission",
            Forbidden,
            None,
            "Make the worker's identity a member of db_owner in the database, or give it the right that is named.",
        ),
        (
            r"managedidentitycredential|failed to acquire .*token|unable to (?:get|acquire) .*token|AADSTS\d+",
            Unavailable,
            "SqlPackage got no token from the machine's identity endpoint",
            "It is tried again; check that the identity is assigned to the worker profile's machines.",
        ),
        (
            r"outofmemoryexception|insufficient memory|out of memory",
            ExportFailed,
            "SqlPackage ran out of memory",
            "Choose a size with more memory in the worker profile: SqlPackage holds the whole schema in memory.",
        ),
        (
            r"stream was too long",
            ExportFailed,
            "SqlPackage cannot write a part of this size",
            "Use SqlPackage 170.5.60 or later: earlier versions fail on very large parts.",
        ),
        (
            r"is not a valid argument for",
            ExportFailed,
            None,
            "The configured SqlPackage is too old: use version 162 or later.",
        ),
        (
            r"lock request time ?out",
            ExportFailed,
            None,
            "Somebody holds locks in the database; export at another hour, or stage a copy.",
        ),
        (
            r"network-related or instance-specific|transport-level error|connection timeout expired|tcp provider|"
            r"server was not found|not currently available|connection .* forcibly closed",
            Unavailable,
            None,
            None,
        ),
        (
            r"execution timeout expired|timeout period elapsed",
            ExportFailed,
            None,
            "The database did not answer in time; it is tried again. A larger service objective helps.",
        ),
    )
)


def is_error_line(line: str) -> bool:
    """Whether the line tells of an error. Warnings carry numbers of the same kind."""
    return line.startswith(("***", "Error ")) or bool(_CODE.search(line) and not line.startswith("Warning"))


def is_final(line: str) -> bool:
    """Whether the line says that the export as a whole failed, whatever the exit code says."""
    return line.startswith("*** Error")


def explain(errors: Sequence[str], tail: Sequence[str], exit_code: int) -> HoldfastError:
    """The error of an export from SqlPackage's error lines, its last lines, and its exit code (negative: a signal)."""
    whole = [*errors, *(line for line in tail if line not in errors)]
    for line in whole:
        if _DISK_FULL.search(line):
            return DiskFull(_said(line))
    if blocked := _blocked(errors):
        return blocked
    for pattern, kind, detail, advice in _OTHERS:
        for line in whole:
            if pattern.search(line):
                return kind(detail if detail is not None else _said(line), help=advice)
    if exit_code < 0 and not errors:
        return ExportFailed(
            f"SqlPackage was killed by signal {-exit_code}",
            help="Most often the machine's memory ran out: choose a size with more memory in the worker profile.",
        )
    said = [_said(line) for line in errors[-3:]] or [_said(line) for line in tail[-3:]]
    return ExportFailed(f"{' | '.join(said) or 'SqlPackage gave no reason'} (exit code {exit_code})")


def _blocked(errors: Sequence[str]) -> ExportBlocked | None:
    """The error for what the schema holds; names every object once, as many as fit."""
    named: dict[str, None] = {}
    mends: dict[str, None] = {}
    for line in errors:
        found = _CODE.search(line)
        if found is None or not found[1].startswith("SQL71"):
            continue
        cause, mend = _BLOCKERS.get(found[1], _OTHER_BLOCKER)
        named[f"{_object(found[2])} {_cause(found[2], cause)} ({found[1]})"] = None
        mends[mend] = None
    if not named:
        return None
    shown = list(named)[:10]
    more = f"; and {len(named) - len(shown)} more" if len(named) > len(shown) else ""
    return ExportBlocked("; ".join(shown) + more, help=". ".join(mends) + ".")


def _object(message: str) -> str:
    """`View [dbo].[v]`, or the message's beginning where no element is named."""
    # "Error validating element [dbo].[v]: View: [dbo].[v] has …": the kind stands before the second name.
    text = re.sub(r"^Error validating element [^:]*:\s*", "", message).removeprefix("The element ")
    found = _ELEMENT.search(text)
    return f"{found['kind'].strip()} {found['name']}" if found else shorten(text, 160)


def _cause(message: str, cause: str) -> str:
    found = _REFERENCE.search(message)
    return f"{cause}: {found['target']}" if found else cause


def _said(line: str) -> str:
    """A line without SqlPackage's ornaments; a refused right with the object in front."""
    denied = _DENIED.search(line)
    if denied:
        schema = f"{denied[3]}." if denied[3] else ""
        return f"{schema}{denied[2]}: the {denied[1]} permission is missing"
    return shorten(line.lstrip("* ").strip(), 400)
