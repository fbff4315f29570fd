"""Says of points why they are kept: the verdicts of retention, as the lists of points show them."""

from __future__ import annotations

from collections.abc import Iterable

from holdfast.model.point import RestorePoint
from holdfast.model.retention import Candidate, verdicts
from holdfast.wiring import Services

#: Chains of one answer of which everything is asked. Of more, what their points' own ends say is enough where it says
#: enough: a list of all points of a thousand databases must not ask the catalog thousands of questions.
_CLOSELY = 20


def with_reasons(app: Services, points: Iterable[RestorePoint]) -> list[RestorePoint]:
    """The same points with `kept_because`."""
    known = list(points)
    now = app.clock.now()
    chains = {point.chain for point in known}
    if len(chains) > _CLOSELY:
        chains = {point.chain for point in known if point.terms is None or not point.terms.keeps(now)}
    told: dict[tuple[str, str], list[str]] = {}
    for chain in sorted(chains):
        for standing in app.catalog.standings(chain=chain):
            told |= {(standing.repository, verdict.id): list(verdict.reasons) for verdict in standing.verdicts}
    return [
        point.model_copy(
            update={"kept_because": told.get((point.repository, point.id)) or _by_its_own_ends(app, point)}
        )
        if point.state == "present"
        else point
        for point in known
    ]


def _by_its_own_ends(app: Services, point: RestorePoint) -> list[str]:
    terms, today = point.terms, app.clock.now().date()
    candidate = Candidate(
        id=point.id,
        day=terms.day if terms is not None else point.created_at.date(),
        created_at=point.created_at,
        untils=terms.until if terms is not None else {},
        flags=tuple(point.flags),
        used_for_archive=tuple(terms.archive) if terms is not None else (),
        hold_until=terms.hold_until if terms is not None else None,
    )
    (verdict,) = verdicts([candidate], today, tier=point.tier, now=app.clock.now())
    return list(verdict.reasons)
