"""Slots that are damaged, forged, foreign or newer; and nothing that a slot or listing gives away."""

from __future__ import annotations

import json
from typing import Any

import pytest

from holdfast.model.errors import Damaged, HoldfastError, WrongKey
from holdfast.repository import (
    Credential,
    NewerFormat,
    RecoveryKey,
    Repository,
    VaultKey,
)
from holdfast.repository.format import checksummed, slot_name, verified_checksum
from holdfast.storage import ObjectMissing
from holdfast.storage.memory import MemoryStore
from tests.repository.keys.vault_world import Vault, a_password, opens, slot_names


def _forge(memory: MemoryStore, name: str, change: Any) -> None:
    content = verified_checksum(memory.objects[name].data, name)
    change(content)
    memory.objects[name].data = checksummed(content)


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("keyvault", lambda slot: slot.pop("vault")),
        ("keyvault", lambda slot: slot["vault"].update(version="../secrets")),
        ("keyvault", lambda slot: slot["vault"].update(version=7)),
        ("keyvault", lambda slot: slot["vault"].update(key="http://v/keys/repositories")),
        ("keyvault", lambda slot: slot["vault"].update(wrapped="zz")),
        ("keyvault", lambda slot: slot["vault"].update(wrapped="00" * 5000)),
        ("recovery", lambda slot: slot["kdf"].update(name="argon2id")),
        ("recovery", lambda slot: slot.pop("kdf")),
        ("recovery", lambda slot: slot.pop("wrapped")),
    ],
)
def test_a_slot_whose_fields_cannot_be_is_damaged_and_listed_so(
    repository: Repository, memory: MemoryStore, vault: Vault, clock: Any, tools: Any, kind: str, change: Any
) -> None:
    credential = VaultKey(vault.wrapper()) if kind == "keyvault" else RecoveryKey.new()
    slot = repository.slots.add(credential, "it")
    _forge(memory, slot_name(slot.id), change)
    with pytest.raises(Damaged, match=slot.id):
        Repository.open(memory, credential, clock=clock)
    assert opens(memory, a_password(tools.password), clock)


@pytest.mark.parametrize("kind", ["password", "keyvault", "recovery"])
def test_nothing_of_a_slot_can_be_exchanged(
    repository: Repository, memory: MemoryStore, vault: Vault, clock: Any, kind: str
) -> None:
    """Its name, its time, what the vault wrapped: all are bound to the wrapped key."""
    made: dict[str, Credential] = {
        "password": a_password("it"),
        "keyvault": VaultKey(vault.wrapper()),
        "recovery": RecoveryKey.new(),
    }
    credential = made[kind]
    slot = repository.slots.add(credential, "it")
    kept = memory.objects[slot_name(slot.id)].data
    for field, value in (("name", "other"), ("created_at", "2020-01-01T00:00:00Z"), ("more", 1)):
        _forge(memory, slot_name(slot.id), lambda content, field=field, value=value: content.update({field: value}))
        with pytest.raises(WrongKey):
            Repository.open(memory, credential, clock=clock)
        memory.objects[slot_name(slot.id)].data = kept


def test_a_slot_of_another_repository_is_foreign(
    repository: Repository, memory: MemoryStore, tools: Any, clock: Any
) -> None:
    other = MemoryStore()
    Repository.init(other, a_password("other"), clock=clock)
    (name,) = slot_names(other)
    memory.objects[name] = other.objects[name]
    states = {slot.id: slot.state for slot in repository.slots.all()}
    assert states[name.removeprefix("keys/").removesuffix(".json")] == "foreign"
    assert not opens(memory, a_password("other"), clock)
    assert opens(memory, a_password(tools.password), clock)


def test_a_kind_and_an_algorithm_of_a_newer_version_are_passed_over_and_named(
    repository: Repository, memory: MemoryStore, vault: Vault, clock: Any, tools: Any
) -> None:
    slot = repository.slots.add(VaultKey(vault.wrapper()), "vault")
    _forge(memory, slot_name(slot.id), lambda content: content["vault"].update(algorithm="ML-KEM"))
    with pytest.raises(NewerFormat, match="ML-KEM"):
        Repository.open(memory, VaultKey(vault.wrapper()), clock=clock)
    _forge(memory, slot_name(slot.id), lambda content: content.update(kind="fido"))
    assert [s.state for s in repository.slots.all() if s.id == slot.id] == ["unknown"]
    assert opens(memory, a_password(tools.password), clock)
    with pytest.raises(WrongKey, match="no keyvault slot, only fido, password"):
        Repository.open(memory, VaultKey(vault.wrapper()), clock=clock)


def test_forged_slots_do_not_hide_the_right_one(
    repository: Repository, memory: MemoryStore, vault: Vault, clock: Any
) -> None:
    """Whoever may wrap with the vault's key can make slots of a key of his own; before or after the right one by name."""
    repository.slots.add(VaultKey(vault.wrapper()), "vault")
    other = Repository.init(MemoryStore(), a_password("forger"), clock=clock)
    other.description = repository.description
    for number in range(8):
        forging = other.slots
        forging._store = memory
        forging.add(VaultKey(vault.wrapper()), f"forged {number}")
    assert opens(memory, VaultKey(vault.wrapper()), clock)
    (right,) = (slot for slot in repository.slots.all() if slot.name == "vault")
    memory.delete(slot_name(right.id))
    with pytest.raises(WrongKey, match="another key"):
        Repository.open(memory, VaultKey(vault.wrapper()), clock=clock)


def test_a_slot_that_vanishes_while_it_is_listed_is_left_out(repository: Repository, memory: MemoryStore) -> None:
    class Vanishing(MemoryStore):
        def get(self, name: str) -> bytes:
            raise ObjectMissing(name)

    store = Vanishing()
    store.objects = memory.objects
    slots = repository.slots
    slots._store = store
    assert slots.all() == []


def test_no_listing_repr_or_slot_holds_what_opens(repository: Repository, memory: MemoryStore, vault: Vault) -> None:
    recovery, password = RecoveryKey.new(), a_password("battery staple horse")
    repository.slots.add(recovery, "recovery")
    repository.slots.add(password, "second")
    repository.slots.add(VaultKey(vault.wrapper()), "vault")
    told = repr((recovery, password, repository.slots.all(), repository.slots, VaultKey(vault.wrapper())))
    stored = b"".join(memory.objects[name].data for name in slot_names(memory)).decode()
    secrets = [password.password, recovery.text, recovery.text.replace("-", ""), recovery.key.hex(), repr(recovery.key)]
    secrets.append(repository._keys._data_key.hex())
    for secret in secrets:
        assert secret not in told
        assert secret not in stored
    for slot in repository.slots.all():
        assert "wrapped" not in json.dumps(vars(slot), default=str)


def test_no_error_of_a_credential_holds_it(repository: Repository, memory: MemoryStore, clock: Any) -> None:
    for credential in (a_password("battery staple horse"), RecoveryKey.new()):
        with pytest.raises(HoldfastError) as raised:
            Repository.open(memory, credential, clock=clock)
        told = f"{raised.value} {raised.value.help}"
        assert "staple" not in told
        assert not isinstance(credential, RecoveryKey) or credential.text[:5] not in told
