"""The turn of a source: no more at once on a server, pool, region or staging server than HOLDFAST_LIMITS says."""

from __future__ import annotations

import azure.durable_functions as df

from activities.answering import Answer, Given, answered
from holdfast.model.plan import BackupPlan
from holdfast.model.turns import pause, things_of
from holdfast.wiring import Services

bp = df.Blueprint()


@bp.activity_trigger(input_name="given")
@answered()
def take_turn(app: Services, given: Given) -> Answer:
    """Asked again after `again_in` seconds until `ready`. Keeps its place however often it is asked."""
    session, key, plan = given["session"], given["key"], BackupPlan.model_validate(given["plan"])
    limits = app.settings.limits
    things = [thing for thing in things_of(plan) if limits.of(thing) is not None]
    if not things:
        return {"ready": True}
    decision = app.catalog.turns.take(session, key, things, limits.of)
    if not decision.granted and _free_what_ended(app, session):
        decision = app.catalog.turns.take(session, key, things, limits.of)
    if decision.granted:
        return {"ready": True}
    text = f"waits for its turn: {decision.waits_for} takes {limits.of(decision.waits_for)} at once (HOLDFAST_LIMITS)"
    app.catalog.log.write(session, "info", text, source=plan.source.name, once=f"turn {key} {decision.waits_for}")
    again = pause(decision, limits.of(decision.waits_for), app.settings.turn_poll)
    return {"ready": False, "again_in": again.total_seconds()}


def _free_what_ended(app: Services, mine: str) -> bool:
    """Gives back the turns of sessions that have ended without doing so: their orchestrations died."""
    others = {claim.session for claim in app.catalog.turns.claims()} - {mine}
    ended = [session for session in sorted(others) if app.catalog.sessions.has_ended(session)]
    for session in ended:
        app.catalog.turns.release_session(session)
    return bool(ended)
