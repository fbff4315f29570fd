"""What opens a key slot: a password, a Key Vault key, a recovery key. Each leads to the slot's wrapping key, 32 bytes.

Nothing here is ever printed: a credential's `repr` says its kind.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Protocol, Self

from holdfast.model.errors import Damaged, InvalidInput, WrongKey
from holdfast.repository.errors import NewerFormat
from holdfast.repository.keys import recovery_key
from holdfast.repository.keys.keys import KEY_BYTES, PasswordCost, derive

#: A slot is not authenticated before its password is derived; more than this is refused, so that a forged slot cannot
#: take all memory or time.
MAX_MEMORY_KIB, MAX_ITERATIONS, MAX_LANES = 4 << 20, 64, 64
SALT_BYTES = 16
WRAP_ALGORITHM = "RSA-OAEP-256"
_VERSION = re.compile(r"[0-9A-Za-z]{1,64}")
#: What an RSA key of 16,384 bits makes; Key Vault's largest has 4,096.
_MAX_WRAPPED_BYTES = 2048

Slot = dict[str, Any]


class KeyWrapper(Protocol):
    """One key of a key vault, which wraps and unwraps and never leaves the vault.

    Every method raises the HoldfastErrors of whoever keeps the key: it is disabled, gone, forbidden, out of reach.
    """

    #: `https://VAULT/keys/NAME`. Whoever opens a repository says which key it asks; a slot cannot send it elsewhere.
    key: str
    #: The one version that is to be used; None: of a slot the slot's own, for a new slot the newest.
    version: str | None

    def newest(self) -> str:
        """The version that is the newest now."""
        ...

    def wrap(self, secret: bytes, version: str) -> bytes:
        """The secret under that version of the key, by RSA-OAEP-256."""
        ...

    def unwrap(self, wrapped: bytes, version: str) -> bytes:
        """The secret again. Raises WrongKey where that version did not wrap it."""
        ...


class Credential(Protocol):
    """What somebody holds who may open the repository."""

    kind: ClassVar[str]

    def close(self) -> tuple[dict[str, Any], bytes]:
        """For a new slot: what it says of itself, and its wrapping key. Never the same twice."""
        ...

    def open(self, slot: Slot, name: str) -> bytes:
        """The wrapping key of a slot of its kind.

        Raises WrongKey where the slot is for another one, Damaged for fields that cannot be, NewerFormat, and what a
        KeyWrapper raises.
        """
        ...

    def newest(self) -> Self:
        """What a rotation is to end with: itself, a Key Vault key in its newest version."""
        ...


@dataclass(frozen=True)
class Password:
    """A password, through a memory-hard function. Raises InvalidInput for an empty one."""

    kind: ClassVar[str] = "password"
    password: str = field(repr=False)
    cost: PasswordCost = field(default_factory=PasswordCost)

    def __post_init__(self) -> None:
        if not self.password:
            raise InvalidInput("the password is empty")

    def close(self) -> tuple[dict[str, Any], bytes]:
        """See Credential."""
        salt, cost = secrets.token_bytes(SALT_BYTES), self.cost
        kdf = {
            "name": "argon2id",
            "salt": salt.hex(),
            "iterations": cost.iterations,
            "lanes": cost.lanes,
            "memory_kib": cost.memory_kib,
        }
        return {"kdf": kdf}, cost.derive(self.password, salt)

    def open(self, slot: Slot, name: str) -> bytes:
        """See Credential. Whether the password is right shows only when the data key is unwrapped."""
        try:
            kdf = slot["kdf"]
            cost = PasswordCost(kdf["iterations"], kdf["lanes"], kdf["memory_kib"])
            salt = bytes.fromhex(kdf["salt"])
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
        return cost.derive(self.password, salt)

    def newest(self) -> Self:
        """See Credential."""
        return self


@dataclass(frozen=True)
class RecoveryKey:
    """A random key on paper. It needs no costly function: nobody can try 2²⁵⁶ keys."""

    kind: ClassVar[str] = "recovery"
    key: bytes = field(repr=False)

    @classmethod
    def new(cls) -> Self:
        """A new one."""
        return cls(recovery_key.new_key())

    @classmethod
    def typed(cls, text: str) -> Self:
        """As somebody typed it. Raises BadRecoveryKey, which says where it is wrong."""
        return cls(recovery_key.key_of(text))

    @property
    def text(self) -> str:
        """As it is written down."""
        return recovery_key.text_of(self.key)

    def close(self) -> tuple[dict[str, Any], bytes]:
        """See Credential."""
        salt = secrets.token_bytes(SALT_BYTES)
        return {"kdf": {"name": "hkdf-sha256", "salt": salt.hex()}}, self._derive(salt)

    def open(self, slot: Slot, name: str) -> bytes:
        """See Credential."""
        try:
            kdf = slot["kdf"]
            if kdf["name"] != "hkdf-sha256":
                raise ValueError
            salt = bytes.fromhex(kdf["salt"])
        except (KeyError, TypeError, ValueError):
            raise Damaged(f"{name}: its fields are not those of a recovery slot") from None
        return self._derive(salt)

    def newest(self) -> Self:
        """See Credential."""
        return self

    def _derive(self, salt: bytes) -> bytes:
        return derive(self.key, "holdfast/1/recovery", salt)


@dataclass(frozen=True)
class VaultKey:
    """A Key Vault key. The vault wraps a random key, which wraps the data key: the data key itself never travels there."""

    kind: ClassVar[str] = "keyvault"
    wrapper: KeyWrapper
    only: str | None = None  # the one version whose slots it opens, and that its new slots are made with

    def __post_init__(self) -> None:
        if self.only is None and self.wrapper.version is not None:
            object.__setattr__(self, "only", self.wrapper.version)

    def close(self) -> tuple[dict[str, Any], bytes]:
        """See Credential."""
        key = secrets.token_bytes(KEY_BYTES)
        version = self.only or self.wrapper.newest()
        vault = {
            "key": self.wrapper.key,
            "version": version,
            "algorithm": WRAP_ALGORITHM,
            "wrapped": self.wrapper.wrap(key, version).hex(),
        }
        return {"vault": vault}, key

    def open(self, slot: Slot, name: str) -> bytes:
        """See Credential. Slots of a key of another name, and of other versions than `only`, are for somebody else.

        The vault's own name is not compared: a key that was restored from its backup lives in another vault, with the
        same name and versions.
        """
        key, version = vault_key_of(slot, name)
        if key.rpartition("/")[2].lower() != self.wrapper.key.rpartition("/")[2].lower():
            raise WrongKey(f"{name} is of the key {key}")
        if self.only not in (None, version):
            raise WrongKey(f"{name} is of version {version} of {key}")
        unwrapped = self.wrapper.unwrap(bytes.fromhex(slot["vault"]["wrapped"]), version)
        if len(unwrapped) != KEY_BYTES:
            raise Damaged(f"{name}: the vault unwrapped {len(unwrapped)} bytes of it; a key has {KEY_BYTES}")
        return unwrapped

    def newest(self) -> Self:
        """See Credential."""
        return replace(self, only=self.wrapper.version or self.wrapper.newest())


def vault_key_of(slot: Slot, name: str) -> tuple[str, str]:
    """Address and version of the key of a Key Vault slot. Raises Damaged, NewerFormat."""
    try:
        vault = slot["vault"]
        key, version, algorithm = vault["key"], vault["version"], vault["algorithm"]
        wrapped = bytes.fromhex(vault["wrapped"])
        fits = key.startswith("https://") and _VERSION.fullmatch(version) and 0 < len(wrapped) <= _MAX_WRAPPED_BYTES
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Damaged(f"{name}: its fields are not those of a Key Vault slot") from None
    if not fits:
        raise Damaged(f"{name}: its fields are not those of a Key Vault slot")
    if algorithm != WRAP_ALGORITHM:
        raise NewerFormat(f"{name}: it is wrapped by {algorithm!r}; this program knows {WRAP_ALGORITHM}")
    return key, version
