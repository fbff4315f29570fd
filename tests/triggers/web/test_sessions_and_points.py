"""Sessions as they go, and a point on its way back."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

from holdfast.model.job import Progress
from holdfast.model.point import Table
from holdfast.model.preflight.finding import Finding
from holdfast.model.session import Download, SourceRun, State


def asks_again(answer) -> list[str]:
    return [a["hx-get"] for _, a in answer.elements if (a.get("hx-trigger") or "").startswith("every")]


def test_a_session_is_asked_about_again_only_while_it_runs(site) -> None:
    live, over = site.session(State.RUNNING), site.session(State.SUCCEEDED)
    assert asks_again(site.get(f"sessions/{live.id}")) == [f"/api/web/sessions/{live.id}/live?page=1"]
    assert asks_again(site.get(f"sessions/{live.id}/live?page=1"))
    assert asks_again(site.get(f"sessions/{over.id}/live")) == []
    assert "<html" not in site.get(f"sessions/{live.id}/live").text


def test_progress_of_workers_is_shown_at_their_databases(site) -> None:
    run = SourceRun(source="sql-a/shop", key="k", state=State.RUNNING)
    live = site.session(State.RUNNING, sources=[run])
    site.catalog.jobs.open_jobs = lambda: [SimpleNamespace(id="j", session=live.id, source="sql-a/shop", worker="w-1")]
    going = Progress(phase="rows", table="dbo.Orders", rows=12000, tables_done=3, tables_total=12)
    site.app.dispatch.heartbeat = lambda session, job: SimpleNamespace(progress=going)
    (line,) = site.get(f"sessions/{live.id}.json").json["sources"]
    assert line["work"] == {
        "worker": "w-1",
        "said": "rows, table dbo.Orders, 3 of 12 tables, 12,000 rows",
        "part": 0.25,
    }


def test_a_log_is_shown_from_its_beginning_and_paged(site, line) -> None:
    session = site.session(State.SUCCEEDED)
    site.catalog.log.lines[:] = [line(f"line {n}") for n in range(600)]
    found = site.get(f"sessions/{session.id}.json").json
    assert (len(found["log"]), found["log_cut"]) == (200, True)
    log = site.get(f"sessions/{session.id}/log.json").json
    assert (len(log["lines"]), log["next"]) == (500, "499")


def test_cancel_asks_the_session_to_stop(site) -> None:
    live = site.session(State.RUNNING)
    assert site.post(f"sessions/{live.id}/cancel").headers["Location"] == f"/api/web/sessions/{live.id}"
    assert site.catalog.sessions.get(live.id).cancel_requested
    assert "asked to stop" in site.get(f"sessions/{live.id}").words


def test_a_download_is_a_session_whose_page_has_the_link(site) -> None:
    point = site.point(site.source("shop"))
    answer = site.post(f"points/{point.id}/download", repository="default", worker="standard", once="1")
    assert answer.status == 303
    ((orchestrator, instance, given),) = site.started
    assert orchestrator == "download_point"
    assert (given["point"], given["repository"]) == (point.id, "default")
    assert answer.headers["Location"].endswith(instance)
    done = Download(
        blob="b.bacpac", bytes=5, sha256="ab", identical=False, expires_at=site.app.clock.now() + timedelta(1)
    )
    over = site.session(State.SUCCEEDED, kind="download", download=done)
    links = [a["href"] for tag, a in site.get(f"sessions/{over.id}").elements if tag == "a" and "download" in a]
    assert links == ["https://x/exports/b.bacpac?sig=s"]


def test_a_link_to_data_is_not_made_for_whoever_may_only_read(site, principal) -> None:
    site.app.settings = site.app.settings.model_copy(update={"entra_sign_in": True})
    done = Download(
        blob="b.bacpac", bytes=5, sha256="ab", identical=False, expires_at=site.app.clock.now() + timedelta(1)
    )
    over = site.session(State.SUCCEEDED, kind="download", download=done)
    for role, seen in (("Backup.Reader", False), ("Backup.Restorer", True)):
        found = site.get(f"sessions/{over.id}.json", **principal("r", role)).json
        assert (found["file"] is not None) is seen


def test_a_hold_has_a_reason(site) -> None:
    point = site.point(site.source("shop"))
    site.post(f"points/{point.id}/hold", repository="default", reason="audit 2026")
    ((orchestrator, _, given),) = site.started
    assert (orchestrator, given["on"], given["reason"]) == ("hold_point", True, "audit 2026")


def test_sessions_are_listed_newest_first_and_as_far_back_as_asked(site) -> None:
    for days in (1, 3, 40, 500):
        site.session(State.SUCCEEDED, ago=timedelta(days=days))
    for days in range(2, 7):
        site.session(State.FAILED, ago=timedelta(days=days, hours=1))
    found = site.get("sessions.json").json
    assert len(found["sessions"]) == 9  # few enough to show all at once
    assert found["sessions"] == sorted(found["sessions"], key=lambda one: one["started_at"], reverse=True)
    week = site.get("sessions.json?days=7").json
    assert len(week["sessions"]) == 7
    assert week["older"] == "/api/web/sessions?days=30"
    assert len(site.get("sessions.json?state=failed").json["sessions"]) == 5
    assert site.get("sessions?state=nonsense&days=x&page=-3").status == 200


def test_back_up_now_backs_up_that_database_alone(site) -> None:
    site.policy()
    source = site.source("shop")
    site.source("hr")
    assert site.post(f"sources/{source.chain}/backup").status == 303
    assert site.started[0][2]["databases"] == ["sql-a/shop"]


def test_one_table_is_taken_out_by_its_whole_name(site) -> None:
    tables = [Table(schema="a.b", name="x]y", rows=1, bytes=1)]
    point = site.point(site.source("shop"), tables=tables)
    (choice,) = site.get(f"points/{point.id}.json").json["takeable"]
    for number, (form, asked) in enumerate((("csv", "export"), ("rows", "show"))):
        answer = site.post(f"points/{point.id}/table", repository="default", name=choice["name"], format=form)
        assert answer.status == 303
        orchestrator, _, given = site.started[number]
        assert (orchestrator, given["ask"]["act"], given["ask"]["table"]) == ("read_tables", asked, "[a.b].[x]]y]")
    assert site.post(f"points/{point.id}/table", name=choice["name"], format="exe").status == 400


def test_what_preflight_found_stands_on_its_session(site) -> None:
    found = Finding(
        id="P01", severity="blocks-export", object="View [dbo].[v]", cause="names what is not there", mend="Drop it"
    )
    session = site.session(State.SUCCEEDED, kind="preflight", findings=[found])
    assert "View [dbo].[v]: names what is not there. Drop it" in site.get(f"sessions/{session.id}").words
    clean = site.session(State.SUCCEEDED, kind="preflight", findings=[])
    assert "Nothing was found" in site.get(f"sessions/{clean.id}").words
    assert "Preflight" not in site.get(f"sessions/{site.session(State.SUCCEEDED).id}").words
