"""The order of steps, and the cleanup on every way out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

Answer = dict[str, Any]

ACTIVITIES_OF_A_BACKUP = [
    "validate_source",
    "take_turn",
    "start_copy",
    "look_at_copy",
    "lease_worker",
    *("submit_job", "collect_job") * 4,
    "commit_point",
    "clean_up",
]


def test_the_steps_come_in_the_order_of_the_design(host: Any, run_of: Answer) -> None:
    assert host.run("backup_database", run_of) == {"ok": True}
    assert host.names() == ACTIVITIES_OF_A_BACKUP
    kinds = [given["kind"] for name, given in host.called if name == "submit_job"]
    assert kinds == ["synchronise", "preflight", "export", "store"]
    assert dict(host.called)["commit_point"]["job"] == "store-1"


def test_a_direct_export_makes_no_copy(host: Any, run_of: Answer) -> None:
    host.activities["validate_source"] = lambda _: {"ok": True, "plan": {"staging": None}}
    assert host.run("backup_database", run_of)["ok"]
    assert "start_copy" not in host.names()


@pytest.mark.parametrize("broken", sorted(set(ACTIVITIES_OF_A_BACKUP) - {"clean_up"}))
@pytest.mark.parametrize("permanent", [True, False])
def test_whatever_fails_the_way_out_leads_through_cleanup(
    host: Any, run_of: Answer, fails: Callable[..., Any], broken: str, permanent: bool
) -> None:
    host.activities[broken] = fails("broken", permanent=permanent)
    assert host.run("backup_database", run_of) == {"ok": False}
    assert host.names().count("clean_up") == 1
    assert host.called[-1][0] == "clean_up"
    assert host.called[-1][1]["outcome"]["error"]["code"] == "broken"


@pytest.mark.parametrize("broken", ["validate_source", "start_copy", "lease_worker", "collect_job", "commit_point"])
def test_a_permanent_error_is_not_tried_again(
    host: Any, run_of: Answer, fails: Callable[..., Any], broken: str
) -> None:
    host.activities[broken] = fails("export-blocked", permanent=True)
    host.run("backup_database", run_of)
    assert host.names().count(broken) == 1


def test_an_activity_that_dies_is_an_error_like_any_other(host: Any, run_of: Answer) -> None:
    def die(_: Answer) -> Answer:
        raise RuntimeError("the process was killed")

    host.activities["start_copy"] = die
    assert host.run("backup_database", run_of) == {"ok": False}
    assert host.called[-1][1]["outcome"]["error"]["code"] == "internal"


def test_a_lost_worker_costs_an_attempt_on_another(
    host: Any, run_of: Answer, fails: Callable[..., Any], turns: Callable[..., Any]
) -> None:
    done = host.activities["collect_job"]
    lost = fails("worker-lost", permanent=False)({})["error"]
    host.activities["collect_job"] = turns(done, done, {"ok": True, "error": lost}, done)
    assert host.run("backup_database", run_of)["ok"]
    kinds = [given["kind"] for name, given in host.called if name == "submit_job"]
    assert kinds == ["synchronise", "preflight", "export", "synchronise", "preflight", "export", "store"]
    assert dict(host.called)["commit_point"]["job"] == "store-2"


def test_a_job_that_never_ends_is_collected_at_its_deadline(host: Any, run_of: Answer) -> None:
    host.silent_jobs = True
    before = host.now
    assert host.run("backup_database", run_of)["ok"]
    assert (host.now - before).total_seconds() >= 4 * 600


def test_a_failed_copy_is_dropped_and_made_again(
    host: Any, run_of: Answer, fails: Callable[..., Any], turns: Callable[..., Any]
) -> None:
    run_of = {**run_of, "retries": 1}
    failed = fails("staging-failed", permanent=False)
    host.activities["look_at_copy"] = turns(failed, failed, {"ok": True, "ready": True})
    assert host.run("backup_database", run_of)["ok"]
    copies = [n for n in host.names() if n in ("start_copy", "drop_copy")]
    assert copies == ["start_copy", "drop_copy", "start_copy"]


def test_cleanup_is_looked_at_until_the_copy_is_gone(host: Any, run_of: Answer, turns: Callable[..., Any]) -> None:
    host.activities["clean_up"] = turns({"ok": True, "pending": True}, {"ok": True, "pending": True}, {"ok": True})
    assert host.run("backup_database", run_of)["ok"]
    assert host.names().count("clean_up") == 3


def test_a_machine_that_never_checks_in_is_given_up(host: Any, run_of: Answer, fails: Callable[..., Any]) -> None:
    host.activities["lease_worker"] = lambda _: {"ok": True, "ready": False, "queued": False, "worker": "w"}
    host.activities["give_up_worker"] = fails("worker-failed", permanent=False)
    assert host.run("backup_database", run_of) == {"ok": False}
    assert host.names().count("give_up_worker") == 3


def test_a_machine_that_took_the_place_of_another_has_the_whole_deadline(
    host: Any, run_of: Answer, turns: Callable[..., Any]
) -> None:
    """Another source gave up the machine that both had waited for; this one waits for the next, and loses no attempt."""
    first, second = ({"ok": True, "ready": False, "queued": False, "worker": name} for name in ("w1", "w2"))
    host.activities["lease_worker"] = turns(*[first] * 55, *[second] * 55, {"ok": True, "ready": True, "worker": "w2"})
    assert host.run("backup_database", run_of)["ok"]
    assert "give_up_worker" not in host.names()


def test_a_machine_that_checks_in_at_the_last_moment_is_kept(
    host: Any, run_of: Answer, turns: Callable[..., Any]
) -> None:
    booting = {"ok": True, "ready": False, "queued": False, "worker": "w"}
    host.activities["lease_worker"] = turns(*[booting] * 61, {"ok": True, "ready": True, "worker": "w"})
    assert host.run("backup_database", run_of)["ok"]
    assert host.names().count("give_up_worker") == 1
    assert {given["attempt"] for name, given in host.called if name == "submit_job"} == {1}


def test_waiting_for_a_free_worker_has_no_deadline(host: Any, run_of: Answer, turns: Callable[..., Any]) -> None:
    queued = {"ok": True, "ready": False, "queued": True, "worker": ""}
    host.activities["lease_worker"] = turns(*[queued] * 200, {"ok": True, "ready": True, "worker": "w"})
    assert host.run("backup_database", run_of)["ok"]
    assert "give_up_worker" not in host.names()


def test_a_session_deallocates_before_it_archives_and_closes_last(host: Any) -> None:
    host.activities["plan_archive"] = lambda _: {"ok": True, "batches": 1}
    host.run("policy_run", {"session": "s", "kind": "backup"})
    order = [n for n in host.names() if n in ("clean_up", "deallocate_workers", "validate_archive", "close_session")]
    assert order == [
        *("clean_up", "clean_up"),
        "deallocate_workers",
        *("validate_archive", "clean_up") * 2,
        "deallocate_workers",
        "close_session",
    ]


@pytest.mark.parametrize("broken", ["open_session", "discover_sources"])
def test_a_session_that_cannot_begin_is_closed_with_the_reason(
    host: Any, fails: Callable[..., Any], broken: str
) -> None:
    host.activities[broken] = fails("not-found", permanent=True)
    host.run("policy_run", {"session": "s", "kind": "backup"})
    assert host.names()[-2:] == ["close_session", "tell_session"]
    assert host.called[-2][1]["error"]["code"] == "not-found"
    assert "validate_source" not in host.names()


def test_one_database_that_fails_leaves_the_others_alone(host: Any, fails: Callable[..., Any]) -> None:
    ok = host.activities["validate_source"]
    broken = fails("source-unusable", permanent=True)
    host.activities["validate_source"] = lambda given: broken(given) if given["key"] == "a" else ok(given)
    host.run("policy_run", {"session": "s", "kind": "backup"})
    committed = [given["key"] for name, given in host.called if name == "commit_point"]
    assert committed == ["b"]


def test_a_download_gives_its_worker_back_while_storage_rehydrates(host: Any, turns: Callable[..., Any]) -> None:
    host.activities["collect_job"] = turns(
        {"ok": True, "ready": False, "job": "r"}, {"ok": True, "ready": True, "job": "r"}, {"ok": True, "job": "d"}
    )
    before = host.now
    host.run("download_point", {"session": "s", "kind": "download", "key": "a"})
    names = [n for n in host.names() if n in ("lease_worker", "pause_worker", "deallocate_workers", "commit_download")]
    assert names == [
        "lease_worker",
        "pause_worker",
        "deallocate_workers",
        "lease_worker",
        "commit_download",
        "deallocate_workers",
    ]
    assert (host.now - before).total_seconds() >= 900


def test_the_janitor_goes_on_when_one_of_its_rounds_fails(host: Any, fails: Callable[..., Any]) -> None:
    host.activities["tidy_copies"] = fails("unavailable", permanent=False)
    host.activities["tidy_workers"] = lambda _: {"ok": True, "removed": 2}
    assert host.run("tidy_up", {"dead": []}) == {"ok": True, "removed": 2}
    assert host.names() == [
        "tidy_sessions",
        "tidy_copies",
        "tidy_targets",
        "tidy_drills",
        "tidy_workers",
        "tidy_exports",
    ]


def test_a_source_that_is_spread_waits_before_anything_is_done_to_it(host: Any, run_of: Answer) -> None:
    """And its point is of the moment at which it began, not of the session's."""
    begun = host.now
    host.run("backup_database", {**run_of, "delay": 90})
    started = datetime.fromisoformat(dict(host.called)["validate_source"]["started_at"])
    assert started - begun == timedelta(seconds=90)


