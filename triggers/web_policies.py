"""Pages of policies: look, write, check before saving, run, delete; retention with reasons; costs."""

from __future__ import annotations

from datetime import timedelta

from holdfast.catalog import Standing, first_id
from holdfast.model.costs import Estimate
from holdfast.model.errors import Conflict, HoldfastError, InvalidInput
from holdfast.model.policy import Policy
from holdfast.model.policy_schedules import Schedules
from holdfast.model.schedule import starts_after
from holdfast.model.session import Session
from holdfast.web.paging import paged
from holdfast.web.policies import (
    Alarm,
    ChainVerdicts,
    CostsPage,
    Editor,
    Plan,
    PolicyList,
    PolicyPage,
    PolicyRow,
    Removal,
    RetentionPage,
    Verdict,
)
from holdfast.web.policy_form import EXAMPLE, FieldError, as_yaml, line_of, read_policy
from holdfast.web.rendering import BASE
from holdfast.wiring import Services
from triggers.costing import EstimateCosts, estimated
from triggers.http_policies import check_names, delete_policy, planned
from triggers.http_retention import approve_retention
from triggers.http_sessions import run_policy
from triggers.visitors import Right
from triggers.web_table import Moved, Shown, Visit, page, to_session

_SHOWN_SOURCES = 50
_CHAINS = 10
_LAST_SESSIONS = timedelta(days=35)


@page("GET", "policies", "all policies: schedules, next run, last session")
def list_policies(visit: Visit) -> Shown:
    app, now = visit.app, visit.app.clock.now()
    last: dict[str | None, Session] = {}
    for session in app.catalog.sessions.list(after=first_id(now - _LAST_SESSIONS), kind="backup"):
        last[session.policy] = session
    found = sorted((stored.policy for stored in app.catalog.policies.list()), key=lambda one: (one.priority, one.name))
    return Shown("policies.html", PolicyList(policies=[_row(app, one, last.get(one.name)) for one in found]))


@page("GET", "new-policy", "a new policy, from an example", Right.OPERATE)
def new_policy(visit: Visit) -> Shown:
    return Shown("editor.html", Editor(name=None, yaml=EXAMPLE, etag=""))


@page(
    "POST", "policies/check", "reads a policy and shows its errors, or its plan and costs; saves nothing", Right.OPERATE
)
def check_policy(visit: Visit) -> Shown:
    return _checked(visit)[0]


@page("POST", "policies/save", "saves a policy that was checked", Right.OPERATE)
def save_policy(visit: Visit) -> Shown | Moved:
    """Checked again, since nobody must have come by the check. Whoever was faster is not overwritten."""
    shown, policy = _checked(visit)
    if policy is None:
        return shown
    try:
        visit.app.catalog.policies.put(policy, etag=visit.form.get("etag", ""))
    except Conflict as error:
        what = "there is one of that name already" if not visit.form.get("etag") else error.detail
        return _editor(visit, errors=[FieldError(field="name", message=f"{what}; nothing was saved")], status=409)
    return Moved(f"{BASE}policies/{policy.name}")


@page("GET", "policies/{name}", "one policy: as written, its databases, its next runs")
def show_policy(visit: Visit) -> Shown:
    app = visit.app
    stored = app.catalog.policies.get(visit.path["name"])
    approved = app.catalog.retention_runs.approved(stored.policy.name)
    alarms = app.catalog.retention_runs.alarms(stored.policy.name)
    return Shown(
        "policy.html",
        PolicyPage(
            name=stored.policy.name,
            yaml=as_yaml(stored.policy),
            changed_at=stored.changed_at,
            plan=_plan(app, stored.policy),
            alarms=sum(alarm.approval not in approved for alarm in alarms),
        ),
    )


@page("GET", "policies/{name}/edit", "the editor of a policy", Right.OPERATE)
def edit_policy(visit: Visit) -> Shown:
    stored = visit.app.catalog.policies.get(visit.path["name"])
    return Shown("editor.html", Editor(name=stored.policy.name, yaml=as_yaml(stored.policy), etag=stored.etag))


@page("POST", "policies/{name}/run", "runs a policy now", Right.OPERATE)
def run_now(visit: Visit) -> Moved:
    return to_session(run_policy(visit.call()))


@page("GET", "policies/{name}/delete", "asks before a policy is deleted", Right.ADMINISTER)
def ask_to_delete(visit: Visit) -> Shown:
    return _removal(visit)


@page("POST", "policies/{name}/delete", "deletes a policy whose name was typed", Right.ADMINISTER)
def delete_now(visit: Visit) -> Shown | Moved:
    if visit.form.get("typed") != visit.path["name"]:
        return _removal(visit, wrong=True)
    delete_policy(visit.call())
    return Moved(f"{BASE}policies")


@page("GET", "policies/{name}/retention", "every point with what the next retention would do with it, and why")
def show_retention(visit: Visit) -> Shown:
    return _retention(visit)


