"""`holdfast repository key`, and every way into a repository."""

from __future__ import annotations

import inspect
import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
import typer

from holdfast import wiring
from holdfast.cli import main as main_module
from holdfast.model.errors import Unavailable, WrongKey
from holdfast.storage.folder import FolderStore

from .conftest import Run


class FakeVault:
    """A Key Vault key whose versions are kept here: what the CLI does with one, without a vault."""

    kept: ClassVar[dict[str, bytes]] = {}
    versions: ClassVar[list[str]] = ["v1"]
    answers: ClassVar[bool] = True

    def __init__(self, url: str, _credential: object) -> None:
        self.key, self.version = url, None

    def newest(self) -> str:
        return self.versions[-1]

    def wrap(self, secret: bytes, version: str) -> bytes:
        wrapped = f"{version}-{len(self.kept)}".encode()
        self.kept[wrapped.decode()] = secret
        return wrapped

    def unwrap(self, wrapped: bytes, version: str) -> bytes:
        if not self.answers:
            raise Unavailable(self.key)
        if not wrapped.decode().startswith(f"{version}-"):
            raise WrongKey(self.key)
        return self.kept[wrapped.decode()]


@pytest.fixture
def vault(monkeypatch: pytest.MonkeyPatch) -> type[FakeVault]:
    monkeypatch.setattr(FakeVault, "kept", {})
    monkeypatch.setattr(FakeVault, "versions", ["v1"])
    monkeypatch.setattr(FakeVault, "answers", True)
    monkeypatch.setattr(wiring, "vault_key", FakeVault)
    return FakeVault


KEY = "https://v.vault.azure.net/keys/repositories"


@pytest.fixture
def at(repository: str, password_file: Path) -> tuple[str | Path, ...]:
    return ("--repository", repository, "--password-file", password_file, "-o", "json")


@pytest.fixture
def second(tmp_path: Path) -> Path:
    file = tmp_path / "second"
    file.write_text("a second password of the tests\n")
    return file


def _slots(run: Run, repository: str) -> list[dict[str, Any]]:
    ran = run("repository", "key", "list", "--repository", repository, "-o", "json")
    assert ran.code == 0, ran.err
    found: list[dict[str, Any]] = ran.json
    return found


def test_a_password_is_added_used_and_the_old_one_removed(
    run: Run, repository: str, at: tuple[str | Path, ...], second: Path
) -> None:
    (first,) = _slots(run, repository)
    assert (first["kind"], first["name"], first["needs"]) == ("password", "first", "the password")
    added = run("repository", "key", "add", "--name", "second", "--new-password-file", second, *at)
    assert added.code == 0, added.err
    assert _slots(run, repository) == [first, added.json]
    by_second = ("--repository", repository, "--password-file", second, "-o", "json")
    removed = run("repository", "key", "remove", "first", *by_second)
    assert (removed.json["id"], removed.json["removed"]) == (first["id"], True)
    assert run("point", "list", *by_second).json == []
    assert run("point", "list", *at).code == 12


def test_the_last_slot_is_not_removed(run: Run, repository: str, at: tuple[str | Path, ...], second: Path) -> None:
    """Nor one of two, by somebody who holds what opens that one alone."""
    ran = run("repository", "key", "remove", "first", *at)
    assert ran.code == 19
    assert json.loads(ran.err)["error"]["code"] == "last-slot"
    run("repository", "key", "add", "--name", "second", "--new-password-file", second, *at)
    assert run("repository", "key", "remove", "first", *at).code == 19
    assert run("repository", "key", "remove", "second", *at).code == 0
    assert [slot["name"] for slot in _slots(run, repository)] == ["first"]


def test_a_password_is_rotated(run: Run, repository: str, at: tuple[str | Path, ...], second: Path) -> None:
    (first,) = _slots(run, repository)
    ran = run("repository", "key", "rotate", "first", "--new-password-file", second, *at)
    assert (ran.json["name"], ran.json["removed"], ran.json["rotated"]) == ("first", [first["id"]], True)
    assert run("point", "list", *at).code == 12
    by_second = ("--repository", repository, "--password-file", second, "-o", "json")
    assert run("point", "list", *by_second).json == []
    again = run("repository", "key", "rotate", "first", "--new-password-file", second, *by_second)
    assert (again.json["rotated"], again.json["removed"]) == (False, [])


