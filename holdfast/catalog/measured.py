"""What past sessions took and stored, for whoever reckons what the next ones will."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from holdfast.catalog.database import Catalog
from holdfast.catalog.sessions import first_id
from holdfast.model.costs.calibration import Measurement
from holdfast.model.errors import NotFound
from holdfast.model.point import RestorePoint
from holdfast.model.session import Session, SourceRun, State
from holdfast.model.source import Source

#: Sessions that are older say little of today.
_LOOK_BACK = timedelta(days=120)
#: So many databases stand for all: each is a few reads of the catalog for every session.
_MOST_SOURCES = 30


def past_measurements(
    catalog: Catalog, policy: str, repository: str, sources: Sequence[Source], sessions: int, now: datetime
) -> list[Measurement]:
    """Of the last backup sessions of the policy, or of all policies where it has none yet.

    At most thirty of the sources are looked at, in the order in which they are given.
    """
    if sessions <= 0:
        return []
    since = first_id(now - _LOOK_BACK)
    past = _ended(catalog.sessions.list(after=since, policy=policy, kind="backup"))
    past = past or _ended(catalog.sessions.list(after=since, kind="backup"))
    found: list[Measurement] = []
    for source in sources[:_MOST_SOURCES] if past else ():
        points = catalog.points.list(chain=source.chain, repository=repository).points
        for session in past[-sessions:]:
            measurement = _measured(catalog, session, source, points)
            if measurement is not None:
                found.append(measurement)
    return found


def _ended(sessions: Sequence[Session]) -> list[Session]:
    return [session for session in sessions if session.state in (State.SUCCEEDED, State.PARTIAL)]


def _measured(catalog: Catalog, session: Session, source: Source, points: Sequence[RestorePoint]) -> Measurement | None:
    try:
        run = catalog.sessions.source(session.id, source.key)
    except NotFound:
        return None
    place = next((n for n, point in enumerate(points) if point.id == run.restore_point), None)
    if run.state is not State.SUCCEEDED or place is None or not points[place].inflated_bytes:
        return None
    point = points[place]
    return Measurement(
        session=session.id,
        source=source.name,
        inflated_bytes=point.inflated_bytes,
        stored_bytes=point.stored_bytes,
        full=point.kind == "full",
        since_last=point.created_at - points[place - 1].created_at if place else None,
        copy_time=_took(run, "stage"),
        export_time=_took(run, "export"),
        store_time=_took(run, "store"),
    )


def _took(run: SourceRun, name: str) -> timedelta | None:
    step = next((step for step in run.steps if step.name == name), None)
    if step is None or step.state is not State.SUCCEEDED or step.started_at is None or step.ended_at is None:
        return None
    return step.ended_at - step.started_at
