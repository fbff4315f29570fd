"""Drills: a point is restored to a database that lives for that alone, and compared. What is due, what was proven. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, Field

from holdfast.model.errors import ErrorInfo, HoldfastError
from holdfast.model.plan import session_mark
from holdfast.model.protection import NewestPoint

DrillState = Literal["running", "proven", "failed", "cancelled"]
Pick = Literal["newest", "random"]

#: Names of the databases that drills make; they are dropped on every way out.
DRILL_PREFIX = "hf-drill-"
#: Drills of one policy beside each other: each is a database that costs, and a worker.
AT_ONCE = 2
#: A drill that failed is tried again after so long, or after the policy's own time where that is shorter.
AGAIN = timedelta(days=1)

#: A drill that is said to run for longer has nobody who would say how it ended.
_LOST = timedelta(days=3)
_GIB = 1 << 30
#: What a package takes in a database, with indexes; as a restore reckons.
_ROOM = 1.5
#: The smallest service objectives by what they hold. Basic is too slow to fill what it could hold.
_OBJECTIVES = (("S0", 250 * _GIB), ("S3", 1024 * _GIB), ("HS_Gen5_2", None))


class NotProven(HoldfastError):
    """A drill did not prove its point: it could not be restored, or what was restored is not what is stored."""

    code = "not-proven"
    title = "The drill did not prove the restore point"
    advice = (
        "Look at the restore's session; keep older points until a drill succeeds. `holdfast point verify` reads it."
    )
    exit_code = 27
    http_status = 500


class DrillProof(BaseModel):
    """One comparison of the restored database with its point."""

    what: str
    outcome: str
    detail: str = ""


class DrillRecord(BaseModel):
    """One drill: what was restored to where, how long it took, what it proved."""

    id: str = Field(description="the drill's session")
    source: str
    chain: str
    point: str
    point_created_at: datetime
    repository: str
    policy: str | None = None
    state: DrillState = "running"
    verify: Literal["counts", "contents"] = "counts"
    target: str = Field(default="", description="`server/database`, which is gone again")
    target_id: str = Field(default="", description="its resource id")
    restore: str = Field(default="", description="the restore's session")
    started_at: datetime
    ended_at: datetime | None = None
    restore_seconds: float | None = Field(default=None, description="how long the restore and its comparison took")
    proof: list[DrillProof] = Field(default_factory=list)
    error: ErrorInfo | None = None


class DueDrill(BaseModel):
    """A chain whose newest point is to be restored now."""

    chain: str
    source: str
    point: str
    last: datetime | None = Field(default=None, description="when a drill of the chain began last")


def due(
    every: timedelta,
    newest: Iterable[NewestPoint],
    drills: Mapping[str, Sequence[DrillRecord]],
    now: datetime,
) -> list[DueDrill]:
    """Which chains a policy drills now, those that waited longest first; no more than may run beside each other.

    `newest` is the newest point of each chain of the policy, `drills` what is known of each chain's. A chain is due that
    none has proven within `every`; one that failed waits a day, one that runs is not due.
    """
    running = sum(_runs(one, now) for known in drills.values() for one in known)
    found = []
    for point in newest:
        known = drills.get(point.chain, ())
        if any(_runs(one, now) for one in known):
            continue
        proven = max((one.started_at for one in known if one.state == "proven"), default=None)
        last = max((one.started_at for one in known), default=None)
        failed_since = last is not None and (proven is None or last > proven)
        wait = min(AGAIN, every) if failed_since else every
        if last is None or now - last >= wait:
            found.append(DueDrill(chain=point.chain, source=point.source, point=point.id, last=last))
    found.sort(key=lambda one: (one.last is not None, one.last or now, one.chain))
    return found[: max(0, AT_ONCE - running)]


def _runs(drill: DrillRecord, now: datetime) -> bool:
    return drill.state == "running" and now - drill.started_at < _LOST


def objective_for(inflated_bytes: int) -> str:
    """The smallest service objective that holds a restored point of that size."""
    needed = int(inflated_bytes * _ROOM)
    return next(name for name, most in _OBJECTIVES if most is None or needed <= most)


def drill_database(session: str) -> str:
    """Name of the database that the drill of that session makes."""
    return f"{DRILL_PREFIX}{session_mark(session)}"


def last_proven(drills: Iterable[DrillRecord]) -> DrillRecord | None:
    """The newest drill that proved its point."""
    return max((one for one in drills if one.state == "proven"), key=lambda one: one.started_at, default=None)


def restore_of(session: str) -> str:
    """The session of the restore that the drill of that session makes."""
    return f"{session}-restore"