def test_a_vault_key_is_added_opens_every_command_and_is_rotated(
    run: Run, repository: str, at: tuple[str | Path, ...], vault: type[FakeVault], monkeypatch: pytest.MonkeyPatch
) -> None:
    added = run("repository", "key", "add", "--name", "vault", "--new-vault-key", KEY, *at)
    assert added.code == 0, added.err
    assert (added.json["kind"], added.json["key"]) == ("keyvault", f"{KEY}/v1")
    by_key = ("--repository", repository, "--vault-key", KEY, "-o", "json")
    assert run("repository", "check", *by_key).json["ok"] is True
    vault.versions = ["v1", "v2"]
    rotated = run("repository", "key", "rotate", "vault", *by_key)
    assert (rotated.json["key"], rotated.json["removed"]) == (f"{KEY}/v2", [added.json["id"]])
    assert run("repository", "key", "rotate", "vault", *by_key).json["rotated"] is False
    monkeypatch.setenv("HOLDFAST_VAULT_KEY", KEY)
    assert run("point", "list", "--repository", repository, "-o", "json").json == []


def test_the_key_of_a_slot_is_not_asked_unless_somebody_names_it(
    run: Run, repository: str, at: tuple[str | Path, ...], vault: type[FakeVault]
) -> None:
    """A slot could send us anywhere: rotating one by a password wants the key's address given."""
    run("repository", "key", "add", "--name", "vault", "--new-vault-key", KEY, *at)
    assert run("repository", "key", "rotate", "vault", *at).code == 2
    assert run("repository", "key", "rotate", "vault", "--new-vault-key", KEY, *at).json["rotated"] is False


def test_a_repository_is_made_with_a_vault_key(run: Run, tmp_path: Path, vault: type[FakeVault]) -> None:
    url = (tmp_path / "new").as_uri()
    made = run("repository", "init", url, "--vault-key", KEY)
    assert made.code == 0, made.err
    assert "keep the Key Vault key" in made.err
    assert [slot["kind"] for slot in _slots(run, url)] == ["keyvault"]
    vault.answers = False
    assert run("point", "list", "--repository", url, "--vault-key", KEY).code == Unavailable.exit_code


def test_a_recovery_key_is_printed_once_and_opens(
    run: Run, repository: str, at: tuple[str | Path, ...], tmp_path: Path
) -> None:
    made = run("repository", "key", "export-recovery", *at)
    assert made.code == 0, made.err
    written = tmp_path / "typed"
    written.write_text(made.json["recovery_key"].lower().replace("-", " "))
    by_recovery = ("--repository", repository, "--recovery-key-file", written, "-o", "json")
    assert run("point", "list", *by_recovery).json == []
    assert run("repository", "key", "remove", "first", *by_recovery).code == 0
    assert run("point", "list", *at).code == 12
    assert made.json["recovery_key"] not in str(_slots(run, repository))
    assert run("repository", "key", "export-recovery", *by_recovery).code == 5, "the name is taken"


def test_a_mistyped_recovery_key_is_told_by_the_group(
    run: Run, repository: str, at: tuple[str | Path, ...], tmp_path: Path
) -> None:
    groups = run("repository", "key", "export-recovery", *at).json["recovery_key"].split("-")
    groups[6] = ("0" if groups[6][0] != "0" else "1") + groups[6][1:]
    written = tmp_path / "typed"
    written.write_text("-".join(groups))
    ran = run("point", "list", "--repository", repository, "--recovery-key-file", written, "-o", "json")
    assert ran.code == 2
    error = json.loads(ran.err)["error"]
    assert error["code"] == "bad-recovery-key"
    assert "group 7 of 14" in error["detail"]
    assert groups[6] not in ran.err
    assert groups[0] not in ran.err


