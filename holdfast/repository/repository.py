"""The repository: what workers and the CLI see of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from holdfast.bacpac.package import Bacpac
from holdfast.bacpac.writer import Level
from holdfast.model.clock import Clock
from holdfast.model.errors import Damaged, InvalidInput, NotFound, Rehydrating
from holdfast.model.installation import Installation
from holdfast.model.job import Progress
from holdfast.model.point import RestorePoint, Tier, point_id
from holdfast.model.terms import Terms
from holdfast.repository.errors import NewerFormat, PointConflict
from holdfast.repository.format import check_id
from holdfast.repository.frames.codecs import LEVEL
from holdfast.repository.keys.credentials import Credential, Password
from holdfast.repository.keys.key_slots import KeySlots
from holdfast.repository.keys.keys import PasswordCost, RepositoryKeys
from holdfast.repository.objects import description as descriptions
from holdfast.repository.objects.chain import Chain, Problem
from holdfast.repository.objects.locators import chain_ids, chains_of_point, manifest_of_point
from holdfast.repository.objects.manifests import PointHeader, ReadManifest
from holdfast.repository.objects.owners import Owner, adopt, claim, read_owner
from holdfast.repository.objects.seal import Sealer
from holdfast.repository.points.confirming import confirm
from holdfast.repository.points.content import PointContent
from holdfast.repository.points.copying import content_of_point
from holdfast.repository.points.point_reading import ChainReader, PointReader
from holdfast.repository.points.rehydration import Rehydration, rehydrate
from holdfast.repository.points.restoring import WrittenBacpac, verify, write_bacpac
from holdfast.repository.points.salvage import Salvage, salvage
from holdfast.repository.points.storing import Storing
from holdfast.repository.points.streams import content_of
from holdfast.repository.statistics import statistics
from holdfast.repository.upkeep.check import check_repository
from holdfast.repository.upkeep.check_report import CheckReport, Subset
from holdfast.repository.upkeep.hidden import add_hidden
from holdfast.repository.upkeep.locking import PointLocks
from holdfast.repository.upkeep.prune_report import PruneReport, PruneRules
from holdfast.repository.upkeep.pruning import prune_repository
from holdfast.repository.upkeep.removing import Deletion, delete_points, group_by_chain
from holdfast.storage import ObjectStore
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

    `removed`: points that removal records name; only the newest records are kept. `claimed`: when the newest removed
    point was made that carried a flag, by flag.
    """

    points: list[RestorePoint]
    problems: list[Problem]
    owner: Owner | None = None
    removed: list[str] = field(default_factory=list)
    claimed: dict[str, datetime] = field(default_factory=dict)


