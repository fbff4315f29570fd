"""Which databases have no good point within what the policy promises. Pure: schedule, grace and moments in.

A policy promises a point for every slot, at most `grace` after the moment at which its session may start (a slot that
falls in a blackout waits until that ends). A point counts for a slot if it was made at the slot
or later: a backup on demand does as well as a scheduled one, and a newer point makes up for all slots before it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field

from holdfast.model.policy import Policy
from holdfast.model.schedule import due_slot, slots_after


class Overdue(BaseModel):
    """A database without a point in time."""

    model_config = ConfigDict(frozen=True)

    policy: str
    source: str
    chain: str
    missed: datetime = Field(description="the first slot since the newest point that has none")
    newest: datetime | None = Field(default=None, description="the newest good point; null where there is none")


def expected(policy: Policy, now: datetime, since: datetime, grace: timedelta) -> datetime | None:
    """The newest slot after `since` for which there must be a point by now; None where nothing is promised yet."""
    return due_slot(policy, now - grace, since)


def missed_slot(
    policy: Policy, now: datetime, *, since: datetime, grace: timedelta, newest: datetime | None
) -> datetime | None:
    """The first slot that is overdue, or None. `since` is when the promise began for this database."""
    slot = expected(policy, now, since, grace)
    if slot is None or (newest is not None and newest >= slot):
        return None
    begin = since if newest is None else max(since, newest)
    # A newest point that lies exactly on a slot has made that slot good; so has `since`, which is not promised itself.
    return next(slots_after(policy, begin), slot)


def still_missed(
    policy: Policy, now: datetime, told: datetime, *, since: datetime, grace: timedelta, newest: datetime | None
) -> bool:
    """Whether a database that was told as overdue (for the slot `told`) has not recovered.

    A changed schedule alone heals nothing: only a point does that was made for the missed slot or later.
    """
    slot = expected(policy, now, since, grace)
    wanted = told if slot is None else max(told, slot)
    return newest is None or newest < wanted
