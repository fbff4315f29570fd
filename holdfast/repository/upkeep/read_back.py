"""Reads packs back from the storage before what they were copied from is deleted: a copy counts once it has been read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from holdfast.model.errors import HoldfastError, Unavailable
from holdfast.repository.format import Kind, object_name
from holdfast.repository.objects.chain import Chain
from holdfast.repository.objects.records import RemovalRecord
from holdfast.repository.upkeep.check_packs import PackFindings, check_pack
from holdfast.repository.upkeep.prune_plan import ChainSpace, Plan


def read_back(chain: Chain, kind: Kind, name: str) -> PackFindings:
    """Every frame of a pack opened, decoded and compared with its chunks' ids. Raises Unavailable; not Damaged."""
    try:
        data = chain.store.get(name)
    except Unavailable:
        raise
    except HoldfastError as error:
        return PackFindings(name, what=[f"it cannot be read: {error.detail or error.title}"], whole=True)
    found = check_pack(chain.sealer, chain.id, kind, name, data, None)
    # A table that only the index can tell is no copy to lean on.
    found.whole |= bool(found.what) and not found.frames
    return found


class CopiesRead:
    """Before packs are deleted: reads the other packs that hold what points need of them. Each is read once."""

    def __init__(self, chain: Chain, grace: timedelta, check: Callable[[], None]) -> None:
        self._chain, self._grace, self._check = chain, grace, check
        self._read: set[str] = set()

    def damaged(
        self, space: ChainSpace, found: Plan, record: RemovalRecord | None, now: datetime
    ) -> list[PackFindings]:
        """What is wrong with copies of what is in packs that would be condemned or deleted at the time `now`.

        The index of `space` then has the copy's damaged frames marked and the condemned packs back, so that a new plan
        copies what is needed from there once more.
        """
        since = {one.object: one.since for one in (record.condemned if record else [])}
        waiting = {name for name, begun in since.items() if begun + self._grace > now}
        doomed = [name for name in found.dead if name in space.packs and name not in waiting]
        index, live = space.index, found.live
        names = {object_name(self._chain.id, one.kind, one.pack): n for n, one in enumerate(index.packs)}
        going = [names[name] for name in doomed if name in names]
        if live is None or not going:
            return []
        bad: list[PackFindings] = []
        for number in sorted(live.elsewhere(going)):
            pack = index.packs[number]
            name = object_name(self._chain.id, pack.kind, pack.pack)
            if name in self._read or name not in space.packs:
                continue
            self._check()
            self._read.add(name)
            findings = read_back(self._chain, pack.kind, name)
            if not (findings.whole or findings.frames):
                continue
            bad.append(findings)
            if findings.whole:
                index.spoil_pack(pack.pack)
            index.spoil_frames(pack.pack, findings.frames)
        for name in since if bad else ():
            if name in space.packs:
                index.trust_pack(name.rpartition("/")[2], space.packs[name][1].bytes)
        return bad
