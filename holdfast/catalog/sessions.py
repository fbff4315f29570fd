"""Sessions: what ran, how far it is, how it ended.

A session is a row; each of its sources is a row of a table of its own (`source_runs.py`), so that three thousand of
them fit and each changes without the others. Nothing that ended is moved back by a message that comes late or twice.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import islice

from pydantic import TypeAdapter

from holdfast.catalog.source_runs import SourceRuns, fresh_runs
from holdfast.catalog.tables import Row, Table, Value, key_part, persist
from holdfast.catalog.transitions import ended
from holdfast.model.clock import Clock, iso, parse_iso
from holdfast.model.errors import ErrorInfo, NotFound
from holdfast.model.preflight.finding import Finding
from holdfast.model.restore.report import RestoreReport
from holdfast.model.session import (
    ARCHIVE_STEPS,
    DOWNLOAD_STEPS,
    DRILL_STEPS,
    HOLD_STEPS,
    PREFLIGHT_STEPS,
    RESTORE_STEPS,
    STEPS,
    SURVEY_STEPS,
    TABLE_STEPS,
    Download,
    RetentionSummary,
    Session,
    SessionKind,
    SourceRun,
    State,
    outcome,
)

_SESSIONS = "sessions"
_OCCASIONS = "occasions"
_FINDINGS = TypeAdapter(list[Finding])
_STEPS_OF: dict[SessionKind, tuple[str, ...]] = {
    "backup": STEPS,
    "archive": ARCHIVE_STEPS,
    "download": DOWNLOAD_STEPS,
    "table": TABLE_STEPS,
    "drill": DRILL_STEPS,
    "retention": (),
    "hold": HOLD_STEPS,
    "restore": RESTORE_STEPS,
    "rebuild": SURVEY_STEPS,
    "adopt": SURVEY_STEPS,
    "preflight": PREFLIGHT_STEPS,
}


def new_id(now: datetime, label: str, occasion: str | None = None) -> str:
    """A session's id: its time to the millisecond, a label (the policy or the kind), six hex digits.

    Ids sort by time. With `occasion` (a slot, an idempotency key) the digits follow from it, so that the same `now` and
    occasion make the same id; without, they are random.
    """
    mark = secrets.token_hex(3) if occasion is None else hashlib.sha256(occasion.encode()).hexdigest()[:6]
    word = re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-")[:40].strip("-") or "session"
    return f"{_stamp(now)}-{word}-{mark}"


def first_id(moment: datetime) -> str:
    """What sorts before the id of every session from `moment` on: `list(after=first_id(yesterday))`."""
    return _stamp(moment)


def _stamp(moment: datetime) -> str:
    at = moment.astimezone(UTC)
    return f"{at:%Y%m%dT%H%M%S}{at.microsecond // 1000:03d}Z"


class Sessions:
    """Sessions by id."""

    def __init__(self, table: Table, sources: SourceRuns, clock: Clock) -> None:
        self._table, self._sources, self._clock = table, sources, clock

    def create(self, session: Session) -> Session:
        """Records a session with the sources that it names. Repeated, the recorded one is given back, as it is now."""

        def edit(row: Row | None) -> Row | None:
            return Row(_SESSIONS, key_part(session.id), _values(session)) if row is None else None

        self._table.change(_SESSIONS, key_part(session.id), edit)
        if session.sources:
            self._sources.add(session.id, session.sources)
        return self.get(session.id)

    def get(self, session_id: str, *, sources: bool = True) -> Session:
        """A session, with or without its sources (by name). Raises NotFound."""

        def once() -> Session:
            row = self._table.read(_SESSIONS, key_part(session_id))
            if row is None:
                raise NotFound(f"there is no session {session_id}")
            return self._session(row)

        found = persist(once, f"session {session_id}")
        return found.model_copy(update={"sources": self._sources.all(session_id)}) if sources else found

    def list(
        self,
        *,
        after: str = "",
        limit: int | None = None,
        policy: str | None = None,
        state: State | None = None,
        kind: SessionKind | None = None,
    ) -> list[Session]:
        """Sessions without their sources, oldest first. `after` is the id that the page before ended with."""
        where: dict[str, str | bool] = {}
        where |= {"policy": policy} if policy is not None else {}
        where |= {"state": state.value} if state is not None else {}
        where |= {"kind": kind} if kind is not None else {}

        def once() -> list[Session]:
            rows = self._table.rows(_SESSIONS, after=key_part(after), where=where)
            return [self._session(row) for row in islice(rows, limit)]

        return persist(once, "the sessions")

    def add_sources(
        self, session_id: str, sources: Sequence[tuple[str, str]], *, steps: Sequence[str] | None = None
    ) -> int:
        """Adds sources as (name, key); those that are there stay as they are. How many were new.

        They get the steps of the session's kind where `steps` does not say otherwise. Raises NotFound.
        """
        kind = self.get(session_id, sources=False).kind
        return self._sources.add(session_id, fresh_runs(sources, steps or _STEPS_OF[kind]))

    def source(self, session_id: str, key: str) -> SourceRun:
        """One source of a session. Raises NotFound."""
        return self._sources.get(session_id, key)

    def source_keys(
        self, session_id: str, offset: int = 0, limit: int | None = None, *, archive_due: bool | None = None
    ) -> Sequence[str]:
        """Keys of the sources, or of those whose point is due for the archive, in an order that never changes."""
        return self._sources.keys(session_id, offset, limit, archive_due)

    def counts(self, session_id: str) -> Counter[State]:
        """How many sources are in which state; the sum is the number of sources."""
        return self._sources.counts(session_id)

    def set_step(
        self,
        session_id: str,
        key: str,
        step: str,
        state: State,
        detail: str | None = None,
        *,
        at: datetime | None = None,
        again: bool = False,
    ) -> SourceRun:
        """Changes a step of a source. `detail` None leaves the detail as it is.

        Forward only: pending, running, failed (or cancelled, skipped), succeeded. A step that ended moves back only
        with `again`, which a new attempt says. Repeated, nothing changes. Raises NotFound for session, source or step.
        """
        return self._sources.set_step(session_id, key, step, state, detail, at, again)

    def set_source(
        self,
        session_id: str,
        key: str,
        state: State | None = None,
        error: ErrorInfo | None = None,
        restore_point: str | None = None,
        *,
        archive_due: bool | None = None,
        archive_flags: Sequence[str] | None = None,
        archive_point: str | None = None,
        settle: bool = False,
        again: bool = False,
    ) -> SourceRun:
        """Changes a source; what is None stays as it is. The rules for `state` and `again` are those of `set_step`.

        Where the state may not move, nothing else is changed either. Success clears an earlier error. `settle` also ends
        the steps that are still open: a running one as the source ended, a pending one as skipped. Raises NotFound.
        """
        changes = {
            "error": error,
            "restore_point": restore_point,
            "archive_due": archive_due,
            "archive_flags": None if archive_flags is None else list(archive_flags),
            "archive_point": archive_point,
        }
        return self._sources.set_source(session_id, key, state, changes, settle=settle, again=again)

    def set_copy_operation(self, session_id: str, key: str, url: str) -> None:
        """Keeps the address of the operation behind a source's staging copy. Raises NotFound.

        It is some kilobytes long and signed, so it has no place in a history; nothing outside shows it.
        """
        self._sources.set_copy_operation(session_id, key, url)

    def copy_operation(self, session_id: str, key: str) -> str:
        """The address that was kept, for `SqlServers.copy_state`; "" where there is none."""
        return self._sources.copy_operation(session_id, key)

    def set_download(self, session_id: str, download: Download) -> Session:
        """Records what a download session made. Raises NotFound."""
        return self._change(session_id, lambda found: found.model_copy(update={"download": download}))

    def set_retention(self, session_id: str, summary: RetentionSummary) -> Session:
        """Records what retention did in the session. Raises NotFound."""
        return self._change(session_id, lambda found: found.model_copy(update={"retention": summary}))

    def set_findings(self, session_id: str, findings: Sequence[Finding]) -> Session:
        """Records what a preflight session found. Raises NotFound."""
        return self._change(session_id, lambda found: found.model_copy(update={"findings": [*findings]}))

    def set_restore(self, session_id: str, report: RestoreReport) -> Session:
        """Records what a restore session did so far. Raises NotFound."""
        return self._change(session_id, lambda found: found.model_copy(update={"restore": report}))

    def begin(self, session_id: str) -> Session:
        """Records that the session's orchestration runs. Raises NotFound."""
        return self._change(
            session_id, lambda s: s.model_copy(update={"state": State.RUNNING}) if s.state is State.PENDING else s
        )

    def unended(self) -> Sequence[Session]:
        """Sessions that have not ended, without their sources."""
        return [*self.list(state=State.PENDING), *self.list(state=State.RUNNING)]

    def once(self, occasion: str, session_id: str) -> str:
        """The session of an occasion (an idempotency key): `session_id` for the first who asks, the same for all later."""

        def edit(row: Row | None) -> Row | None:
            return Row(_OCCASIONS, key_part(occasion), {"session": session_id}) if row is None else None

        row = self._table.change(_OCCASIONS, key_part(occasion), edit)
        return row.text("session") if row is not None else session_id

    def close(self, session_id: str, state: State | None = None, error: ErrorInfo | None = None) -> Session:
        """Ends a session; without `state`, as its sources ended. Repeated, the first end holds. Raises NotFound."""

        def edit(found: Session) -> Session:
            if ended(found.state):
                return found
            end = state
            if end is None:
                cancelled = found.cancel_requested
                end = outcome(list(self.counts(session_id).elements()), cancelled=cancelled)
                if error is not None and end is State.SUCCEEDED:
                    end = State.FAILED
            return found.model_copy(update={"state": end, "error": error, "ended_at": self._clock.now()})

        return self._change(session_id, edit)

    def request_cancel(self, session_id: str) -> bool:
        """Asks a session to stop; False where it has ended. Raises NotFound."""
        found = self._change(
            session_id, lambda s: s if ended(s.state) else s.model_copy(update={"cancel_requested": True})
        )
        return found.cancel_requested and not ended(found.state)

    def is_cancelled(self, session_id: str) -> bool:
        """Whether somebody asked the session to stop. Raises NotFound."""
        return self.get(session_id, sources=False).cancel_requested

    def has_ended(self, session_id: str) -> bool:
        """Whether it has ended, or is unknown: its row went with a lost catalog, and its run with it."""
        try:
            return ended(self.get(session_id, sources=False).state)
        except NotFound:
            return True

    def remove(self, session_id: str) -> None:
        """Forgets a session and its sources; a missing one is fine."""
        self._sources.remove_all(session_id)
        self._table.erase(_SESSIONS, key_part(session_id))

    def _change(self, session_id: str, edit: Callable[[Session], Session]) -> Session:
        changed: list[Session] = []

        def on_row(row: Row | None) -> Row | None:
            if row is None:
                raise NotFound(f"there is no session {session_id}")
            before = self._session(row)
            after = edit(before)
            changed[:] = [after]
            return None if after == before else row.with_values(**_values(after))

        self._table.change(_SESSIONS, key_part(session_id), on_row)
        return changed[0]

    def _session(self, row: Row) -> Session:
        error, download = self._table.value(row, "error"), row.text("download")
        retention, findings = self._table.value(row, "retention"), self._table.value(row, "findings")
        restore = self._table.value(row, "restore")
        return Session(
            id=row.text("id"),
            policy=row.text("policy") or None,
            kind=row.text("kind"),
            state=State(row.text("state")),
            started_at=parse_iso(row.text("started_at")),
            ended_at=parse_iso(row.text("ended_at")) if row.text("ended_at") else None,
            cancel_requested=row.flag("cancel_requested"),
            slot=row.text("slot") or None,
            download=Download.model_validate_json(download) if download else None,
            retention=RetentionSummary.model_validate_json(retention) if retention else None,
            restore=RestoreReport.model_validate_json(restore) if restore else None,
            findings=_FINDINGS.validate_json(findings) if findings else None,
            error=ErrorInfo.model_validate_json(error) if error else None,
        )


def _values(session: Session) -> dict[str, Value]:
    return {
        "id": session.id,
        "policy": session.policy,
        "kind": session.kind,
        "state": session.state.value,
        "started_at": iso(session.started_at),
        "ended_at": iso(session.ended_at) if session.ended_at else None,
        "cancel_requested": session.cancel_requested,
        "slot": session.slot,
        "download": session.download.model_dump_json() if session.download else None,
        "retention": session.retention.model_dump_json() if session.retention else None,
        "restore": session.restore.model_dump_json() if session.restore else None,
        "findings": _FINDINGS.dump_json(session.findings).decode() if session.findings is not None else None,
        "error": session.error.model_dump_json() if session.error else None,
    }
