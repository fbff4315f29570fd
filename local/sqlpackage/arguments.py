"""SqlPackage's command line: `/Name:value`, `/p:Property=value`, long and short names, any case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from local.sqlpackage import messages
from local.sqlpackage.refusal import Refusal

_ACTIONS = ("Extract", "DeployReport", "DriftReport", "Publish", "Script", "Export", "Import")
# Names and short names as documented for the actions Export and Import.
_SHORT = {
    "a": "Action",
    "at": "AccessToken",
    "d": "Diagnostics",
    "df": "DiagnosticsFile",
    "dl": "DiagnosticsLevel",
    "dpf": "DiagnosticsPackageFile",
    "mp": "MaxParallelism",
    "of": "OverwriteFiles",
    "p": "Properties",
    "q": "Quiet",
    "sf": "SourceFile",
    "scs": "SourceConnectionString",
    "sdn": "SourceDatabaseName",
    "sec": "SourceEncryptConnection",
    "shnic": "SourceHostNameInCertificate",
    "sp": "SourcePassword",
    "ssn": "SourceServerName",
    "st": "SourceTimeout",
    "stsc": "SourceTrustServerCertificate",
    "su": "SourceUser",
    "tcs": "TargetConnectionString",
    "tdn": "TargetDatabaseName",
    "tec": "TargetEncryptConnection",
    "tf": "TargetFile",
    "thnic": "TargetHostNameInCertificate",
    "tid": "TenantId",
    "tp": "TargetPassword",
    "tsm": "ThreadMaxStackSize",
    "tsn": "TargetServerName",
    "tt": "TargetTimeout",
    "ttsc": "TargetTrustServerCertificate",
    "tu": "TargetUser",
    "ua": "UniversalAuthentication",
}
_LONG = {name.lower(): name for name in _SHORT.values()}
_BOTH = ("CommandTimeout", "DatabaseLockTimeout", "HashObjectNamesInLogs", "LongRunningCommandTimeout", "Storage")
_PROPERTIES: dict[str, tuple[str, ...]] = {
    "Export": (
        *_BOTH,
        "CompressionOption",
        "IgnoreIndexesStatisticsOnEnclaveEnabledColumns",
        "TableData",
        "TargetEngineVersion",
        "TempDirectoryForTableData",
        "VerifyExtraction",
        "VerifyFullTextDocumentTypesSupported",
    ),
    "Import": (
        *_BOTH,
        "DatabaseEdition",
        "DatabaseMaximumSize",
        "DatabaseServiceObjective",
        "DisableIndexesForDataPhase",
        "DisableParallelismForEnablingIndexes",
        "ImportContributorArguments",
        "ImportContributorPaths",
        "ImportContributors",
        "PreserveIdentityLastValues",
        "RebuildIndexesOfflineForDataPhase",
    ),
}
COMPRESSIONS = ("Normal", "Maximum", "Fast", "SuperFast", "NotCompressed")


@dataclass(frozen=True)
class ExportArguments:
    """What an export was asked for."""

    connection_string: str
    target_file: Path
    overwrite: bool = True
    quiet: bool = False
    diagnostics_file: Path | None = None
    parallelism: int = 8
    compression: str = "Normal"
    temporary_folder: Path | None = None
    tables: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class ImportArguments:
    """What an import was asked for."""

    connection_string: str
    source_file: Path
    quiet: bool = False
    diagnostics_file: Path | None = None
    parallelism: int = 8


def parse(words: Sequence[str]) -> ExportArguments | ImportArguments:
    """Reads the command line. Raises Refusal with SqlPackage's own line."""
    action = _action(words)
    values, properties = _read(words, action)
    needed = (
        ("SourceConnectionString", "TargetFile") if action == "Export" else ("TargetConnectionString", "SourceFile")
    )
    for name in needed:
        if not values.get(name):
            raise Refusal(messages.MISSING(argument=name, action=action))
    last = {key: found[-1] for key, found in properties.items()}
    quiet = _boolean("Quiet", values.get("Quiet", "False"))
    diagnostics = Path(values["DiagnosticsFile"]) if values.get("DiagnosticsFile") else None
    parallelism = _number("MaxParallelism", values.get("MaxParallelism", "8"))
    if action == "Import":
        return ImportArguments(
            values["TargetConnectionString"], Path(values["SourceFile"]), quiet, diagnostics, parallelism
        )
    if properties.get("TableData"):
        # Part of a database would be taken for the whole of it by whoever reads the package.
        raise Refusal("*** The stand-in exports whole databases; it does not take the property 'TableData'.")
    temporary = last.get("TempDirectoryForTableData")
    return ExportArguments(
        connection_string=values["SourceConnectionString"],
        target_file=Path(values["TargetFile"]),
        overwrite=_boolean("OverwriteFiles", values.get("OverwriteFiles", "True")),
        quiet=quiet,
        diagnostics_file=diagnostics,
        parallelism=parallelism,
        compression=_choice("CompressionOption", last.get("CompressionOption", "Normal"), COMPRESSIONS),
        temporary_folder=Path(temporary) if temporary else None,
    )


def _action(words: Sequence[str]) -> str:
    named = ""
    for word in words:
        name, _, value = word.lstrip("/-").partition(":")
        if name.lower() in ("action", "a"):
            named = value
    if not named:
        raise Refusal(messages.NO_ACTION())
    known = next((name for name in _ACTIONS if name.lower() == named.lower()), None)
    if known is None:
        raise Refusal(messages.BAD_VALUE(value=named, argument="Action"))
    if known not in _PROPERTIES:
        raise Refusal(messages.OTHER_ACTION(action=known))
    return known


def _full(name: str) -> str | None:
    return _SHORT.get(name.lower()) or _LONG.get(name.lower())


def _read(words: Sequence[str], action: str) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Arguments, and properties with all their values."""
    values: dict[str, str] = {}
    properties: dict[str, list[str]] = {}
    known = {name.lower(): name for name in _PROPERTIES[action]}
    # `TargetFile` is what an export writes, `SourceFile` what an import reads; neither takes the other's connection.
    ours, others = ("Source", "Target") if action == "Export" else ("Target", "Source")
    for word in words:
        if not word.startswith(("/", "-")):
            raise Refusal(messages.NOT_AN_ARGUMENT(argument=word, action=action))
        name, _, value = word.lstrip("/-").partition(":")
        full = _full(name)
        if full == "Properties":
            key, _, setting = value.partition("=")
            if key.lower() not in known:
                raise Refusal(messages.NOT_AN_ARGUMENT(argument=key, action=action))
            properties.setdefault(known[key.lower()], []).append(setting)
            continue
        foreign = full is not None and (full == f"{ours}File" or (full.startswith(others) and full != f"{others}File"))
        if full is None or foreign:
            raise Refusal(messages.NOT_AN_ARGUMENT(argument=name, action=action))
        values[full] = value
    return values, properties


def _boolean(name: str, text: str) -> bool:
    return _choice(name, text or "True", ("True", "False")) == "True"


def _choice(name: str, text: str, choices: tuple[str, ...]) -> str:
    found = next((choice for choice in choices if choice.lower() == text.lower()), None)
    if found is None:
        raise Refusal(messages.BAD_VALUE(value=text, argument=name))
    return found


def _number(name: str, text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise Refusal(messages.BAD_VALUE(value=text, argument=name))
    return int(text)
