"""What SqlPackage's errors mean: which object, what about it, what mends it, and whether a retry may help.

The numbers are those that people quote from SqlPackage; `docs/reference/preflight.md` lists them. What preflight has a rule
for is told in the rule's own words, so that people read the same text wherever it is found.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from holdfast.model.errors import DiskFull, ExportBlocked, ExportFailed, Forbidden, HoldfastError, Unavailable
from holdfast.model.preflight import blocking
from holdfast.model.preflight.finding import Finding
from holdfast.model.preflight.kinds import KeyKind, with_article
from holdfast.worker.blocked import blocked
from holdfast.worker.redaction import shorten

_CODE = re.compile(r"\b(?:Error )?(SQL7\d{4})\s*:\s*(.*)")
_ELEMENT = re.compile(r"(?P<kind>[A-Z][\w ]*?): (?P<name>\[(?:[^\]]|\]\])*\](?:\.\[(?:[^\]]|\]\])*\])*)")
_BARE = re.compile(r"^(?P<name>\[(?:[^\]]|\]\])*\](?:\.\[(?:[^\]]|\]\])*\])*) ")
_REFERENCE = re.compile(r"unresolved reference to (?:object )?(?P<target>.+?)\.?(?: External| \(|$)")
_DENIED = re.compile(r"The (\w+(?: \w+)?) permission was denied on the object '([^']+)'(?:.*?schema '([^']+)')?")

_KEYS: dict[str, KeyKind] = {
    "Certificate": "certificate",
    "Symmetric Key": "symmetric key",
    "Asymmetric Key": "asymmetric key",
}

#: Blockers by SqlPackage's number where no rule fits: the cause and the mend.
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
        "is of a kind that a BACPAC or Azure SQL Database does not support",
        "Drop it, or leave the database out of the policy",
    ),
    "SQL71626": (
        "is of a kind that Azure SQL Database does not support",
        "Drop it if nothing needs it",
    ),
    "SQL71627": (
        "has a setting that Azure SQL Database does not support",
        "Change the setting that is named, or drop it",
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
    if refused := _blocked(errors):
        return refused
    for pattern, kind, detail, advice in _OTHERS:
        for line in whole:
            if pattern.search(line):
                return kind(detail if detail is not None else _said(line), help=advice)
    if exit_code < 0 and not any(is_final(line) or _CODE.search(line) for line in errors):
        return ExportFailed(
            f"SqlPackage was killed by signal {-exit_code}",
            help="Most often the machine's memory ran out: choose a size with more memory in the worker profile.",
        )
    said = [_said(line) for line in errors[-3:]] or [_said(line) for line in tail[-3:]]
    return ExportFailed(f"{' | '.join(said) or 'SqlPackage gave no reason'} (exit code {exit_code})")


def _blocked(errors: Sequence[str]) -> ExportBlocked | None:
    """The error for what the schema holds; names every object once, as many as fit."""
    found = [_finding(match[1], match[2]) for line in errors if (match := _CODE.search(line)) and match[1] < "SQL72"]
    if not found:
        return None
    return blocked(list(dict.fromkeys(found)))


def _finding(number: str, message: str) -> Finding:
    """One error line as a finding: by preflight's rule where there is one, else by its number."""
    # "Error validating element [dbo].[v]: View: [dbo].[v] has …": the kind stands before the second name.
    text = re.sub(r"^Error validating element [^:]*:\s*", "", message).removeprefix("The element ")
    element = _ELEMENT.search(text)
    found: Finding | None = None
    if element is None and (bare := _BARE.match(text)):
        found = _by_rule(number, "Object", bare["name"], text)
    if element is not None:
        found = _by_rule(number, element["kind"].strip(), element["name"], text)
    if found is None:
        cause, mend = _BLOCKERS.get(number, _OTHER_BLOCKER)
        outside = _REFERENCE.search(text)
        found = Finding(
            id=number,
            severity="blocks-export",
            object=f"{element['kind'].strip()} {element['name']}" if element else shorten(text, 160),
            cause=f"{cause}: {outside['target']}" if outside else cause,
            mend=mend,
        )
    return found.model_copy(update={"error_number": number})


def _by_rule(number: str, kind: str, name: str, text: str) -> Finding | None:
    outside = _REFERENCE.search(text)
    if number in ("SQL71561", "SQL71562") and outside:
        if kind == "Synonym":
            return blocking.OUTSIDE_SYNONYM.on(name, target=outside["target"])
        return blocking.OUTSIDE_REFERENCE.on(name, kind=kind, target=outside["target"])
    if kind == "User" and "orphaned from its login" in text:
        return blocking.ORPHANED_USER.on(name)
    if kind == "User" and "AuthenticationType" in text:
        return blocking.WINDOWS_PRINCIPAL.on(name)
    if kind in _KEYS:
        return blocking.KEY.on(name, Kind=kind.capitalize(), a_kind=with_article(_KEYS[kind]))
    if kind == "External Table":
        return blocking.EXTERNAL_TABLE.on(name)
    if "script body is encrypted" in text:
        return blocking.ENCRYPTED_MODULE.on(name, kind=kind)
    return None


def _said(line: str) -> str:
    """A line without SqlPackage's ornaments; a refused right with the object in front."""
    denied = _DENIED.search(line)
    if denied:
        schema = f"{denied[3]}." if denied[3] else ""
        return f"{schema}{denied[2]}: the {denied[1]} permission is missing"
    return shorten(line.lstrip("* ").strip(), 400)
