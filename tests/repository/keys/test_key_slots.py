"""Any slot opens and gives the same data key; a removed one opens nothing; dying in a rotation locks nobody out."""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.model.errors import Conflict, Damaged, HoldfastError, InvalidInput, NotFound, Unavailable, WrongKey
from holdfast.repository import (
    Credential,
    NewerFormat,
    NothingElseOpens,
    Password,
    PasswordCost,
    RecoveryKey,
    Repository,
    VaultKey,
)
from holdfast.repository.format import checksummed, slot_name, verified_checksum
from holdfast.storage import ObjectMissing
from holdfast.storage.memory import FaultyStore, MemoryStore

CHEAP = PasswordCost(iterations=1, lanes=1, memory_kib=64)
KEY = "https://v.vault.azure.net/keys/repositories"


class Vault:
    """A vault in this process: each version wraps by a pad of its own; versions may be shut."""

    def __init__(self, *versions: str) -> None:
        self.versions = list(versions or ("v1",))
        self.shut: set[str] = set()
        self._secret = os.urandom(16)
        self.asked: list[str] = []

    def wrapper(self, key: str = KEY, version: str | None = None) -> Any:
        return _Wrapper(self, key, version)

    def pad(self, version: str, nonce: bytes) -> bytes:
        return hashlib.sha256(self._secret + version.encode() + nonce).digest()


class _Wrapper:
    def __init__(self, vault: Vault, key: str, version: str | None) -> None:
        self.vault, self.key, self.version = vault, key, version

    def newest(self) -> str:
        return self.vault.versions[-1]

    def _open(self, version: str) -> None:
        self.vault.asked.append(version)
        if version in self.vault.shut:
            raise Unavailable(f"{self.key}/{version}")

    def wrap(self, secret: bytes, version: str) -> bytes:
        self._open(version)
        nonce = os.urandom(16)
        body = bytes(a ^ b for a, b in zip(secret, self.vault.pad(version, nonce), strict=True))
        return nonce + body + hashlib.sha256(nonce + secret + version.encode()).digest()

    def unwrap(self, wrapped: bytes, version: str) -> bytes:
        self._open(version)
        nonce, body, check = wrapped[:16], wrapped[16:48], wrapped[48:]
        secret = bytes(a ^ b for a, b in zip(body, self.vault.pad(version, nonce), strict=True))
        if hashlib.sha256(nonce + secret + version.encode()).digest() != check:
            raise WrongKey(f"{self.key}/{version}")
        return secret


@pytest.fixture
def vault() -> Vault:
    return Vault()


def _password(text: str) -> Password:
    return Password(text, CHEAP)


def _opens(memory: MemoryStore, credential: Credential, clock: Any) -> bool:
    try:
        Repository.open(memory, credential, clock=clock)
    except WrongKey:
        return False
    return True


def _slot_names(memory: MemoryStore) -> list[str]:
    return sorted(name for name in memory.objects if name.startswith("keys/"))


def test_a_repository_is_read_with_each_kind_of_slot(
    repository: Repository, memory: MemoryStore, vault: Vault, bacpac: Any, tools: Any, clock: Any, tmp_path: Any
) -> None:
    file = bacpac({"T": [tools.rows(200)]})
    point = repository.store_point(file, tools.header_of(1), owner="w")
    recovery = RecoveryKey.new()
    repository.slots.add(VaultKey(vault.wrapper()), "vault")
    repository.slots.add(recovery, "recovery")
    for credential in (tools.password, VaultKey(vault.wrapper()), RecoveryKey.typed(recovery.text)):
        opened = Repository.open(memory, credential, clock=clock)
        assert opened._keys.objects == repository._keys.objects
        opened.write_bacpac(point.id, tmp_path / "out", identical=True)
        assert (tmp_path / "out").read_bytes() == file.read_bytes()
        (tmp_path / "out").unlink()
    assert repository.check(read_data=True).problems == []


_MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from(["p", "v", "r"]), st.integers(0, 3)),
        st.tuples(st.just("remove"), st.integers(0, 5), st.integers(0, 5)),
        st.tuples(st.just("rotate"), st.integers(0, 5), st.integers(0, 3)),
    ),
    max_size=12,
)


@settings(max_examples=40, deadline=None)
@given(moves=_MOVES)
def test_whatever_is_added_removed_and_rotated_exactly_what_is_listed_opens(moves: list[Any], tools: Any) -> None:
    """The model: what opens which slot. After every move each of it opens, and what opens nothing any more does not."""
    memory, clock, vault, number = MemoryStore(), tools.clock(), Vault("v1"), 0
    repository = Repository.init(memory, _password("0"), clock=clock)
    held: dict[str, Credential] = {repository.slots.all()[0].id: _password("0")}
    lost: list[Credential] = []

    def fresh(kind: str) -> Credential:
        nonlocal number
        number += 1
        if kind == "p":
            return _password(str(number))
        if kind == "r":
            return RecoveryKey.new()
        vault.versions.append(f"v{number + 1}")
        return VaultKey(vault.wrapper(), only=vault.versions[-1])

    for move, one, other in moves:
        clock.move(hours=1)
        ids = sorted(held)
        if move == "add":
            credential = fresh(one)
            held[repository.slots.add(credential, f"slot {number}").id] = credential
        elif move == "remove":
            target, proof = ids[one % len(ids)], held[ids[other % len(ids)]]
            if held[target] is proof:
                with pytest.raises(NothingElseOpens):
                    repository.slots.remove(target, proof)
            else:
                repository.slots.remove(target, proof)
                lost.append(held.pop(target))
        else:
            target = ids[one % len(ids)]
            kind = {"password": "p", "recovery": "r", "keyvault": "v"}[held[target].kind]
            credential = fresh(kind)
            done = repository.slots.rotate(target, credential)
            assert (done.added, done.removed) == (True, [target])
            lost.append(held.pop(target))
            held[done.slot.id] = credential
    assert {slot.id for slot in repository.slots.all()} == set(held)
    for credential in held.values():
        assert Repository.open(memory, credential, clock=clock)._keys.objects == repository._keys.objects
    for credential in lost:
        assert not _opens(memory, credential, clock)


# --- removing -----------------------------------------------------------------------------------------------------


def test_the_last_slot_stays(repository: Repository, memory: MemoryStore, tools: Any, clock: Any) -> None:
    with pytest.raises(NothingElseOpens):
        repository.slots.remove("first", _password(tools.password))
    assert _opens(memory, _password(tools.password), clock)


def test_a_damaged_slot_is_nothing_that_is_left(repository: Repository, memory: MemoryStore, tools: Any) -> None:
    """Two slots, one of them damaged: the other is the last. The damaged one may go."""
    second = repository.slots.add(_password("second"), "second")
    tools.flip(memory, slot_name(second.id), 60)
    with pytest.raises(NothingElseOpens):
        repository.slots.remove("first", _password("second"))
    (damaged,) = (slot for slot in repository.slots.all() if slot.state == "damaged")
    assert repository.slots.remove(damaged.id, _password(tools.password)).id == second.id
    assert [slot.name for slot in repository.slots.all()] == ["first"]


def test_a_slot_of_another_key_is_nothing_that_is_left(
    repository: Repository, memory: MemoryStore, tools: Any, clock: Any
) -> None:
    """Somebody else's data key under a slot of ours, made by a forger with a password of his own."""
    other = Repository.init(MemoryStore(), _password("forger"), clock=clock)
    other.description = repository.description
    forged = other.slots
    forged._store = memory
    forged.add(_password("forged"), "forged")
    with pytest.raises(NothingElseOpens):
        repository.slots.remove("first", _password("forged"))
    with pytest.raises(WrongKey):
        Repository.open(memory, _password("forged"), clock=clock)


def test_a_vault_that_does_not_answer_proves_nothing(repository: Repository, vault: Vault) -> None:
    repository.slots.add(VaultKey(vault.wrapper()), "vault")
    vault.shut.add("v1")
    with pytest.raises(Unavailable):
        repository.slots.remove("first", VaultKey(vault.wrapper()))


