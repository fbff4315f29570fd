"""Opens the session: its row in the catalog, the policy's retries, and the settings' durations, read once."""

from __future__ import annotations

import azure.durable_functions as df

from activities.answering import Answer, Given, answered
from holdfast.model.blackout import wait_at
from holdfast.model.clock import parse_iso
from holdfast.model.session import Session, State
from holdfast.wiring import Services

bp = df.Blueprint()

_DURATIONS = (
    "copy_poll",
    "copy_deadline",
    "worker_poll",
    "worker_deadline",
    "job_deadline",
    "retry_delay",
    "rehydrate_poll",
)


@bp.activity_trigger(input_name="given")
@answered()
def open_session(app: Services, given: Given) -> Answer:
    """Safe to repeat: a session that exists is left as it is."""
    retries = 3
    app.catalog.sessions.create(
        Session(
            id=given["session"],
            policy=given.get("policy"),
            kind=given["kind"],
            state=State.RUNNING,
            started_at=parse_iso(given["asked_at"]),
            slot=given.get("slot"),
        )
    )
    app.catalog.sessions.begin(given["session"])
    if given.get("policy"):
        policy = app.catalog.policies.get(given["policy"]).policy
        retries = policy.retries
        app.repository(policy.repository)
        app.worker_profile(policy.worker)
        app.require_immutability(policy)
        waited = wait_at(policy, parse_iso(given["slot"])) if given.get("slot") else None
        if waited is not None:
            text = f"the slot of {given['slot']} waited for the end of a blackout ({waited.window})"
            app.catalog.log.write(given["session"], "info", text, once="waited")
    timing = {name: getattr(app.settings, name).total_seconds() for name in _DURATIONS}
    return {"timing": timing, "retries": retries}
