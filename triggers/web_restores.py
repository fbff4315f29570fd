"""Pages of restores: the dialog of a point, with its plan before anything is done."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from holdfast.model.errors import InvalidInput
from holdfast.model.policy import explain_validation
from holdfast.web.restores import Asked, RestorePage, RestorePlan
from triggers.http_restores import plan_restore, start_restore
from triggers.visitors import Right
from triggers.web_table import Moved, Shown, Visit, page, to_session


@page("GET", "points/{id}/restore", "the dialog that restores a point to a database", Right.RESTORE)
def ask_for_restore(visit: Visit) -> Shown:
    return _page(visit, visit.query.get("repository"), Asked())


@page(
    "POST",
    "points/{id}/restore-plan",
    "what a restore would do, with everything that is checked; does nothing",
    Right.RESTORE,
)
def show_plan(visit: Visit) -> Shown:
    return _planned(visit)


@page(
    "POST", "points/{id}/restore", "restores a point; in place of the original once its name was typed", Right.RESTORE
)
def restore(visit: Visit) -> Shown | Moved:
    asked = _asked(visit)
    confirm = _confirm(visit, asked)
    if confirm and visit.form.get("typed") != confirm:
        return _planned(visit, wrong=True)
    return to_session(start_restore(visit.call(_body(visit, asked))))


def _planned(visit: Visit, *, wrong: bool = False) -> Shown:
    asked = _asked(visit)
    plan = RestorePlan.model_validate(plan_restore(visit.call(_body(visit, asked))).value, extra="ignore")
    confirm = _confirm(visit, asked)
    return _page(visit, visit.form.get("repository"), asked, plan=plan, confirm=confirm, wrong=wrong)


def _page(visit: Visit, repository: str | None, asked: Asked, **more: Any) -> Shown:
    app = visit.app
    point = app.catalog.points.get(visit.path["id"], repository=repository or None)
    view = RestorePage(
        point=point.id,
        repository=point.repository,
        source=point.source,
        created_at=point.created_at,
        tier=point.tier,
        asked=asked,
        workers=sorted(app.settings.worker_profiles),
        currency=app.prices.currency,
        **more,
    )
    return Shown("restore.html", view, status=400 if more.get("wrong") else 200)


def _asked(visit: Visit) -> Asked:
    form = {name: value.strip() for name, value in visit.form.items()}
    given: dict[str, Any] = {
        name: form[name] for name in ("to", "sku", "pool", "verify", "priority", "worker") if form.get(name)
    }
    given |= {name: form.get(name) == "yes" for name in ("original", "managed_instance")}
    try:
        return Asked.model_validate(given)
    except ValidationError as error:
        raise InvalidInput(explain_validation(error)) from None


def _body(visit: Visit, asked: Asked) -> dict[str, Any]:
    """As the API takes it: what was left empty is not said."""
    told = {name: value for name, value in asked.model_dump().items() if value not in ("", False)}
    return {"point": visit.path["id"], "repository": visit.form.get("repository") or None, **told}


def _confirm(visit: Visit, asked: Asked) -> str:
    """The name of the database that makes room."""
    if not asked.original:
        return ""
    point = visit.app.catalog.points.get(visit.path["id"], repository=visit.form.get("repository") or None)
    return point.source
