"""Copies whole chains to another repository: every point as it is, oldest first, verified on the way.

What a point says of itself stays: id, source, times, session, flags, what it needs for the very same file. Only a copy that
goes from a backup repository into an archive repository gets an id of its own, since both may be listed side by side.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from holdfast.model.errors import Damaged, HoldfastError, InvalidInput, Rehydrating
from holdfast.model.job import Progress
from holdfast.model.point import RestorePoint, point_id
from holdfast.repository.errors import PointConflict
from holdfast.repository.objects.chain import Problem
from holdfast.repository.objects.manifests import PointHeader, ReadManifest
from holdfast.repository.points.point_reading import PointReader
from holdfast.repository.points.rehydration import Rehydration, rehydrate

if TYPE_CHECKING:
    from holdfast.repository.repository import Repository

#: new: to be copied. there: an equal one is in the target. waits: must be rehydrated first. copied, problem: how it ended.
CopyState = Literal["new", "there", "waits", "copied", "problem"]
ProgressFn = Callable[[Progress], None]


@dataclass
class PointCopy:
    """One point, and what becomes of it."""

    read: ReadManifest
    header: PointHeader
    """As it is in the target."""
    state: CopyState = "new"
    point: RestorePoint | None = None
    """In the target, once it is copied; without its lists of entries and tables."""
    error: HoldfastError | None = None
    rehydration: Rehydration | None = None
    """Of a point in the archive tier."""

    def fail(self, error: HoldfastError) -> None:
        """It is not copied."""
        self.state, self.error = "problem", error


@dataclass
class CopyPlan:
    """The points of the chains that are wanted, by source and oldest first, and what is wrong with those chains."""

    points: list[PointCopy] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def plan_copy(origin: Repository, target: Repository, wanted: Callable[[str], bool]) -> CopyPlan:
    """Compares the two. A chain is wanted as a whole: where `wanted` takes the source's name of any of its points.

    A point that is there and equal is left alone; one that differs, or whose id another chain has, is a problem of its
    row (PointConflict naming it). Raises InvalidInput for one repository twice, Unavailable, Forbidden.
    """
    if origin.description.repository == target.description.repository:
        raise InvalidInput(f"{origin.name} and {target.name} are the same repository, or byte copies of one")
    plan = CopyPlan()
    by_source: list[tuple[str, list[PointCopy]]] = []
    there = set(target.chains())
    for chain in origin.chains():
        manifests, problems = origin.manifests(chain)
        if not problems and not any(wanted(read.manifest.point.source) for read in manifests):
            continue
        plan.problems += problems
        in_target: dict[str, ReadManifest] = {}
        if chain in there:
            known, damage = target.manifests(chain)
            if damage:
                raise Damaged("; ".join(map(str, damage)))
            in_target = {read.manifest.point.id: read for read in known}
        manifests.sort(key=lambda one: (one.manifest.point.created_at, one.manifest.sequence))
        compare = _Comparison(origin, target, in_target)
        copies = [compare.planned(read) for read in manifests]
        by_source.append((copies[-1].header.source.lower() if copies else "", copies))
    for _, copies in sorted(by_source, key=lambda one: one[0]):
        plan.points += copies
    return plan


def copy_planned(
    copy: PointCopy, origin: Repository, target: Repository, *, owner: str, progress: ProgressFn
) -> RestorePoint:
    """Copies a point that is `new`; every entry is compared with its SHA-256 while it is read.

    The point comes back without its lists. Raises PointConflict, Damaged, Rehydrating, RepositoryLocked, Unavailable:
    none leaves a point.
    """
    reader = origin.reader(copy.read)
    made = target.store_copy(reader, copy.header, owner=owner, progress=progress)
    if made.entries != reader.recipe.entries:
        raise PointConflict(f"{made.id} came into {target.name} meanwhile and holds something else")
    return made.without_lists()


@dataclass
class _Comparison:
    """Of one chain here and there. Two readers serve for all points, since each would read the chain's index anew."""

    origin: Repository
    target: Repository
    in_target: dict[str, ReadManifest]
    here: PointReader | None = None
    there: PointReader | None = None

    def planned(self, read: ReadManifest) -> PointCopy:
        """What becomes of a point."""
        copy = PointCopy(read, _header_in(self.target, self.origin, read))
        try:
            existing = self.in_target.get(copy.header.id) or self.target.existing(copy.header)
            if existing is not None:
                self._compare(copy, existing)
            elif self.origin.description.archive:
                _look_for_packs(copy, self.origin)
        except (PointConflict, Damaged) as error:
            copy.fail(error)
        return copy

    def _compare(self, copy: PointCopy, existing: ReadManifest) -> None:
        self.here = self.origin.reader(copy.read, self.here)
        self.there = self.target.reader(existing, self.there)
        difference = _difference(self.here, self.there, copy.header)
        if difference:
            header = copy.header
            raise PointConflict(
                f"{header.id} of {header.source} is in {self.target.name} already and differs: {difference}"
            )
        copy.state = "there"


def _look_for_packs(copy: PointCopy, origin: Repository) -> None:
    copy.rehydration = found = rehydrate(origin.reader(copy.read), None)
    if not found.ready:
        copy.state = "waits"
        point = copy.read.manifest.point.id
        copy.error = Rehydrating(
            f"{point} needs packs of {found.bytes:,} bytes in all, and {found.pending} of them cannot be read yet",
            help="Start it with --rehydrate standard (up to 15 hours) or high, and copy again when it is done.",
        )


def _header_in(target: Repository, origin: Repository, read: ReadManifest) -> PointHeader:
    header = read.manifest.point
    if target.description.archive and not origin.description.archive:
        own = point_id(header.created_at, header.chain, f"copy/archive/{header.id}")
        return header.model_copy(update={"id": own})
    return header


def _difference(here: PointReader, there: PointReader, header: PointHeader) -> str:
    """What differs, in words; nothing where both give the same entries under the same description."""
    told = there.read.manifest.point
    names = [name for name in PointHeader.model_fields if getattr(told, name) != getattr(header, name)]
    if names:
        return ", ".join(names)
    if here.recipe.entries != there.recipe.entries or here.layout.order != there.layout.order:
        return "the digests of its entries"
    if here.recipe.tables != there.recipe.tables:
        return "its tables"
    one, other = here.read.manifest, there.read.manifest
    if (one.file, one.identical_possible) != (other.file, other.identical_possible):
        return "the file that it was read from"
    return ""
