"""Takes in what a job came to: the step's state, the session's log, the catalog."""

from __future__ import annotations

from collections.abc import Callable

import azure.durable_functions as df

from activities.answering import Answer, Given, answered, brief
from activities.lease_worker import of_source
from activities.retain_batch import locked, retained
from activities.submit_job import step_of
from activities.synchronising import Place, synchronise
from holdfast.model.counted import counted
from holdfast.model.errors import Cancelled, ErrorInfo, HoldfastError, ReportedError, StepTooLong, WorkerLost
from holdfast.model.job import JobResult
from holdfast.model.plan import BackupPlan
from holdfast.model.preflight.finding import Finding
from holdfast.model.session import State
from holdfast.model.transformation import Transformation
from holdfast.wiring import Services

bp = df.Blueprint()


@bp.activity_trigger(input_name="given")
@answered(cancellable=False)
def collect_job(app: Services, given: Given) -> Answer:
    """Ends the step; a job that failed is told as `error`.

    A job without a result by now has passed its deadline and is given up: the result is written for it, so that its
    worker stops, or finds the job ended when it comes back.
    """
    session, key, kind = given["session"], given["key"], given["kind"]
    result = app.dispatch.result(session, given["job"])
    if result is None:
        result = app.dispatch.end(session, _late(app, session, given["job"], kind))
    app.catalog.jobs.close(given["job"])
    if result.state == "succeeded":
        answer = _TAKE_IN[kind](app, given, result)
        detail = str(answer.pop("detail", ""))
        if of_source(given):
            app.catalog.sessions.set_step(session, key, step_of(kind), State.SUCCEEDED, detail)
        return {**answer, "job": given["job"]}
    error = _error(result)
    if result.state == "lost":
        app.catalog.workers.set_state(given["worker"], "failed", failure=error.detail)
    state = State.CANCELLED if isinstance(error, Cancelled) else State.FAILED
    source = None
    if of_source(given):
        source = app.catalog.sessions.set_step(session, key, step_of(kind), state, error.detail).source
        _tell_repairs(app, given, result)
    app.catalog.log.write(session, "error", f"{kind}, attempt {given['attempt']}: {error}. {error.help}", source=source)
    return {"error": brief(error.info()), "job": given["job"]}


def lost(app: Services, job: str, kind: str) -> JobResult:
    """The result of a job whose worker fell silent."""
    return _given_up(app, job, kind, WorkerLost(f"no sign of life for {app.settings.lost_after}"))


def _late(app: Services, session: str, job: str, kind: str) -> JobResult:
    """The result of a job that is still in hand at its deadline; where it stands may say why."""
    sign = app.dispatch.heartbeat(session, job)
    stood = f", and was last {sign.progress.phase}" if sign and sign.progress.phase else ""
    return _given_up(app, job, kind, StepTooLong(f"{kind} had not ended after {app.settings.job_deadline}{stood}"))


def _given_up(app: Services, job: str, kind: str, error: HoldfastError) -> JobResult:
    return JobResult.model_validate(
        {"job": job, "kind": kind, "state": "lost", "ended_at": app.clock.now(), "error": error.info()}
    )


def _error(result: JobResult) -> HoldfastError:
    if result.state == "cancelled":
        return Cancelled("the worker stopped")
    return ReportedError(result.error or ErrorInfo(code="internal", title="The worker gave no reason"))


def _synchronise(app: Services, given: Given, result: JobResult) -> Answer:
    """Makes the catalog agree with the repository, and tells what differed."""
    plan = BackupPlan.model_validate(given["plan"])
    source = app.catalog.sessions.source(given["session"], given["key"]).source
    as_of = app.catalog.jobs.get(given["job"]).submitted_at
    place = Place(given["session"], given["job"], source, plan.repository, plan.source.chain)
    return {"detail": synchronise(app, place, result.output, as_of=as_of)}


