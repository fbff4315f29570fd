"""Commands that go through the app: what they ask, what they print, how they end."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from holdfast.cli import app as app_module
from holdfast.cli import downloading
from holdfast.cli.app import find_app
from holdfast.cli.watching import describe

from .conftest import FakeApp, Run, problem, session, source

POLICY = "name: nightly\nschedules:\n  daily: {at: ['03:00'], keep_days: 7}\n"


@pytest.fixture
def policy_file(tmp_path: Path) -> Path:
    file = tmp_path / "nightly.yaml"
    file.write_text(POLICY)
    return file


def test_a_policy_is_applied_as_the_person_wrote_it(run: Run, fake_app: FakeApp, policy_file: Path) -> None:
    fake_app.answers["PUT policies/nightly"] = {"name": "nightly", "warnings": ["drill is accepted but …"]}
    ran = run("policy", "apply", "-f", policy_file, "-o", "json")
    assert ran.json["name"] == "nightly"
    assert "drill is accepted" in ran.err
    assert fake_app.asked[-1].content.decode() == POLICY
    assert "no cost estimate" in ran.err  # an app that cannot tell does not keep the policy from being saved


def test_a_wrong_policy_never_reaches_the_app(run: Run, fake_app: FakeApp, tmp_path: Path) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text("name: nightly\nkeep: 7\nretries: many\n")
    ran = run("policy", "apply", "-f", file)
    assert ran.code == 2
    assert "keep" in ran.err
    assert "retries" in ran.err
    assert fake_app.asked == []


def test_a_policy_is_validated_without_any_app(run: Run, policy_file: Path) -> None:
    found = run("policy", "validate", "-f", policy_file, "-o", "json").json
    assert {"name": "nightly", "valid": True, "warnings": []}.items() <= found.items()


def test_a_policy_file_that_is_not_there_is_named(run: Run) -> None:
    ran = run("policy", "validate", "-f", "no/such.yaml")
    assert ran.code == 2
    assert "no/such.yaml" in ran.err


def test_policies_are_listed_shown_planned_and_deleted(run: Run, fake_app: FakeApp) -> None:
    whole = {"name": "nightly", "priority": 10, "schedules": {"daily": {}}, "etag": "x", "warnings": []}
    plan = {"policy": "nightly", "sources": [{"source": "srv/shop", "region": "westeurope", "taken_by": "nightly"}]}
    plan |= {"next_runs": ["2026-01-31T02:00:00Z"], "warnings": []}
    fake_app.answers |= {
        "GET policies": {"value": [whole], "next": None},
        "GET policies/nightly": whole,
        "POST policies/nightly/plan": plan,
        "DELETE policies/nightly": httpx.Response(204),
    }
    assert run("policy", "list", "-o", "json").json == [whole]
    assert "nightly" in run("policy", "list").out
    assert run("policy", "show", "nightly").out == "name: nightly\npriority: 10\nschedules:\n  daily: {}\n"
    assert run("policy", "plan", "nightly", "-o", "json").json == plan
    assert "srv/shop" in run("policy", "plan", "nightly").out
    assert run("policy", "delete", "nightly", "-o", "json").json == {"name": "nightly", "deleted": True}


def test_the_schema_of_a_policy_is_a_json_schema(run: Run) -> None:
    schema = run("schema", "policy").json
    assert schema["$schema"].startswith("https://json-schema.org/")
    assert "schedules" in schema["properties"]


def test_lists_follow_their_pages_to_the_end(run: Run, fake_app: FakeApp) -> None:
    def page(request: httpx.Request) -> dict[str, Any]:
        after = request.url.params.get("after")
        return {"value": [session(id="s2" if after else "s1")], "next": None if after else "s1"}

    fake_app.answers["GET sessions"] = page
    assert [s["id"] for s in run("session", "list", "-o", "json", "--policy", "nightly").json] == ["s1", "s2"]
    assert fake_app.asked[1].url.params["policy"] == "nightly"


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        (["--policy", "nightly"], {"policy": "nightly"}),
        (["--database", "db1", "--database", "srv/*"], {"databases": ["db1", "srv/*"]}),
        (["--database", "db1", "--staging"], {"databases": ["db1"], "staging": True}),
        (["--policy", "p", "--direct"], {"policy": "p", "staging": False}),
    ],
)
def test_a_backup_is_asked_for(run: Run, fake_app: FakeApp, arguments: list[str], sent: dict[str, Any]) -> None:
    fake_app.answers["POST backups"] = session()
    assert run("backup", "start", *arguments, "-o", "json").json == session()
    assert fake_app.sent() == sent
    assert len(fake_app.asked[0].headers["idempotency-key"]) == 32


def test_a_backup_of_nothing_is_a_usage_error(run: Run, fake_app: FakeApp) -> None:
    assert run("backup", "start").code == 2
    assert fake_app.asked == []


def test_a_start_that_is_sent_again_carries_the_same_key(run: Run, fake_app: FakeApp) -> None:
    fake_app.answers["POST archives"] = [httpx.ReadError("lost"), session(kind="archive")]
    assert run("archive", "start", "--policy", "nightly").code == 0
    assert len({request.headers["idempotency-key"] for request in fake_app.asked}) == 1


def test_waiting_tells_each_step_on_stderr_and_prints_the_session_as_it_ended(run: Run, fake_app: FakeApp) -> None:
    ended = session("succeeded", sources=[source("succeeded", "cleanup", "succeeded", restore_point="p1")])
    fake_app.answers |= {
        "POST backups": session(),
        "GET sessions/s1": [session(sources=[source("running")]), session(sources=[source("running", "store")]), ended],
        "GET sessions/s1/progress": {"value": [], "next": None},
    }
    ran = run("backup", "start", "--policy", "nightly", "--wait", "-o", "json")
    assert ran.code == 0
    assert ran.json == ended
    assert ran.err.splitlines() == [
        "session s1: running",
        "srv/shop: running, export",
        "srv/shop: running, store",
        "session s1: succeeded",
        "srv/shop: succeeded, point p1",
    ]


BLOCKED = {"code": "export-blocked", "title": "It cannot be exported", "detail": "View [dbo].[v]", "help": "mend it"}


@pytest.mark.parametrize(
    ("ended", "code"),
    [
        (session("succeeded"), 0),
        (session("partial"), 3),
        (session("cancelled"), 130),
        (session("failed", sources=[source("failed", error=BLOCKED)]), 22),
        (session("failed", error={"code": "no-such-code"}), 1),
        (session("failed"), 1),
    ],
)
def test_a_watched_session_ends_the_command_with_its_own_exit_code(
    run: Run, fake_app: FakeApp, ended: dict[str, Any], code: int
) -> None:
    fake_app.answers["GET sessions/s1"] = ended
    assert run("session", "watch", "s1").code == code


def test_watching_outlives_a_restart_of_the_app(run: Run, fake_app: FakeApp) -> None:
    down = [problem("unavailable", 503, 7)] * 12
    fake_app.answers["GET sessions/s1"] = [*down, session("succeeded")]
    assert run("session", "watch", "s1").code == 0


def test_an_interrupt_stops_the_watching_and_says_how_to_stop_the_session(
    run: Run, fake_app: FakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: httpx.Request) -> None:
        raise KeyboardInterrupt

    fake_app.answers["GET sessions/s1"] = interrupted
    ran = run("session", "watch", "s1")
    assert ran.code == 130
    assert "holdfast session cancel s1" in ran.err
    assert "DELETE sessions/s1" not in fake_app.called


def test_a_session_is_shown_with_its_error_and_cancelled(run: Run, fake_app: FakeApp) -> None:
    found = session("failed", sources=[source("failed", step_state="failed", error=BLOCKED)])
    fake_app.answers |= {"GET sessions/s1": found, "DELETE sessions/s1": found}
    shown = run("session", "show", "s1").out
    assert "srv/shop" in shown
    assert "It cannot be exported: View [dbo].[v]" in shown
    assert run("session", "cancel", "s1", "-o", "json").json == found


def test_a_log_is_printed_oldest_first_as_it_came(run: Run, fake_app: FakeApp) -> None:
    lines = [{"at": "2026-01-31T02:00:00Z", "level": "info", "source": None, "message": "started"}]
    fake_app.answers["GET sessions/s1/log"] = {"value": lines, "next": None}
    assert run("session", "log", "s1", "-o", "json").json == lines
    assert "started" in run("session", "log", "s1").out


POINT = {
    "id": "p1",
    "source": "srv/shop",
    "created_at": "2026-01-31T02:00:00Z",
    "kind": "full",
    "tier": "backup",
    "flags": ["D"],
    "inflated_bytes": 12_300_000,
    "stored_bytes": 999,
    "tables": [{"schema": "dbo", "name": "Orders", "rows": 3, "bytes": 120}],
    "entries": [],
}


def test_points_are_listed_and_shown(run: Run, fake_app: FakeApp) -> None:
    fake_app.answers |= {"GET points": {"value": [POINT], "next": None}, "GET points/p1": POINT}
    assert run("point", "list", "--database", "sh*", "--repository", "default", "-o", "json").json == [POINT]
    assert dict(fake_app.asked[0].url.params) == {"database": "sh*", "repository": "default", "limit": "500"}
    assert "12.3 MB" in run("point", "list").out
    assert "dbo.Orders" in run("point", "show", "p1").out


@pytest.fixture
def link(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a link gives: change its `content` or `status`."""
    given: dict[str, Any] = {"content": b"a bacpac", "status": 200, "asked": []}

    def answer(request: httpx.Request) -> httpx.Response:
        given["asked"].append(request)
        return httpx.Response(given["status"], content=given["content"])

    monkeypatch.setattr(
        downloading, "new_download_client", lambda _: httpx.Client(transport=httpx.MockTransport(answer))
    )
    return given


