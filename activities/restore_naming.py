"""The change of names at the end of a restore, in steps each of which can be found again after a crash.

In the original place the old database is tagged with the name that it had, then renamed aside, then the new one gets the
name. Whoever comes after a crash sees from names, Azure's own id and tags how far it was: the commit goes on, a failed
restore and the janitor move back. What has the name at any moment is one of the two, or nothing for a second.
"""

from __future__ import annotations

from activities.answering import Given
from holdfast.cloud import tags as marks
from holdfast.cloud.restore_targets import Found
from holdfast.model.errors import Conflict, HoldfastError, NameTaken
from holdfast.model.restore.errors import TargetFailed
from holdfast.model.restore.plan import RestorePlan
from holdfast.wiring import Services


def give_name(app: Services, plan: RestorePlan, given: Given, ours: dict[str, str]) -> None:
    """The verified database has its name afterwards, and what had it before stands aside. Safe to repeat.

    Raises NameTaken where something that nobody told of has a name that is needed, Conflict and what Azure refuses; then
    the old database has its name again, unless this process dies in between.
    """
    final = app.targets.find(plan.final_id)
    if final is None or not _restored(final, ours):
        if plan.managed:
            # An instance renames by T-SQL, on the worker, before this.
            raise Conflict(f"{plan.target.name}/{plan.database} does not show yet")
        if plan.replaces is not None:
            _make_room(app, plan, given, final)
        elif final is not None:
            raise NameTaken(f"{plan.target.name}/{plan.database} was made by somebody else meanwhile")
        _name(app, plan, ours)
        final = app.targets.find(plan.final_id)
    if final is not None and marks.is_marked(final.tags, "restore"):
        app.targets.tag(plan.final_id, {**marks.without_marks(final.tags), **_people_s(app, plan), **finished(ours)})


def finished(ours: dict[str, str]) -> dict[str, str]:
    """What a restored database is told by from then on: the session and the point. It is nobody's leftover any more."""
    return {marks.SESSION: ours[marks.SESSION], marks.POINT: ours[marks.POINT]}


def put_back(app: Services, plan: RestorePlan) -> None:
    """The old database has its name and its own tags again, if a restore that failed took them. Safe to repeat."""
    if plan.replaces is None:
        return
    final, aside = app.targets.find(plan.final_id), app.targets.find(plan.aside_id)
    if final is None and aside is not None and (plan.managed or aside.guid == plan.replaces.guid):
        if plan.managed:
            return  # the worker's job moves it back; nothing else can rename on an instance
        app.targets.rename(plan.aside_id, plan.database)
        final = app.targets.find(plan.final_id)
    if final is not None and marks.is_marked(final.tags, "replaced"):
        app.targets.tag(plan.final_id, marks.without_marks(final.tags))


def _restored(found: Found, ours: dict[str, str]) -> bool:
    """Whether it is this session's database, with its first tags or its last."""
    return all(found.tags.get(name) == value for name, value in finished(ours).items())


def _make_room(app: Services, plan: RestorePlan, given: Given, final: Found | None) -> None:
    assert plan.replaces is not None  # noqa: S101 (the caller asks only where something makes room)
    if final is None:
        aside = app.targets.find(plan.aside_id)
        if aside is None or aside.guid != plan.replaces.guid:
            raise TargetFailed(f"{plan.target.name}/{plan.database} is gone, and is not {plan.replaces.aside} either")
        return
    if final.guid != plan.replaces.guid:
        raise NameTaken(f"{plan.target.name}/{plan.database} is another database than when the restore began")
    mark_replaced(app, plan, given, final)
    app.targets.rename(plan.final_id, plan.replaces.aside)


def mark_replaced(app: Services, plan: RestorePlan, given: Given, final: Found) -> None:
    """Before it is moved the old database says which name it had, so that it can be moved back without this session."""
    assert plan.replaces is not None  # noqa: S101 (see above)
    tags = marks.replaced_tags(
        app.settings.installation, given["session"], given["key"], plan.database, plan.replaces.expires
    )
    if not marks.carries(final.tags, tags):
        app.targets.tag(plan.final_id, {**final.tags, **tags})


def _name(app: Services, plan: RestorePlan, ours: dict[str, str]) -> None:
    temporary = app.targets.find(plan.temporary_id)
    try:
        if temporary is None or not marks.carries(temporary.tags, ours):
            raise TargetFailed(f"{plan.target.name}/{plan.temporary}, which was filled and verified, is gone")
        app.targets.rename(plan.temporary_id, plan.database)
    except HoldfastError:
        # Nobody waits for the next attempt without a database of that name.
        put_back(app, plan)
        raise


def _people_s(app: Services, plan: RestorePlan) -> dict[str, str]:
    """What people tagged the old database with meanwhile: policies select by tags."""
    aside = app.targets.find(plan.aside_id) if plan.replaces is not None else None
    return marks.without_marks(aside.tags) if aside is not None else {}
