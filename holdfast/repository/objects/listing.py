"""Every object of a repository, sorted by what it is."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from holdfast.repository.format import DESCRIPTION, Kind
from holdfast.storage import ObjectInfo, ObjectStore

_CHAINED = re.compile(r"chains/([^/]+)/(manifests|data|recipes|index|owners)/([0-9a-f]+)")
_LENGTHS = {"manifests": 10, "data": 32, "recipes": 32, "index": 32, "owners": 10}


@dataclass
class ChainObjects:
    """Objects of one chain, by name."""

    packs: dict[str, tuple[Kind, ObjectInfo]] = field(default_factory=dict)
    indexes: list[str] = field(default_factory=list)
    manifests: list[str] = field(default_factory=list)
    owners: list[str] = field(default_factory=list)


@dataclass
class Listing:
    """All objects."""

    objects: int = 0
    slots: list[str] = field(default_factory=list)
    locators: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    chains: dict[str, ChainObjects] = field(default_factory=dict)


def list_all(store: ObjectStore) -> Listing:
    """Lists the whole repository."""
    found = Listing()
    for info in store.list():
        found.objects += 1
        name = info.name
        chained = _CHAINED.fullmatch(name)
        if chained and len(chained[3]) == _LENGTHS[chained[2]]:
            objects = found.chains.setdefault(chained[1], ChainObjects())
            if chained[2] == "manifests":
                objects.manifests.append(name)
            elif chained[2] == "owners":
                objects.owners.append(name)
            elif chained[2] == "index":
                objects.indexes.append(name)
            else:
                kind = Kind.DATA_PACK if chained[2] == "data" else Kind.RECIPE_PACK
                objects.packs[name] = (kind, info)
        elif name.startswith("keys/"):
            found.slots.append(name)
        elif name.startswith("points/") and name.count("/") == 2:
            found.locators.append(name)
        elif name != DESCRIPTION and not name.startswith("locks/"):
            found.unknown.append(name)
    return found