def test_a_batch_hands_each_source_its_delay(host: Any, run_of: Answer) -> None:
    host.activities["list_batch"] = lambda _: {"ok": True, "keys": ["a", "b"], "delays": {"b": 90}}
    host.run("source_batch", run_of)
    assert {given["key"]: given["delay"] for name, given in host.called if name == "validate_source"} == {
        "a": 0,
        "b": 90,
    }


@pytest.mark.parametrize("saga", ["policy_run", "archive_points"])
def test_a_session_has_ended_before_anybody_is_told_and_does_not_depend_on_it(
    host: Any, fails: Callable[..., Any], saga: str
) -> None:
    host.activities["close_session"] = lambda _: {"ok": True, "state": "succeeded"}
    host.activities["tell_session"] = fails("unavailable", permanent=False)
    assert host.run(saga, {"session": "s", "kind": "backup"}) == {"ok": True, "state": "succeeded"}
    assert host.names().index("close_session") < host.names().index("tell_session")
    assert host.names().count("close_session") == 1
    assert host.names().count("tell_session") > 50  # an hour of a database that does not answer


def test_a_round_of_notices_sends_whatever_the_look_came_to(
    host: Any, fails: Callable[..., Any], turns: Callable[..., Any]
) -> None:
    host.activities["find_overdue"] = fails("unavailable", permanent=False)
    host.activities["send_notices"] = turns(
        {"ok": True, "sent": 2, "more": True}, {"ok": True, "sent": 1, "more": False}
    )
    assert host.run("notices", {}) == {"ok": True, "sent": 3}
    assert host.names() == ["find_overdue", "send_notices", "send_notices"]
    host.activities["find_overdue"] = lambda _: {"ok": True, "looked": True}
    host.run("notices", {})
    assert host.names()[3:] == ["find_overdue", "write_summaries", "send_notices"]