@page(
    "POST",
    "policies/{name}/approve",
    "approves what stopped retention, once the policy's name was typed",
    Right.ADMINISTER,
)
def approve(visit: Visit) -> Shown | Moved:
    if visit.form.get("typed") != visit.path["name"]:
        return _retention(visit, wrong=True)
    approve_retention(visit.call({"approval": visit.form.get("approval", "")}))
    return Moved(f"{BASE}policies/{visit.path['name']}/retention")


@page("GET", "costs", "what a policy costs a month, line by line, database by database")
def show_costs(visit: Visit) -> Shown:
    names = [stored.policy.name for stored in visit.app.catalog.policies.list()]
    chosen = visit.query.get("policy") or None
    estimate = estimated(visit.app, EstimateCosts(name=chosen)) if chosen else None
    return Shown("costs.html", CostsPage(policies=names, chosen=chosen, estimate=estimate))


def _row(app: Services, policy: Policy, last: Session | None) -> PolicyRow:
    return PolicyRow(
        name=policy.name,
        priority=policy.priority,
        next_run=next(starts_after(policy, app.clock.now()), None),
        schedules=[name for name in Schedules.model_fields if getattr(policy.schedules, name) is not None],
        staging=policy.staging is not None,
        immutable=policy.immutable,
        last_session=last.id if last else None,
        last_state=str(last.state) if last else None,
        last_at=last.started_at if last else None,
    )


def _plan(app: Services, policy: Policy) -> Plan:
    found = planned(app, policy)
    sources = found["sources"]
    return Plan.model_validate(
        {
            **found,
            "sources": sources[:_SHOWN_SOURCES],
            "total": len(sources),
            "taken": sum(one["taken_by"] == policy.name for one in sources),
        }
    )


def _checked(visit: Visit) -> tuple[Shown, Policy | None]:
    """The editor with what was found, and the policy where nothing is wrong with it."""
    read = read_policy(visit.form.get("yaml", ""))
    policy, was = read.policy, visit.form.get("name") or None
    if policy is None:
        return _editor(visit, errors=read.errors, status=400), None
    if was is not None and policy.name != was:
        wrong = FieldError(field="name", message=f"this is policy {was!r}; write another name into a new policy")
        return _editor(visit, errors=[wrong], status=400), None
    try:
        check_names(visit.app, policy)
    except InvalidInput as error:
        field, _, told = error.detail.partition(": ")
        named = field if field in Policy.model_fields else ""
        line = line_of(visit.form["yaml"], named) if named else None
        wrong = FieldError(field=named, message=f"{told if named else error.detail}. {error.help}", line=line)
        return _editor(visit, errors=[wrong], status=400), None
    costs, unknown = _costs(visit.app, policy)
    shown = _editor(visit, checked=True, plan=_plan(visit.app, policy), costs=costs, costs_unknown=unknown)
    return shown, policy


def _editor(visit: Visit, *, status: int = 200, **more: object) -> Shown:
    given = {
        "name": visit.form.get("name") or None,
        "yaml": visit.form.get("yaml", ""),
        "etag": visit.form.get("etag", ""),
    }
    return Shown("editor.html", Editor.model_validate({**given, **more}), status=status)


def _costs(app: Services, policy: Policy) -> tuple[Estimate | None, str]:
    """An estimate that cannot be made keeps nobody from saving."""
    try:
        return estimated(app, EstimateCosts(policy=policy)), ""
    except HoldfastError as error:
        return None, f"{error.title}: {error.detail}"


def _removal(visit: Visit, *, wrong: bool = False) -> Shown:
    policy = visit.app.catalog.policies.get(visit.path["name"]).policy
    taken = _plan(visit.app, policy).taken
    return Shown("removal.html", Removal(name=policy.name, sources=taken, wrong=wrong), status=400 if wrong else 200)


def _retention(visit: Visit, *, wrong: bool = False) -> Shown:
    app, glob = visit.app, visit.query.get("database", "").strip()
    name = app.catalog.policies.get(visit.path["name"]).policy.name
    standings = sorted(
        app.catalog.standings(policy=name, database=glob or None), key=lambda one: (one.source.lower(), one.repository)
    )
    shown, pager = paged(standings, visit.page(), _CHAINS, {"database": glob})
    approved = app.catalog.retention_runs.approved(name)
    expires = sum(len(one.expired) for one in standings)
    view = RetentionPage(
        name=name,
        chains=[_verdicts(one) for one in shown],
        pager=pager,
        keeps=sum(len(one.verdicts) for one in standings) - expires,
        expires=expires,
        alarms=[
            Alarm(**alarm.model_dump(), approved=alarm.approval in approved)
            for alarm in app.catalog.retention_runs.alarms(name)
        ],
        database=glob,
        wrong=wrong,
    )
    return Shown("retention.html", view, status=400 if wrong else 200)


def _verdicts(standing: Standing) -> ChainVerdicts:
    expires = len(standing.expired)
    return ChainVerdicts(
        source=standing.source,
        chain=standing.chain,
        repository=standing.repository,
        tier=standing.points[-1].tier,
        keeps=len(standing.verdicts) - expires,
        expires=expires,
        points=[
            Verdict(**{name: getattr(one, name) for name in Verdict.model_fields}) for one in standing.verdicts[::-1]
        ],
    )
