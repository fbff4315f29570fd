"""The data key of a repository, the keys made from it, and the slots that wrap it."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from holdfast.model.clock import iso
from holdfast.model.errors import Damaged, InvalidInput, WrongKey
from holdfast.repository.errors import ForeignSlot
from holdfast.repository.format import FORMAT, canonical, checksummed, new_id, slot_name, verified_checksum
from holdfast.storage import ObjectStore

KEY_BYTES = 32
NONCE_BYTES = 12
#: A slot is not authenticated before its password is derived; more than this is refused, so that a forged slot cannot
#: take all memory or time.
MAX_MEMORY_KIB, MAX_ITERATIONS, MAX_LANES = 4 << 20, 64, 64
#: OpenSSL fills the lanes of Argon2 from one pool of threads; two derivations beside each other wait for its threads
#: forever (measured with OpenSSL 3.5 in cryptography 50). One at a time also bounds the memory.
_ONE_DERIVATION = threading.Lock()


def derive(key: bytes, info: str, salt: bytes | None = None) -> bytes:
    """HKDF-SHA256, 32 bytes."""
    return HKDF(algorithm=hashes.SHA256(), length=KEY_BYTES, salt=salt, info=info.encode()).derive(key)


class RepositoryKeys:
    """The data key and what is derived from it. Never printed."""

    def __init__(self, data_key: bytes) -> None:
        self._data_key = data_key
        self.key_id = derive(data_key, "holdfast/1/key-id")[:8]
        self.objects = derive(data_key, "holdfast/1/objects")

    @classmethod
    def new(cls) -> RepositoryKeys:
        """A new random data key."""
        return cls(secrets.token_bytes(KEY_BYTES))

    def __repr__(self) -> str:
        return f"RepositoryKeys({self.key_id.hex()})"

    def chunk_key(self, chain: str, chunk_class: str) -> bytes:
        """For the ids of a chain's chunks; `chunk_class` is `data` or `recipe`."""
        return derive(self._data_key, f"holdfast/1/chunks/{chain}/{chunk_class}")

    def boundary_key(self, chain: str) -> bytes:
        """For the chunker of a chain."""
        return derive(self._data_key, f"holdfast/1/boundaries/{chain}")

    def description_mac(self, content: bytes) -> str:
        """Authenticates the description."""
        return hmac.digest(derive(self._data_key, "holdfast/1/description"), content, hashlib.sha256).hex()

    def wrap(self, wrapping_key: bytes, context: bytes) -> bytes:
        """The data key under another key, bound to `context`."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + AESGCM(wrapping_key).encrypt(nonce, self._data_key, context)

    @classmethod
    def unwrap(cls, wrapping_key: bytes, wrapped: bytes, context: bytes) -> RepositoryKeys:
        """Raises WrongKey."""
        try:
            return cls(AESGCM(wrapping_key).decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], context))
        except (InvalidTag, ValueError):
            raise WrongKey from None


@dataclass(frozen=True)
class PasswordCost:
    """What it costs to try one password: Argon2id's parameters (RFC 9106, second recommendation, as default)."""

    iterations: int = 3
    lanes: int = 4
    memory_kib: int = 64 << 10

    def derive(self, password: str, salt: bytes) -> bytes:
        """The wrapping key."""
        kdf = Argon2id(
            salt=salt, length=KEY_BYTES, iterations=self.iterations, lanes=self.lanes, memory_cost=self.memory_kib
        )
        with _ONE_DERIVATION:
            return kdf.derive(password.encode())


def add_password_slot(
    store: ObjectStore,
    keys: RepositoryKeys,
    repository: str,
    password: str,
    name: str,
    at: datetime,
    cost: PasswordCost,
) -> str:
    """Writes a new slot that opens with `password`; returns its id. Raises InvalidInput for an empty password."""
    if not password:
        raise InvalidInput("the password is empty")
    slot, salt = new_id(), secrets.token_bytes(16)
    content: dict[str, Any] = {
        "format": FORMAT,
        "repository": repository,
        "slot": slot,
        "kind": "password",
        "name": name,
        "created_at": iso(at),
        "kdf": {
            "name": "argon2id",
            "salt": salt.hex(),
            "iterations": cost.iterations,
            "lanes": cost.lanes,
            "memory_kib": cost.memory_kib,
        },
    }
    wrapped = keys.wrap(cost.derive(password, salt), canonical(content))
    store.put(slot_name(slot), checksummed({**content, "wrapped": wrapped.hex()}))
    return slot


def read_slot(data: bytes, name: str, repository: str) -> dict[str, Any]:
    """A slot's content. Raises Damaged where it is unreadable or under another's name, ForeignSlot."""
    content = verified_checksum(data, name)
    if slot_name(str(content.get("slot"))) != name:
        raise Damaged(f"{name}: it is a slot of another name")
    if content.get("repository") != repository:
        raise ForeignSlot(name)
    return content


def open_slot(content: dict[str, Any], name: str, password: str) -> RepositoryKeys:
    """The keys from a password slot. Raises WrongKey for another password, Damaged for parameters out of bounds."""
    rest = {key: value for key, value in content.items() if key != "wrapped"}
    try:
        kdf = content["kdf"]
        cost = PasswordCost(kdf["iterations"], kdf["lanes"], kdf["memory_kib"])
        salt, wrapped = bytes.fromhex(kdf["salt"]), bytes.fromhex(content["wrapped"])
        within = (
            kdf["name"] == "argon2id"
            and 1 <= cost.iterations <= MAX_ITERATIONS
            and 1 <= cost.lanes <= MAX_LANES
            and 8 * cost.lanes <= cost.memory_kib <= MAX_MEMORY_KIB
        )
    except (KeyError, TypeError, ValueError):
        raise Damaged(f"{name}: its fields are not those of a password slot") from None
    if not within:
        raise Damaged(f"{name}: its parameters are out of bounds")
    return RepositoryKeys.unwrap(cost.derive(password, salt), wrapped, canonical(rest))


def unlock(store: ObjectStore, repository: str, password: str) -> RepositoryKeys:
    """Tries the password on every password slot. Raises WrongKey; Damaged where only damaged slots are left."""
    damage: Damaged | None = None
    tried = 0
    for info in store.list("keys/"):
        try:
            content = read_slot(store.get(info.name), info.name, repository)
            if content.get("kind") != "password":
                continue
            return open_slot(content, info.name, password)
        except ForeignSlot:
            continue
        except WrongKey:
            tried += 1
        except Damaged as error:
            damage = error
    if damage and not tried:
        raise damage
    if damage:
        raise WrongKey(f"none of the {tried} readable slots opens; {damage.detail}")
    if not tried:
        raise Damaged("keys/: no password slot of this repository is there")
    raise WrongKey(f"none of {tried} password slots opens")