def test_a_round_that_never_ends_leaves_the_rest_to_the_next(host: Any) -> None:
    host.activities["send_notices"] = lambda _: {"ok": True, "sent": 1, "more": True}
    assert host.run("notices", {})["sent"] == 10


def test_a_preflight_looks_and_gives_its_worker_back(host: Any) -> None:
    host.run("preflight_source", {"session": "s", "kind": "preflight", "key": "a"})
    assert host.names() == [
        "open_session",
        "validate_preflight",
        "lease_worker",
        "submit_job",
        "collect_job",
        "commit_preflight",
        "clean_up",
        "deallocate_workers",
        "close_session",
    ]


def test_a_source_that_is_not_there_needs_no_worker(host: Any, fails: Callable[..., Any]) -> None:
    host.activities["validate_preflight"] = fails("no-such-source", permanent=True)
    host.run("preflight_source", {"session": "s", "kind": "preflight", "key": "a"})
    assert host.names() == ["open_session", "validate_preflight", "clean_up", "deallocate_workers", "close_session"]


def test_what_blocks_an_export_is_not_tried_again(host: Any, run_of: Answer) -> None:
    """Nor is anything exported after it."""

    def collected(given: Any) -> Any:
        blocked = {"code": "export-blocked", "title": "", "detail": "", "help": "", "permanent": True}
        return {"ok": True, "job": given["job"], **({"error": blocked} if given["kind"] == "preflight" else {})}

    host.activities["collect_job"] = collected
    assert host.run("backup_database", run_of)["ok"] is False
    kinds = [given["kind"] for name, given in host.called if name == "submit_job"]
    assert kinds == ["synchronise", "preflight"]


def test_a_backup_waits_for_its_turn_before_anything_is_staged(host: Any, run_of: Answer, turns: Any) -> None:
    """Fifty questions start two generations afresh, so that no history grows with the wait."""
    waits = {"ok": True, "ready": False, "again_in": 30.0}
    host.activities["take_turn"] = turns(*[waits] * 50, {"ok": True, "ready": True})
    before = host.now
    assert host.run("backup_database", run_of)["ok"]
    names = host.names()
    assert names.count("take_turn") == 51
    assert names.index("start_copy") > max(i for i, name in enumerate(names) if name == "take_turn")
    assert (host.now - before).total_seconds() >= 50 * 30
    assert host.generations == 2


@pytest.mark.parametrize("after", [0, 3])
def test_a_session_that_is_cancelled_while_it_waits_is_cleaned_up(
    host: Any, run_of: Answer, turns: Any, fails: Callable[..., Any], after: int
) -> None:
    waits = {"ok": True, "ready": False, "again_in": 1.0}
    host.activities["take_turn"] = turns(*[waits] * after, fails("cancelled", permanent=True))
    assert host.run("backup_database", run_of) == {"ok": False}
    assert "start_copy" not in host.names()
    assert host.called[-1][0] == "clean_up"
    assert host.called[-1][1]["outcome"]["error"]["code"] == "cancelled"
