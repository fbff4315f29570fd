"""Repositories read whole: which ones, by what worker, and what is learnt of each chain."""

from __future__ import annotations

import json

import azure.durable_functions as df

from activities.answering import Answer, Given, answered
from activities.discover_sources import BATCH
from activities.synchronising import Place, synchronise
from holdfast.model.counted import counted
from holdfast.model.errors import HoldfastError
from holdfast.model.job import SurveyedChain
from holdfast.model.plan import SurveyPlan
from holdfast.model.session import State
from holdfast.model.source import source_key
from holdfast.wiring import Services

bp = df.Blueprint()

#: Chains that one call takes in: some hundred points each, written one by one.
_CHAINS = 20
_KEPT = (
    "policies and former sessions are in no repository: `holdfast catalog import` brings them back from an export, "
    "`holdfast policy apply` policies from their files"
)


@bp.activity_trigger(input_name="given")
@answered()
def discover_repositories(app: Services, given: Given) -> Answer:
    """Makes each repository that was named, or else each configured one, a source of the session."""
    session = given["session"]
    names = given.get("repositories") or sorted(app.settings.repositories)
    app.catalog.sessions.add_sources(session, [(name, source_key(name)) for name in names])
    if given["kind"] == "rebuild":
        app.catalog.log.write(session, "info", _KEPT, once=f"{session}-kept")
    return {"batches": -(-len(names) // BATCH)}


@bp.activity_trigger(input_name="given")
@answered(step="validate")
def validate_repository(app: Services, given: Given) -> Answer:
    """Settles where the worker runs, in the region of the repository, and what it does there."""
    session, key = given["session"], given["key"]
    repository = app.catalog.sessions.set_source(session, key, State.RUNNING, again=True).source
    plan = SurveyPlan(
        repository=repository,
        read=given["kind"] == "rebuild",
        adopt=bool(given.get("adopt")),
        databases=given.get("databases") or [],
        dry_run=bool(given.get("dry_run")),
        worker_profile=given["worker_profile"],
        worker_region=app.repository(repository).region,
    )
    return {"plan": plan.model_dump(mode="json"), "detail": f"{plan.worker_region}"}


@bp.activity_trigger(input_name="given")
@answered(step="record")
def record_survey(app: Services, given: Given) -> Answer:
    """Takes in the next chains that the worker read; answers `pending` and where to go on until all are in.

    Safe to repeat: what a chain differs in is told once and mended once.
    """
    plan = SurveyPlan.model_validate(given["plan"])
    session, job, begin = given["session"], given["job"], int(given.get("begin", 0))
    result = app.dispatch.result(session, job)
    if result is None:
        raise HoldfastError(f"job {job} reported nothing")
    chains = [SurveyedChain.model_validate(chain) for chain in result.output["chains"]]
    as_of = app.catalog.jobs.get(job).submitted_at
    for chain in chains[begin : begin + _CHAINS]:
        _tell_owner(app, plan, session, job, chain)
        if chain.blob:
            place = Place(session, job, chain.source, plan.repository, chain.chain)
            read = json.loads(app.exports.read(chain.blob))
            synchronise(app, place, read, as_of=as_of, dry_run=plan.dry_run)
    end = begin + _CHAINS
    if end < len(chains):
        return {"pending": True, "begin": end}
    points = sum(chain.points for chain in chains)
    adopted = sum(chain.adopted for chain in chains)
    would = "would be " if plan.dry_run else ""
    taken = f", {adopted} {would}adopted" if plan.adopt else ""
    return {"detail": f"{counted(len(chains), 'chain')}, {counted(points, 'point')}{taken}"}


def _tell_owner(app: Services, plan: SurveyPlan, session: str, job: str, chain: SurveyedChain) -> None:
    if not chain.adopted:
        return
    before = f"installation {chain.owner}" if chain.owner else "no installation"
    done = "would be adopted" if plan.dry_run else f"adopted by installation {app.installation}"
    text = f"repository {plan.repository}: chain {chain.chain} of {before}, {counted(chain.points, 'point')}: {done}"
    app.catalog.log.write(session, "warning", text, source=chain.source, once=f"{job}-{chain.chain}-adopted")
