"""Index objects that manifests name, though the storage does not list them: the last resort before a chunk counts as lost.

Storage that keeps protected versions answers for a name that somebody hid.
"""

from __future__ import annotations

from holdfast.repository.objects.chain import Chain, Problem
from holdfast.repository.objects.index import ChunkIndex


def add_told(chain: Chain, index: ChunkIndex) -> list[Problem]:
    """Adds what they say; returns what could not be read."""
    told = {one for read in chain.manifests()[0] for one in read.manifest.indexes}
    return chain.add_indexed(index, sorted(told))
