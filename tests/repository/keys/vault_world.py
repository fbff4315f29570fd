"""A vault in this process, and what opens a repository."""

from __future__ import annotations

import hashlib
import os
from typing import Any

from holdfast.model.errors import Unavailable, WrongKey
from holdfast.repository import (
    Credential,
    Password,
    PasswordCost,
    Repository,
)
from holdfast.storage.memory import MemoryStore

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


def a_password(text: str) -> Password:
    return Password(text, CHEAP)


def opens(memory: MemoryStore, credential: Credential, clock: Any) -> bool:
    try:
        Repository.open(memory, credential, clock=clock)
    except WrongKey:
        return False
    return True


def slot_names(memory: MemoryStore) -> list[str]:
    return sorted(name for name in memory.objects if name.startswith("keys/"))
