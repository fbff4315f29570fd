"""Damage of what a repository is opened by, and what a newer version wrote."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from holdfast.model.errors import Damaged, HoldfastError, WrongKey
from holdfast.repository import NewerFormat, Password, Repository
from holdfast.storage.memory import MemoryStore

FIRST = "chains/chain-a/manifests/0000000001"


def _objects(memory: MemoryStore, kind: str) -> list[str]:
    return [name for name in sorted(memory.objects) if name.startswith(kind) or f"/{kind}" in name]


def test_a_wrong_password_opens_nothing(repository: Repository, memory: MemoryStore, clock: Any) -> None:
    with pytest.raises(WrongKey) as caught:
        Repository.open(memory, "wrong password", clock=clock)
    assert "wrong password" not in str(caught.value)


def test_a_damaged_slot_is_not_called_a_wrong_password(
    repository: Repository, memory: MemoryStore, tools: Any, clock: Any
) -> None:
    (slot,) = _objects(memory, "keys/")
    tools.flip(memory, slot, 40)
    with pytest.raises(Damaged, match="keys/"):
        Repository.open(memory, tools.password, clock=clock)


def test_a_second_password_opens_too_and_survives_the_first_slot(
    repository: Repository, memory: MemoryStore, tools: Any, clock: Any
) -> None:
    (first,) = _objects(memory, "keys/")
    repository.slots.add(Password("second password", tools.cost), "break glass")
    del memory.objects[first]
    Repository.open(memory, "second password", clock=clock)
    with pytest.raises(WrongKey):
        Repository.open(memory, tools.password, clock=clock)


def test_a_forged_slot_cannot_take_all_memory(
    repository: Repository, memory: MemoryStore, tools: Any, clock: Any
) -> None:
    from holdfast.repository.format import checksummed, verified_checksum

    (slot,) = _objects(memory, "keys/")
    content = verified_checksum(memory.objects[slot].data, slot)
    content["kdf"]["memory_kib"] = 1 << 30
    memory.objects[slot].data = checksummed(content)
    with pytest.raises(Damaged, match="out of bounds"):
        Repository.open(memory, tools.password, clock=clock)


def test_a_forged_description_is_noticed(repository: Repository, memory: MemoryStore, tools: Any, clock: Any) -> None:
    """The checksum can be made anew by anybody; the authentication cannot."""
    from holdfast.repository.format import checksummed, verified_checksum

    content = verified_checksum(memory.objects["repository.json"].data, "repository.json")
    content["archive"] = True
    memory.objects["repository.json"].data = checksummed(content)
    with pytest.raises(Damaged, match="without the key"):
        Repository.open(memory, tools.password, clock=clock)


def _newer_description(memory: MemoryStore) -> None:
    from holdfast.repository.format import checksummed, verified_checksum

    content = verified_checksum(memory.objects["repository.json"].data, "repository.json")
    memory.objects["repository.json"].data = checksummed({**content, "format": 2})


def _newer_object(memory: MemoryStore) -> None:
    data = bytearray(memory.objects[FIRST].data)
    data[8] = 2
    memory.objects[FIRST].data = bytes(data)


@pytest.mark.parametrize("change", [_newer_description, _newer_object])
def test_a_newer_format_is_called_by_its_name(
    memory: MemoryStore, two_points: list[str], tools: Any, clock: Any, change: Callable[[MemoryStore], None]
) -> None:
    change(memory)
    with pytest.raises(NewerFormat, match="newer version"):
        Repository.open(memory, tools.password, clock=clock).point(two_points[0])


def test_a_frame_of_an_unknown_codec_is_called_by_its_name() -> None:
    """An older program must say so and not guess."""
    from holdfast.repository.frames.codecs import decode_frame

    for codec in (2, 4, 200):
        with pytest.raises(NewerFormat, match=f"codec {codec}"):
            decode_frame(bytes((codec,)) + b"payload", 100, "chains/c/data/p")
    with pytest.raises(HoldfastError):
        decode_frame(b"", 100, "chains/c/data/p")
