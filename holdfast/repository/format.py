"""Names, numbers and frames of the repository format, version 1. The words are those of docs/repository-format.md."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from holdfast.model.errors import Damaged, InvalidInput
from holdfast.repository.errors import NewerFormat

FORMAT = 1
MAGIC = b"HOLDFAST"
HEADER_BYTES = 52
DESCRIPTION = "repository.json"
MANIFEST_DIGITS = 10


class Kind(IntEnum):
    """Kinds of sealed objects. 7 and 8 are reserved: write-once and hold records."""

    MANIFEST = 1
    DATA_PACK = 2
    RECIPE_PACK = 3
    INDEX = 4
    LOCATOR = 5
    REMOVAL = 6
    OWNER = 9


_FOLDERS = {Kind.DATA_PACK: "data", Kind.RECIPE_PACK: "recipes", Kind.INDEX: "index"}
_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")
_HEADER = struct.Struct("<8sBBH8s32s")


@dataclass(frozen=True)
class Header:
    """What stands before the sealed sections of an object."""

    kind: int
    key_id: bytes
    salt: bytes

    def encode(self) -> bytes:
        """The 52 bytes."""
        return _HEADER.pack(MAGIC, FORMAT, self.kind, 0, self.key_id, self.salt)

    @classmethod
    def decode(cls, data: bytes, name: str) -> Header:
        """Raises Damaged where it is none, NewerFormat where it is of another version."""
        if len(data) < HEADER_BYTES:
            raise Damaged(f"{name}: it is cut short ({len(data)} bytes)")
        magic, version, kind, flags, key_id, salt = _HEADER.unpack_from(data)
        if magic != MAGIC:
            raise Damaged(f"{name}: it does not begin as an object of a repository does")
        if version != FORMAT or flags != 0:
            raise NewerFormat(f"{name} is of version {version}, flags {flags}; this program knows version {FORMAT}")
        return cls(kind, key_id, salt)


def check_id(text: str, what: str) -> str:
    """A chain's or point's id, fit to be a part of a name. Raises InvalidInput."""
    if not _ID.fullmatch(text):
        raise InvalidInput(f"{what} {text!r} must be 1 to 64 of A-Z a-z 0-9 . _ - and not begin with a dot")
    return text


def new_id() -> str:
    """32 hex digits that never come twice."""
    return secrets.token_hex(16)


def slot_name(slot: str) -> str:
    return f"keys/{slot}.json"


def manifest_name(chain: str, sequence: int) -> str:
    return f"chains/{chain}/manifests/{sequence:0{MANIFEST_DIGITS}d}"


def object_name(chain: str, kind: Kind, object_id: str) -> str:
    """Name of a pack or an index object."""
    return f"chains/{chain}/{_FOLDERS[kind]}/{object_id}"


def folder(chain: str, kind: Kind) -> str:
    """Prefix of all objects of that kind in the chain."""
    return f"chains/{chain}/{_FOLDERS.get(kind, 'manifests')}/"


def owners_folder(chain: str) -> str:
    """Prefix of the chain's owner records."""
    return f"chains/{chain}/owners/"


def owner_name(chain: str, number: int) -> str:
    return f"{owners_folder(chain)}{number:0{MANIFEST_DIGITS}d}"


def locator_name(point: str, chain: str) -> str:
    return f"points/{point}/{chain}"


def lock_name(chain: str) -> str:
    return f"locks/{chain}"


def canonical(value: Any) -> bytes:
    """Canonical JSON: sorted keys, no blanks, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


def checksummed(value: dict[str, Any]) -> bytes:
    """The value with the checksum over all the rest."""
    return canonical({**value, "checksum": hashlib.sha256(canonical(value)).hexdigest()})


def verified_checksum(data: bytes, name: str) -> dict[str, Any]:
    """The value without its checksum. Raises Damaged, NewerFormat."""
    try:
        value = json.loads(data)
        told = value.pop("checksum")
        version = value["format"]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Damaged(f"{name}: it is not readable") from None
    if hashlib.sha256(canonical(value)).hexdigest() != told:
        raise Damaged(f"{name}: its checksum does not match")
    if version != FORMAT:
        raise NewerFormat(f"{name} is of format {version}; this program knows format {FORMAT}")
    if not isinstance(value, dict):
        raise Damaged(f"{name}: it is not readable")
    return value
