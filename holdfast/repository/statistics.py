"""What a repository takes, in all and by point (`holdfast repository stats`)."""

from __future__ import annotations

from typing import Any

from holdfast.model.clock import iso
from holdfast.repository.objects.manifests import ReadManifest
from holdfast.storage import ObjectStore

CHAINS = "chains/"


def statistics(store: ObjectStore, chains: dict[str, list[ReadManifest]]) -> dict[str, Any]:
    """`{total_bytes, objects, chains[{chain, source, points[{id, created_at, stored_bytes}], total_bytes, other_bytes}]}`.

    Points oldest first, each with the bytes that it brought; `other_bytes` are those of the chain that none of them
    brought: points that were deleted did, and others may need it, or removals and repairs.
    """
    total = objects = 0
    by_chain: dict[str, int] = {}
    for info in store.list():
        total += info.bytes
        objects += 1
        if info.name.startswith(CHAINS):
            chain = info.name.split("/")[1]
            by_chain[chain] = by_chain.get(chain, 0) + info.bytes
    told = [_chain(chain, manifests, by_chain.get(chain, 0)) for chain, manifests in sorted(chains.items())]
    return {"total_bytes": total, "objects": objects, "chains": told}


def _chain(chain: str, manifests: list[ReadManifest], total: int) -> dict[str, Any]:
    points: list[dict[str, Any]] = [
        {
            "id": read.manifest.point.id,
            "created_at": iso(read.manifest.point.created_at),
            "stored_bytes": read.manifest.added_bytes + read.object_bytes,
        }
        for read in manifests
    ]
    # A rename of the database keeps the chain; people know it by its newest name.
    source = manifests[-1].manifest.point.source if manifests else ""
    # A prune may have packed what points brought into less than they brought it in.
    other = max(0, total - sum(point["stored_bytes"] for point in points))
    return {"chain": chain, "source": source, "points": points, "total_bytes": total, "other_bytes": other}
