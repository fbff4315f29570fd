"""SqlPackage's command line: `/Name:value`, `/p:Property=value`, long and short names, any case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from local.sqlpackage import messages
from local.sqlpackage.refusal import Refusal

_ACTIONS = ("Extract", "DeployReport", "DriftReport", "Publish", "Script", "Export", "Import")
# Names and short names as documented for the Export action.
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
    "scs": "SourceConnectionString",
    "sdn": "SourceDatabaseName",
    "sec": "SourceEncryptConnection",
    "shnic": "SourceHostNameInCertificate",
    "sp": "SourcePassword",
    "ssn": "SourceServerName",
    "st": "SourceTimeout",
    "stsc": "SourceTrustServerCertificate",
    "su": "SourceUser",
    "tf": "TargetFile",
    "tid": "TenantId",
    "tsm": "ThreadMaxStackSize",
    "ua": "UniversalAuthentication",
}
_LONG = {name.lower(): name for name in _SHORT.values()}
_PROPERTIES = {
    name.lower(): name
    for name in (
        "CommandTimeout",
        "CompressionOption",
        "DatabaseLockTimeout",
        "HashObjectNamesInLogs",
        "IgnoreIndexesStatisticsOnEnclaveEnabledColumns",
        "LongRunningCommandTimeout",
        "Storage",
        "TableData",
        "TargetEngineVersion",
        "TempDirectoryForTableData",
        "VerifyExtraction",
        "VerifyFullTextDocumentTypesSupported",
    )
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


def parse(words: Sequence[str]) -> ExportArguments:
    """Reads the command line. Raises Refusal with SqlPackage's own line."""
    values: dict[str, str] = {}
    properties: dict[str, list[str]] = {}
    for word in words:
        name, value = _split(word)
        full = _SHORT.get(name.lower()) or _LONG.get(name.lower())
        if full == "Properties":
            key, _, setting = value.partition("=")
            known = _PROPERTIES.get(key.lower())
            if known is None:
                raise Refusal(messages.NOT_AN_ARGUMENT(argument=key, action="Export"))
            properties.setdefault(known, []).append(setting)
        elif full is None:
            raise Refusal(messages.NOT_AN_ARGUMENT(argument=name, action="Export"))
        else:
            values[full] = value
    _check_action(values.get("Action"))
    for needed in ("SourceConnectionString", "TargetFile"):
        if not values.get(needed):
            raise Refusal(messages.MISSING(argument=needed, action="Export"))
    if properties.get("TableData"):
        # Part of a database would be taken for the whole of it by whoever reads the package.
        raise Refusal("*** The stand-in exports whole databases; it does not take the property 'TableData'.")
    last = {key: found[-1] for key, found in properties.items()}
    temporary = last.get("TempDirectoryForTableData")
    return ExportArguments(
        connection_string=values["SourceConnectionString"],
        target_file=Path(values["TargetFile"]),
        overwrite=_boolean("OverwriteFiles", values.get("OverwriteFiles", "True")),
        quiet=_boolean("Quiet", values.get("Quiet", "False")),
        diagnostics_file=Path(values["DiagnosticsFile"]) if values.get("DiagnosticsFile") else None,
        parallelism=_number("MaxParallelism", values.get("MaxParallelism", "8")),
        compression=_choice("CompressionOption", last.get("CompressionOption", "Normal"), COMPRESSIONS),
        temporary_folder=Path(temporary) if temporary else None,
    )


def _split(word: str) -> tuple[str, str]:
    if not word.startswith(("/", "-")):
        raise Refusal(messages.NOT_AN_ARGUMENT(argument=word, action="Export"))
    name, _, value = word.lstrip("/-").partition(":")
    return name, value


def _check_action(action: str | None) -> None:
    if not action:
        raise Refusal(messages.NO_ACTION())
    known = next((name for name in _ACTIONS if name.lower() == action.lower()), None)
    if known is None:
        raise Refusal(messages.BAD_VALUE(value=action, argument="Action"))
    if known != "Export":
        raise Refusal(messages.OTHER_ACTION(action=known))


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
