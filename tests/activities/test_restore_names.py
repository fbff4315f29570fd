"""The change of names at the end of a restore, killed before and after each of its calls of Azure.

At every moment at most one rename lies between the name and a database that has it; whoever comes afterwards (the same
step again, the cleanup of a failed session, the janitor) ends with a database under that name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

import activities.tidy
from activities.restore_database import abandon
from activities.restore_naming import give_name, put_back
from holdfast.cloud import tags as marks
from holdfast.cloud.restore_targets import Found, Kept
from holdfast.model.errors import Conflict, NameTaken
from holdfast.model.plan import StagingServer
from holdfast.model.restore.errors import TargetFailed
from holdfast.model.restore.plan import Replaced, RestorePlan, aside_name, temporary_name
from holdfast.model.session import State
from holdfast.model.source import SourceKind
from holdfast.settings import Settings

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
SERVER = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Sql/servers/sql"
SESSION = "20260301T030000000Z-restore-abcdef"
PEOPLE_S = {"owner": "anna", "backup": "yes"}
GIVEN: dict[str, Any] = {"session": SESSION, "key": "k", "plan": {}, "outcome": {"ok": False}}


class Killed(BaseException):
    """The process dies here."""


class Targets:
    """The databases of one server by name, and when the process that changes them dies."""

    def __init__(self) -> None:
        self.there: dict[str, Found] = {}
        self.calls = 0
        self.dies_before = self.dies_after = 0
        self.refuses: dict[str, Exception] = {}

    def add(self, name: str, guid: str, **tags: str) -> None:
        self.there[name] = Found(f"{SERVER}/databases/{name}", "Online", guid, dict(tags))

    def find(self, resource_id: str) -> Found | None:
        return self.there.get(resource_id.rpartition("/")[2])

    def rename(self, resource_id: str, name: str) -> None:
        old = resource_id.rpartition("/")[2]

        def act() -> None:
            assert name not in self.there, "Azure overwrites none"
            if old in self.refuses:
                raise self.refuses[old]
            self.there[name] = replace(self.there.pop(old), resource_id=f"{SERVER}/databases/{name}")

        self._change(act)

    def tag(self, resource_id: str, tags: dict[str, str]) -> None:
        name = resource_id.rpartition("/")[2]
        self._change(lambda: self.there.update({name: replace(self.there[name], tags=dict(tags))}))

    def drop(self, resource_id: str, must: dict[str, str]) -> bool:
        found = self.there.pop(resource_id.rpartition("/")[2], None)
        assert found is None or marks.carries(found.tags, must)
        return found is not None

    def made(self) -> Iterator[Kept]:
        for name, one in list(self.there.items()):
            if kind := one.tags.get(marks.KIND):
                yield Kept(one.resource_id, f"sql/{name}", kind, one.tags[marks.SESSION], None, one.tags)

    def _change(self, act: Callable[[], None]) -> None:
        self.calls += 1
        if self.calls == self.dies_before:
            raise Killed
        act()
        if self.calls == self.dies_after:
            raise Killed


@pytest.fixture
def plan() -> RestorePlan:
    server = StagingServer(
        kind=SourceKind.SQL_DATABASE,
        resource_id=SERVER,
        name="sql",
        region="westeurope",
        host="sql.database.windows.net",
    )
    aside = aside_name("sales", NOW)
    return RestorePlan(
        role="restorer",
        point="p",
        chain="c",
        repository="default",
        source="sql/sales",
        archived=False,
        priority="Standard",
        target=server,
        database="sales",
        temporary=temporary_name("sales", SESSION),
        replaces=Replaced(
            resource_id=f"{SERVER}/databases/sales", guid="old", aside=aside, expires=NOW + timedelta(14)
        ),
        verify="counts",
        created_at=NOW,
        worker_profile="standard",
        worker_region="westeurope",
    )


@pytest.fixture
def targets(plan: RestorePlan) -> Targets:
    found = Targets()
    found.add("sales", "old", **PEOPLE_S)
    found.add(plan.temporary, "new", **PEOPLE_S, **ours(plan))
    return found


def ours(plan: RestorePlan) -> dict[str, str]:
    return marks.restore_tags("holdfast", SESSION, "k", plan.point)


def app_of(targets: Targets, state: State = State.FAILED) -> Any:
    sessions = SimpleNamespace(get=lambda *_, **__: SimpleNamespace(state=state), has_ended=lambda _: True)
    catalog = SimpleNamespace(sessions=sessions, log=SimpleNamespace(write=lambda *_, **__: None))
    return SimpleNamespace(targets=targets, settings=Settings(), catalog=catalog)


def run(targets: Targets, plan: RestorePlan) -> None:
    give_name(app_of(targets), plan, GIVEN, ours(plan))


def guids(targets: Targets) -> dict[str, str]:
    return {name: one.guid for name, one in targets.there.items()}


def swapped(targets: Targets, plan: RestorePlan) -> None:
    """The restored database has the name and the people's tags; the old one stands aside and says why."""
    assert plan.replaces is not None
    assert guids(targets) == {"sales": "new", plan.replaces.aside: "old"}
    assert targets.there["sales"].tags == {**PEOPLE_S, marks.SESSION: SESSION, marks.POINT: "p"}
    kept = targets.there[plan.replaces.aside].tags
    assert (kept[marks.KIND], kept[marks.NAMED], kept["owner"]) == ("replaced", "sales", "anna")
    assert marks.expiry(kept) == plan.replaces.expires


