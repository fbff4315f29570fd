"""Sessions over HTTP: start, look, cancel."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from typing import Any

from holdfast import __version__
from holdfast.catalog import new_id
from holdfast.model.drill import restore_of
from holdfast.model.errors import InvalidInput, NotFound
from holdfast.model.session import Session, SessionKind, State
from holdfast.model.source import source_key
from triggers.routes import AFTER, IDEMPOTENCY, LIMIT, Call, Parameter, Reply, page, route
from triggers.starting import Start, record
from triggers.views import (
    LogLine,
    RunPolicy,
    SessionView,
    SourceProgress,
    StartArchive,
    StartBackup,
    StartDownload,
    StartPreflight,
    StatusView,
    WorkerView,
    session_view,
)

_MOST = 500

#: What all routes have in common that start a session.
STARTS: dict[str, Any] = {"gives": SessionView, "status": 202, "parameters": (IDEMPOTENCY,)}


def started(call: Call, kind: SessionKind, policy: str | None, given: dict[str, object], word: str) -> Reply:
    """Records a session and answers with it; it begins once the answer is on its way. The same idempotency key gives the
    same session."""
    app, now = call.app, call.app.clock.now()
    key = call.headers.get("idempotency-key")
    session_id = new_id(now, word)
    if key:
        # The same key with another request is another request.
        asked = json.dumps([kind, key, policy, given], sort_keys=True)
        mark = hashlib.sha256(asked.encode()).hexdigest()[:32]
        session_id = app.catalog.sessions.once(mark, session_id)
    session = Session(id=session_id, policy=policy, kind=kind, started_at=now)
    found = record(app, Start(session))
    start = Start(session, given) if found.state is State.PENDING else None
    return Reply(
        session_view(app, found),
        status=202,
        start=start,
        headers={"Location": f"/api/sessions/{session_id}"},
    )


@route(
    "POST",
    "backups",
    "Starts a backup on demand",
    takes=StartBackup,
    gives=SessionView,
    status=202,
    parameters=(IDEMPOTENCY,),
)
def start_backup(call: Call) -> Reply:
    asked = call.body(StartBackup)
    call.app.catalog.policies.get(asked.policy)
    given: dict[str, object] = {
        "databases": asked.databases,
        "staging": asked.staging,
        "hold_days": asked.hold_days,
    }
    return started(call, "backup", asked.policy, given, asked.policy)


@route(
    "POST",
    "policies/{name}/run",
    "Runs a policy now",
    takes=RunPolicy,
    gives=SessionView,
    status=202,
    parameters=(IDEMPOTENCY,),
)
def run_policy(call: Call) -> Reply:
    asked = call.body(RunPolicy)
    policy = call.app.catalog.policies.get(call.path["name"]).policy
    return started(call, "backup", policy.name, {"staging": asked.staging}, policy.name)


@route(
    "POST",
    "archives",
    "Archives the newest points",
    takes=StartArchive,
    gives=SessionView,
    status=202,
    parameters=(IDEMPOTENCY,),
)
def start_archive(call: Call) -> Reply:
    asked = call.body(StartArchive)
    policy = call.app.catalog.policies.get(asked.policy).policy
    return started(call, "archive", policy.name, {"databases": asked.databases}, f"{policy.name}-archive")


@route(
    "POST",
    "points/{id}/download",
    "Writes a point as a BACPAC; the session's `download` then has a link",
    takes=StartDownload,
    **STARTS,
)
def start_download(call: Call) -> Reply:
    asked = call.body(StartDownload)
    point = call.app.catalog.points.get(call.path["id"], repository=asked.repository)
    call.app.worker_profile(asked.worker)
    given: dict[str, object] = {
        "point": point.id,
        "repository": point.repository,
        "key": source_key(point.source),
        "identical": asked.identical,
        "worker_profile": asked.worker,
    }
    return started(call, "download", None, given, "download")


@route(
    "POST",
    "preflights",
    "Looks at a source for what would make its export fail; the session then has `findings`",
    takes=StartPreflight,
    **STARTS,
)
def start_preflight(call: Call) -> Reply:
    asked = call.body(StartPreflight)
    call.app.worker_profile(asked.worker)
    given: dict[str, object] = {
        "source": asked.source,
        "key": source_key(asked.source),
        "worker_profile": asked.worker,
    }
    return started(call, "preflight", None, given, "preflight")


@route(
    "GET",
    "sessions",
    "Sessions, oldest first, without their sources",
    gives=SessionView,
    many=True,
    parameters=(AFTER, LIMIT, Parameter("policy", "only of this policy"), Parameter("state", "only in this state")),
)
def list_sessions(call: Call) -> Reply:
    limit = call.number("limit", 100, _MOST)
    try:
        state = State(call.query["state"]) if call.query.get("state") else None
    except ValueError:
        raise InvalidInput(f"state must be one of {', '.join(State)}, not {call.query['state']!r}") from None
    found = call.app.catalog.sessions.list(
        after=call.query.get("after", ""), limit=limit, policy=call.query.get("policy"), state=state
    )
    views = [session_view(call.app, s) for s in found]
    return Reply(page(views, found[-1].id if len(found) == limit else None))


@route("GET", "sessions/{id}", "One session with its sources and steps", gives=SessionView)
def get_session(call: Call) -> Reply:
    return Reply(session_view(call.app, call.app.catalog.sessions.get(call.path["id"]), link=True))


@route("DELETE", "sessions/{id}", "Cancels a session; it ends after its cleanup", gives=SessionView, status=202)
def cancel_session(call: Call) -> Reply:
    app, name = call.app, call.path["id"]
    app.catalog.sessions.request_cancel(name)
    # What a drill waits for is its restore, a session of its own.
    asked = {name}
    if app.catalog.sessions.get(name, sources=False).kind == "drill":
        with suppress(NotFound):
            app.catalog.sessions.request_cancel(restore_of(name))
            asked.add(restore_of(name))
    for job in app.catalog.jobs.open_jobs():
        if job.session in asked:
            app.dispatch.cancel(job.session, job.id)
    return Reply(session_view(app, app.catalog.sessions.get(name)), status=202)


@route("GET", "sessions/{id}/log", "The session's log, oldest first", gives=LogLine, many=True)
def session_log(call: Call) -> Reply:
    call.app.catalog.sessions.get(call.path["id"], sources=False)
    lines = call.app.catalog.log.read(call.path["id"])
    return Reply(page([line.model_dump(mode="json") for line in lines], None))


@route("GET", "sessions/{id}/progress", "What its workers do at this moment", gives=SourceProgress, many=True)
def session_progress(call: Call) -> Reply:
    app, name = call.app, call.path["id"]
    values = []
    for job in app.catalog.jobs.open_jobs():
        sign = app.dispatch.heartbeat(name, job.id) if job.session == name else None
        if sign is not None:
            progress = sign.progress.model_dump(mode="json")
            values.append({"source": job.source or "", "step": job.step, "worker": job.worker, "progress": progress})
    return Reply(page(values, None))


@route("GET", "workers", "The workers of the pool", gives=WorkerView, many=True)
def list_workers(call: Call) -> Reply:
    return Reply(
        page(
            [
                {"name": w.name, "region": w.region, "profile": w.profile, "state": w.state, "jobs": sorted(w.slots)}
                for w in call.app.catalog.workers.list()
            ],
            None,
        )
    )


@route("GET", "status", "The installation in short", gives=StatusView)
def status(call: Call) -> Reply:
    app = call.app
    return Reply(
        {
            "version": __version__,
            "installation": app.installation.id,
            "policies": len(app.catalog.policies.list()),
            "running_sessions": [s.id for s in app.catalog.sessions.unended()],
            "workers": len(list(app.catalog.workers.list())),
            "repositories": sorted(app.settings.repositories),
            "overdue": [found.source for found in app.catalog.promises.broken()],
            "failing_channels": [
                name for name in sorted(app.settings.notification_channels) if app.catalog.outbox.standing(name).failure
            ],
        }
    )
