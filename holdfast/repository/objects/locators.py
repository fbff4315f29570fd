"""Locators: in which chain a point is to be looked for. Hints, never believed without the manifest."""

from __future__ import annotations

import json

from holdfast.model.errors import Damaged
from holdfast.repository.errors import NewerFormat
from holdfast.repository.format import Kind, locator_name
from holdfast.repository.objects.chain import Chain
from holdfast.repository.objects.manifests import ReadManifest
from holdfast.repository.objects.seal import Sealer, open_document
from holdfast.storage import ObjectMissing, ObjectStore


def chains_of_point(store: ObjectStore, point: str) -> list[str]:
    """Chains that have or had a writer of that point; mostly one."""
    prefix = f"points/{point}/"
    return [info.name.removeprefix(prefix) for info in store.list(prefix)]


def chain_ids(store: ObjectStore) -> list[str]:
    """All chains, from locators and locks: far fewer names than those of all packs."""
    found = {info.name.rpartition("/")[2] for info in store.list("points/")}
    found |= {info.name.removeprefix("locks/") for info in store.list("locks/")}
    return sorted(found)


def hinted_sequence(store: ObjectStore, sealer: Sealer, chain: str, name: str) -> int | None:
    """The sequence number under which the point was to be written, where a readable locator tells."""
    try:
        return int(json.loads(open_document(sealer, Kind.LOCATOR, chain, name, store.get(name)))["sequence"])
    except (ObjectMissing, Damaged, NewerFormat, ValueError, KeyError, TypeError):
        return None


def manifest_of_point(chain: Chain, point: str) -> ReadManifest | None:
    """The point's manifest: the one that its locator tells, else the newest of that id. None where it is no point.

    Raises Damaged where it may be one that cannot be read.
    """
    hint = hinted_sequence(chain.store, chain.sealer, chain.id, locator_name(point, chain.id))
    damage: Damaged | None = None
    for sequence in sorted(chain.sequences(), key=lambda sequence: (sequence == hint, sequence), reverse=True):
        try:
            read = chain.manifest(sequence)
        except Damaged as error:
            damage = error
            continue
        except ObjectMissing:
            continue
        if read is not None and read.manifest.point.id == point and not chain.removed(sequence):
            return read
    if damage is not None:
        raise damage
    return None