def as_it_was(targets: Targets) -> None:
    assert targets.there["sales"].guid == "old"
    assert targets.there["sales"].tags == PEOPLE_S


def calls_of_a_swap(plan: RestorePlan) -> int:
    found = Targets()
    found.add("sales", "old", **PEOPLE_S)
    found.add(plan.temporary, "new", **PEOPLE_S, **ours(plan))
    run(found, plan)
    return found.calls


def test_the_restored_database_takes_the_name_and_the_old_one_is_kept(targets: Targets, plan: RestorePlan) -> None:
    run(targets, plan)
    swapped(targets, plan)
    assert targets.calls == 4, "mark, rename aside, rename in, tag"
    run(targets, plan)
    swapped(targets, plan)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("call", [1, 2, 3, 4])
def test_a_host_killed_between_the_two_renames_goes_on_when_it_comes_back(
    targets: Targets, plan: RestorePlan, call: int, moment: str
) -> None:
    setattr(targets, f"dies_{moment}", call)
    with pytest.raises(Killed):
        run(targets, plan)
    run(targets, plan)
    swapped(targets, plan)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("call", [1, 2, 3, 4])
@pytest.mark.parametrize("who", ["cleanup", "janitor"])
def test_a_session_lost_between_the_two_renames_leaves_a_database_under_the_name(
    targets: Targets, plan: RestorePlan, call: int, moment: str, who: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    setattr(targets, f"dies_{moment}", call)
    with pytest.raises(Killed):
        run(targets, plan)
    app = app_of(targets)
    if who == "cleanup":
        assert abandon(app, {**GIVEN, "plan": plan.model_dump(mode="json")})
    monkeypatch.setattr("activities.answering.services", lambda: app)
    tidy = activities.tidy.tidy_targets._function.get_user_function()
    for _ in range(2):
        assert tidy({})["ok"]
    if "sales" in targets.there and targets.there["sales"].guid == "new":
        swapped(targets, plan)
    else:
        as_it_was(targets)
        assert guids(targets) == {"sales": "old"}, "what was half done is gone"


def test_a_second_rename_that_is_refused_gives_the_old_database_its_name_at_once(
    targets: Targets, plan: RestorePlan
) -> None:
    targets.refuses[plan.temporary] = Conflict("busy")
    with pytest.raises(Conflict):
        run(targets, plan)
    as_it_was(targets)
    targets.refuses.clear()
    run(targets, plan)
    swapped(targets, plan)


def test_a_filled_database_that_is_gone_leaves_the_old_one_in_its_place(targets: Targets, plan: RestorePlan) -> None:
    del targets.there[plan.temporary]
    with pytest.raises(TargetFailed):
        run(targets, plan)
    as_it_was(targets)


def test_another_database_of_that_name_is_never_moved(targets: Targets, plan: RestorePlan) -> None:
    """Somebody dropped the old one and made a new one while the import ran."""
    targets.there["sales"] = replace(targets.there["sales"], guid="third")
    with pytest.raises(NameTaken):
        run(targets, plan)
    assert guids(targets) == {"sales": "third", plan.temporary: "new"}
    put_back(app_of(targets), plan)
    assert targets.there["sales"].guid == "third"


def test_a_new_name_that_somebody_took_meanwhile_is_left_alone(targets: Targets, plan: RestorePlan) -> None:
    plan = plan.model_copy(update={"replaces": None})
    targets.add(plan.temporary, "new", **ours(plan))
    with pytest.raises(NameTaken):
        run(targets, plan)
    del targets.there["sales"]
    run(targets, plan)
    assert guids(targets) == {"sales": "new"}
    assert targets.there["sales"].tags == {marks.SESSION: SESSION, marks.POINT: "p"}


def test_what_made_room_for_a_restored_database_stays_aside_whatever_becomes_of_that(
    targets: Targets, plan: RestorePlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(targets, plan)
    del targets.there["sales"]  # somebody dropped it, and means it
    app = app_of(targets, State.SUCCEEDED)
    monkeypatch.setattr("activities.answering.services", lambda: app)
    activities.tidy.tidy_targets._function.get_user_function()({})
    assert plan.replaces is not None
    assert guids(targets) == {plan.replaces.aside: "old"}


def test_what_differed_is_kept_by_cleanup_and_janitor(
    targets: Targets, plan: RestorePlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    targets.tag(plan.temporary_id, {**ours(plan), marks.KIND: "restore-differs"})
    app = app_of(targets)
    assert abandon(app, {**GIVEN, "plan": plan.model_dump(mode="json")})
    monkeypatch.setattr("activities.answering.services", lambda: app)
    activities.tidy.tidy_targets._function.get_user_function()({})
    assert set(targets.there) == {"sales", plan.temporary}
