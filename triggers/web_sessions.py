"""Pages of sessions: the list, one as it runs, its log, cancel."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode

from holdfast.catalog import first_id
from holdfast.model.job import Progress
from holdfast.model.session import State
from holdfast.web.paging import paged
from holdfast.web.rendering import BASE
from holdfast.web.sessions import (
    ENDED,
    File,
    LogPage,
    SessionList,
    SessionPage,
    counts_of,
    in_order,
    session_line,
    source_line,
)
from holdfast.wiring import Services
from triggers.http_sessions import cancel_session
from triggers.views import session_view
from triggers.visitors import Right
from triggers.web_table import Moved, Shown, Visit, page

_MOST = 50
_SOURCES = 50
_LOG = 200
_LINES = 500
#: How far back a list goes; each address asks for the next.
_WINDOWS = (7, 30, 365, 36500)


@page("GET", "sessions", "sessions, newest first, by policy and state")
def list_sessions(visit: Visit) -> Shown:
    """The catalog lists oldest first; so the newest are found by beginning a while ago, and further back if asked."""
    app, now = visit.app, visit.app.clock.now()
    policy, state = visit.query.get("policy", ""), visit.query.get("state", "")
    days = visit.query.get("days", "")
    wanted = State(state) if state in set(State) else None
    windows = [int(days)] if days in map(str, _WINDOWS) else list(_WINDOWS)
    for window in windows:
        since = now - timedelta(days=window) if window < _WINDOWS[-1] else now.replace(year=2000)
        found = app.catalog.sessions.list(after=first_id(since), policy=policy or None, state=wanted)
        if len(found) >= _MOST:
            break
    query = {"policy": policy, "state": state}
    shown, pager = paged(found[::-1], visit.page(), _MOST, {**query, "days": days})
    further = next((other for other in _WINDOWS if other > window), None)
    older = urlencode({name: value for name, value in {**query, "days": str(further)}.items() if value})
    view = SessionList(
        sessions=[session_line(one, now) for one in shown],
        pager=pager,
        policies=[stored.policy.name for stored in app.catalog.policies.list()],
        policy=policy,
        state=state,
        since=since,
        older=f"{BASE}sessions?{older}" if further is not None else None,
    )
    return Shown("sessions.html", view)


@page("GET", "sessions/{id}", "one session: steps and progress as they go, its log, its file")
def show_session(visit: Visit) -> Shown:
    return Shown("session.html", _session(visit))


@page("GET", "sessions/{id}/live", "the part of a session's page that is fetched again while it runs")
def live_session(visit: Visit) -> Shown:
    return Shown("session_live.html", _session(visit))


@page("GET", "sessions/{id}/log", "the whole log of a session")
def session_log(visit: Visit) -> Shown:
    app, name = visit.app, visit.path["id"]
    app.catalog.sessions.get(name, sources=False)
    lines = app.catalog.log.page(name, after=visit.query.get("after", ""), limit=_LINES)
    more = lines[-1][0] if len(lines) == _LINES else None
    return Shown("log.html", LogPage(id=name, lines=[line for _, line in lines], next=more))


@page("POST", "sessions/{id}/cancel", "cancels a session; it ends after its cleanup", Right.OPERATE)
def cancel(visit: Visit) -> Moved:
    cancel_session(visit.call())
    return Moved(f"{BASE}sessions/{visit.path['id']}")


def _session(visit: Visit) -> SessionPage:
    app, now = visit.app, visit.app.clock.now()
    found = app.catalog.sessions.get(visit.path["id"])
    ended = found.state in ENDED
    counts, done = counts_of(found.sources)
    shown, pager = paged(in_order(found.sources), visit.page(), _SOURCES, {})
    work = {} if ended else _work(app, found.id)
    told = session_view(app, found.model_copy(update={"sources": []}), link="restore" in visit.visitor.rights)
    log = app.catalog.log.read(found.id, limit=_LOG + 1)
    return SessionPage(
        session=session_line(found, now),
        ended=ended,
        cancel_requested=found.cancel_requested,
        error=found.error,
        counts=counts,
        done=done,
        sources=[source_line(one, work, now) for one in shown],
        pager=pager,
        file=File.model_validate(told["download"]) if told["download"] else None,
        retention=found.retention,
        restore=found.restore,
        findings=found.findings,
        log=log[:_LOG],
        log_cut=len(log) > _LOG,
    )


def _work(app: Services, session: str) -> dict[str, tuple[str, Progress]]:
    found = {}
    for job in app.catalog.jobs.open_jobs():
        sign = app.dispatch.heartbeat(session, job.id) if job.session == session and job.source else None
        if sign is not None and job.source:
            found[job.source] = (job.worker, sign.progress)
    return found
