"""Work on points: they are listed, stored, copied, written as files, verified and salvaged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from holdfast.bacpac.package import Bacpac
from holdfast.bacpac.writer import Level
from holdfast.model.errors import Damaged
from holdfast.model.job import Progress
from holdfast.model.point import RestorePoint, point_id
from holdfast.model.terms import Terms
from holdfast.repository.errors import NewerFormat
from holdfast.repository.objects.chain import Chain, Problem
from holdfast.repository.objects.manifests import PointHeader, ReadManifest
from holdfast.repository.objects.owners import Owner, claim
from holdfast.repository.objects.records import GoneClaim
from holdfast.repository.opened import Opened
from holdfast.repository.points.confirming import confirm
from holdfast.repository.points.content import PointContent
from holdfast.repository.points.copying import content_of_point
from holdfast.repository.points.point_reading import ChainReader, PointReader
from holdfast.repository.points.point_tables import PointTables
from holdfast.repository.points.rehydration import Rehydration, rehydrate
from holdfast.repository.points.restoring import WrittenBacpac, verify, write_bacpac
from holdfast.repository.points.salvage import Salvage, salvage
from holdfast.repository.points.storing import Storing
from holdfast.repository.points.streams import content_of
from holdfast.storage.interface import Priority

ProgressFn = Callable[[Progress], None]
CancelledFn = Callable[[], bool]


def _silent(_: Progress) -> None:
    """Nobody wants to know how far it is."""


def _never() -> bool:
    return False


@dataclass(frozen=True)
class ChainSurvey:
    """The points of a chain that can be read, oldest first, and everything that is wrong with its manifests.

    `removed`: points that removal records name; only the newest records are kept. `claims`: periods that removed points
    had taken.
    """

    points: list[RestorePoint]
    problems: list[Problem]
    owner: Owner | None = None
    removed: list[str] = field(default_factory=list)
    claims: list[GoneClaim] = field(default_factory=list)


class PointWork(Opened):
    """What is done with single points."""

    def point(self, point: str, *, chain: str | None = None) -> RestorePoint:
        """One point. `chain` saves looking for it. Raises NotFound, Damaged."""
        return self._reader(self._find(point, chain)).point(self.name, self.tier)

    def points(self, chain: str | None = None) -> list[RestorePoint]:
        """All points, of one chain or of all, oldest first. Raises Damaged where the chain's manifests contradict."""
        found: list[RestorePoint] = []
        for one in [chain] if chain is not None else self.chains():
            survey = self.survey(one)
            if survey.problems:
                raise Damaged("; ".join(map(str, survey.problems)))
            found += survey.points
        return sorted(found, key=lambda point: (point.created_at, point.sequence, point.id))

    def tables(self, point: str, progress: ProgressFn = _silent, cancelled: CancelledFn = _never) -> PointTables:
        """The tables of a point, to be read one by one. Raises NotFound, Damaged, Rehydrating."""
        return PointTables(self._readable(point), progress, cancelled)

    def survey(self, chain: str) -> ChainSurvey:
        """The points of a chain that can be read, with what is wrong: never raises Damaged, never leaves out silently."""
        known = self._chain(chain).read_sequence()
        problems = [Problem(*pair) for pair in known.problems()]
        reader = ChainReader(self._chain(chain))
        points: list[RestorePoint] = []
        for read in known.points:
            try:
                points.append(self._reader(read, reader).point(self.name, self.tier))
            except Damaged as error:
                problems.append(Problem(read.name, f"its recipe cannot be read: {error.detail}"))
        owner: Owner | None = None
        try:
            owner = self.owner(chain)
        except (Damaged, NewerFormat) as error:
            problems.append(Problem(f"the owner record of chain {chain}", error.detail or error.title))
        claims = known.record.claims if known.record else []
        return ChainSurvey(points, problems, owner, sorted(known.removed_points()), claims)

    def store_point(
        self,
        bacpac: Path,
        header: PointHeader,
        *,
        owner: str,
        progress: ProgressFn = _silent,
        cancelled: CancelledFn = _never,
        identical: bool = True,
    ) -> RestorePoint:
        """Stores a BACPAC as a point; if the point exists it is returned, so a step done twice makes one point.

        `owner` is who the chain's lock says that holds it. `identical` False saves the work (25-50 MB/s a core) that
        makes a bit-identical download possible. Raises BadBacpac, RepositoryLocked, Cancelled, Unavailable,
        PointConflict; none of them leaves a point.
        """
        with Bacpac.open(bacpac) as opened:
            return self._store(lambda: content_of(opened, identical=identical), header, owner, progress, cancelled)

    def copy_point(
        self,
        point: str,
        target: PointWork,
        *,
        flags: list[str],
        session: str,
        owner: str,
        terms: Terms | None = None,
        progress: ProgressFn = _silent,
        cancelled: CancelledFn = _never,
    ) -> RestorePoint:
        """Writes a self-contained copy of a point into `target` under its key, and verifies every entry on the way.

        The copy has an id of its own, the same for every attempt of `session`. `terms` are the copy's. A copy that an
        earlier session made for the same flags is given back. Raises as `store_point`, and Damaged.
        """
        read = self._find(point)
        origin = read.manifest.point
        earlier = target._copy_of(origin, flags) if flags else None
        if earlier is not None:
            return target._reader(earlier).point(target.name, target.tier)
        copied = origin.model_copy(
            update={
                "id": point_id(origin.created_at, origin.chain, f"{session}/archive/{origin.id}"),
                "flags": flags,
                "terms": terms,
                "session": session,
            }
        )
        return target._store(lambda: content_of_point(self._reader(read)), copied, owner, progress, cancelled)

    def store_copy(self, point: PointReader, header: PointHeader, *, owner: str, progress: ProgressFn) -> RestorePoint:
        """Stores what `point` reads of another repository. Raises as `store_point`, and Damaged."""
        return self._store(lambda: content_of_point(point), header, owner, progress, _never)

    def confirm_point(self, point: str, progress: ProgressFn = _silent, cancelled: CancelledFn = _never) -> bool:
        """Reads back what was just written of a point; whether that was all of its data, too (not from an archive tier).

        Raises NotFound, Damaged, Cancelled.
        """
        return confirm(self._reader(self._find(point)), progress, cancelled)

    def write_bacpac(
        self,
        point: str,
        to: Path,
        *,
        identical: bool = False,
        level: Level = "fast",
        hashed: bool = True,
        progress: ProgressFn = _silent,
        cancelled: CancelledFn = _never,
    ) -> WrittenBacpac:
        """Writes the point as a BACPAC: whole and verified, or not at all.

        `identical`: the very same file; else every entry byte-identical, deflated as `level` says: `stored` is the
        quickest to write and to import, and the largest. Every entry is verified by its SHA-256 while it is written;
        `hashed` False saves reading the file once more to tell its own. Raises NotFound, NotIdentical, Damaged, Rehydrating,
        Cancelled, DiskFull.
        """
        reader = self._readable(point)
        return write_bacpac(
            reader, to, identical=identical, level=level, hashed=hashed, progress=progress, cancelled=cancelled
        )

    def verify_point(self, point: str, progress: ProgressFn = _silent, cancelled: CancelledFn = _never) -> int:
        """Reads the whole point and compares every entry's SHA-256; returns the bytes read. Raises Damaged, Rehydrating."""
        return verify(self._readable(point), progress=progress, cancelled=cancelled)

    def rehydrate(self, point: str, priority: Priority = "Standard") -> Rehydration:
        """Starts what the point needs of rehydration and says how it stands; call it again until it is ready."""
        return rehydrate(self._reader(self._find(point)), priority)

    def salvage_point(
        self, point: str, folder: Path, *, progress: ProgressFn = _silent, cancelled: CancelledFn = _never
    ) -> Salvage:
        """Writes what can still be read of a damaged point into a new or empty folder, and says what is lost.

        Raises NotFound, InvalidInput, Cancelled, DiskFull, Rehydrating; Damaged where not even its recipe can be read.
        """
        return salvage(self._readable(point), folder, progress=progress, cancelled=cancelled)

    def _store(
        self,
        content: Callable[[], PointContent],
        header: PointHeader,
        owner: str,
        progress: ProgressFn,
        cancelled: CancelledFn,
    ) -> RestorePoint:
        if self.installation is not None:
            header = header.model_copy(update={"installation": self.installation.id})
        storing = Storing(
            self._chain,
            self._reader,
            self.existing,
            self._claim,
            self.level,
            self.description.archive,
            self.clock,
        )
        return self._reader(storing.store(content, header, owner, progress, cancelled)).point(self.name, self.tier)

    def _claim(self, chain: Chain) -> None:
        if self.installation is not None:
            claim(chain, self.installation, self.clock.now())

    def _copy_of(self, origin: PointHeader, flags: list[str]) -> ReadManifest | None:
        """A copy of that point which carries these flags: a chain makes one point at a time, so its moment tells."""
        for read in self._chain(origin.chain).manifests()[0]:
            told = read.manifest.point
            if told.created_at == origin.created_at and set(flags) <= set(told.flags):
                return read
        return None
