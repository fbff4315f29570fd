"""Runs of retention: what was planned for a session, what stopped it, who approved it, and what it did, for years."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from holdfast.catalog.tables import Row, Table, joined, key_part
from holdfast.model.clock import Clock, iso, parse_iso
from holdfast.model.job import ChainWork, JobKind
from holdfast.model.retention_guards import CLOCK_BACK, CLOCK_JUMP

_RUNS, _APPROVALS, _CLOCK, _LOG = "runs", "approvals", "clock", "log"
_PLANS, _OUTCOMES = "plans", "outcomes"
#: How often the clock is noted while nothing else happens.
_NOTE_EVERY = timedelta(hours=1)


class Batch(BaseModel):
    """What one worker has to do in one repository."""

    model_config = ConfigDict(frozen=True)

    policy: str
    repository: str
    worker_profile: str
    immutable: bool
    chains: list[ChainWork]

    @property
    def kinds(self) -> list[JobKind]:
        """The jobs, in order. Locks first: a point that was just made is the one that nothing protects yet."""
        found: list[JobKind] = ["lock"] if any(one.lock for one in self.chains) else []
        return [*found, "retain"] if any(one.prune for one in self.chains) else found


class Outcome(BaseModel):
    """What became of a batch."""

    model_config = ConfigDict(frozen=True)

    deleted: int = 0
    locked: int = Field(default=0, description="expired points that locks still keep")
    freed_bytes: int = 0
    waiting_bytes: int = 0
    lock_changes: int = 0
    problems: list[str] = Field(default_factory=list)


class Stopped(BaseModel):
    """An alarm that keeps a policy's retention from deleting anything."""

    model_config = ConfigDict(frozen=True)

    kind: str
    detail: str
    approval: str


_ALARMS = TypeAdapter(list[Stopped])


class RetentionEntry(BaseModel):
    """One line of the retention log: a point that went, and why it was allowed to."""

    model_config = ConfigDict(frozen=True)

    at: datetime
    policy: str
    session: str
    repository: str
    chain: str
    source: str
    point: str
    reasons: list[str]


