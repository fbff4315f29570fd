"""The host's state: one SQLite file with one owner.

An episode is one transaction: what it consumed, its history, the work it asked for and the messages it sent change
together or not at all; a host that is killed at any moment goes on from the last one. Write-ahead logging with
`synchronous=NORMAL` keeps every commit through a kill (not through a power cut).

All calls come from one thread. Times are seconds since 1970 on the host's clock.
"""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from local.host.history import PENDING, Event

_SCHEMA = """
create table if not exists instances(
    id text primary key, name text not null, version text not null, execution text not null, status text not null,
    input text, output text, custom_status text, created real not null, updated real not null,
    parent text, parent_task integer, parent_execution text);
create index if not exists instances_by_age on instances(created, id);
create table if not exists history(
    instance text, seq integer, event text not null, primary key(instance, seq)) without rowid;
create table if not exists inbox(
    n integer primary key autoincrement, instance text not null, execution text, event text not null);
create index if not exists inbox_by_instance on inbox(instance, n);
create table if not exists timers(
    instance text, execution text, timer integer, due real not null, fire_at text not null,
    primary key(instance, execution, timer)) without rowid;
create index if not exists timers_by_due on timers(due);
create table if not exists work(
    n integer primary key autoincrement, instance text not null, execution text not null, task integer not null,
    name text not null, input text);
create table if not exists entities(id text primary key, state text, updated real not null) without rowid;
create table if not exists schedules(
    function text primary key, last real, next real not null, updated real not null) without rowid;
"""
_INSTANCE = (
    "id, name, version, execution, status, input, output, custom_status, created, updated, "
    "parent, parent_task, parent_execution"
)


class StateInUseError(Exception):
    """Another host owns the state file."""


class Instance(NamedTuple):
    """An orchestration instance. `input`, `output` and `custom_status` are JSON texts."""

    id: str
    name: str
    version: str
    execution: str
    status: str
    input: str | None
    output: str | None
    custom_status: str | None
    created: float
    updated: float
    parent: str | None
    parent_task: int | None
    parent_execution: str | None


class Message(NamedTuple):
    """A message in an inbox; `execution` is set where it is meant for that execution alone."""

    n: int
    execution: str | None
    event: Event


class Work(NamedTuple):
    """An activity to run, at least once."""

    n: int
    instance: str
    execution: str
    task: int
    name: str
    input: str | None


class Schedule(NamedTuple):
    """What is known of a timer trigger's runs."""

    last: float | None
    next: float
    updated: float


@dataclass(slots=True)
class Changes:
    """What a transaction leaves to do, told to the listener after its commit."""

    instances: dict[str, None]
    """Instances and entities that got a message, in order."""
    work: list[Work]


class Store:
    """Owns the state file until `close`. Raises StateInUseError if another process does."""

    def __init__(self, file: Path) -> None:
        self._lock = _own(file)
        self._db = sqlite3.connect(file, isolation_level=None)
        self._db.execute("pragma journal_mode=wal")
        self._db.execute("pragma synchronous=normal")
        self._db.executescript(_SCHEMA)
        self.listener: Callable[[Changes], None] = lambda _changes: None

    def close(self) -> None:
        """Closes the file and gives it free."""
        self._db.close()
        os.close(self._lock)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """All or nothing; after the commit the listener hears of new messages and work."""
        self._db.execute("begin immediate")
        changes = Changes({}, [])
        try:
            yield Transaction(self._db, changes)
        except BaseException:
            self._db.execute("rollback")
            raise
        self._db.execute("commit")
        self.listener(changes)

    def left_over(self) -> Changes:
        """What a former owner left to do."""
        waiting = self._db.execute("select instance from inbox group by instance order by min(n)")
        work = self._db.execute("select n, instance, execution, task, name, input from work order by n")
        return Changes({row[0]: None for row in waiting}, [Work(*row) for row in work])

    def instance(self, instance_id: str) -> Instance | None:
        """One instance, or None."""
        row = self._db.execute(f"select {_INSTANCE} from instances where id=?", (instance_id,)).fetchone()  # noqa: S608
        return Instance(*row) if row else None

    def instances(self) -> Iterator[Instance]:
        """All instances, oldest first."""
        for row in self._db.execute(f"select {_INSTANCE} from instances order by created, id"):  # noqa: S608
            yield Instance(*row)

    def inbox(self, instance_id: str) -> list[Message]:
        """The messages of an instance or entity, oldest first."""
        rows = self._db.execute("select n, execution, event from inbox where instance=? order by n", (instance_id,))
        return [Message(n, execution, json.loads(event)) for n, execution, event in rows]

    def history(self, instance_id: str) -> list[str]:
        """The history of the present execution: JSON texts of events, in order."""
        rows = self._db.execute("select event from history where instance=? order by seq", (instance_id,))
        return [row[0] for row in rows]

    def entity(self, entity_id: str) -> tuple[str | None] | None:
        """The entity's state as a JSON text, in a tuple; None where the entity does not exist."""
        row: tuple[str | None] | None = self._db.execute(
            "select state from entities where id=?", (entity_id,)
        ).fetchone()
        return row

    def schedule(self, function: str) -> Schedule | None:
        """What is known of a timer trigger's runs."""
        row = self._db.execute("select last, next, updated from schedules where function=?", (function,)).fetchone()
        return Schedule(*row) if row else None

    def next_due(self) -> float | None:
        """When the next timer is due."""
        found: float | None = self._db.execute("select min(due) from timers").fetchone()[0]
        return found

    def due_timers(self, now: float) -> list[tuple[str, str, int, str]]:
        """Timers that are due, in the order of their due times: instance, execution, timer, fire_at."""
        return self._db.execute(
            "select instance, execution, timer, fire_at from timers where due<=? order by due, instance, timer", (now,)
        ).fetchall()

    def counts(self) -> dict[str, Any]:
        """How many of each thing there are."""

        def number(table: str) -> int:
            return int(self._db.execute(f"select count(*) from {table}").fetchone()[0])  # noqa: S608 (fixed names)

        by_status = self._db.execute("select status, count(*) from instances group by status order by status")
        return {
            "instances": dict(by_status.fetchall()),
            "messages": number("inbox"),
            "timers": number("timers"),
            "activities_queued": number("work"),
            "entities": number("entities"),
        }


