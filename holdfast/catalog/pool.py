"""What a worker is, and which one a source gets. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from holdfast.settings import WorkerProfile

WorkerRole = Literal["writer", "maintainer", "restorer"]
WorkerState = Literal["creating", "starting", "running", "stopping", "deallocated", "deleting", "failed"]
Action = Literal["ready", "start", "create", "wait"]

#: States in which a worker takes sources: it runs, or will.
ALIVE: frozenset[WorkerState] = frozenset({"creating", "starting", "running"})
#: `worker-<name>` is the name of its queue, and Azure takes 63 signs for that.
LONGEST_NAME = 56

_ACTIONS: dict[WorkerState, Action] = {
    "running": "ready",
    "starting": "start",
    "creating": "create",
    "deallocated": "start",
}


class Worker(BaseModel):
    """One worker as the catalog knows it."""

    model_config = ConfigDict(frozen=True)

    name: str
    region: str
    profile: str
    role: WorkerRole
    state: WorkerState
    slots: dict[str, str] = Field(default_factory=dict, description="source key to session")
    last_session: str | None = Field(default=None, description="the session that used it last")
    idle_since: datetime | None = Field(default=None, description="since when nobody has a slot; None while one has")
    created_at: datetime
    changed_at: datetime = Field(description="since when it is in its state")
    resource_id: str | None = None
    boot_id: str | None = None
    failure: str | None = None


class Lease(BaseModel):
    """What a source gets. `worker` is None only where it has to `wait`."""

    model_config = ConfigDict(frozen=True)

    worker: Worker | None
    action: Action


def choose(pool: Sequence[Worker], session: str, key: str, settings: WorkerProfile) -> tuple[Worker | None, Action]:
    """The worker and what is to be done with it; None with `create` or `wait` where none of the pool will do.

    `pool` is one region, profile and role. A worker that runs comes first, then one that soon will, then one that can
    be started, then a new one. One source is never twice on one worker: its two sessions would share a slot.
    """
    for worker in pool:
        if worker.slots.get(key) == session and worker.state in ALIVE:
            return worker, _ACTIONS[worker.state]
    for state in ("running", "starting", "creating", "deallocated"):
        free = [w for w in pool if w.state == state and len(w.slots) < settings.parallel and key not in w.slots]
        if free:
            # The emptiest of those that run, so that they share the load; the name decides between equals.
            worker = min(free, key=lambda w: (len(w.slots), w.name))
            return worker, _ACTIONS[worker.state]
    return None, "create" if len(pool) < settings.max_workers else "wait"


def worker_name(region: str, profile: str, number: int) -> str:
    """`hf-<region>-<profile>-<number>`: fit for a VM, its disk and card, and for a queue.

    A region or profile that has to be changed or cut for that gets four hex digits, so that two never share a name.
    """
    wanted = f"hf-{region}-{profile}"
    plain = re.sub(r"[^a-z0-9]+", "-", wanted.lower()).strip("-")
    room = LONGEST_NAME - len(f"-{number}")
    if plain != wanted or len(plain) > room:
        mark = hashlib.sha256(wanted.encode()).hexdigest()[:4]
        plain = f"{plain[: room - 5].strip('-')}-{mark}"
    return f"{plain}-{number}"
