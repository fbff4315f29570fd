"""The first page, and the parts of it that are fetched on their own."""

from __future__ import annotations

from datetime import timedelta

from holdfast import __version__
from holdfast.catalog import first_id
from holdfast.model.errors import HoldfastError
from holdfast.model.session import Session, State
from holdfast.web.charts import session_bars
from holdfast.web.overview import Overview, Running, attention, tiles
from holdfast.web.sessions import SessionLine, session_line
from holdfast.web.sources import SourceRow
from holdfast.wiring import Services
from triggers.web_sources import rows
from triggers.web_table import Shown, Visit, page

_DAYS = 14
_RECENT = 8


@page("GET", "", "is everything protected, proven and well; what runs; what needs a person")
def overview(visit: Visit) -> Shown:
    app, now = visit.app, visit.app.clock.now()
    sources, unreachable = _sources(app)
    sessions = app.catalog.sessions.list(after=first_id(now - timedelta(days=_DAYS)))
    policies = [stored.policy.name for stored in app.catalog.policies.list()]
    alarms = [
        (name, alarm.detail)
        for name in policies
        for approved in [app.catalog.retention_runs.approved(name)]
        for alarm in app.catalog.retention_runs.alarms(name)
        if alarm.approval not in approved
    ]
    standing = {name: app.catalog.outbox.standing(name) for name in sorted(app.settings.notification_channels)}
    return Shown(
        "overview.html",
        Overview(
            version=__version__,
            tiles=tiles(sources, _failed(app, sessions), now),
            attention=attention(
                sources=sources,
                alarms=alarms,
                channels=[(name, found.failure) for name, found in standing.items() if found.failure],
            ),
            running=_running(app),
            recent=[session_line(one, now) for one in sessions[: -_RECENT - 1 : -1]],
            bars=session_bars(sessions, now.date(), _DAYS),
            policies=len(policies),
            unreachable=unreachable,
        ),
    )


@page("GET", "running", "the part of the overview that is fetched again every few seconds")
def running(visit: Visit) -> Shown:
    return Shown("running.html", Running(running=_running(visit.app)))


def _sources(app: Services) -> tuple[list[SourceRow], str]:
    """A control plane that does not answer must not hide what the catalog knows."""
    try:
        return rows(app), ""
    except HoldfastError as error:
        return [], f"{error.title}: {error.detail}"


def _running(app: Services) -> list[SessionLine]:
    now = app.clock.now()
    return [session_line(one, now) for one in app.catalog.sessions.unended()]


def _failed(app: Services, sessions: list[Session]) -> int:
    """Databases that failed in the newest ended backup session of their policy."""
    newest: dict[str | None, Session] = {}
    for one in sessions:
        if one.kind == "backup" and one.ended_at is not None and one.state is not State.CANCELLED:
            newest[one.policy] = one
    bad = [one for one in newest.values() if one.state in (State.FAILED, State.PARTIAL)]
    counts = [app.catalog.sessions.counts(one.id)[State.FAILED] for one in bad]
    # A session that failed before it knew its databases is a failure all the same.
    return sum(max(1, count) for count in counts)