def test_several_slots_of_one_name_are_asked_apart(repository: Repository, memory: MemoryStore, tools: Any) -> None:
    _die_between(repository, memory, _password("new"))
    with pytest.raises(InvalidInput, match="2 slots") as raised:
        repository.slots.remove("first", _password("new"))
    assert all(slot.id in raised.value.help for slot in repository.slots.all())


def test_a_name_that_is_taken_or_odd_is_refused(repository: Repository) -> None:
    with pytest.raises(Conflict):
        repository.slots.add(_password("x"), "first")
    for name in ("", "x" * 65, "a\nb", "0" * 32):
        with pytest.raises(InvalidInput):
            repository.slots.add(_password("x"), name)
    with pytest.raises(NotFound, match="first"):
        repository.slots.rotate("second", _password("x"))


# --- rotating -----------------------------------------------------------------------------------------------------


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
    _die_between(repository, memory, _password("new"))
    assert _opens(memory, _password(tools.password), clock)
    assert _opens(memory, _password("new"), clock)
    (old, new) = repository.slots.all()
    done = repository.slots.rotate("first", _password("new"))
    assert (done.added, done.removed, done.slot.id) == (False, [old.id], new.id)
    assert not _opens(memory, _password(tools.password), clock)
    assert repository.slots.rotate("first", _password("new")).removed == []


def test_another_password_after_a_death_replaces_both(repository: Repository, memory: MemoryStore, clock: Any) -> None:
    _die_between(repository, memory, _password("new"))
    assert len(repository.slots.rotate("first", _password("newer")).removed) == 2
    assert [_opens(memory, _password(text), clock) for text in ("new", "newer")] == [False, True]


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
    old, new = _password(tools.password), _password("new")
    _die(repository, memory, new, operation, fault)
    assert (_opens(memory, old, clock), _opens(memory, new, clock)) == (old_opens, new_opens)
    repository.slots.rotate("first", new)
    assert (_opens(memory, old, clock), _opens(memory, new, clock)) == (False, True)
    assert len(repository.slots.all()) == 1


def test_a_vault_key_goes_to_its_newest_version(repository: Repository, memory: MemoryStore, clock: Any) -> None:
    vault = Vault("v1")
    repository.slots.add(VaultKey(vault.wrapper()), "vault")
    vault.versions.append("v2")
    assert repository.slots.rotate("vault", VaultKey(vault.wrapper())).slot.key == f"{KEY}/v2"
    assert repository.slots.rotate("vault", VaultKey(vault.wrapper())).added is False
    vault.shut.add("v1")
    assert _opens(memory, VaultKey(vault.wrapper()), clock)


def test_another_kind_is_no_rotation(repository: Repository, vault: Vault) -> None:
    for credential in (VaultKey(vault.wrapper()), RecoveryKey.new()):
        with pytest.raises(InvalidInput, match="password"):
            repository.slots.rotate("first", credential)


# --- Key Vault slots ----------------------------------------------------------------------------------------------


def test_a_shut_version_does_not_hide_the_slot_of_another(
    repository: Repository, memory: MemoryStore, clock: Any
) -> None:
    vault = Vault("v1", "v2")
    for version in vault.versions:
        repository.slots.add(VaultKey(vault.wrapper(), only=version), version)
    for version in vault.versions:
        vault.shut = {version}
        assert _opens(memory, VaultKey(vault.wrapper()), clock)
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
    assert _opens(memory, VaultKey(vault.wrapper("https://restored.vault.azure.net/keys/repositories")), clock)


def test_the_data_key_never_goes_to_the_vault(repository: Repository, vault: Vault) -> None:
    seen: list[bytes] = []
    wrapper = vault.wrapper()
    wrap = wrapper.wrap
    wrapper.wrap = lambda secret, version: seen.append(secret) or wrap(secret, version)
    repository.slots.add(VaultKey(wrapper), "vault")
    assert [len(secret) for secret in seen] == [32]
    assert repository._keys._data_key not in seen


