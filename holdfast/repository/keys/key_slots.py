"""The slots of an open repository: listed, added, removed, rotated, all by wrapping the same data key anew.

No other object changes. What a rotation does not do: a data key that somebody knows stays known; only a new repository
has another.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from holdfast.model.clock import Clock, parse_iso
from holdfast.model.errors import Conflict, Damaged, HoldfastError, InvalidInput, NotFound, WrongKey
from holdfast.repository.errors import ForeignSlot, NewerFormat
from holdfast.repository.format import slot_name
from holdfast.repository.keys.credentials import Credential, Slot, vault_key_of
from holdfast.repository.keys.keys import RepositoryKeys
from holdfast.repository.keys.slots import SLOTS, add_slot, open_slot, read_slot
from holdfast.storage import ObjectStore
from holdfast.storage.errors import ObjectMissing

State = Literal["ok", "unknown", "foreign", "damaged"]
_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,64}")
_ID = re.compile(r"[0-9a-f]{32}")


class NothingElseOpens(Conflict):
    """A slot that may be the last that can be opened."""

    code = "last-slot"
    title = "Nothing else is known to open the repository"
    advice = (
        "Open the repository with something else than what is to be removed: that shows that something is left. "
        "`holdfast repository key add` adds a slot, `key rotate` replaces one."
    )
    exit_code = 19
    permanent = True


@dataclass(frozen=True)
class SlotInfo:
    """What is said of a slot: never what it holds."""

    id: str
    kind: str
    name: str
    created_at: datetime | None
    needs: str  # in words
    key: str | None  # of a Key Vault slot: https://VAULT/keys/NAME/VERSION
    state: State
    detail: str = ""


@dataclass(frozen=True)
class Rotation:
    """How a rotation ended. `removed` holds ids; nothing was done where it is empty."""

    slot: SlotInfo
    removed: list[str]
    added: bool


def list_slots(store: ObjectStore, repository: str) -> list[SlotInfo]:
    """All slots, oldest first, those that cannot be used as well. Needs no key."""
    found = []
    for info in store.list(SLOTS):
        try:
            found.append(_info(info.name, store.get(info.name), repository))
        except ObjectMissing:  # removed meanwhile
            continue
    return sorted(found, key=lambda slot: (slot.created_at is None, slot.created_at, slot.id))


class KeySlots:
    """The slots of one open repository. Deleting one asks for the right to delete, which writers do not have."""

    def __init__(self, store: ObjectStore, keys: RepositoryKeys, repository: str, clock: Clock) -> None:
        self._store, self._keys, self._repository, self._clock = store, keys, repository, clock

    def all(self) -> list[SlotInfo]:
        """See `list_slots`."""
        return list_slots(self._store, self._repository)

    def named(self, which: str) -> list[SlotInfo]:
        """The slot of that id, whatever state it is in, or all of that name, oldest first. Raises NotFound."""
        slots = self.all()
        by_name = [slot for slot in slots if slot.name == which and slot.state in ("ok", "unknown")]
        found = [slot for slot in slots if slot.id == which] or by_name
        if not found:
            known = ", ".join(f"{slot.name} ({slot.id})" for slot in slots) or "none"
            raise NotFound(f"key slot {which!r}; there are {known}", help="Name a slot by its id or its name.")
        return found

    def add(self, credential: Credential, name: str) -> SlotInfo:
        """A further slot. Raises Conflict for a name that is taken, InvalidInput, and what the credential raises."""
        if not _NAME.fullmatch(name) or _ID.fullmatch(name):
            raise InvalidInput(f"{name!r} cannot be the name of a slot: 1 to 64 letters, and not as an id looks")
        taken = [slot.id for slot in self.all() if slot.name == name and slot.state in ("ok", "unknown")]
        if taken:
            raise Conflict(
                f"the slot {taken[0]} is named {name!r} already",
                help="Choose another name, or rotate that slot.",
            )
        return self._add(credential, name)

    def remove(self, which: str, credential: Credential) -> SlotInfo:
        """Removes the slot of that id or name; `credential` must open another one, so that something is left that opens.

        Raises NotFound, InvalidInput where several have the name, NothingElseOpens, Forbidden.
        """
        named = self.named(which)
        if len(named) > 1:
            ids = ", ".join(slot.id for slot in named)
            raise InvalidInput(f"{len(named)} slots are named {which!r}", help=f"Name one by its id: {ids}.")
        (slot,) = named
        self._make_sure_of_another(slot, credential)
        self._store.delete(slot_name(slot.id))
        return slot

    def rotate(self, which: str, credential: Credential) -> Rotation:
        """Puts a new slot in the place of the one of that id or name: adds, then removes.

        Done again after a death between the two it goes on from there: whatever slot of the name opens already with
        the new credential is the new one. Raises NotFound, InvalidInput for a credential of another kind, and what
        `add` and `remove` raise.
        """
        old = self.named(which)
        if any(slot.kind != credential.kind or slot.state != "ok" for slot in old):
            raise InvalidInput(
                f"the slot {which!r} is {', '.join(sorted({s.kind or s.state for s in old}))}, "
                f"and what was given is for {credential.kind}",
                help="A slot is rotated within its kind. For another kind add a slot, then remove the old one.",
            )
        credential = credential.newest()
        alike = [slot for slot in self.all() if slot.name == old[0].name and slot.kind == credential.kind]
        new = next((slot for slot in reversed(alike) if self._opens(slot, credential)), None)
        added = new is None
        if new is None:
            new = self._add(credential, old[0].name)
        removed = [slot.id for slot in old if slot.id != new.id]
        for slot in removed:
            self._store.delete(slot_name(slot))
        return Rotation(new, removed, added)

    def _add(self, credential: Credential, name: str) -> SlotInfo:
        slot = add_slot(self._store, self._keys, self._repository, credential, name, self._clock.now())
        return _info(slot_name(slot), self._store.get(slot_name(slot)), self._repository)

    def _make_sure_of_another(self, slot: SlotInfo, credential: Credential) -> None:
        refused: HoldfastError | None = None
        for other in self.all():
            try:
                if other.id != slot.id and self._opens(other, credential):
                    return
            except HoldfastError as error:  # what a vault said; another slot may open all the same
                refused = error
        if refused:
            raise refused
        raise NothingElseOpens(f"slot {slot.name or slot.id!r}: what was given opens no other slot than this one")

    def _opens(self, slot: SlotInfo, credential: Credential) -> bool:
        """Whether it opens here and now. Raises what a KeyWrapper raises."""
        if slot.kind != credential.kind or slot.state != "ok":
            return False
        name = slot_name(slot.id)
        try:
            content = read_slot(self._store.get(name), name, self._repository)
            return open_slot(content, name, credential).key_id == self._keys.key_id
        except (WrongKey, Damaged, NewerFormat, ObjectMissing):
            return False


def _info(name: str, data: bytes, repository: str) -> SlotInfo:
    slot = name.removeprefix(SLOTS).removesuffix(".json")
    try:
        content = read_slot(data, name, repository)
    except ForeignSlot:
        return _unusable(slot, "foreign", "of another repository; left from an init that died")
    except HoldfastError as error:
        return _unusable(slot, "damaged", error.detail.removeprefix(f"{name}: "))
    try:
        return _described(slot, name, content)
    except (KeyError, TypeError, ValueError, Damaged, NewerFormat) as error:
        detail = error.detail.removeprefix(f"{name}: ") if isinstance(error, HoldfastError) else "its fields are wrong"
        return _unusable(slot, "damaged", detail)


def _unusable(slot: str, state: State, detail: str) -> SlotInfo:
    return SlotInfo(slot, "", "", None, "", None, state, detail)


def _described(slot: str, name: str, content: Slot) -> SlotInfo:
    kind, key = str(content["kind"]), None
    state: State = "ok"
    if kind == "password":
        needs = "the password"
    elif kind == "recovery":
        needs = "the recovery key"
    elif kind == "keyvault":
        key = "/".join(vault_key_of(content, name))
        needs = "the Key Vault key, and the right to unwrap with it"
    else:
        needs, state = "a newer Holdfast", "unknown"
    at = parse_iso(content["created_at"])
    return SlotInfo(slot, kind, str(content["name"]), at, needs, key, state)
