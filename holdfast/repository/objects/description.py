"""The description: what makes a container a repository. Written once, last of all that `init` writes."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime

from holdfast.model.clock import iso, parse_iso
from holdfast.model.errors import Damaged, NoRepository
from holdfast.repository.deltas.chunks import CHUNKING
from holdfast.repository.errors import RepositoryExists
from holdfast.repository.format import DESCRIPTION, FORMAT, canonical, checksummed, new_id, verified_checksum
from holdfast.repository.keys.credentials import Credential
from holdfast.repository.keys.keys import RepositoryKeys
from holdfast.repository.keys.slots import add_slot, unlock
from holdfast.storage import AlreadyExists, ObjectMissing, ObjectStore


@dataclass(frozen=True)
class Description:
    """Who a repository is."""

    repository: str  # its id, 32 hex digits
    archive: bool
    created_at: datetime
    chunking: str = CHUNKING


def create(
    store: ObjectStore, credential: Credential, *, archive: bool, at: datetime
) -> tuple[Description, RepositoryKeys]:
    """Makes a repository in an empty place. Raises RepositoryExists.

    A crash before the last write leaves a key slot of no repository, which `create` passes over the next time.
    """
    for info in store.list():
        if not info.name.startswith("keys/"):
            raise RepositoryExists(f"{store.url} holds {info.name}")
    description = Description(new_id(), archive, at)
    keys = RepositoryKeys.new()
    add_slot(store, keys, description.repository, credential, "first", at)
    content = {
        "format": FORMAT,
        "repository": description.repository,
        "archive": archive,
        "chunking": description.chunking,
        "created_at": iso(at),
        "key": keys.key_id.hex(),
    }
    content["mac"] = keys.description_mac(canonical(content))
    try:
        store.put(DESCRIPTION, checksummed(content))
    except AlreadyExists:
        raise RepositoryExists(f"{store.url}: somebody else made a repository meanwhile") from None
    return description, keys


def read_description(store: ObjectStore) -> Description:
    """Who the repository says that it is, without a key: not authenticated. Raises NoRepository, Damaged, NewerFormat."""
    return _parse(_read(store))[0]


def open_description(store: ObjectStore, credential: Credential) -> tuple[Description, RepositoryKeys]:
    """Reads the description and opens a slot. Raises NoRepository, WrongKey, Damaged, NewerFormat."""
    data = _read(store)
    description, key_id = _parse(data)
    keys = unlock(store, description.repository, key_id, credential)
    verify_description(data, keys)
    return description, keys


def verify_description(data: bytes, keys: RepositoryKeys) -> None:
    """Raises Damaged where it is unreadable, or was changed by somebody without the key; NewerFormat."""
    content = verified_checksum(data, DESCRIPTION)
    mac = str(content.pop("mac", ""))
    if not hmac.compare_digest(keys.description_mac(canonical(content)), mac):
        raise Damaged(f"{DESCRIPTION}: it was changed by somebody without the key")


def _read(store: ObjectStore) -> bytes:
    try:
        return store.get(DESCRIPTION)
    except ObjectMissing:
        raise NoRepository(store.url) from None


def _parse(data: bytes) -> tuple[Description, str]:
    """The description and the id of the key that it names, not yet authenticated."""
    content = verified_checksum(data, DESCRIPTION)
    try:
        created_at = parse_iso(content["created_at"])
        repository, archive, chunking = content["repository"], content["archive"], content["chunking"]
        if len(bytes.fromhex(repository)) != 16 or not isinstance(archive, bool):
            raise ValueError
        return Description(repository, archive, created_at, str(chunking)), str(content["key"])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Damaged(f"{DESCRIPTION}: its fields are not those of a description") from None
