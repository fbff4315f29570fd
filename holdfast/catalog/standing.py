"""How every point stands with retention: the verdicts that the dry run shows, the plan executes and the lists explain."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby

from holdfast.catalog.points import Points
from holdfast.catalog.retention import Retention
from holdfast.catalog.retention_facts import ChainState, Facts
from holdfast.model.point import RestorePoint
from holdfast.model.policy import Policy
from holdfast.model.retention import Candidate, Verdict, verdicts
from holdfast.model.selection import database_matches


@dataclass(frozen=True)
class Standing:
    """One chain in one repository under the policy that answers for it."""

    policy: Policy
    repository: str
    chain: str
    source: str
    points: list[RestorePoint]
    candidates: list[Candidate]
    verdicts: list[Verdict]
    state: ChainState
    later: dict[str, dict[str, date]]  # ends that were lengthened, by point and flag

    @property
    def expired(self) -> list[Verdict]:
        """What retention may delete."""
        return [one for one in self.verdicts if not one.keep]


def standings(
    points: Points,
    retention: Retention,
    policies: Mapping[str, Policy],
    now: datetime,
    *,
    policy: str | None = None,
    database: str | None = None,
    chain: str | None = None,
) -> Iterator[Standing]:
    """Every chain in every repository, chain by chain; of one policy, of databases that fit a glob, or one chain alone.

    Databases that exist no longer are among them: retention goes by what is stored, not by what is backed up.
    """
    everything = retention.facts() if chain is None else None
    for _, together in groupby(points.by_chain(chain), key=lambda point: point.chain):
        known = list(together)
        owner = answers_for(known, policies)
        if owner is None or (policy is not None and owner.name != policy):
            continue
        source = known[-1].source
        if database is not None and not database_matches(database, source):
            continue
        for repository in sorted({point.repository for point in known}):
            facts = everything or retention.facts((repository, known[0].chain))
            yield standing([p for p in known if p.repository == repository], owner, facts, now)


def standing(points: list[RestorePoint], owner: Policy, facts: Facts, now: datetime) -> Standing:
    """The points of one chain in one repository, oldest first."""
    last = points[-1]
    place = (last.repository, last.chain)
    candidates = facts.candidates(points, owner.zone)
    found = verdicts(
        candidates,
        now.astimezone(owner.zone).date(),
        tier=last.tier,
        min_keep=owner.retention.min_keep,
        now=now,
    )
    state, later = facts.states.get(place, ChainState()), facts.lengthened.get(place, {})
    return Standing(owner, last.repository, last.chain, last.source, points, candidates, found, state, later)


def answers_for(points: Iterable[RestorePoint], policies: Mapping[str, Policy]) -> Policy | None:
    """The policy whose retention looks after a chain: the one that made its newest point.

    Where that one is gone, the first by name that writes to the same repository: what was promised still ends some day.
    None where no policy can, or where no policy made any of the points.
    """
    made = [point for point in points if point.terms is not None]
    for point in sorted(made, key=lambda point: (point.created_at, point.id), reverse=True):
        if point.terms is not None and point.terms.policy in policies:
            return policies[point.terms.policy]
    places = {point.repository for point in made}
    heirs = [
        policies[name] for name in sorted(policies) if {policies[name].repository, policies[name].archive} & places
    ]
    return heirs[0] if heirs else None
