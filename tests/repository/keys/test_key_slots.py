"""Any slot opens and gives the same data key; a removed one opens nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.model.errors import Conflict, InvalidInput, NotFound, Unavailable, WrongKey
from holdfast.repository import (
    Credential,
    NothingElseOpens,
    RecoveryKey,
    Repository,
    VaultKey,
)
from holdfast.repository.format import slot_name
from holdfast.storage.memory import MemoryStore
from tests.repository.keys.vault_world import Vault, a_password, opens


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
    repository = Repository.init(memory, a_password("0"), clock=clock)
    held: dict[str, Credential] = {repository.slots.all()[0].id: a_password("0")}
    lost: list[Credential] = []

    def fresh(kind: str) -> Credential:
        nonlocal number
        number += 1
        if kind == "p":
            return a_password(str(number))
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
        assert not opens(memory, credential, clock)


def test_the_last_slot_stays(repository: Repository, memory: MemoryStore, tools: Any, clock: Any) -> None:
    with pytest.raises(NothingElseOpens):
        repository.slots.remove("first", a_password(tools.password))
    assert opens(memory, a_password(tools.password), clock)


def test_a_damaged_slot_is_nothing_that_is_left(repository: Repository, memory: MemoryStore, tools: Any) -> None:
    """Two slots, one of them damaged: the other is the last. The damaged one may go."""
    second = repository.slots.add(a_password("second"), "second")
    tools.flip(memory, slot_name(second.id), 60)
    with pytest.raises(NothingElseOpens):
        repository.slots.remove("first", a_password("second"))
    (damaged,) = (slot for slot in repository.slots.all() if slot.state == "damaged")
    assert repository.slots.remove(damaged.id, a_password(tools.password)).id == second.id
    assert [slot.name for slot in repository.slots.all()] == ["first"]


def test_a_slot_of_another_key_is_nothing_that_is_left(
    repository: Repository, memory: MemoryStore, tools: Any, clock: Any
) -> None:
    """Somebody else's data key under a slot of ours, made by a forger with a password of his own."""
    other = Repository.init(MemoryStore(), a_password("forger"), clock=clock)
    other.description = repository.description
    forged = other.slots
    forged._store = memory
    forged.add(a_password("forged"), "forged")
    with pytest.raises(NothingElseOpens):
        repository.slots.remove("first", a_password("forged"))
    with pytest.raises(WrongKey):
        Repository.open(memory, a_password("forged"), clock=clock)


def test_a_vault_that_does_not_answer_proves_nothing(repository: Repository, vault: Vault) -> None:
    repository.slots.add(VaultKey(vault.wrapper()), "vault")
    vault.shut.add("v1")
    with pytest.raises(Unavailable):
        repository.slots.remove("first", VaultKey(vault.wrapper()))


def test_a_name_that_is_taken_or_odd_is_refused(repository: Repository) -> None:
    with pytest.raises(Conflict):
        repository.slots.add(a_password("x"), "first")
    for name in ("", "x" * 65, "a\nb", "0" * 32):
        with pytest.raises(InvalidInput):
            repository.slots.add(a_password("x"), name)
    with pytest.raises(NotFound, match="first"):
        repository.slots.rotate("second", a_password("x"))