def _download_answers(fake_app: FakeApp) -> None:
    done = {
        "url": "https://storage.test/exports/x?sig=secret-signature",
        "bytes": 8,
        "sha256": hashlib.sha256(b"a bacpac").hexdigest(),
        "identical": True,
        "expires_at": "2026-02-01T00:00:00Z",
    }
    fake_app.answers |= {
        "POST points/p1/download": session(kind="download"),
        "GET sessions/s1": session("succeeded", kind="download", download=done),
    }


def test_a_download_through_the_app_is_a_session_and_then_a_file(
    run: Run, fake_app: FakeApp, link: dict[str, Any], tmp_path: Path
) -> None:
    _download_answers(fake_app)
    to = tmp_path / "p1.bacpac"
    to.write_bytes(b"what was there before")
    assert run("point", "download", "p1", "--to", to).code == 2
    ran = run("point", "download", "p1", "--to", to, "--overwrite", "--identical", "-o", "json")
    assert ran.code == 0
    assert to.read_bytes() == b"a bacpac"
    assert (ran.json["file"], ran.json["bytes"], ran.json["identical"]) == (str(to), 8, True)
    assert fake_app.sent(0) == {"identical": True}
    assert "x-functions-key" not in link["asked"][0].headers


@pytest.mark.parametrize(("change", "words"), [({"content": b"a bacpaX"}, "SHA-256"), ({"status": 403}, "403")])
def test_a_download_that_is_not_what_was_promised_leaves_what_was_there(
    run: Run, fake_app: FakeApp, link: dict[str, Any], tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    _download_answers(fake_app)
    link |= change
    to = tmp_path / "p1.bacpac"
    to.write_bytes(b"before")
    ran = run("point", "download", "p1", "--to", to, "--overwrite")
    assert ran.code == 7
    assert words in ran.err
    assert "secret-signature" not in ran.err + ran.out
    assert to.read_bytes() == b"before"
    assert [file.name for file in tmp_path.iterdir()] == ["p1.bacpac"]


def test_a_download_session_that_fails_ends_with_its_error(run: Run, fake_app: FakeApp, tmp_path: Path) -> None:
    damaged = {"code": "damaged", "title": "Damaged", "detail": "pack x", "help": ""}
    fake_app.answers |= {
        "POST points/p1/download": session(kind="download"),
        "GET sessions/s1": session("failed", kind="download", error=damaged),
    }
    assert run("point", "download", "p1", "--to", tmp_path / "x.bacpac").code == 13


@pytest.mark.parametrize("to", ["no/such/folder/x.bacpac", "."])
def test_a_target_that_cannot_be_is_told_before_any_work(run: Run, fake_app: FakeApp, to: str) -> None:
    assert run("point", "download", "p1", "--to", to).code == 2
    assert fake_app.asked == []


def test_the_app_is_found_in_a_state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "profile.json").write_text(json.dumps({"url": "http://127.0.0.1:7071/", "key": "k", "more": 1}))
    for state in (tmp_path, None):
        monkeypatch.setenv("HOLDFAST_STATE", str(tmp_path))
        assert find_app(state) == app_module.Address("http://127.0.0.1:7071", "k")
    monkeypatch.setenv("HOLDFAST_URL", "https://elsewhere/")
    assert find_app(None).url == "https://elsewhere"
    assert find_app(tmp_path).url == "http://127.0.0.1:7071"