class Repository:
    """An open repository. Several may be open on one place, in one process or many."""

    def __init__(
        self,
        store: ObjectStore,
        description: descriptions.Description,
        keys: RepositoryKeys,
        clock: Clock,
        name: str,
        installation: Installation | None = None,
    ) -> None:
        """Use `init` or `open`."""
        self.installation = installation
        """Who works here. It owns the chains that it begins, and removes nothing of others; None: a person, who may."""
        self.store, self.description, self.clock, self.name = store, description, clock, name
        self._keys = keys
        self.level = LEVEL
        """How hard what is stored is compressed: zstd's level, 1 to 19. Any level reads any."""
        self.sealer = Sealer(keys, description.repository, description.chunking)

    @classmethod
    def init(
        cls,
        store: ObjectStore,
        credential: str | Credential,
        *,
        clock: Clock,
        name: str = "",
        archive: bool = False,
        cost: PasswordCost | None = None,
    ) -> Self:
        """Makes a repository in an empty place. A text is a password; `cost`: what trying it costs.

        Raises RepositoryExists where there is anything already, InvalidInput for an empty password, and what a
        KeyWrapper raises.
        """
        if isinstance(credential, str):
            credential = Password(credential, cost or PasswordCost())
        return cls(store, *descriptions.create(store, credential, archive=archive, at=clock.now()), clock, name)

    @classmethod
    def open(
        cls,
        store: ObjectStore,
        credential: str | Credential,
        *,
        clock: Clock,
        name: str = "",
        installation: Installation | None = None,
    ) -> Self:
        """A text is a password. `name` is what points say they lie in; `installation` who works here.

        Raises NoRepository, WrongKey, Damaged, NewerFormat, and what a KeyWrapper raises.
        """
        if isinstance(credential, str):
            credential = Password(credential)
        return cls(store, *descriptions.open_description(store, credential), clock, name, installation)

    @property
    def tier(self) -> Tier:
        """What points of this repository say."""
        return "archive" if self.description.archive else "backup"

    @property
    def slots(self) -> KeySlots:
        """What opens the repository."""
        return KeySlots(self.store, self._keys, self.description.repository, self.clock)

    def chains(self) -> list[str]:
        """Ids of all chains, sorted."""
        return chain_ids(self.store)

    def points(self, chain: str | None = None) -> list[RestorePoint]:
        """All points, of one chain or of all, oldest first. Raises Damaged where the chain's manifests contradict."""
        found: list[RestorePoint] = []
        for one in [chain] if chain is not None else self.chains():
            survey = self.survey(one)
            if survey.problems:
                raise Damaged("; ".join(map(str, survey.problems)))
            found += survey.points
        return sorted(found, key=lambda point: (point.created_at, point.sequence, point.id))

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
        claimed = known.record.claimed if known.record else {}
        return ChainSurvey(points, problems, owner, sorted(known.removed_points()), claimed)

    def owner(self, chain: str) -> Owner | None:
        """Which installation may remove points of the chain; None: no installation may. Raises Damaged, NewerFormat."""
        return read_owner(self._chain(chain))

    def adopt(self, chain: str, *, owner: str) -> Owner | None:
        """Makes this installation the owner of a chain and of every point that is in it now; gives back who was before.

        On purpose and by a person's word only: after a lost configuration database, say. `owner` is who the chain's lock
        says that holds it. Done again, nothing is written. Raises InvalidInput without an installation, NotFound for a
        chain without points, RepositoryLocked, Damaged, NewerFormat.
        """
        if self.installation is None:
            raise InvalidInput("no installation is named that could adopt a chain")
        one = self._chain(chain)
        if chain not in self.chains():
            raise NotFound(f"chain {chain}")
        with one.locked(owner):
            numbers = one.sequences()
            return adopt(one, self.installation, self.clock.now(), numbers[-1] if numbers else 0)

    def point(self, point: str, *, chain: str | None = None) -> RestorePoint:
        """One point. `chain` saves looking for it. Raises NotFound, Damaged."""
        return self._reader(self._find(point, chain)).point(self.name, self.tier)

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
        target: Repository,
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

    def confirm_point(self, point: str, progress: ProgressFn = _silent, cancelled: CancelledFn = _never) -> bool:
        """Reads back what was just written of a point; whether that was all of its data, too (not from an archive tier).

        Raises NotFound, Damaged, Cancelled.
        """
        return confirm(self._reader(self._find(point)), progress, cancelled)

    def manifests(self, chain: str) -> tuple[list[ReadManifest], list[Problem]]:
        """All manifests of a chain that can be read, in their order, and everything that is wrong with them."""
        return self._chain(chain).manifests()

    def reader(self, read: ReadManifest, beside: PointReader | None = None) -> PointReader:
        """Reads the point of a manifest. `beside` reads the same chain: what was read of the index serves both."""
        return self._reader(read, beside.reader if beside else None)

    def existing(self, header: PointHeader) -> ReadManifest | None:
        """The point of that id, if it is there. Raises PointConflict where another chain has it."""
        return self._existing(header)

    def store_copy(self, point: PointReader, header: PointHeader, *, owner: str, progress: ProgressFn) -> RestorePoint:
        """Stores what `point` reads of another repository. Raises as `store_point`, and Damaged."""
        return self._store(lambda: content_of_point(point), header, owner, progress, _never)

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

    def check(
        self, *, read_data: bool = False, subset: tuple[int, int] | None = None, repair_as: str | None = None
    ) -> CheckReport:
        """Finds damage: of the structure, with `read_data` of all data, with `subset` (n, t) of every t-th pack.

        `repair_as` (who the chain's lock says that holds it): makes lost index objects again and sets damaged objects
        aside, so that the next backup stores their chunks again; deletes nothing.
        """
        part = Subset.of(subset)
        report = check_repository(
            self.store, self.sealer, self.clock, read_data=read_data, subset=part, repair_as=repair_as
        )
        add_hidden(report, self.store, self.clock.now())
        return report

    def delete_points(self, points: Sequence[str], *, owner: str, last_too: bool = False) -> list[Deletion]:
        """Deletes points, chain by chain; what they alone needed is freed by `prune`. Done again it finishes, not fails.

        Raises NotFound before anything is deleted; LastPoint where a chain would have none left and `last_too` does not
        say that it may; NotOwned where a chain or a point is another installation's; RepositoryLocked.
        """
        chains = group_by_chain(self.store, points, self.chains, lambda chain: self._chain(chain).read_sequence())
        return [
            delete_points(
                self._chain(chain),
                of_chain,
                owner=owner,
                clock=self.clock,
                last_too=last_too,
                installation=self.installation,
            )
            for chain, of_chain in chains.items()
        ]

    def prune(
        self,
        rules: PruneRules,
        *,
        owner: str,
        chains: Collection[str] | None = None,
        progress: ProgressFn = _silent,
        cancelled: CancelledFn = _never,
    ) -> PruneReport:
        """Frees what no point needs, chain by chain, of all or of `chains`. What is damaged, in use or another's is left
        out, as the report says.

        Raises Cancelled, Unavailable; what was done by then stays done and the next prune goes on.
        """
        return prune_repository(
            self.store,
            self._chain,
            rules,
            self.clock,
            owner,
            archive=self.description.archive,
            only=None if chains is None else [check_id(chain, "chain") for chain in chains],
            installation=self.installation,
            progress=progress,
            cancelled=cancelled,
        )

    def salvage_point(
        self, point: str, folder: Path, *, progress: ProgressFn = _silent, cancelled: CancelledFn = _never
    ) -> Salvage:
        """Writes what can still be read of a damaged point into a new or empty folder, and says what is lost.

        Raises NotFound, InvalidInput, Cancelled, DiskFull, Rehydrating; Damaged where not even its recipe can be read.
        """
        return salvage(self._readable(point), folder, progress=progress, cancelled=cancelled)

    def stats(self) -> dict[str, Any]:
        """`{total_bytes, objects, chains[{chain, source, points[{id, created_at, stored_bytes}]}]}`."""
        return statistics(self.store, {chain: self._chain(chain).manifests()[0] for chain in self.chains()})

    @property
    def locks(self) -> PointLocks:
        """Locks and holds of points, as of now."""
        return self.locks_of(self.chains())

    def locks_of(self, chains: Iterable[str]) -> PointLocks:
        """The same for the points of these chains alone: in a large repository the others are not read."""
        origin, now = self.description.created_at, self.clock.now()
        return PointLocks(self.store, [self._chain(one) for one in chains], self._reader, origin, now)

    def _chain(self, chain: str) -> Chain:
        return Chain(self.store, self.sealer, check_id(chain, "chain"))

    def _reader(self, read: ReadManifest, reader: ChainReader | None = None) -> PointReader:
        # An archive point stands alone: only its own index objects, so that no other point's packs are asked for.
        if self.description.archive:
            reader = ChainReader(self._chain(read.manifest.chain), read.manifest.indexes)
        return PointReader(reader or ChainReader(self._chain(read.manifest.chain)), read)

    def _readable(self, point: str) -> PointReader:
        reader = self._reader(self._find(point))
        if self.description.archive:
            found = rehydrate(reader, None)
            if not found.ready:
                raise Rehydrating(f"{point}: {found.pending} packs are in the archive tier or on their way out of it")
        return reader

    def _find(self, point: str, chain: str | None = None) -> ReadManifest:
        found = self._search(check_id(point, "point"), [chain] if chain is not None else None)
        if found is None:
            raise NotFound(f"restore point {point}")
        return found

    def _search(self, point: str, chains: Iterable[str] | None) -> ReadManifest | None:
        """The point's manifest, by its locator where there is one, else by reading the manifests, newest first."""
        told = list(chains) if chains is not None else chains_of_point(self.store, point) or self.chains()
        for chain_id in told:
            found = manifest_of_point(self._chain(chain_id), point)
            if found is not None:
                return found
        return None

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
            self._existing,
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

    def _existing(self, header: PointHeader) -> ReadManifest | None:
        """The point of that id, where a writer committed it. Raises PointConflict where another chain has it."""
        for chain in chains_of_point(self.store, header.id):
            found = self._search(header.id, [chain])
            if found is not None:
                if chain != header.chain:
                    raise PointConflict(f"{header.id} is a point of chain {chain}")
                return found
        return None
