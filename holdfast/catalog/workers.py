"""The pool of workers: who has which slot on which machine.

A worker's row is reserved before its machine is made, so that two sessions never make the same one, and a crash
in between is found again. Numbers are never used twice: a new machine must not find the messages of an old one of its
name. All changes are compare-and-swap; all calls are safe to repeat.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Literal

from holdfast.catalog.failures import RowChanged
from holdfast.catalog.pool import (
    ALIVE,
    Action,
    Lease,
    Worker,
    WorkerRole,
    WorkerState,
    choose,
    worker_name,
)
from holdfast.catalog.tables import Row, Table, Value, joined, persist
from holdfast.model.clock import Clock
from holdfast.model.errors import NotFound
from holdfast.settings import WorkerProfile

_WORKERS = "workers"
_ROW, _COUNTER = "w", "n"


class Workers:
    """Workers by name."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table, self._clock = table, clock

    def lease(
        self, region: str, profile: str, role: WorkerRole, session: str, key: str, settings: WorkerProfile
    ) -> Lease:
        """A slot for one source of one session, on a worker of that region, profile and role.

        - `ready`: the worker runs.
        - `start`: it has a machine that must be started (or is being started); `create`: its machine must be made (or is
          being made). Either is safe to do again, and every lease of that worker is told so, since the one that came
          first may have died. Ask again until `ready`.
        - `wait`: the pool is full; no slot was taken. Ask again later.

        Repeated for the same session and key, the same slot is given back.
        """

        pool_of = (region, profile, role)

        def once() -> Lease:
            # The counter is read before the pool: whoever reserves a worker in between swaps it, and we hear of that.
            counter = self._table.read(_WORKERS, joined(_COUNTER, region, profile))
            rows = {row.text("name"): row for row in self._table.rows(_WORKERS, prefix=(_ROW,))}
            pool = [w for w in map(_worker, rows.values()) if (w.region, w.profile, w.role) == pool_of]
            for lost in pool:
                # A slot on a machine that failed or goes is worth nothing, and would keep it from being deleted.
                if lost.slots.get(key) == session and lost.state not in ALIVE:
                    self._table.write(
                        ("replace", rows[lost.name].with_values(**_values(self._freed(lost, {key}, session))))
                    )
                    raise RowChanged(lost.name)
            worker, action = choose(pool, session, key, settings)
            if worker is not None:
                return self._take(rows[worker.name], worker, session, key, action)
            if action == "wait":
                return Lease(worker=None, action="wait")
            return self._reserve(counter, region, profile, role, session, key)

        return persist(once, f"the workers of {region}")

    def release(self, session: str, key: str) -> Sequence[Worker]:
        """Gives the slot back; the workers that had it. None is fine."""
        return [
            self._change(worker.name, lambda found: self._freed(found, {key}, session))
            for worker in self.list()
            if worker.slots.get(key) == session
        ]

    def release_session(self, session: str) -> Sequence[Worker]:
        """Gives back every slot that the session still has."""
        return [
            self._change(worker.name, lambda found: self._freed(found, set(found.slots), session))
            for worker in self.list()
            if session in worker.slots.values()
        ]

    def get(self, name: str) -> Worker:
        """A worker. Raises NotFound."""
        row = self._table.read(_WORKERS, joined(_ROW, name))
        if row is None:
            raise NotFound(f"there is no worker {name}")
        return _worker(row)

    def list(self) -> list[Worker]:
        """Every worker that the catalog knows, in the order of their names."""
        return [_worker(row) for row in self._table.rows(_WORKERS, prefix=(_ROW,))]

    def set_state(
        self,
        name: str,
        state: WorkerState,
        *,
        expected: Collection[WorkerState] | None = None,
        resource_id: str | None = None,
        boot_id: str | None = None,
        failure: str | None = None,
    ) -> Worker:
        """Records what a worker is; what is None stays as it is. Gives back the worker as it now is.

        With `expected`, only from one of these states: else nothing changes, and the caller sees the state that it is
        in. A state that is no failure clears an earlier one. Raises NotFound.
        """

        def edit(found: Worker) -> Worker:
            if expected is not None and found.state not in expected and found.state != state:
                return found
            return found.model_copy(
                update={
                    "state": state,
                    "changed_at": found.changed_at if found.state == state else self._clock.now(),
                    "resource_id": resource_id or found.resource_id,
                    "boot_id": boot_id or found.boot_id,
                    "failure": failure if failure is not None else (found.failure if state == "failed" else None),
                }
            )

        return self._change(name, edit)

    def unused_by(self, session: str) -> Sequence[Worker]:
        """Workers that this session was the last to use and that nobody has a slot on: they may be deallocated."""
        return [w for w in self.list() if w.state in ALIVE and not w.slots and w.last_session == session]

    def retire(self, name: str, state: Literal["stopping", "deleting"]) -> bool:
        """Takes a worker out of the pool, to `stopping` or `deleting`, unless somebody has a slot on it.

        False where it has slots, or is gone: leave the machine alone then. Only after True may it be deallocated or
        deleted, since no lease finds it any more.
        """
        leave: set[WorkerState] = {"deleting"} if state == "deleting" else {"deleting", "stopping", "deallocated"}

        def edit(found: Worker) -> Worker:
            if found.slots or found.state in leave:
                return found
            return found.model_copy(update={"state": state, "changed_at": self._clock.now()})

        try:
            found = self._change(name, edit)
        except NotFound:
            return False
        return not found.slots and found.state == state

    def remove(self, name: str) -> bool:
        """Forgets a worker whose machine is gone; whether it was known. Its number is not used again."""
        return self._table.erase(_WORKERS, joined(_ROW, name))

    def _take(self, row: Row, worker: Worker, session: str, key: str, action: Action) -> Lease:
        """A slot on a worker that is there, unless somebody was faster (RowChanged)."""
        state: WorkerState = "starting" if worker.state == "deallocated" else worker.state
        if worker.slots.get(key) == session and state == worker.state:
            return Lease(worker=worker, action=action)
        taken = worker.model_copy(
            update={
                "slots": {**worker.slots, key: session},
                "state": state,
                "changed_at": worker.changed_at if state == worker.state else self._clock.now(),
                "last_session": session,
                "idle_since": None,
            }
        )
        self._table.write(("replace", row.with_values(**_values(taken))))
        return Lease(worker=taken, action=action)

    def _reserve(
        self, counter: Row | None, region: str, profile: str, role: WorkerRole, session: str, key: str
    ) -> Lease:
        """A row for a machine that is still to be made.

        The counter is swapped in the same transaction: of two that reserve at once, one hears of a change, looks at the
        pool again and finds the other's worker in it. So the pool never grows beyond its limit.
        """
        number = _last(counter) + 1
        now = self._clock.now()
        worker = Worker(
            name=worker_name(region, profile, number),
            region=region,
            profile=profile,
            role=role,
            state="creating",
            slots={key: session},
            last_session=session,
            created_at=now,
            changed_at=now,
        )
        row = Row(_WORKERS, joined(_ROW, worker.name), _values(worker))
        if counter is None:
            first = Row(_WORKERS, joined(_COUNTER, region, profile), {"last": number})
            self._table.write(("create", first), ("create", row))
        else:
            self._table.write(("replace", counter.with_values(last=number)), ("create", row))
        return Lease(worker=worker, action="create")

    def _freed(self, worker: Worker, keys: set[str], session: str) -> Worker:
        left = {k: s for k, s in worker.slots.items() if not (k in keys and s == session)}
        if left == worker.slots:
            return worker
        return worker.model_copy(
            update={
                "slots": left,
                "last_session": session,
                "idle_since": None if left else self._clock.now(),
            }
        )

    def _change(self, name: str, edit: Callable[[Worker], Worker]) -> Worker:
        changed: list[Worker] = []

        def on_row(row: Row | None) -> Row | None:
            if row is None:
                raise NotFound(f"there is no worker {name}")
            before = _worker(row)
            after = edit(before)
            changed[:] = [after]
            return None if after == before else row.with_values(**_values(after))

        self._table.change(_WORKERS, joined(_ROW, name), on_row)
        return changed[0]


def _worker(row: Row) -> Worker:
    return Worker.model_validate_json(row.text("worker"))


def _values(worker: Worker) -> dict[str, Value]:
    # A failure is the one field without a bound of its own; cut, so that the row always fits.
    cut = worker.model_copy(update={"failure": worker.failure[:2000] if worker.failure else None})
    return {"name": worker.name, "state": worker.state, "worker": cut.model_dump_json()}


def _last(counter: Row | None) -> int:
    value = counter.values.get("last") if counter is not None else None
    return value if isinstance(value, int) else 0