@pytest.mark.parametrize("text", ["{", "[]", '{"url": "x"}', '{"url": "", "key": ""}'])
def test_a_profile_that_cannot_be_used_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "profile.json").write_text(text)
    with pytest.raises(app_module.NoApp, match=r"profile\.json"):
        find_app(tmp_path)


def test_an_address_does_not_print_its_key() -> None:
    assert "secret" not in repr(app_module.Address("https://x", "secret"))


def test_progress_is_told_in_words() -> None:
    assert describe({"table": "dbo.Orders", "rows": 12_000, "bytes": 3_400_000}) == "dbo.Orders, 12,000 rows, 3.4 MB"
    assert describe({"phase": "upload", "rows": 0, "bytes": 0}) == "upload"


def test_the_unprotected_databases_are_listed_with_the_reason(run: Run, fake_app: FakeApp) -> None:
    one = {"source": "sql-a/hr", "state": "excluded", "why": "policy p: exclude.databases: hr", "last_point_at": None}
    fake_app.answers["GET sources"] = {"value": [one], "next": None}
    ran = run("source", "list", "--unprotected", "--database", "hr")
    assert "exclude.databases: hr" in ran.out
    assert dict(fake_app.asked[0].url.params) == {"database": "hr", "unprotected": "true", "limit": "500"}
    assert run("source", "list", "-o", "json").json == [one]
    assert "unprotected" not in fake_app.asked[1].url.params


