"""What a repository takes, in all and by point (`holdfast repository stats`)."""

from __future__ import annotations

from typing import Any

from holdfast.model.clock import iso
from holdfast.repository.objects.manifests import ReadManifest
from holdfast.storage import ObjectStore


def statistics(store: ObjectStore, chains: dict[str, list[ReadManifest]]) -> dict[str, Any]:
    """`{total_bytes, objects, chains[{chain, source, points[{id, created_at, stored_bytes}]}]}`, oldest first."""
    total = objects = 0
    for info in store.list():
        total += info.bytes
        objects += 1
    return {"total_bytes": total, "objects": objects, "chains": [_chain(*item) for item in sorted(chains.items())]}


def _chain(chain: str, manifests: list[ReadManifest]) -> dict[str, Any]:
    points = [
        {
            "id": read.manifest.point.id,
            "created_at": iso(read.manifest.point.created_at),
            "stored_bytes": read.manifest.added_bytes + read.object_bytes,
        }
        for read in manifests
    ]
    # A rename of the database keeps the chain; people know it by its newest name.
    return {"chain": chain, "source": manifests[-1].manifest.point.source if manifests else "", "points": points}
