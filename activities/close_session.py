"""Closes the session: its state from the states of its sources."""

from __future__ import annotations

import azure.durable_functions as df

from activities.answering import Answer, Given, answered
from activities.telling import session_ended
from holdfast.model.errors import Cancelled, ErrorInfo, HoldfastError
from holdfast.model.session import State, outcome
from holdfast.wiring import Services

bp = df.Blueprint()


@bp.activity_trigger(input_name="given")
@answered(cancellable=False)
def close_session(app: Services, given: Given) -> Answer:
    """Safe to repeat. A source that has not ended by now (its orchestration died) counts as failed, and is told."""
    session = app.catalog.sessions.get(given["session"])
    failed = ErrorInfo.model_validate(given["error"]) if given.get("error") else None
    states = []
    for source in session.sources:
        if source.state in (State.PENDING, State.RUNNING):
            state = State.CANCELLED if session.cancel_requested else State.FAILED
            error = failed if state is State.CANCELLED else failed or _unended(source.source)
            app.catalog.sessions.set_source(session.id, source.key, state, error, settle=True)
            states.append(state)
        else:
            states.append(source.state)
    state = outcome(states, cancelled=session.cancel_requested)
    done = session.retention
    if state is State.SUCCEEDED and done is not None and (done.alarms or done.problems):
        # Everything is backed up, and yet somebody has to look.
        state = State.PARTIAL
    if failed is not None:
        state = State.CANCELLED if failed.code == Cancelled.code else State.FAILED
        app.catalog.log.write(session.id, "error", f"{failed.title}: {failed.detail}. {failed.help}")
    app.catalog.sessions.close(session.id, state, failed)
    good = sum(1 for s in states if s is State.SUCCEEDED)
    session_ended(app.catalog.sessions.get(session.id))
    app.catalog.log.write(session.id, "info", f"session {state}: {good} of {len(states)} databases succeeded")
    return {"state": str(state)}


def _unended(source: str) -> ErrorInfo:
    """Why a source counts as failed whose own end was never recorded."""
    return HoldfastError(
        f"{source}: its steps ended without a record of how",
        help="Look at the session's log; what it left behind is removed by the janitor. Start it again.",
    ).info()