BLOCKER = {
    "id": "P01",
    "severity": "blocks-export",
    "object": "View [dbo].[v]",
    "cause": "refers to [o].[dbo].[t]",
    "error_number": "SQL71561",
    "mend": "Drop it",
}


def _looked(fake_app: FakeApp, **ended: Any) -> None:
    fake_app.answers |= {
        "POST preflights": session(kind="preflight"),
        "GET sessions/s1": session("succeeded", kind="preflight", **ended),
        "GET sessions/s1/progress": {"value": [], "next": None},
    }


@pytest.mark.parametrize(("findings", "code"), [([], 0), ([BLOCKER], 22), ([{**BLOCKER, "severity": "warning"}], 0)])
def test_a_source_is_looked_at_in_a_session(
    run: Run, fake_app: FakeApp, findings: list[dict[str, Any]], code: int
) -> None:
    """The same list and exit code as for a file."""
    _looked(fake_app, findings=findings)
    ran = run("preflight", "srv/shop", "-o", "json")
    assert (ran.code, ran.json) == (code, findings)
    asked = next(request for request in fake_app.asked if request.method == "POST")
    assert json.loads(asked.content) == {"source": "srv/shop"}


def test_a_look_that_failed_ends_as_its_session(run: Run, fake_app: FakeApp) -> None:
    error = {"code": "no-such-source", "title": "There is no such database", "detail": "srv/shop", "help": "Look again"}
    fake_app.answers |= {
        "POST preflights": session(kind="preflight"),
        "GET sessions/s1": session("failed", kind="preflight", error=error),
    }
    ran = run("preflight", "srv/shop")
    assert ran.code not in (0, 22)
    assert "srv/shop" in ran.err


def test_the_doctor_ends_with_its_own_code_where_something_failed_and_with_zero_otherwise(
    run: Run, fake_app: FakeApp
) -> None:
    well = {"check": "clock", "verdict": "warning", "what": "the clock", "why": "40 s", "mend": "Set it right."}
    ill = {"check": "staging", "verdict": "failed", "what": "/s", "why": "lacks x", "mend": "az role assignment …"}
    fake_app.answers["GET doctor"] = {"value": [well], "next": None}
    assert run("doctor").code == 0
    fake_app.answers["GET doctor"] = {"value": [well, ill], "next": None}
    ran = run("doctor", "-o", "json")
    assert ran.code == 42
    assert ran.json == [well, ill]
    assert "0 ok, 1 warnings, 1 failed" in ran.err