class RetentionRuns:
    """By policy and session."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table, self._clock = table, clock

    # --- the plan of a session -----------------------------------------------------------------------------------

    def save_plan(self, session: str, batches: Sequence[Batch]) -> None:
        """Keeps what a session is to do; replaces an earlier plan of it."""
        for number, batch in enumerate(batches):
            text = batch.model_dump_json()

            def edit(row: Row | None, number: int = number, text: str = text) -> Row | None:
                key = joined(session, f"{number:06d}")
                return Row(_PLANS, key, {"details": text}) if row is None else row.with_values(details=text)

            self._table.change(_PLANS, joined(session, f"{number:06d}"), edit)

    def batch(self, session: str, number: int) -> Batch | None:
        """One batch of the plan."""
        row = self._table.read(_PLANS, joined(session, f"{number:06d}"))
        return None if row is None else Batch.model_validate_json(self._table.value(row, "details"))

    def set_outcome(self, session: str, number: int, part: str, outcome: Outcome) -> None:
        """Records what a job of a batch came to, or (as `end`) how the batch ended; the last word holds."""
        key = joined(session, f"{number:06d}", part)
        text = outcome.model_dump_json()

        def edit(row: Row | None) -> Row | None:
            return Row(_OUTCOMES, key, {"details": text}) if row is None else row.with_values(details=text)

        self._table.change(_OUTCOMES, key, edit)

    def outcomes(self, session: str) -> dict[int, dict[str, Outcome]]:
        """Batch to part to what was recorded."""
        found: dict[int, dict[str, Outcome]] = {}
        for row in self._table.rows(_OUTCOMES, prefix=(session,)):
            _, number, part = row.key.split("|")
            outcome = Outcome.model_validate_json(self._table.value(row, "details"))
            found.setdefault(int(number), {})[part] = outcome
        return found

    def drop_plan(self, session: str) -> None:
        """Forgets a plan that is done."""
        for partition in (_PLANS, _OUTCOMES):
            for row in list(self._table.rows(partition, prefix=(session,))):
                self._table.erase(partition, row.key)

    # --- alarms and approvals ------------------------------------------------------------------------------------

    def last_run(self, policy: str) -> datetime | None:
        """The clock's word that the next run is compared with: None before the first.

        What the clock said in between counts too: a policy that runs once a month is not taken for a jump of the clock.
        """
        row = self._table.read(_RUNS, key_part(policy))
        if row is None or not row.text("last_run"):
            return None
        own = parse_iso(row.text("last_run"))
        clock = self._table.read(_CLOCK, "clock")
        if clock is None:
            return own
        jump = clock.text("jumped_to")
        if jump and own < parse_iso(jump):
            return max(own, parse_iso(clock.text("jumped_from")))
        return max(own, parse_iso(clock.text("seen")))

    def note_clock(self) -> None:
        """Notes what time it is, once an hour; a jump stays on record for the policies that have not run since."""
        now = self._clock.now()

        def edit(row: Row | None) -> Row | None:
            if row is None:
                return Row(_CLOCK, "clock", {"seen": iso(now)})
            seen = parse_iso(row.text("seen"))
            if now < seen - CLOCK_BACK or now < seen + _NOTE_EVERY:
                return None
            if now > seen + CLOCK_JUMP:
                return row.with_values(seen=iso(now), jumped_from=iso(seen), jumped_to=iso(now))
            return row.with_values(seen=iso(now))

        self._table.change(_CLOCK, "clock", edit)

    def record_run(self, policy: str, alarms: Iterable[Stopped]) -> None:
        """Notes that a policy's retention ran at this moment, or what stopped it: then it counts as not having run."""
        stopped = list(alarms)
        text = _ALARMS.dump_json(stopped).decode()
        now = iso(self._clock.now())

        def edit(row: Row | None) -> Row | None:
            last = {} if stopped else {"last_run": now}
            if row is None:
                return Row(_RUNS, key_part(policy), {"alarms": text, **last})
            return row.with_values(alarms=text, **last)

        self._table.change(_RUNS, key_part(policy), edit)

    def alarms(self, policy: str) -> list[Stopped]:
        """What stopped the policy's last run."""
        row = self._table.read(_RUNS, key_part(policy))
        text = self._table.value(row, "alarms") if row is not None else ""
        return _ALARMS.validate_json(text) if text else []

    def approve(self, policy: str, approval: str) -> None:
        """Approves one alarm, with exactly the deletions that it stands for."""

        def edit(row: Row | None) -> Row | None:
            key = joined(policy, approval)
            return Row(_APPROVALS, key, {"at": iso(self._clock.now())}) if row is None else None

        self._table.change(_APPROVALS, joined(policy, approval), edit)

    def approved(self, policy: str) -> set[str]:
        """What was approved for the policy."""
        return {row.key.rpartition("|")[2] for row in self._table.rows(_APPROVALS, prefix=(policy,))}

    # --- the log -------------------------------------------------------------------------------------------------

    def write(self, entry: RetentionEntry) -> None:
        """Adds a line; said once for a point, however often the step runs."""
        stamp = joined(entry.policy, iso(entry.at), entry.repository, entry.point)
        marker = joined("once", entry.repository, entry.point)

        def edit(row: Row | None) -> Row | None:
            return Row(_LOG, marker, {"line": stamp}) if row is None else None

        made = self._table.change(_LOG, marker, edit)
        key = made.text("line") if made is not None else stamp

        def line(row: Row | None) -> Row | None:
            return Row(_LOG, key, {"entry": entry.model_dump_json()}) if row is None else None

        self._table.change(_LOG, key, line)

    def log(self, policy: str, *, after: str = "", limit: int | None = None) -> list[tuple[str, RetentionEntry]]:
        """Lines of a policy, oldest first, each with the cursor that continues after it."""
        rows = self._table.rows(_LOG, prefix=(policy,), after=after)
        return [
            (row.key, RetentionEntry.model_validate_json(self._table.value(row, "entry")))
            for row in itertools.islice(rows, limit)
        ]
