"""Whose turn it is where no more than so many backups may go on at once: a server, a pool, a region, a staging server.

Pure. Whoever waits keeps its place by the time of its first question. A place is passed over by those behind it who need
nothing that is used up, so that one crowded server does not keep the others waiting; but not for longer than `PATIENCE`:
then whatever comes free of what it needs is kept for it, and it comes to its turn however many come after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from holdfast.model.plan import BackupPlan
from holdfast.model.source import ResourceId

PATIENCE = timedelta(minutes=30)

#: How many of a thing may be in use at once; None: any number.
LimitOf = Callable[[str], int | None]


class Claim(BaseModel):
    """One source of one session that waits for its turn, or has it."""

    model_config = ConfigDict(frozen=True)

    session: str
    key: str
    things: tuple[str, ...]
    since: datetime
    held: bool = False

    @property
    def place(self) -> tuple[datetime, str, str]:
        """What claims are ordered by."""
        return self.since, self.session, self.key


class Decision(NamedTuple):
    """Whether it is the turn of a claim; else what it waits for, and how many are before it."""

    granted: bool
    waits_for: str = ""
    before: int = 0


def decide(claims: Iterable[Claim], mine: Claim, limit_of: LimitOf, now: datetime) -> Decision:
    """Whether it is `mine`'s turn among all claims; `mine` itself may be among them or not."""
    others = [c for c in claims if (c.session, c.key) != (mine.session, mine.key)]
    used: dict[str, int] = {}
    for claim in others:
        if claim.held:
            _add(used, claim.things)
    before = 0
    for claim in sorted((c for c in others if not c.held and c.place < mine.place), key=lambda c: c.place):
        before += bool(set(claim.things) & set(mine.things))
        if now - claim.since >= PATIENCE or _full(claim.things, used, limit_of) is None:
            _add(used, claim.things)
    full = _full(mine.things, used, limit_of)
    return Decision(full is None, full or "", before)


def pause(decision: Decision, limit: int | None, poll: timedelta) -> timedelta:
    """When to ask again: soon for whoever is next, later for whoever has many before it; at most 20 times `poll`."""
    return poll * min(20, 1 + decision.before // max(1, limit or 1))


def things_of(plan: BackupPlan) -> tuple[str, ...]:
    """What a backup uses: `server sql-a`, `pool sql-a/pool1`, `region westeurope`, `staging sql-staging`."""
    source = plan.source
    things = [f"server {source.server}", f"region {plan.worker_region}"]
    if source.elastic_pool:
        things.append(f"pool {source.server}/{ResourceId.parse(source.elastic_pool).name}")
    if plan.staging is not None:
        things.append(f"staging {plan.staging.name}")
    return tuple(thing.lower() for thing in things)


def of_the_source(thing: str) -> bool:
    """Whether a thing is loaded by reading the source alone, and free again once there is a copy of it."""
    return thing.startswith(("server ", "pool "))


def _full(things: Iterable[str], used: dict[str, int], limit_of: LimitOf) -> str | None:
    """The first thing that is used up."""
    for thing in things:
        limit = limit_of(thing)
        if limit is not None and used.get(thing, 0) >= limit:
            return thing
    return None


def _add(used: dict[str, int], things: Iterable[str]) -> None:
    for thing in things:
        used[thing] = used.get(thing, 0) + 1
