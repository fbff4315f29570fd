"""The data key of a repository, and the keys made from it."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from holdfast.model.errors import WrongKey

KEY_BYTES = 32
NONCE_BYTES = 12
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
