"""The order of a restore's steps: one import an empty database, no name before verification, cleanup on every way out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Answer = dict[str, Any]

GIVEN: Answer = {"session": "s", "key": "a", "kind": "restore", "asked_at": "2026-01-01T00:00:00Z", "asked": {}}
STEPS = [
    "open_session",
    "validate_restore",
    "lease_worker",
    *("submit_job", "collect_job"),
    "start_target",
    "look_at_target",
    *("submit_job", "collect_job") * 2,
    "commit_restore",
    "clean_up",
    "deallocate_workers",
    "close_session",
]


def jobs(host: Any) -> list[str]:
    return [given["kind"] for name, given in host.called if name == "submit_job"]


def failing_job(host: Any, kind: str, code: str, *, times: int = 1, permanent: bool = False) -> None:
    """So many jobs of that kind end with that error."""
    done, left = host.activities["collect_job"], [times]

    def collect(given: Answer) -> Answer:
        if given["kind"] == kind and left[0] > 0:
            left[0] -= 1
            error = {"code": code, "title": code, "detail": "", "help": "", "permanent": permanent}
            return {"ok": True, "error": error, "job": given["job"]}
        return dict(done(given))

    host.activities["collect_job"] = collect


def test_the_package_is_whole_before_a_database_is_made_and_verified_before_it_is_named(host: Any) -> None:
    host.run("restore_database", GIVEN)
    assert host.names() == STEPS
    assert jobs(host) == ["fetch", "import", "verify"]
    committed = dict(host.called)["commit_restore"]
    assert (committed["fetched"], committed["verified"]) == ("fetch-1", "verify-101")


@pytest.mark.parametrize(
    "broken", ["validate_restore", "lease_worker", "start_target", "look_at_target", "commit_restore"]
)
@pytest.mark.parametrize("permanent", [True, False])
def test_every_way_out_leads_through_cleanup_and_stops_the_worker(
    host: Any, fails: Callable[..., Any], broken: str, permanent: bool
) -> None:
    host.activities[broken] = fails("broken", permanent=permanent)
    host.run("restore_database", GIVEN)
    assert host.names()[-3:] == ["clean_up", "deallocate_workers", "close_session"]
    assert dict(host.called)["clean_up"]["outcome"]["error"]["code"] == "broken"
    if permanent:
        assert host.names().count(broken) == 1


def test_a_failed_import_is_made_again_in_a_new_empty_database(host: Any, turns: Callable[..., Any]) -> None:
    failing_job(host, "import", "import-failed")
    host.activities["drop_target"] = turns({"ok": True, "pending": True}, {"ok": True})
    host.run("restore_database", GIVEN)
    made = [name for name in host.names() if name in ("start_target", "drop_target", "commit_restore")]
    assert made == ["start_target", "drop_target", "drop_target", "start_target", "commit_restore"]
    assert jobs(host) == ["fetch", "import", "fetch", "import", "verify"]


def test_what_no_retry_changes_is_imported_once(host: Any) -> None:
    failing_job(host, "import", "import-blocked", times=9, permanent=True)
    host.run("restore_database", GIVEN)
    assert jobs(host) == ["fetch", "import"]
    assert "commit_restore" not in host.names()


def test_a_database_that_differs_is_kept_and_never_named(host: Any) -> None:
    failing_job(host, "verify", "not-as-stored", times=9, permanent=True)
    host.run("restore_database", GIVEN)
    assert "commit_restore" not in host.names()
    kept = dict(host.called)["keep_different"]
    assert (kept["fetched"], kept["verified"]) == ("fetch-1", "verify-101")
    assert dict(host.called)["clean_up"]["outcome"]["error"]["code"] == "not-as-stored"


def test_a_comparison_that_failed_is_made_again_without_another_import(host: Any) -> None:
    failing_job(host, "verify", "unavailable")
    host.run("restore_database", GIVEN)
    assert jobs(host) == ["fetch", "import", "verify", "verify"]
    assert dict(host.called)["commit_restore"]["verified"] == "verify-102"


def test_an_archived_point_is_rehydrated_and_no_worker_waits_for_it(host: Any, turns: Callable[..., Any]) -> None:
    plan = {"archived": True, "target": {"kind": "sql_database"}}
    host.activities["validate_restore"] = lambda _: {"ok": True, "plan": plan}
    done = host.activities["collect_job"]
    looks = [{"ready": False}, {"ready": False}, {"ready": True}]

    def collect(given: Answer) -> Answer:
        found = dict(done(given))
        return {**found, **looks.pop(0)} if given["kind"] == "rehydrate" else found

    host.activities["collect_job"] = collect
    before = host.now
    host.run("restore_database", GIVEN)
    assert jobs(host) == ["rehydrate", "rehydrate", "rehydrate", "fetch", "import", "verify"]
    assert host.names().count("pause_worker") == 2
    assert (host.now - before).total_seconds() >= 2 * 900


def test_on_an_instance_the_worker_renames_once_the_old_database_is_marked(host: Any) -> None:
    plan = {"archived": False, "target": {"kind": "managed_database"}}
    host.activities["validate_restore"] = lambda _: {"ok": True, "plan": plan}
    host.run("restore_database", GIVEN)
    assert jobs(host) == ["fetch", "import", "verify", "rename"]
    names = host.names()
    assert names.index("mark_original") < names.index("commit_restore")
    assert dict(host.called)["commit_restore"]["verified"] == "verify-101"


def test_a_lost_target_that_never_comes_online_ends_in_time(host: Any, fails: Callable[..., Any]) -> None:
    late: list[bool] = []

    def look(given: Answer) -> Answer:
        late.append(given["late"])
        return dict(fails("target-failed", permanent=True)(given)) if given["late"] else {"ok": True, "ready": False}

    host.activities["look_at_target"] = look
    host.run("restore_database", GIVEN)
    assert late[-1] is True
    assert "commit_restore" not in host.names()


def test_a_plan_that_never_came_to_be_fails_the_session_itself(host: Any, fails: Callable[..., Any]) -> None:
    """Before there is a source in the session nothing but its own error says that it failed."""
    host.activities["validate_restore"] = fails("not-found", permanent=True)
    host.run("restore_database", GIVEN)
    assert dict(host.called)["close_session"]["error"]["code"] == "not-found"
