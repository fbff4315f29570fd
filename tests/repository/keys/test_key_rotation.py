"""Dying in a rotation locks nobody out; a vault is asked for no more than it must."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.model.errors import InvalidInput, Unavailable, WrongKey
from holdfast.repository import (
    Credential,
    RecoveryKey,
    Repository,
    VaultKey,
)
from holdfast.storage.memory import FaultyStore, MemoryStore
from tests.repository.keys.vault_world import KEY, Vault, a_password, opens


def _die(repository: Repository, memory: MemoryStore, credential: Credential, operation: str, fault: str) -> None:
    """A rotation that ends before or after a write."""
    repository.clock.move(hours=1)  # type: ignore[attr-defined]
    slots = repository.slots
    slots._store = FaultyStore(memory, lambda called, _: fault if called == operation else None)  # type: ignore[return-value]
    with pytest.raises(Unavailable):
        slots.rotate("first", credential)


def _die_between(repository: Repository, memory: MemoryStore, credential: Credential) -> None:
    """A rotation that ends after the new slot is there and before the old one is gone."""
    _die(repository, memory, credential, "delete", "before")


def test_dying_between_add_and_remove_leaves_both_and_the_next_one_ends_it(
    repository: Repository, memory: MemoryStore, tools: Any, clock: Any
) -> None:
    _die_between(repository, memory, a_password("new"))
    assert opens(memory, a_password(tools.password), clock)
    assert opens(memory, a_password("new"), clock)
    (old, new) = repository.slots.all()
    done = repository.slots.rotate("first", a_password("new"))
    assert (done.added, done.removed, done.slot.id) == (False, [old.id], new.id)
    assert not opens(memory, a_password(tools.password), clock)
    assert repository.slots.rotate("first", a_password("new")).removed == []


def test_another_password_after_a_death_replaces_both(repository: Repository, memory: MemoryStore, clock: Any) -> None:
    _die_between(repository, memory, a_password("new"))
    assert len(repository.slots.rotate("first", a_password("newer")).removed) == 2
    assert [opens(memory, a_password(text), clock) for text in ("new", "newer")] == [False, True]


@pytest.mark.parametrize(
    ("operation", "fault", "old_opens", "new_opens"),
    [
        ("put", "before", True, False),
        ("put", "after", True, True),
        ("delete", "before", True, True),
        ("delete", "after", False, True),
    ],
)
def test_wherever_a_rotation_ends_something_opens_and_the_next_one_ends_it(
    repository: Repository,
    memory: MemoryStore,
    tools: Any,
    clock: Any,
    operation: str,
    fault: str,
    old_opens: bool,
    new_opens: bool,
) -> None:
    old, new = a_password(tools.password), a_password("new")
    _die(repository, memory, new, operation, fault)
    assert (opens(memory, old, clock), opens(memory, new, clock)) == (old_opens, new_opens)
    repository.slots.rotate("first", new)
    assert (opens(memory, old, clock), opens(memory, new, clock)) == (False, True)
    assert len(repository.slots.all()) == 1


def test_a_vault_key_goes_to_its_newest_version(repository: Repository, memory: MemoryStore, clock: Any) -> None:
    vault = Vault("v1")
    repository.slots.add(VaultKey(vault.wrapper()), "vault")
    vault.versions.append("v2")
    assert repository.slots.rotate("vault", VaultKey(vault.wrapper())).slot.key == f"{KEY}/v2"
    assert repository.slots.rotate("vault", VaultKey(vault.wrapper())).added is False
    vault.shut.add("v1")
    assert opens(memory, VaultKey(vault.wrapper()), clock)


def test_another_kind_is_no_rotation(repository: Repository, vault: Vault) -> None:
    for credential in (VaultKey(vault.wrapper()), RecoveryKey.new()):
        with pytest.raises(InvalidInput, match="password"):
            repository.slots.rotate("first", credential)


def test_a_shut_version_does_not_hide_the_slot_of_another(
    repository: Repository, memory: MemoryStore, clock: Any
) -> None:
    vault = Vault("v1", "v2")
    for version in vault.versions:
        repository.slots.add(VaultKey(vault.wrapper(), only=version), version)
    for version in vault.versions:
        vault.shut = {version}
        assert opens(memory, VaultKey(vault.wrapper()), clock)
    vault.shut = set(vault.versions)
    with pytest.raises(Unavailable):
        Repository.open(memory, VaultKey(vault.wrapper()), clock=clock)


def test_a_slot_never_says_which_vault_is_asked(
    repository: Repository, memory: MemoryStore, vault: Vault, clock: Any
) -> None:
    """Only the key that was named is used; for a slot of another key no request leaves."""
    repository.slots.add(VaultKey(vault.wrapper()), "vault")
    other = Vault("v1")
    with pytest.raises(WrongKey):
        Repository.open(memory, VaultKey(other.wrapper("https://v.vault.azure.net/keys/other")), clock=clock)
    assert other.asked == []
    pinned = VaultKey(vault.wrapper(version="v0"))
    asked = list(vault.asked)
    with pytest.raises(WrongKey):
        Repository.open(memory, pinned, clock=clock)
    assert vault.asked == asked


def test_a_key_that_was_restored_into_another_vault_opens(
    repository: Repository, memory: MemoryStore, vault: Vault, clock: Any
) -> None:
    repository.slots.add(VaultKey(vault.wrapper()), "vault")
    assert opens(memory, VaultKey(vault.wrapper("https://restored.vault.azure.net/keys/repositories")), clock)


def test_the_data_key_never_goes_to_the_vault(repository: Repository, vault: Vault) -> None:
    seen: list[bytes] = []
    wrapper = vault.wrapper()
    wrap = wrapper.wrap
    wrapper.wrap = lambda secret, version: seen.append(secret) or wrap(secret, version)
    repository.slots.add(VaultKey(wrapper), "vault")
    assert [len(secret) for secret in seen] == [32]
    assert repository._keys._data_key not in seen


def test_several_slots_of_one_name_are_asked_apart(repository: Repository, memory: MemoryStore, tools: Any) -> None:
    _die_between(repository, memory, a_password("new"))
    with pytest.raises(InvalidInput, match="2 slots") as raised:
        repository.slots.remove("first", a_password("new"))
    assert all(slot.id in raised.value.help for slot in repository.slots.all())
