"""Which change of a state counts. Pure.

Activities run at least once, so every message may come twice, and an old one after a newer one. A state therefore only
moves forward: pending, running, ended badly, ended well. Only a new attempt, which says so, starts again.
"""

from __future__ import annotations

from datetime import datetime

from holdfast.model.errors import NotFound
from holdfast.model.session import SourceRun, State, Step

_RANK = {
    State.PENDING: 0,
    State.RUNNING: 1,
    State.SKIPPED: 2,
    State.CANCELLED: 2,
    State.FAILED: 2,
    State.PARTIAL: 2,
    State.SUCCEEDED: 3,
}
#: A detail is for people and is kept short; the log holds the rest.
DETAIL_LENGTH = 2_000


def ended(state: State) -> bool:
    """Whether nothing more is to be expected."""
    return _RANK[state] >= 2


def may_move(old: State, new: State, *, again: bool) -> bool:
    """Whether the change counts: forward, or a new attempt. The first of two bad ends holds."""
    if again or old == new:
        return True
    return _RANK[new] > _RANK[old]


def moved(step: Step, state: State, detail: str | None, at: datetime, *, again: bool) -> Step:
    """The step after the change; the same where the change does not count."""
    if not may_move(step.state, state, again=again):
        return step
    if step.state == state and ended(state) and detail in (None, step.detail):
        return step  # told twice: the first time keeps its hour
    fresh = again and ended(step.state) and not ended(state)
    started = None if fresh else step.started_at
    if state is State.RUNNING or (ended(state) and state is not State.SKIPPED):
        started = started or at
    return Step(
        name=step.name,
        state=state,
        started_at=started,
        ended_at=at if ended(state) else None,
        detail=(step.detail if detail is None else detail)[:DETAIL_LENGTH],
    )


def with_step(run: SourceRun, name: str, state: State, detail: str | None, at: datetime, *, again: bool) -> SourceRun:
    """The source with one step changed. Raises NotFound for a step that the session does not have."""
    if all(step.name != name for step in run.steps):
        raise NotFound(f"{run.source} has no step {name!r} in this session")
    steps = [moved(s, state, detail, at, again=again) if s.name == name else s for s in run.steps]
    return run.model_copy(update={"steps": steps})


def settled(run: SourceRun, at: datetime) -> SourceRun:
    """The source with no step left open: what runs takes the source's own end, what never began was skipped."""

    def end_of(step: Step) -> State:
        if step.state is State.PENDING:
            return State.SKIPPED
        return run.state if ended(run.state) else State.FAILED

    steps = [s if ended(s.state) else moved(s, end_of(s), None, at, again=False) for s in run.steps]
    return run.model_copy(update={"steps": steps})
