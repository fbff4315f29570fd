"""Removal records: what was removed from a chain, what is about to be, and what nothing may lean on any more.

A record takes a number of the sequence of manifests; the newest one tells the whole state.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from holdfast.model.terms import Claimed
from holdfast.repository.format import FORMAT, Kind, canonical
from holdfast.repository.objects.manifests import Previous
from holdfast.repository.objects.numbered import Placed, open_as
from holdfast.repository.objects.seal import Sealer

#: Records that stay beside the newest one, so that people can see what the last removals were.
KEPT_RECORDS = 32


class Removed(BaseModel):
    """One object that a record removes: a point's manifest, or (`point` None) an earlier record."""

    model_config = ConfigDict(frozen=True)

    sequence: int
    point: str | None
    sha256: str
    bytes: int


class Gap(BaseModel):
    """A run of removed numbers, with what links the object before it to the one after it."""

    model_config = ConfigDict(frozen=True)

    first: int
    last: int
    previous: Previous | None
    sha256: str
    fence: int

    def __contains__(self, sequence: int) -> bool:
        return self.first <= sequence <= self.last


class Condemned(BaseModel):
    """An object that nothing needs since that moment."""

    model_config = ConfigDict(frozen=True)

    object: str
    bytes: int
    since: datetime


class Quarantined(BaseModel):
    """A damaged object that nothing may lean on."""

    model_config = ConfigDict(frozen=True)

    object: str
    since: datetime
    why: str


class GoneClaim(Claimed):
    """A period that a removed point had taken, or knew to be taken, under a policy."""

    policy: str


class RemovalRecord(Placed):
    """What a record says; docs/repository-format.md tells what each field means."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    format: int = FORMAT
    previous: Previous | None
    fence: int
    written_at: datetime
    removed: list[Removed] = Field(default_factory=list)
    gaps: list[Gap] = Field(default_factory=list)
    condemned: list[Condemned] = Field(default_factory=list)
    quarantined: list[Quarantined] = Field(default_factory=list)
    claims: list[GoneClaim] = Field(default_factory=list)

    def encode(self) -> bytes:
        """The plain bytes of the document."""
        return canonical(self.model_dump(mode="json"))


@dataclass(frozen=True)
class ReadRecord:
    """A record as it was read, with what binds the next object to it."""

    record: RemovalRecord
    sha256: str  # of the whole object
    object_bytes: int
    name: str

    @property
    def previous(self) -> Previous:
        """How the next object of the sequence names this one."""
        return Previous(sequence=self.record.sequence, sha256=self.sha256)


def open_record(sealer: Sealer, chain: str, sequence: int, data: bytes) -> ReadRecord:
    """Raises Damaged naming the object where it is not what belongs there, NewerFormat."""
    return ReadRecord(*open_as(RemovalRecord, Kind.REMOVAL, sealer, chain, sequence, data, "a removal record"))


def joined(gaps: Iterable[Gap]) -> list[Gap]:
    """The gaps in order, those that meet made one. Of two that overlap the longer tells all that the other does."""
    found: list[Gap] = []
    for gap in sorted(gaps, key=lambda one: (one.first, -one.last)):
        last = found[-1] if found else None
        if last is not None and gap.last <= last.last:
            continue
        if last is not None and gap.first <= last.last + 1:
            found[-1] = Gap(first=last.first, last=gap.last, previous=last.previous, sha256=gap.sha256, fence=gap.fence)
        else:
            found.append(gap)
    return found


def given_back(gaps: Iterable[Gap], sequence: int, before: Previous | None, itself: Previous) -> list[Gap]:
    """The gaps without the number, whose object is there and names `before`. The fence before it is not known any more."""
    found: list[Gap] = []
    for gap in gaps:
        if sequence not in gap:
            found.append(gap)
            continue
        if gap.first < sequence and before is not None:
            left = Gap(first=gap.first, last=sequence - 1, previous=gap.previous, sha256=before.sha256, fence=0)
            found.append(left)
        if sequence < gap.last:
            found.append(gap.model_copy(update={"first": sequence + 1, "previous": itself}))
    return found
