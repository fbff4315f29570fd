"""What a repository is opened with, on the command line: a password file, a Key Vault key, a recovery key.

Every command that takes `--password-file` takes the other two as well: `add_ways_to_open` gives them to all of them, so
that no command can be without.
"""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from holdfast.model.errors import InvalidInput

if TYPE_CHECKING:
    from holdfast.repository import Credential, Password, VaultKey

PASSWORD_FILE, VAULT_KEY, RECOVERY_KEY_FILE = "--password-file", "--vault-key", "--recovery-key-file"
_VARIABLES = {
    PASSWORD_FILE: "HOLDFAST_PASSWORD_FILE",
    VAULT_KEY: "HOLDFAST_VAULT_KEY",
    RECOVERY_KEY_FILE: "HOLDFAST_RECOVERY_KEY_FILE",
}

PasswordFileOption = Annotated[
    Path | None,
    typer.Option(PASSWORD_FILE, help="File with the repository's password, for a URL; else HOLDFAST_PASSWORD_FILE."),
]
VaultKeyOption = Annotated[
    str | None,
    typer.Option(
        VAULT_KEY,
        metavar="URL",
        help="Or the Key Vault key that opens it: https://VAULT/keys/NAME; else HOLDFAST_VAULT_KEY.",
    ),
]
RecoveryKeyFileOption = Annotated[
    Path | None,
    typer.Option(RECOVERY_KEY_FILE, help="Or a file with its recovery key; else HOLDFAST_RECOVERY_KEY_FILE."),
]


@dataclass(frozen=True)
class _Others:
    vault_key: str | None = None
    recovery_key_file: Path | None = None


_NONE = _Others()
_others: ContextVar[_Others] = ContextVar("others", default=_NONE)


def credential(password_file: Path | None) -> Credential:
    """What the options name; what the environment names where there is no option.

    Raises InvalidInput where nothing or more than one thing is named, and for a file that cannot be read.
    """
    how, named = _chosen(password_file)
    if how == PASSWORD_FILE:
        return password_of(Path(named), how)
    if how == VAULT_KEY:
        return vault_key_of(named)
    from holdfast.repository import RecoveryKey

    return RecoveryKey.typed(read_text(Path(named), how))


def password_of(file: Path, option: str = PASSWORD_FILE) -> Password:
    """The password in a file: its text without the line's end. Raises InvalidInput."""
    from holdfast.repository import Password

    password = read_text(file, option).rstrip("\r\n")
    if not password:
        raise InvalidInput(f"{option} {file} is empty")
    return Password(password)


def vault_key_of(url: str) -> VaultKey:
    """The Key Vault key of that address, by whoever is signed in to Azure. Raises InvalidInput."""
    from azure.identity import DefaultAzureCredential

    from holdfast.repository import VaultKey
    from holdfast.wiring import vault_key

    return VaultKey(vault_key(url, DefaultAzureCredential()))


def named_vault_key() -> str | None:
    """The address that the repository is being opened with, where it is a Key Vault key's."""
    return _others.get().vault_key or os.environ.get(_VARIABLES[VAULT_KEY])


def read_text(file: Path, option: str) -> str:
    """The text of a file that somebody named. Raises InvalidInput; nothing of the text is in it."""
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = (error.strerror or str(error)) if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InvalidInput(f"{option} {file}: {reason}") from None


def add_ways_to_open(app: typer.Typer) -> None:
    """Gives every command below `app` that has `--password-file` the other ways, too."""
    for command in app.registered_commands:
        if command.callback is not None and "password_file" in inspect.signature(command.callback).parameters:
            command.callback = _with_others(command.callback)
    for group in app.registered_groups:
        if group.typer_instance is not None:
            add_ways_to_open(group.typer_instance)


def _with_others(command: Callable[..., Any]) -> Callable[..., Any]:
    signature = inspect.signature(command, eval_str=True)
    if "vault_key" in signature.parameters:  # done already
        return command
    added = {"vault_key": VaultKeyOption, "recovery_key_file": RecoveryKeyFileOption}

    @functools.wraps(command)
    def called(*arguments: Any, vault_key: str | None, recovery_key_file: Path | None, **options: Any) -> Any:
        before = _others.set(_Others(vault_key, recovery_key_file))
        try:
            return command(*arguments, **options)
        finally:
            _others.reset(before)

    parameters: list[inspect.Parameter] = []
    for parameter in signature.parameters.values():
        parameters.append(parameter)
        if parameter.name == "password_file":
            parameters += [parameter.replace(name=name, annotation=kind) for name, kind in added.items()]
    called.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {**command.__annotations__, **added}
    return called


def _chosen(password_file: Path | None) -> tuple[str, str]:
    others = _others.get()
    given = {PASSWORD_FILE: password_file, VAULT_KEY: others.vault_key, RECOVERY_KEY_FILE: others.recovery_key_file}
    found = {option: str(value) for option, value in given.items() if value is not None}
    names = {option: option for option in found}
    if not found:
        found = {option: os.environ[name] for option, name in _VARIABLES.items() if os.environ.get(name)}
        names = {option: _VARIABLES[option] for option in found}
    if not found:
        raise InvalidInput(
            "the repository's password is needed, or another of its keys",
            help=f"Name the file that holds it: {PASSWORD_FILE} F; or {VAULT_KEY} URL; or {RECOVERY_KEY_FILE} F.",
        )
    if len(found) > 1:
        raise InvalidInput(f"{' and '.join(names.values())} are given; the repository is opened with one of them")
    return next(iter(found.items()))
