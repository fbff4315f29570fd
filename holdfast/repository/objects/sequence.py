"""A chain's sequence: manifests and removal records by number, what is a point, what is gone, what contradicts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from holdfast.model.errors import Damaged
from holdfast.repository.errors import NewerFormat
from holdfast.repository.format import HEADER_BYTES, Header, Kind, manifest_name
from holdfast.repository.objects.manifests import Previous, ReadManifest, open_manifest
from holdfast.repository.objects.records import Gap, ReadRecord, RemovalRecord, joined, open_record
from holdfast.repository.objects.seal import Sealer
from holdfast.repository.parallel import in_order
from holdfast.storage import ObjectMissing

Numbered = ReadManifest | ReadRecord
#: Requests beside each other.
READERS = 8
#: An object that is listed and then missing was removed meanwhile: the numbers are listed again, so often.
LOOKS = 5


@dataclass(frozen=True)
class Unread:
    """An object of the sequence that cannot be read. `sha256` and `bytes` are of what is there."""

    sequence: int
    name: str
    what: str
    sha256: str
    bytes: int

    @property
    def previous(self) -> Previous:
        """How the next object names this one."""
        return Previous(sequence=self.sequence, sha256=self.sha256)


def open_numbered(sealer: Sealer, chain: str, sequence: int, data: bytes) -> Numbered:
    """A manifest or a record, as its header says. Raises Damaged naming the object, NewerFormat."""
    header = Header.decode(data[:HEADER_BYTES], manifest_name(chain, sequence))
    opener = open_record if header.kind == Kind.REMOVAL else open_manifest
    return opener(sealer, chain, sequence, data)


@dataclass
class Sequence:
    """Every number of a chain, as far as it could be read."""

    chain: str
    manifests: dict[int, ReadManifest] = field(default_factory=dict)  # of points; none that was removed
    records: dict[int, ReadRecord] = field(default_factory=dict)
    unread: dict[int, Unread] = field(default_factory=dict)
    leftover: dict[int, Numbered | Unread] = field(default_factory=dict)
    """Objects under numbers of a gap: no points any more; left from a removal that died."""
    missing: list[int] = field(default_factory=list)

    @property
    def record(self) -> RemovalRecord | None:
        """The newest record that can be read: it tells the state."""
        return self.records[max(self.records)].record if self.records else None

    @property
    def gaps(self) -> list[Gap]:
        """What all records that can be read explain; a number that the newest one gave back is none."""
        return self.record.gaps if self.record else []

    @property
    def last(self) -> Previous | None:
        """How the next object names the last one that is there."""
        found: list[Numbered | Unread] = [*self.manifests.values(), *self.records.values(), *self.unread.values()]
        return max((one.previous for one in found), key=lambda previous: previous.sequence, default=None)

    @property
    def points(self) -> list[ReadManifest]:
        """Manifests of all points, oldest first."""
        return [self.manifests[number] for number in sorted(self.manifests)]

    @property
    def absent(self) -> set[int]:
        """Numbers that are neither there nor in a gap."""
        there = {*self.manifests, *self.records, *self.unread}
        gone = {number for gap in self.gaps for number in range(gap.first, gap.last + 1)}
        return set(range(1, max(there | gone, default=0))) - there - gone

    def removed_points(self) -> dict[str, int]:
        """Ids of points that the records name as removed, with their numbers; those given back left out."""
        found: dict[str, int] = {}
        for _, read in sorted(self.records.items()):
            found |= {one.point: one.sequence for one in read.record.removed if one.point}
        gaps = self.gaps
        return {point: number for point, number in found.items() if any(number in gap for gap in gaps)}

    def problems(self) -> list[tuple[str, str]]:
        """What cannot be read, and what numbers, links and fences contradict: `(object, what)`."""
        problems = [(one.name, one.what) for _, one in sorted(self.unread.items())]
        gaps = {gap.last: gap for gap in self.gaps}
        gone = {number for gap in self.gaps for number in range(gap.first, gap.last + 1)}
        known: dict[int, Numbered] = {**self.manifests, **self.records}
        top = max([*known, *self.unread, *gone], default=0)
        for number in range(1, top + 1):
            if number in gone:
                continue
            name = manifest_name(self.chain, number)
            if number not in known and number not in self.unread:
                problems.append((name, "the manifest is missing"))
            elif number in known:
                problems += [(name, what) for what in self._broken(number, known, gaps)]
        for gap in self.gaps:
            before = known.get(gap.first - 1)
            if before is not None and gap.previous != before.previous:
                problems.append((before.name, "it is not the one that stood before what was removed after it"))
        return problems

    def _broken(self, number: int, known: dict[int, Numbered], gaps: dict[int, Gap]) -> list[str]:
        previous, fence = _link(known[number])
        if (previous.sequence if previous else 0) != number - 1:
            return [f"it names {previous.sequence if previous else 'none'} as the manifest before it"]
        if previous is None:
            return []
        gap, before = gaps.get(number - 1), known.get(number - 1)
        if gap is not None:
            what, sha256, lowest = f"what was removed as number {number - 1}", gap.sha256, gap.fence
        elif before is not None:
            what, sha256, lowest = f"the manifest before it, {before.name},", before.sha256, _link(before)[1]
        else:
            return []
        broken = [] if previous.sha256 == sha256 else [f"{what} is not the one that it was written after"]
        return broken + (["its fence is lower than that of the manifest before it"] if fence < lowest else [])


def size_of(read: Numbered | Unread) -> int:
    """Bytes of the whole object."""
    return read.bytes if isinstance(read, Unread) else read.object_bytes


def _link(read: Numbered) -> tuple[Previous | None, int]:
    """What the object says of the one before it, and its fence."""
    said = read.manifest if isinstance(read, ReadManifest) else read.record
    return said.previous, said.fence


def gap_of(read: Numbered | Unread, known: Sequence) -> Gap:
    """The gap that the object leaves. For one that cannot be read, what stands before and after it tells."""
    previous, sha256 = read.previous, read.previous.sha256
    number = previous.sequence
    if not isinstance(read, Unread):
        said, fence = _link(read)
        return Gap(first=number, last=number, previous=said, sha256=sha256, fence=fence)
    both: dict[int, Numbered] = {**known.manifests, **known.records}
    before, after = both.get(number - 1), both.get(number + 1)
    gap = next((gap for gap in known.gaps if gap.last == number - 1), None)
    named = _link(after)[0] if after is not None else None
    told: Previous | None = None
    fence = 0
    if gap is not None:
        told, fence = Previous(sequence=gap.last, sha256=gap.sha256), gap.fence
    elif before is not None:
        told, fence = before.previous, _link(before)[1]
    return Gap(first=number, last=number, previous=told, sha256=named.sha256 if named else sha256, fence=fence)


def read_sequence(
    chain: str, sealer: Sealer, numbers: Callable[[], list[int]], get: Callable[[str], bytes]
) -> Sequence:
    """Reads every number. Damage is in the answer; raises Unavailable, Forbidden."""
    for look in range(LOOKS):
        found = _read_once(chain, sealer, numbers(), get)
        # The record of a removal is written before anything is deleted, so the next look explains what was missing.
        if not found.missing or look == LOOKS - 1:
            break
    return found


def _read_once(chain: str, sealer: Sealer, numbers: list[int], get: Callable[[str], bytes]) -> Sequence:
    def read(number: int) -> Numbered | Unread | None:
        name = manifest_name(chain, number)
        try:
            data = get(name)
        except ObjectMissing:
            return None
        try:
            return open_numbered(sealer, chain, number, data)
        except (Damaged, NewerFormat) as error:
            what = (error.detail or error.title).removeprefix(f"{name}: ")
            return Unread(number, name, what, hashlib.sha256(data).hexdigest(), len(data))

    found = Sequence(chain)
    with ThreadPoolExecutor(READERS) as pool:
        results = dict(zip(numbers, in_order(pool, read, numbers, 4 * READERS), strict=True))
    found.records = {number: one for number, one in results.items() if isinstance(one, ReadRecord)}
    gaps = found.gaps
    for number, one in results.items():
        if one is None:
            found.missing.append(number)
        elif any(number in gap for gap in gaps):
            found.leftover[number] = one
            found.records.pop(number, None)
        elif isinstance(one, ReadManifest):
            found.manifests[number] = one
        elif isinstance(one, Unread):
            found.unread[number] = one
    return found


def gaps_with(known: Sequence, removed: list[Numbered | Unread]) -> list[Gap]:
    """The gaps of the chain once these are removed as well."""
    return joined([*known.gaps, *(gap_of(one, known) for one in removed)])
