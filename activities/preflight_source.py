"""The plan of a preflight of one source, and what it found."""

from __future__ import annotations

import azure.durable_functions as df

from activities.answering import Answer, Given, answered
from holdfast.model.errors import HoldfastError, SourceUnusable
from holdfast.model.plan import SourcePlan
from holdfast.model.preflight.finding import Finding
from holdfast.model.session import State
from holdfast.model.source_status import why_unusable
from holdfast.wiring import Services

bp = df.Blueprint()


@bp.activity_trigger(input_name="given")
@answered()
def validate_preflight(app: Services, given: Given) -> Answer:
    """Finds the source and settles the worker's region: that of the source."""
    session, key = given["session"], given["key"]
    app.catalog.sessions.add_sources(session, [(given["source"], key)])
    app.catalog.sessions.set_source(session, key, State.RUNNING, again=True)
    source = app.servers.find_source(given["source"])
    hindrance = why_unusable(source)
    if hindrance is not None:
        raise SourceUnusable(f"{source.name} {hindrance.why}", help=hindrance.mend)
    app.place(given["worker_profile"], source.region)
    app.catalog.sessions.set_step(session, key, "validate", State.SUCCEEDED, f"{source.region}, read only")
    plan = SourcePlan(source=source, worker_profile=given["worker_profile"], worker_region=source.region)
    return {"plan": plan.model_dump(mode="json")}


@bp.activity_trigger(input_name="given")
@answered()
def commit_preflight(app: Services, given: Given) -> Answer:
    """Records what was found, so that whoever asked can read it."""
    result = app.dispatch.result(given["session"], given["job"])
    if result is None:
        raise HoldfastError(f"job {given['job']} reported nothing")
    found = [Finding.model_validate(one) for one in result.output.get("findings", [])]
    app.catalog.sessions.set_findings(given["session"], found)
    return {}