# --- damage and forgery -------------------------------------------------------------------------------------------


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
    assert _opens(memory, _password(tools.password), clock)


@pytest.mark.parametrize("kind", ["password", "keyvault", "recovery"])
def test_nothing_of_a_slot_can_be_exchanged(
    repository: Repository, memory: MemoryStore, vault: Vault, clock: Any, kind: str
) -> None:
    """Its name, its time, what the vault wrapped: all are bound to the wrapped key."""
    made: dict[str, Credential] = {
        "password": _password("it"),
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
    Repository.init(other, _password("other"), clock=clock)
    (name,) = _slot_names(other)
    memory.objects[name] = other.objects[name]
    states = {slot.id: slot.state for slot in repository.slots.all()}
    assert states[name.removeprefix("keys/").removesuffix(".json")] == "foreign"
    assert not _opens(memory, _password("other"), clock)
    assert _opens(memory, _password(tools.password), clock)


def test_a_kind_and_an_algorithm_of_a_newer_version_are_passed_over_and_named(
    repository: Repository, memory: MemoryStore, vault: Vault, clock: Any, tools: Any
) -> None:
    slot = repository.slots.add(VaultKey(vault.wrapper()), "vault")
    _forge(memory, slot_name(slot.id), lambda content: content["vault"].update(algorithm="ML-KEM"))
    with pytest.raises(NewerFormat, match="ML-KEM"):
        Repository.open(memory, VaultKey(vault.wrapper()), clock=clock)
    _forge(memory, slot_name(slot.id), lambda content: content.update(kind="fido"))
    assert [s.state for s in repository.slots.all() if s.id == slot.id] == ["unknown"]
    assert _opens(memory, _password(tools.password), clock)
    with pytest.raises(WrongKey, match="no keyvault slot, only fido, password"):
        Repository.open(memory, VaultKey(vault.wrapper()), clock=clock)


def test_forged_slots_do_not_hide_the_right_one(
    repository: Repository, memory: MemoryStore, vault: Vault, clock: Any
) -> None:
    """Whoever may wrap with the vault's key can make slots of a key of his own; before or after the right one by name."""
    repository.slots.add(VaultKey(vault.wrapper()), "vault")
    other = Repository.init(MemoryStore(), _password("forger"), clock=clock)
    other.description = repository.description
    for number in range(8):
        forging = other.slots
        forging._store = memory
        forging.add(VaultKey(vault.wrapper()), f"forged {number}")
    assert _opens(memory, VaultKey(vault.wrapper()), clock)
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


# --- secrecy ------------------------------------------------------------------------------------------------------


def test_no_listing_repr_or_slot_holds_what_opens(repository: Repository, memory: MemoryStore, vault: Vault) -> None:
    recovery, password = RecoveryKey.new(), _password("battery staple horse")
    repository.slots.add(recovery, "recovery")
    repository.slots.add(password, "second")
    repository.slots.add(VaultKey(vault.wrapper()), "vault")
    told = repr((recovery, password, repository.slots.all(), repository.slots, VaultKey(vault.wrapper())))
    stored = b"".join(memory.objects[name].data for name in _slot_names(memory)).decode()
    secrets = [password.password, recovery.text, recovery.text.replace("-", ""), recovery.key.hex(), repr(recovery.key)]
    secrets.append(repository._keys._data_key.hex())
    for secret in secrets:
        assert secret not in told
        assert secret not in stored
    for slot in repository.slots.all():
        assert "wrapped" not in json.dumps(vars(slot), default=str)


def test_no_error_of_a_credential_holds_it(repository: Repository, memory: MemoryStore, clock: Any) -> None:
    for credential in (_password("battery staple horse"), RecoveryKey.new()):
        with pytest.raises(HoldfastError) as raised:
            Repository.open(memory, credential, clock=clock)
        told = f"{raised.value} {raised.value.help}"
        assert "staple" not in told
        assert not isinstance(credential, RecoveryKey) or credential.text[:5] not in told