def _preflight(app: Services, given: Given, result: JobResult) -> Answer:
    _tell_repairs(app, given, result)
    source = app.catalog.sessions.source(given["session"], given["key"]).source
    findings = [Finding.model_validate(f) for f in result.output.get("findings", [])]
    for finding in findings:
        app.catalog.log.write(given["session"], "warning", str(finding), source=source)
    done = len(result.output.get("transformations", []))
    said = [f"{len(findings)} warnings"] if findings else [] if done else ["nothing found"]
    return {"detail": ", ".join([*said, *([f"{done} repairs on the copy"] if done else [])])}


def _tell_repairs(app: Services, given: Given, result: JobResult) -> None:
    """What was changed on the copy goes into the log, also where the job failed all the same."""
    source = app.catalog.sessions.source(given["session"], given["key"]).source
    for one in result.output.get("transformations", []):
        text = f"on the staging copy only: {Transformation.model_validate(one)}"
        app.catalog.log.write(given["session"], "warning", text, source=source)
    for refused in result.output.get("refused", []):
        text = f"a repair of the staging copy did not succeed: {refused}"
        app.catalog.log.write(given["session"], "warning", text, source=source)


def _export(app: Services, given: Given, result: JobResult) -> Answer:
    out = result.output
    return {"detail": f"{out.get('rows', 0):,} rows, {out.get('bytes', 0):,} bytes"}


def _stored(app: Services, given: Given, result: JobResult) -> Answer:
    point = result.output.get("point", {})
    return {"detail": f"{point.get('kind', '')}, {point.get('stored_bytes', 0):,} bytes stored"}


def _rehydrate(app: Services, given: Given, result: JobResult) -> Answer:
    out = result.output
    pending = "" if out["ready"] else f"{out['pending']} packs, {out['bytes']:,} bytes to come"
    return {"ready": out["ready"], "detail": pending or "readable"}


def _download(app: Services, given: Given, result: JobResult) -> Answer:
    return {"detail": f"{result.output['bytes']:,} bytes"}


def _loaded(app: Services, given: Given, result: JobResult) -> Answer:
    """Says in the log what the table had and did not get; nothing is left out in silence."""
    out = result.output
    source = app.catalog.sessions.source(given["session"], given["key"]).source
    for number, what in enumerate(out["left_out"]):
        app.catalog.log.write(
            given["session"], "warning", f"{out['table']}: left out: {what}", source=source, once=f"left-out-{number}"
        )
    return {
        "detail": f"{out['table']}: {counted(out['rows'], 'row')}, {counted(len(out['left_out']), 'thing')} left out"
    }


def _held(app: Services, given: Given, result: JobResult) -> Answer:
    out = result.output
    return {"detail": f"{out['objects']:,} objects, {out['changed']:,} of them just now"}


def _surveyed(app: Services, given: Given, result: JobResult) -> Answer:
    return {"detail": counted(len(result.output["chains"]), "chain")}


def _fetched(app: Services, given: Given, result: JobResult) -> Answer:
    return {"detail": f"{result.output['bytes']:,} bytes, every entry verified"}


def _imported(app: Services, given: Given, result: JobResult) -> Answer:
    return {"detail": f"{counted(result.output['rows'], 'row')} in {result.output['seconds']:.0f} s"}


def _verified(app: Services, given: Given, result: JobResult) -> Answer:
    return {"detail": "; ".join(f"{one['what']}: {one['outcome']}" for one in result.output["compared"])}


def _renamed(app: Services, given: Given, result: JobResult) -> Answer:
    return {"detail": ", ".join(result.output["renamed"])}


_TAKE_IN: dict[str, Callable[[Services, Given, JobResult], Answer]] = {
    "synchronise": _synchronise,
    "preflight": _preflight,
    "export": _export,
    "store": _stored,
    "archive": _stored,
    "rehydrate": _rehydrate,
    "download": _download,
    "table": _download,
    "load": _loaded,
    "lock": locked,
    "retain": retained,
    "hold": _held,
    "survey": _surveyed,
    "fetch": _fetched,
    "import": _imported,
    "verify": _verified,
    "rename": _renamed,
}