def test_a_recovery_key_is_written_to_a_file_of_ones_own(
    run: Run, repository: str, at: tuple[str | Path, ...], tmp_path: Path
) -> None:
    file = tmp_path / "recovery"
    made = run("repository", "key", "export-recovery", "--to", file, *at)
    assert "recovery_key" not in made.json
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    by_recovery = ("--repository", repository, "--recovery-key-file", file, "-o", "json")
    assert run("point", "list", *by_recovery).json == []
    assert run("repository", "key", "rotate", "recovery", *at).code == 2, "where to?"
    assert run("repository", "key", "rotate", "recovery", "--to", file, *at).code == 2, "the file is there"
    new = tmp_path / "new"
    assert run("repository", "key", "rotate", "recovery", "--to", new, *at).json["removed"] == [made.json["id"]]
    assert run("point", "list", *by_recovery).code == 12
    assert run("point", "list", "--repository", repository, "--recovery-key-file", new, "-o", "json").json == []


def test_a_recovery_file_is_gone_where_its_slot_was_not_made(
    run: Run, repository: str, at: tuple[str | Path, ...], tmp_path: Path
) -> None:
    run("repository", "key", "export-recovery", *at)
    file = tmp_path / "recovery"
    assert run("repository", "key", "export-recovery", "--to", file, *at).code == 5
    assert not file.exists()


def test_a_recovery_file_stays_where_its_slot_may_be_all_that_is_left(
    run: Run, repository: str, at: tuple[str | Path, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer to the removal of the old slot is lost, and the old recovery key was what everything opened with."""
    old, new = tmp_path / "old", tmp_path / "new"
    run("repository", "key", "export-recovery", "--to", old, *at)
    by_old = ("--repository", repository, "--recovery-key-file", old, "-o", "json")
    assert run("repository", "key", "remove", "first", *by_old).code == 0
    delete = FolderStore.delete

    def lose(store: FolderStore, name: str) -> None:
        delete(store, name)
        raise Unavailable(name)

    monkeypatch.setattr(FolderStore, "delete", lose)
    ran = run("repository", "key", "rotate", "recovery", "--to", new, *by_old)
    assert ran.code == Unavailable.exit_code
    assert "is kept" in ran.err
    assert run("point", "list", *by_old).code == 12
    assert run("point", "list", "--repository", repository, "--recovery-key-file", new, "-o", "json").json == []


def test_one_way_in_is_named_and_no_two(
    run: Run, repository: str, at: tuple[str | Path, ...], second: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An option goes before the environment; two of the same rank are an error."""
    assert run("point", "list", *at, "--recovery-key-file", second).code == 2
    assert run("repository", "key", "add", "--name", "x", *at).code == 2
    two = ("--new-password-file", second, "--new-vault-key", KEY)
    assert run("repository", "key", "add", "--name", "x", *two, *at).code == 2
    monkeypatch.setenv("HOLDFAST_RECOVERY_KEY_FILE", str(second))
    assert run("point", "list", *at).code == 0
    monkeypatch.setenv("HOLDFAST_PASSWORD_FILE", str(second))
    ran = run("point", "list", "--repository", repository)
    assert ran.code == 2
    assert "HOLDFAST_RECOVERY_KEY_FILE" in ran.err


def test_a_slot_that_is_not_there_and_a_name_that_is_taken(
    run: Run, repository: str, at: tuple[str | Path, ...], second: Path
) -> None:
    assert run("repository", "key", "remove", "nothing", *at).code == 4
    assert run("repository", "key", "rotate", "nothing", *at).code == 4
    taken = ("--name", "first", "--new-password-file", second)
    assert run("repository", "key", "add", *taken, *at).code == 5
    assert run("repository", "key", "rotate", "first", *at).code == 2
    assert run("repository", "key", "rotate", "first", "--new-vault-key", KEY, *at).code == 2


def test_the_list_is_a_table_for_people(run: Run, repository: str) -> None:
    ran = run("repository", "key", "list", "--repository", repository)
    assert "first" in ran.out
    assert "the password" in ran.out


def _commands(app: typer.Typer) -> Iterator[Any]:
    for command in app.registered_commands:
        yield command.callback
    for group in app.registered_groups:
        if group.typer_instance is not None:
            yield from _commands(group.typer_instance)


def test_every_command_that_takes_a_password_takes_the_other_keys() -> None:
    found = [inspect.signature(c).parameters for c in _commands(main_module.app)]
    opening = [parameters for parameters in found if "password_file" in parameters]
    assert len(opening) >= 10
    assert all({"vault_key", "recovery_key_file"} <= set(parameters) for parameters in opening)
