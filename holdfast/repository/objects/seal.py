"""Sealing: AES-256-GCM with a key of its own for every object, bound to the object's place.

Nonce rule: an object's key comes from 32 random bytes in its header and is used for that object alone; the nonce is the
section's number, and a writer seals each number once. So no pair of key and nonce is used twice.
"""

from __future__ import annotations

import secrets
import struct
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from holdfast.model.errors import Damaged
from holdfast.repository.deltas.chunks import CHUNKING, ChunkNamer
from holdfast.repository.format import HEADER_BYTES, Header, Kind
from holdfast.repository.frames.codecs import decode_frame, encode_frame
from holdfast.repository.keys.keys import RepositoryKeys, derive
from holdfast.storage import ObjectStore, Tier

TAG_BYTES = 16
SALT_BYTES = 32
#: Plain bytes of a document; a forged length cannot ask for more memory.
MAX_DOCUMENT = 256 << 20


class ObjectSeal:
    """Seals and opens the sections of one object. Safe for threads."""

    def __init__(self, keys: RepositoryKeys, header: Header, place: bytes, name: str) -> None:
        self.header = header.encode()
        self.name = name
        self._context = self.header + place
        self._cipher = AESGCM(derive(keys.objects, "holdfast/1/object", salt=header.salt))

    def seal(self, section: int, plain: bytes) -> bytes:
        """The section sealed, 16 bytes longer. Each number may be sealed once."""
        return self._cipher.encrypt(section.to_bytes(12, "big"), plain, self._bound(section))

    def open(self, section: int, sealed: bytes | memoryview) -> bytes:
        """Raises Damaged where the bytes are not what was sealed for this place."""
        try:
            return self._cipher.decrypt(section.to_bytes(12, "big"), sealed, self._bound(section))
        except (InvalidTag, ValueError):
            raise Damaged(f"{self.name}: section {section} was changed, cut or does not belong here") from None

    def _bound(self, section: int) -> bytes:
        return self._context + section.to_bytes(8, "little")


@dataclass(frozen=True)
class Sealer:
    """Makes the seals of one repository's objects."""

    keys: RepositoryKeys
    repository: str
    chunking: str = CHUNKING

    def namer(self, chain: str, kind: Kind) -> ChunkNamer:
        """Names the chunks of a chain's packs of that kind."""
        return ChunkNamer(self.keys.chunk_key(chain, "data" if kind is Kind.DATA_PACK else "recipe"), self.chunking)

    def new(self, kind: Kind, chain: str, name: str) -> ObjectSeal:
        """For a new object."""
        header = Header(kind, self.keys.key_id, secrets.token_bytes(SALT_BYTES))
        return ObjectSeal(self.keys, header, self._place(chain, name), name)

    def of(self, header_bytes: bytes, kind: Kind, chain: str, name: str) -> ObjectSeal:
        """For an object that was read. Raises Damaged, NewerFormat; WrongKey for a key that is not this repository's."""
        header = Header.decode(header_bytes, name)
        if header.kind != kind:
            raise Damaged(f"{name}: it is of kind {header.kind}, not {int(kind)}")
        if header.key_id != self.keys.key_id:
            raise Damaged(f"{name}: it is sealed with another key ({header.key_id.hex()})")
        return ObjectSeal(self.keys, header, self._place(chain, name), name)

    def _place(self, chain: str, name: str) -> bytes:
        chain_bytes, name_bytes = chain.encode(), name.encode()
        return b"".join(
            (
                bytes.fromhex(self.repository),
                struct.pack("<H", len(chain_bytes)),
                chain_bytes,
                struct.pack("<H", len(name_bytes)),
                name_bytes,
            )
        )


def seal_document(sealer: Sealer, kind: Kind, chain: str, name: str, plain: bytes) -> bytes:
    """A whole object of one sealed section."""
    seal = sealer.new(kind, chain, name)
    return seal.header + seal.seal(0, encode_frame(plain))


def put_document(store: ObjectStore, sealer: Sealer, kind: Kind, chain: str, name: str, plain: bytes) -> int:
    """Seals and puts a document in a readable tier; returns its bytes. Raises AlreadyExists."""
    data = seal_document(sealer, kind, chain, name, plain)
    store.put(name, data, tier=Tier.HOT)
    return len(data)


def open_document(sealer: Sealer, kind: Kind, chain: str, name: str, data: bytes) -> bytes:
    """The plain bytes of a document. Raises Damaged naming the object, NewerFormat."""
    seal = sealer.of(data[:HEADER_BYTES], kind, chain, name)
    frame = seal.open(0, data[HEADER_BYTES:])
    return bytes(decode_frame(frame, MAX_DOCUMENT, name))
