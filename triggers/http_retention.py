"""Retention over HTTP: verdicts, alarms and their approval, re-applying a policy, holds."""

from __future__ import annotations

from datetime import date
from typing import Any

from holdfast.catalog import Standing
from holdfast.model.clock import iso
from holdfast.model.errors import InvalidInput
from holdfast.model.reapplying import Reapplied, reapplied
from holdfast.model.source import source_key
from triggers.http_sessions import started
from triggers.routes import AFTER, IDEMPOTENCY, LIMIT, Call, Parameter, Reply, page, route
from triggers.views import (
    AlarmView,
    Approval,
    HoldPoint,
    ReappliedView,
    Reapply,
    RetentionLogView,
    RunRetention,
    SessionView,
    VerdictView,
)

_MOST = 500
_STARTS: dict[str, Any] = {"gives": SessionView, "status": 202, "parameters": (IDEMPOTENCY,)}


@route(
    "GET",
    "retention",
    "Every point with its verdict: what the next retention would keep and delete, and why",
    gives=VerdictView,
    many=True,
    parameters=(
        Parameter("policy", "only chains that this policy answers for"),
        Parameter("database", "glob over `database`, or `server/database`"),
    ),
)
def show_retention(call: Call) -> Reply:
    policy, database = call.query.get("policy"), call.query.get("database")
    if policy:
        call.app.catalog.policies.get(policy)  # a misspelt name is not a policy without points
    found = call.app.catalog.standings(policy=policy or None, database=database or None)
    return Reply(page([view for standing in found for view in _verdicts(standing)], None))


def _verdicts(standing: Standing) -> list[dict[str, Any]]:
    return [
        {
            "policy": standing.policy.name,
            "source": standing.source,
            "chain": standing.chain,
            "repository": standing.repository,
            "tier": standing.points[-1].tier,
            "id": verdict.id,
            "day": verdict.day.isoformat(),
            "flags": list(verdict.flags),
            "until": _day(verdict.until),
            "expires_on": _day(verdict.expires_on),
            "keep": verdict.keep,
            "reasons": list(verdict.reasons),
        }
        for verdict in standing.verdicts
    ]


@route("POST", "policies/{name}/retention", "Runs retention of a policy now", takes=RunRetention, **_STARTS)
def start_retention(call: Call) -> Reply:
    call.body(RunRetention)
    policy = call.app.catalog.policies.get(call.path["name"]).policy
    return started(call, "retention", policy.name, {}, f"{policy.name}-retention")


@route("GET", "policies/{name}/alarms", "What stopped the policy's last retention", gives=AlarmView, many=True)
def list_alarms(call: Call) -> Reply:
    policy = call.app.catalog.policies.get(call.path["name"]).policy
    approved = call.app.catalog.retention_runs.approved(policy.name)
    found = call.app.catalog.retention_runs.alarms(policy.name)
    return Reply(page([{**alarm.model_dump(), "approved": alarm.approval in approved} for alarm in found], None))


@route(
    "POST",
    "policies/{name}/approve",
    "Approves an alarm: the next retention deletes exactly what was shown",
    takes=Approval,
    gives=AlarmView,
)
def approve_retention(call: Call) -> Reply:
    asked = call.body(Approval)
    policy = call.app.catalog.policies.get(call.path["name"]).policy
    for alarm in call.app.catalog.retention_runs.alarms(policy.name):
        if alarm.approval == asked.approval:
            call.app.catalog.retention_runs.approve(policy.name, alarm.approval)
            return Reply({**alarm.model_dump(), "approved": True})
    raise InvalidInput(
        f"no alarm of policy {policy.name} has the approval {asked.approval!r}",
        help=f"`holdfast retention alarms --policy {policy.name}` lists those of its last run; what would be deleted may "
        "have changed since.",
    )


@route(
    "POST",
    "policies/{name}/reapply",
    "Lengthens the ends of points that exist to what the policy says now",
    takes=Reapply,
    gives=ReappliedView,
    many=True,
)
def reapply_policy(call: Call) -> Reply:
    """Never shortens: an end that was stamped is a promise. Only points that change, or that a note is about, are told."""
    asked = call.body(Reapply)
    app = call.app
    policy = app.catalog.policies.get(call.path["name"]).policy
    told = []
    for standing in app.catalog.standings(policy=policy.name):
        points = {point.id: point for point in standing.points}
        for one in reapplied(policy, standing.candidates, tier=standing.points[-1].tier):
            if one.changed and not asked.dry_run:
                app.catalog.retention.lengthen(points[one.id], one.after)
            if one.changed or any("stays" in note for note in one.notes):
                told.append(_reapplied(standing, one))
    return Reply(page(told, None))


def _reapplied(standing: Standing, one: Reapplied) -> dict[str, Any]:
    return {
        "id": one.id,
        "source": standing.source,
        "repository": standing.repository,
        "day": one.day.isoformat(),
        "before": {flag: end.isoformat() for flag, end in one.before.items()},
        "after": {flag: end.isoformat() for flag, end in one.after.items()},
        "changed": one.changed,
        "notes": list(one.notes),
    }


@route(
    "GET",
    "policies/{name}/retention/log",
    "Points that retention deleted, oldest first, and why it could",
    gives=RetentionLogView,
    many=True,
    parameters=(AFTER, LIMIT),
)
def list_deletions(call: Call) -> Reply:
    limit = call.number("limit", 100, _MOST)
    found = call.app.catalog.retention_runs.log(call.path["name"], after=call.query.get("after", ""), limit=limit)
    lines = [{**entry.model_dump(mode="json"), "at": iso(entry.at)} for _, entry in found]
    return Reply(page(lines, found[-1][0] if len(found) == limit else None))


@route("POST", "points/{id}/hold", "Keeps a point until it is released, whatever its age", takes=HoldPoint, **_STARTS)
def start_hold(call: Call) -> Reply:
    return _held(call, on=True)


@route("POST", "points/{id}/release", "Ends a hold", takes=HoldPoint, **_STARTS)
def start_release(call: Call) -> Reply:
    return _held(call, on=False)


def _held(call: Call, *, on: bool) -> Reply:
    asked = call.body(HoldPoint)
    point = call.app.catalog.points.get(call.path["id"], repository=asked.repository)
    call.app.worker_profile(asked.worker)
    given: dict[str, object] = {
        "point": point.id,
        "repository": point.repository,
        "key": source_key(point.source),
        "on": on,
        "reason": asked.reason,
        "worker_profile": asked.worker,
    }
    return started(call, "hold", None, given, "hold" if on else "release")


def _day(day: date | None) -> str | None:
    return day.isoformat() if day is not None else None
