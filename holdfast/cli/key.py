"""`holdfast repository key`: what opens a repository, on its URL. Nothing that a slot holds is ever printed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from holdfast.cli.direct import PasswordFileOption, UrlOption, needs_url, open_place, open_repository
from holdfast.cli.output import Column, Output, OutputOption, field, print_list, print_object, say, when
from holdfast.cli.unlocking import credential, named_vault_key, password_of, vault_key_of
from holdfast.model.clock import iso
from holdfast.model.errors import Conflict, InvalidInput, NotFound

if TYPE_CHECKING:
    from holdfast.repository import Credential, RecoveryKey, SlotInfo

app = typer.Typer(help="Key slots: what opens a repository.", no_args_is_help=True)

SlotArgument = Annotated[str, typer.Argument(metavar="SLOT", help="Id or name of a slot, as `key list` shows them.")]
NewPasswordFileOption = Annotated[Path | None, typer.Option(help="File with the password of the new slot.")]
NewVaultKeyOption = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Key Vault key of the new slot: https://VAULT/keys/NAME; its newest version."),
]
ToOption = Annotated[
    Path | None, typer.Option("--to", help="Write the recovery key to this new file, which only you can read.")
]

_COLUMNS = (
    field("id"),
    field("kind"),
    field("name"),
    when("created_at", "created"),
    field("needs"),
    field("key"),
    Column("state", lambda slot: slot["state"] if not slot["detail"] else f"{slot['state']}: {slot['detail']}"),
)


@app.command("list")
def list_slots(
    repository: UrlOption = None,
    password_file: PasswordFileOption = None,  # noqa: ARG001 (taken, so that one set of options serves every command)
    output: OutputOption = Output.TABLE,
) -> None:
    """Lists the slots, oldest first. Needs no key, and reads none that is named: it says which one is needed."""
    from holdfast.repository.keys.key_slots import list_slots as read
    from holdfast.repository.objects.description import read_description

    store = open_place(needs_url(repository, "repository key list"))
    print_list([_as_json(slot) for slot in read(store, read_description(store).repository)], output, _COLUMNS)


@app.command()
def add(
    name: Annotated[str, typer.Option(help="Name of the new slot, to know it by.")],
    new_password_file: NewPasswordFileOption = None,
    new_vault_key: NewVaultKeyOption = None,
    repository: UrlOption = None,
    password_file: PasswordFileOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Adds a slot: a further password, or a Key Vault key. What opens the repository already goes on doing so."""
    new = _new(new_password_file, new_vault_key)
    if new is None:
        raise InvalidInput("nothing new is given", help="Give --new-password-file F or --new-vault-key URL.")
    opened = open_repository(needs_url(repository, "repository key add"), password_file)
    print_object(_as_json(opened.slots.add(new, name)), output)


@app.command()
def remove(
    slot: SlotArgument,
    repository: UrlOption = None,
    password_file: PasswordFileOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Removes a slot. Open the repository with something else than it, which shows that something is left that opens."""
    opened = open_repository(needs_url(repository, "repository key remove"), password_file)
    removed = opened.slots.remove(slot, credential(password_file))
    say("who knows what opened it may have kept a copy of the data key; see docs/how-to/keys.md")
    print_object({**_as_json(removed), "removed": True}, output)


@app.command()
def rotate(
    slot: SlotArgument,
    new_password_file: NewPasswordFileOption = None,
    new_vault_key: NewVaultKeyOption = None,
    to: ToOption = None,
    repository: UrlOption = None,
    password_file: PasswordFileOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Puts a new slot in the place of one: another password, the newest version of a Key Vault key, a new recovery key.

    First adds, then removes: broken off in between, run it again.
    """
    opened = open_repository(needs_url(repository, "repository key rotate"), password_file)
    given = _new(new_password_file, new_vault_key)
    kinds = {found.kind for found in opened.slots.named(slot)}
    if kinds == {"recovery"} and given is None:
        if to is None:
            raise InvalidInput("a new recovery key is to be written somewhere", help="Name a new file: --to FILE.")
        recovery = _recovery_key()
        with _written(to, recovery, opened.description.repository):
            done = opened.slots.rotate(slot, recovery)
    else:
        if given is None and kinds == {"keyvault"} and (url := named_vault_key()):
            given = vault_key_of(url)
        if given is None:
            raise InvalidInput(
                "what the new slot is to open with is not given",
                help="Give --new-password-file F, or --new-vault-key URL, or --to F for a new recovery key.",
            )
        done = opened.slots.rotate(slot, given)
    if not done.added and not done.removed:
        say("nothing to do: the slot opens with that already")
    say("the data key stays the same: whoever knows it still reads the repository; see docs/how-to/keys.md")
    print_object({**_as_json(done.slot), "rotated": done.added or bool(done.removed), "removed": done.removed}, output)


@app.command("export-recovery")
def export_recovery(
    name: Annotated[str, typer.Option(help="Name of the new slot, to know it by.")] = "recovery",
    to: ToOption = None,
    repository: UrlOption = None,
    password_file: PasswordFileOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Makes a recovery key, and a slot for it. It is shown this once: nobody can print it again, so keep it in a safe."""
    opened = open_repository(needs_url(repository, "repository key export-recovery"), password_file)
    recovery = _recovery_key()
    if to is not None:
        with _written(to, recovery, opened.description.repository):
            slot = opened.slots.add(recovery, name)
        print_object({**_as_json(slot), "file": str(to)}, output)
        return
    slot = opened.slots.add(recovery, name)
    say("keep the recovery key in a safe: it opens the repository alone, and is not shown again")
    print_object({**_as_json(slot), "recovery_key": recovery.text}, output)


@contextmanager
def _written(file: Path, key: RecoveryKey, repository: str) -> Iterator[None]:
    """A file with a recovery key, made before its slot, so that no slot is ever without its key.

    It is removed only where it is certain that there is no slot: after a lost answer it may be all that opens.
    """
    text = (
        f"# Recovery key of the Holdfast repository {repository}. Keep it in a safe: it opens the repository alone.\n"
        f"{key.text}\n"
    )
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as made:
            made.write(text)
            made.flush()
            os.fsync(made.fileno())
    except FileExistsError:
        raise InvalidInput(f"--to {file}: there is a file of that name", help="Name a new file.") from None
    except OSError as error:
        raise InvalidInput(f"--to {file}: {error.strerror}") from None
    try:
        yield
    except (Conflict, InvalidInput, NotFound):
        file.unlink(missing_ok=True)
        raise
    except BaseException:
        say(f"{file} is kept: its slot may have been made, see `holdfast repository key list`")
        raise


def _recovery_key() -> RecoveryKey:
    from holdfast.repository import RecoveryKey

    return RecoveryKey.new()


def _new(password_file: Path | None, vault_key: str | None) -> Credential | None:
    if password_file is not None and vault_key is not None:
        raise InvalidInput("--new-password-file and --new-vault-key are given; a slot opens with one of them")
    if password_file is not None:
        return password_of(password_file, "--new-password-file")
    return vault_key_of(vault_key) if vault_key is not None else None


def _as_json(slot: SlotInfo) -> Mapping[str, Any]:
    return {**asdict(slot), "created_at": iso(slot.created_at) if slot.created_at else None}
