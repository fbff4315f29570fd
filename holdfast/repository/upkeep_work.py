"""Work on all of a repository: who owns its chains, what is damaged, what goes, what it takes, what is locked."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from holdfast.model.errors import InvalidInput, NotFound
from holdfast.model.job import Progress
from holdfast.repository.format import check_id
from holdfast.repository.objects.owners import Owner, adopt
from holdfast.repository.opened import Opened
from holdfast.repository.statistics import statistics
from holdfast.repository.upkeep.check import check_repository
from holdfast.repository.upkeep.check_report import CheckReport, Subset
from holdfast.repository.upkeep.hidden import add_hidden
from holdfast.repository.upkeep.locking import PointLocks
from holdfast.repository.upkeep.prune_chains import prune_repository
from holdfast.repository.upkeep.prune_report import PruneReport, PruneRules
from holdfast.repository.upkeep.removing import Deletion, delete_points, group_by_chain

ProgressFn = Callable[[Progress], None]
CancelledFn = Callable[[], bool]


def _silent(_: Progress) -> None:
    """Nobody wants to know how far it is."""


def _never() -> bool:
    return False


class UpkeepWork(Opened):
    """What keeps a repository whole and small."""

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