class Transaction:
    """Changes that are made together."""

    def __init__(self, db: sqlite3.Connection, changes: Changes) -> None:
        self._db = db
        self._changes = changes

    def send(self, instance_id: str, event: Event, execution: str | None = None) -> None:
        """Puts a message at the end of an inbox."""
        self._db.execute(
            "insert into inbox(instance, execution, event) values(?,?,?)", (instance_id, execution, json.dumps(event))
        )
        self._changes.instances[instance_id] = None

    def wake(self, key: str) -> None:
        """Makes an instance or entity ready again that has messages left."""
        self._changes.instances[key] = None

    def consume(self, numbers: list[int]) -> None:
        """Takes messages out of their inbox."""
        self._db.executemany("delete from inbox where n=?", [(n,) for n in numbers])

    def put_instance(self, instance: Instance) -> None:
        """Makes an instance; one of that id that there was is gone with all that belonged to it."""
        self.clear(instance.id)
        self._db.execute(
            f"insert or replace into instances({_INSTANCE}) values({','.join('?' * 13)})",
            instance,
        )

    def clear(self, instance_id: str) -> None:
        """Removes history, messages and timers; running activities stay (their answers find nobody)."""
        for table in ("history", "inbox", "timers"):
            self._db.execute(f"delete from {table} where instance=?", (instance_id,))  # noqa: S608 (fixed names)

    def new_execution(self, instance_id: str, execution: str, new_input: str | None, now: float) -> None:
        """Starts a new generation: the history and timers of the old one go, messages stay."""
        for table in ("history", "timers"):
            self._db.execute(f"delete from {table} where instance=?", (instance_id,))  # noqa: S608 (fixed names)
        self._db.execute(
            "update instances set execution=?, input=?, updated=?, status=? where id=?",
            (execution, new_input, now, PENDING, instance_id),
        )

    def end(self, instance_id: str) -> None:
        """Drops the messages and timers that an ended instance has no more use for."""
        for table in ("inbox", "timers"):
            self._db.execute(f"delete from {table} where instance=?", (instance_id,))  # noqa: S608 (fixed names)

    def update(self, instance_id: str, **fields: str | float | None) -> None:
        """Changes columns of an instance."""
        assigned = ", ".join(f"{name}=?" for name in fields)
        self._db.execute(f"update instances set {assigned} where id=?", (*fields.values(), instance_id))  # noqa: S608

    def append_history(self, instance_id: str, after: int, events: list[str]) -> None:
        """Adds events; `after` is how many there are."""
        self._db.executemany(
            "insert into history(instance, seq, event) values(?,?,?)",
            [(instance_id, after + index, event) for index, event in enumerate(events)],
        )

    def start_timer(self, instance_id: str, execution: str, timer: int, due: float, fire_at: str) -> None:
        """Remembers a durable timer."""
        self._db.execute(
            "insert or replace into timers values(?,?,?,?,?)", (instance_id, execution, timer, due, fire_at)
        )

    def drop_timer(self, instance_id: str, execution: str, timer: int) -> None:
        """Forgets a durable timer that has fired or was cancelled."""
        self._db.execute(
            "delete from timers where instance=? and execution=? and timer=?", (instance_id, execution, timer)
        )

    def queue_work(self, instance_id: str, execution: str, task: int, name: str, work_input: str | None) -> None:
        """Remembers an activity to run."""
        row = (instance_id, execution, task, name, work_input)
        done = self._db.execute("insert into work(instance, execution, task, name, input) values(?,?,?,?,?)", row)
        self._changes.work.append(Work(int(done.lastrowid or 0), *row))

    def end_work(self, n: int) -> None:
        """An activity has ended."""
        self._db.execute("delete from work where n=?", (n,))

    def put_entity(self, entity_id: str, state: str | None, now: float) -> None:
        """Stores an entity's state (a JSON text)."""
        self._db.execute("insert or replace into entities values(?,?,?)", (entity_id, state, now))

    def delete_entity(self, entity_id: str) -> bool:
        """Removes an entity's state; says whether there was one."""
        return self._db.execute("delete from entities where id=?", (entity_id,)).rowcount > 0

    def purge(self, instance_id: str) -> None:
        """Removes an instance and all that belongs to it."""
        self.clear(instance_id)
        self._db.execute("delete from instances where id=?", (instance_id,))

    def put_schedule(self, function: str, schedule: Schedule) -> None:
        """Remembers a timer trigger's runs."""
        self._db.execute("insert or replace into schedules values(?,?,?,?)", (function, *schedule))


def _own(file: Path) -> int:
    """Takes the lock beside the state file; the system frees it when the process ends, however it ends."""
    handle = os.open(file.with_name(file.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        owner = os.read(handle, 32).decode(errors="replace").strip()
        os.close(handle)
        raise StateInUseError(f"{file} is owned by the running host with process id {owner or 'unknown'}") from None
    os.ftruncate(handle, 0)
    os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
    return handle
