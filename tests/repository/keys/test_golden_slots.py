"""A repository with a slot of every kind is kept for ever: read by the program, and by a reader written from the page.

Nothing in `golden/v1-slots` may ever be written again. The reader at the end imports nothing of holdfast.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from holdfast.repository import Credential, Password, RecoveryKey, Repository, VaultKey
from holdfast.storage import open_store

GOLDEN = Path(__file__).parents[1] / "golden" / "v1-slots"
PASSWORD = "golden password of the slots"
OAEP = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
KINDS = ("password", "keyvault", "recovery")


def _vault_key() -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key((GOLDEN / "vault-key.pem").read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


class _Wrapper:
    key, version = "https://golden.vault.azure.net/keys/repositories", None

    def newest(self) -> str:
        return "0123456789abcdef0123456789abcdef"

    def wrap(self, secret: bytes, version: str) -> bytes:
        raise AssertionError("nothing is written here")

    def unwrap(self, wrapped: bytes, version: str) -> bytes:
        assert version == self.newest()
        return _vault_key().decrypt(wrapped, OAEP)


@pytest.mark.parametrize("kind", KINDS)
def test_the_program_opens_every_kind(kind: str, clock: Any) -> None:
    credentials: dict[str, Credential] = {
        "password": Password(PASSWORD),
        "keyvault": VaultKey(_Wrapper()),
        "recovery": RecoveryKey.typed((GOLDEN / "recovery-key").read_text()),
    }
    opened = Repository.open(open_store((GOLDEN / "repository").as_uri()), credentials[kind], clock=clock)
    assert [(slot.kind, slot.name) for slot in sorted(opened.slots.all(), key=lambda slot: slot.name)] == [
        ("password", "first"),
        ("recovery", "safe"),
        ("keyvault", "vault"),
    ]


# --- the reader of the page ---------------------------------------------------------------------------------------


def _hkdf(key: bytes, info: bytes, salt: bytes | None = None) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=salt, info=info).derive(key)


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _recovery_key() -> bytes:
    letters = (GOLDEN / "recovery-key").read_text().strip().replace("-", "")
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    groups = [[alphabet.index(letter) for letter in letters[at : at + 5]] for at in range(0, 70, 5)]
    for number, (a, b, c, d, check) in enumerate(groups, 1):
        assert check == (7 * number + 3 * a + 5 * b + 7 * c + 9 * d) % 32
    bits = "".join(f"{value:05b}" for group in groups for value in group[:4])
    key, rest, check_bits = int(bits[:256], 2).to_bytes(32, "big"), bits[256:260], bits[260:]
    assert rest == "0000"
    digest = int.from_bytes(hashlib.sha256(key).digest(), "big")
    assert check_bits == f"{digest:0256b}"[:20]
    return key


def _wrapping_key(slot: dict[str, Any]) -> bytes:
    if slot["kind"] == "keyvault":
        assert slot["vault"]["algorithm"] == "RSA-OAEP-256"
        return _vault_key().decrypt(bytes.fromhex(slot["vault"]["wrapped"]), OAEP)
    kdf = slot["kdf"]
    salt = bytes.fromhex(kdf["salt"])
    if slot["kind"] == "recovery":
        assert kdf["name"] == "hkdf-sha256"
        return _hkdf(_recovery_key(), b"holdfast/1/recovery", salt)
    argon = Argon2id(
        salt=salt, length=32, iterations=kdf["iterations"], lanes=kdf["lanes"], memory_cost=kdf["memory_kib"]
    )
    return argon.derive(PASSWORD.encode())


@pytest.mark.parametrize("kind", KINDS)
def test_a_reader_written_from_the_page_opens_every_kind(kind: str) -> None:
    description = json.loads((GOLDEN / "repository" / "repository.json").read_bytes())
    slots = [json.loads(path.read_bytes()) for path in (GOLDEN / "repository" / "keys").iterdir()]
    (slot,) = (one for one in slots if one["kind"] == kind)
    checked = {name: value for name, value in slot.items() if name != "checksum"}
    assert hashlib.sha256(_canonical(checked)).hexdigest() == slot["checksum"]
    bound = _canonical({name: value for name, value in checked.items() if name != "wrapped"})
    wrapped = bytes.fromhex(slot["wrapped"])
    key = AESGCM(_wrapping_key(slot)).decrypt(wrapped[:12], wrapped[12:], bound)
    assert _hkdf(key, b"holdfast/1/key-id")[:8].hex() == description["key"]
    rest = {name: description[name] for name in description if name not in ("checksum", "mac")}
    mac = _hkdf(key, b"holdfast/1/description")
    assert hmac.digest(mac, _canonical(rest), "sha256").hex() == description["mac"]
