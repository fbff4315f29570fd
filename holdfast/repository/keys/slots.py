"""Key slots as they lie in storage: written, read and opened. Each holds the data key, wrapped as its kind wants."""

from __future__ import annotations

from datetime import datetime

from holdfast.model.clock import iso
from holdfast.model.errors import Damaged, HoldfastError, WrongKey
from holdfast.repository.errors import ForeignSlot
from holdfast.repository.format import DESCRIPTION, FORMAT, canonical, checksummed, new_id, slot_name, verified_checksum
from holdfast.repository.keys.credentials import Credential, Slot
from holdfast.repository.keys.keys import RepositoryKeys
from holdfast.storage import ObjectStore

SLOTS = "keys/"


def add_slot(
    store: ObjectStore, keys: RepositoryKeys, repository: str, credential: Credential, name: str, at: datetime
) -> str:
    """Writes a new slot and returns its id. It was opened before it is written, so that no slot opens with nothing.

    Raises WrongKey where it does not open again, and what a KeyWrapper raises.
    """
    slot = new_id()
    fields, wrapping_key = credential.close()
    content: Slot = {
        "format": FORMAT,
        "repository": repository,
        "slot": slot,
        "kind": credential.kind,
        "name": name,
        "created_at": iso(at),
        **fields,
    }
    content["wrapped"] = keys.wrap(wrapping_key, canonical(content)).hex()
    if open_slot(content, slot_name(slot), credential).key_id != keys.key_id:
        raise WrongKey(f"what was wrapped for the slot {name!r} does not unwrap to the same key")
    store.put(slot_name(slot), checksummed(content))
    return slot


def read_slot(data: bytes, name: str, repository: str) -> Slot:
    """A slot's content. Raises Damaged where it is unreadable or under another's name, ForeignSlot."""
    content = verified_checksum(data, name)
    if slot_name(str(content.get("slot"))) != name:
        raise Damaged(f"{name}: it is a slot of another name")
    if content.get("repository") != repository:
        raise ForeignSlot(name)
    return content


def open_slot(content: Slot, name: str, credential: Credential) -> RepositoryKeys:
    """The keys from a slot. Raises WrongKey where it is not the credential's, Damaged, and what a KeyWrapper raises."""
    if content.get("kind") != credential.kind:
        raise WrongKey(f"{name} is no {credential.kind} slot")
    try:
        wrapped = bytes.fromhex(content["wrapped"])
    except (KeyError, TypeError, ValueError):
        raise Damaged(f"{name}: its fields are not those of a {credential.kind} slot") from None
    wrapping_key = credential.open(content, name)
    rest = {key: value for key, value in content.items() if key != "wrapped"}
    return RepositoryKeys.unwrap(wrapping_key, wrapped, canonical(rest))


def unlock(store: ObjectStore, repository: str, key_id: str, credential: Credential) -> RepositoryKeys:
    """Tries the credential on every slot of its kind, until one opens and holds the key of that id.

    A slot that opens to another key was forged by somebody who may wrap as well: it must not hide the right one.
    Raises WrongKey; Damaged where only damaged slots are left; what a vault said where none of its slots opened.
    """
    damage: Damaged | None = None
    refused: HoldfastError | None = None
    forged = ""
    tried, others = 0, set[str]()
    for info in store.list(SLOTS):
        try:
            content = read_slot(store.get(info.name), info.name, repository)
            if content.get("kind") != credential.kind:
                others.add(str(content.get("kind")))
                continue
            keys = open_slot(content, info.name, credential)
            if keys.key_id.hex() == key_id:
                return keys
            forged = info.name
        except ForeignSlot:
            continue
        except WrongKey:
            tried += 1
        except Damaged as error:
            damage = error
        except HoldfastError as error:
            # A version that is disabled or gone must not hide the slot of a newer one.
            refused = refused or error
    if refused:
        raise refused
    if forged:
        raise WrongKey(f"{forged} holds another key than {DESCRIPTION} names")
    if damage and not tried:
        raise damage
    if damage:
        raise WrongKey(f"none of the {tried} readable {credential.kind} slots opens; {damage.detail}")
    if tried:
        raise WrongKey(f"none of {tried} {credential.kind} slots opens")
    if others:
        raise WrongKey(f"it has no {credential.kind} slot, only {', '.join(sorted(others))}", help=_OTHER_KIND)
    raise Damaged("keys/: no key slot of this repository is there")


_OTHER_KIND = "`holdfast repository key list` shows what opens the repository; give one of that."
