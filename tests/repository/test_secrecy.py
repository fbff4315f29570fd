"""Nothing that a stranger should not read stands in any object or its name."""

from __future__ import annotations

import struct
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.repository import Password, Repository
from holdfast.repository.format import HEADER_BYTES
from holdfast.storage.memory import MemoryStore


def test_no_plain_text_stands_in_any_object(
    repository: Repository, memory: MemoryStore, bacpac: Any, tools: Any
) -> None:
    """Names of tables and sources, rows, model, flags, the password: in no object, compressed small enough to be plain."""
    secret_rows = tools.row(1, "a very secret diagnosis") * 3
    header = tools.header_of(
        1, flags=["yearly-flag"], warnings=["a warning with a name"], resource_id="/subscriptions/1234"
    )
    repository.store_point(bacpac({"SecretTable": [secret_rows], "Big": [tools.rows(3000)]}), header, owner="w")
    plain = [
        *(text.encode() for text in ("SecretTable", "server/", "SqlSimpleColumn", "yearly-flag", "a warning", "1234")),
        "secret diagnosis".encode("utf-16-le"),
        "row 17 of seed".encode("utf-16-le"),
        tools.password.encode(),
        b"sha256",
        bytes.fromhex("28b52ffd"),  # zstd's magic: nothing compressed lies unsealed
    ]
    for name, stored in memory.objects.items():
        for text in plain:
            assert text not in stored.data, (name, text)
            assert text.decode("latin-1") not in name
        if name.startswith("chains/"):
            body = stored.data[HEADER_BYTES:]
            if len(body) > 2000:
                counts = [body.count(bytes([byte])) for byte in range(256)]
                assert max(counts) < 2.2 * len(body) / 256 + 12, f"{name} does not look random"


def test_equal_data_gives_other_bytes_in_another_repository_and_chain(bacpac: Any, tools: Any, clock: Any) -> None:
    """Nobody can tell by comparing objects that two databases hold the same."""
    file = bacpac({"T": [tools.rows(3000)]})
    seen: set[bytes] = set()
    sizes = set()
    for repository_number in range(2):
        memory = MemoryStore(clock=clock)
        repository = Repository.init(memory, f"password {repository_number}", clock=clock, cost=tools.cost)
        for chain in ("chain-a", "chain-b"):
            repository.store_point(file, tools.header_of(1 if chain == "chain-a" else 2, chain), owner="w")
            data = next(one.data for name, one in memory.objects.items() if name.startswith(f"chains/{chain}/data/"))
            for at in range(0, len(data) - 64, 64):
                assert data[at : at + 64] not in seen
                seen.add(data[at : at + 64])
            sizes.add(len(data))
    assert len(sizes) > 1, "even chunk borders differ"


def test_the_password_and_keys_are_in_no_text_of_ours(repository: Repository) -> None:
    assert "correct horse" not in repr(vars(repository))
    assert repository._keys.objects.hex() not in repr(repository._keys)
    assert repr(repository._keys.objects) not in repr(vars(repository))


@settings(max_examples=20, deadline=None)
@given(password=st.text(min_size=1, max_size=40))
def test_any_password_opens_what_it_closed(password: str, tools: Any) -> None:
    try:
        password.encode()
    except UnicodeEncodeError:
        return
    memory = MemoryStore()
    Repository.init(memory, password, clock=tools.clock(), cost=tools.cost)
    assert Repository.open(memory, password, clock=tools.clock()).points() == []


def test_nonces_of_slots_are_new_for_every_slot(repository: Repository, memory: MemoryStore, tools: Any) -> None:
    import json

    for number in range(20):
        repository.slots.add(Password("same password", tools.cost), f"slot {number}")
    slots = [json.loads(one.data) for name, one in memory.objects.items() if name.startswith("keys/")]
    assert len({slot["wrapped"][:24] for slot in slots}) == len({slot["kdf"]["salt"] for slot in slots}) == 21


def test_the_headers_salt_is_new_for_every_object(
    repository: Repository, memory: MemoryStore, bacpac: Any, tools: Any
) -> None:
    for number in range(1, 4):
        repository.store_point(bacpac({"T": [tools.rows(500, number)]}), tools.header_of(number), owner="w")
    sealed = [one.data for name, one in memory.objects.items() if name.startswith(("chains/", "points/"))]
    salts = [struct.unpack_from("<8sBBH8s32s", data)[5] for data in sealed]
    assert len(set(salts)) == len(salts) > 10
