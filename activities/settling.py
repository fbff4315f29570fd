"""Settles how long a new point is kept, before it is written: flags and ends go into its manifest."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

from activities.answering import Given
from holdfast.model.clock import parse_iso
from holdfast.model.flags import Carried, Claim, ClaimKey, claims_found, stamp
from holdfast.model.keeping import Keep, archived_flags, hold_of, keeps_of, until
from holdfast.model.plan import BackupPlan
from holdfast.model.point import RestorePoint
from holdfast.model.policy import Policy
from holdfast.model.schedule import slot_day
from holdfast.model.terms import Terms, claims_of, recorded
from holdfast.wiring import Services


def settle(app: Services, given: Given, plan: BackupPlan) -> Terms | None:
    """The terms of the point that this session makes; remembers what archiving will need. Repeated, the same terms."""
    session = app.catalog.sessions.get(given["session"], sources=False)
    if session.policy is None:
        return None
    policy = app.catalog.policies.get(session.policy).policy
    points = [point for point in app.catalog.points.list(chain=plan.source.chain).points if point.id != plan.point]
    claims = _claims(app, policy, plan.source.chain, points)
    proven = _proven(app, plan, points)
    if session.slot is None:
        day = plan.created_at.astimezone(policy.zone).date()
        wanted = given.get("hold_days")
        held = hold_of(policy, day) if wanted is None else until(Keep(wanted, "days"), day)
        return _terms(policy, day, claims, hold_until=held, **proven)
    day = slot_day(policy, parse_iso(session.slot))
    due = stamp(policy, plan.source.chain, plan.point, day, claims)
    if due.archive_flags:
        app.catalog.sessions.set_source(
            given["session"], given["key"], archive_due=True, archive_flags=due.archive_flags
        )
    return _terms(policy, day, {**claims, **due.claims}, until=due.untils, archive=due.archive_untils, **proven)


def settle_copy(policy: Policy, point: RestorePoint) -> Terms:
    """The terms of a point's copy in the archive repository: what was stamped for it; on demand, the policy's longest."""
    terms = point.terms
    day = terms.day if terms is not None else point.created_at.astimezone(policy.zone).date()
    if terms is not None and terms.archive:
        return Terms(policy=terms.policy, zone=terms.zone, day=day, until=terms.archive)
    keeps, away = keeps_of(policy.schedules), archived_flags(policy.schedules)
    ends = [until(keep, day) for flag, keep in keeps.items() if flag in away or not away]
    return Terms(policy=policy.name, zone=policy.time_zone, day=day, hold_until=max(ends, default=None))


def _terms(policy: Policy, day: date, claims: dict[ClaimKey, Claim], **settled: object) -> Terms:
    ours = [(key, claim) for key, claim in claims.items() if key.policy == policy.name]
    return Terms.model_validate(
        {"policy": policy.name, "zone": policy.time_zone, "day": day, "claims": recorded(ours), **settled}
    )


def _proven(app: Services, plan: BackupPlan, points: list[RestorePoint]) -> dict[str, object]:
    """What was found out of earlier points, so that it is known again after the loss of the catalog."""
    mine = [point for point in points if point.repository == plan.repository]
    if not any(point.terms is not None and point.terms.archive for point in mine):
        return {}
    standing = app.catalog.retention.facts((plan.repository, plan.source.chain)).candidates(mine, ZoneInfo("UTC"))
    return {
        "archived": [one.id for one in standing if one.used_for_archive and not one.archive_pending],
        "verified": next((one.id for one in reversed(standing) if one.verified), None),
    }


def _claims(app: Services, policy: Policy, chain: str, points: list[RestorePoint]) -> dict[ClaimKey, Claim]:
    """The chain's claims: as they were recorded, as manifests carry them, and as the points' flags prove them."""
    carried = [
        Carried(
            point.id,
            point.terms.day if point.terms is not None else slot_day(policy, point.created_at),
            frozenset([*point.flags, *(point.terms.archive if point.terms is not None else ())]),
        )
        for point in points
        if point.terms is None or point.terms.policy == policy.name
    ]
    found = claims_found(policy, chain, carried)
    for point in points:
        if point.terms is not None:
            found |= claims_of(chain, point.terms)
    return {**found, **app.catalog.retention.claims(chain)}
