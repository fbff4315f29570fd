"""Every page over empty, small, large and hostile worlds: it answers, escapes, and says the same as its JSON."""

from __future__ import annotations

from datetime import timedelta

import pytest

from holdfast.model.diagnosis import broken, healthy
from holdfast.model.errors import SourceUnusable, Unavailable
from holdfast.model.overdue import Overdue
from holdfast.model.point import Entry, Table
from holdfast.model.session import SourceRun, State
from triggers.web_table import PAGES

LISTS = [
    *("", "running", "sources", "policies", "new-policy", "sessions", "machines"),
    *("leftovers", "doctor", "repositories", "storage", "costs"),
]
HOSTILE = "<script>alert(1)</script>\"' onerror=x &amp; {{7*7}}"


def furnished(site, line, name: str = "shop") -> list[str]:
    """A world in which every page has something to show, under that name; the addresses of all pages."""
    site.policy()
    source = site.source(name)
    point = site.point(
        source,
        tables=[Table(schema=name, name=name, rows=12, bytes=900)],
        entries=[Entry(name=name, bytes=4, sha256="ab" * 32)],
        warnings=[name],
        kept_because=[name],
        flags=["D"],
    )
    site.proven(point)
    run = SourceRun(source=source.name, key="k", state=State.FAILED, error=SourceUnusable(name, help=name).info())
    run.steps[0].detail = name
    session = site.session(State.FAILED, sources=[run], error=SourceUnusable(name).info())
    going = SourceRun(source=source.name, key="k", state=State.RUNNING, restore_point=point.id)
    going.steps[1].state, going.steps[1].detail = State.RUNNING, name
    live = site.session(State.RUNNING, ago=timedelta(minutes=2), sources=[going])
    site.catalog.log.lines[:] = [line(name, "error")]
    site.app.doctor.examine = lambda policies: [broken("staging", name, name, name), healthy("settings", name)]
    late = Overdue(policy="nightly", source=source.name, chain=source.chain, missed=point.created_at)
    site.catalog.promises.broken = lambda: [late]
    return [
        *LISTS,
        f"sources/{source.chain}",
        "policies/nightly",
        "policies/nightly/edit",
        "policies/nightly/delete",
        "policies/nightly/retention",
        "costs?policy=nightly",
        *(f"sessions/{one.id}{part}" for one in (session, live) for part in ("", "/live", "/log")),
        f"points/{point.id}?repository=default",
        f"points/{point.id}/restore?repository=default",
    ]


@pytest.mark.parametrize("path", LISTS)
def test_an_empty_installation_shows_every_page_and_its_twin(site, path: str) -> None:
    answer = site.get(path)
    assert (answer.status, answer.kind) == (200, "text/html"), answer.words
    twin = site.get(f"{path or 'overview'}.json")
    assert (twin.status, twin.kind) == (200, "application/json")
    assert twin.json == site.get(path, accept="application/json").json


def test_an_empty_installation_says_how_to_begin(site) -> None:
    assert "Write the first policy" in site.get("").words
    assert "holdfast policy apply" in site.get("policies").words
    assert "HOLDFAST_SUBSCRIPTIONS" in site.get("sources").words


def test_every_page_of_a_furnished_installation_answers(site, line) -> None:
    paths = furnished(site, line)
    for path in paths:
        assert site.get(path).status == 200, (path, site.get(path).words)
    shown = [one.pattern for one in PAGES if one.method == "GET"]
    assert all(any(p.fullmatch(path.partition("?")[0]) for path in paths) for p in shown), (
        "a page is not looked at here"
    )


def test_a_hostile_name_is_text_wherever_it_is_shown(site, line) -> None:
    shown = 0
    for path in furnished(site, line, HOSTILE):
        answer = site.get(path)
        assert answer.status == 200, (path, answer.words)
        assert "<script>alert" not in answer.text, path
        shown += "<script>alert(1)</script>\"' onerror=x &amp; {{7*7}}" in answer.words
        for tag, attributes in answer.elements:
            assert not [name for name in attributes if name.startswith("on")], (path, tag, attributes)
    assert shown > 8


def test_pages_need_nothing_that_the_content_security_policy_forbids(site, line) -> None:
    """No inline script or style, nothing from another place."""
    for path in furnished(site, line):
        answer = site.get(path)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        for tag, attributes in answer.elements:
            assert "style" not in attributes, (path, tag)
            assert tag != "style", path
            assert tag != "script" or (attributes.get("src") or "").startswith("/api/web/static/"), path
            for name in ("href", "src", "action", "formaction", "hx-get"):
                address = attributes.get(name)
                if address:
                    assert address.startswith(("/api/web/", "#", "?", "https://x/exports/")), (path, tag, address)


def test_every_field_has_a_label(site, line) -> None:
    for path in [*furnished(site, line), "sign-in"]:
        answer, inside = site.get(path), 0
        labelled = {a.get("for") for tag, a in answer.elements if tag == "label"}
        for tag, attributes in answer.elements:
            inside += tag == "label"
            if tag in ("input", "select", "textarea") and attributes.get("type") != "hidden":
                assert attributes.get("id") in labelled or inside, (path, attributes)


def test_thousands_of_databases_are_paged_and_only_those_shown_are_asked_about(site) -> None:
    site.policy()
    for number in range(3000):
        site.source(f"db{number:04}")
    asked: list[str] = []
    site.catalog.points.since = lambda chain, moment: asked.append(chain) or []
    first = site.get("sources.json").json
    assert [one["source"] for one in first["sources"]][::49] == ["sql-a/db0000", "sql-a/db0049"]
    assert (first["pager"]["total"], first["pager"]["behind"], len(asked)) == (3000, "?page=2", 50)
    last = site.get("sources.json?page=60&state=protected").json
    assert last["sources"][-1]["source"] == "sql-a/db2999"
    assert (last["pager"]["before"], last["pager"]["behind"]) == ("?state=protected&page=59", None)
    assert site.get("sources.json?page=999").json["pager"]["last"] == 3000
    assert site.get("sources.json?database=db12*").json["pager"]["total"] == 100
    assert len(site.get("sources").text) < 200_000
    assert site.get("overview.json").json["tiles"][0]["count"] == 3000


def test_a_session_of_thousands_of_databases_shows_what_failed_first(site) -> None:
    runs = [SourceRun(source=f"s/db{n:04}", key=str(n), state=State.SUCCEEDED) for n in range(2500)]
    runs[2400].state = State.FAILED
    session = site.session(State.PARTIAL, sources=runs)
    found = site.get(f"sessions/{session.id}.json").json
    assert found["sources"][0]["source"] == "s/db2400"
    assert (len(found["sources"]), found["pager"]["total"], found["counts"]["failed"]) == (50, 2500, 1)


def test_an_azure_that_does_not_answer_hides_nothing_that_the_catalog_knows(site) -> None:
    site.policy()
    site.session(State.RUNNING, ago=timedelta(minutes=1))

    def closed() -> None:
        raise Unavailable("Azure Resource Manager does not answer")

    site.servers.list_sources = closed
    answer = site.get("")
    assert answer.status == 200
    assert "does not answer" in answer.words
    assert "nightly-000000" in answer.words


def test_a_page_that_is_none_is_said_so(site) -> None:
    for path in ("nothing", "policies/none", "sessions/none", "points/none", "sources/none", "static/0/none.js"):
        assert site.get(path).status == 404, path
    assert "none" in site.get("policies/none").words
    twin = site.get("policies/none.json")
    assert (twin.status, twin.kind, twin.json["code"]) == (404, "application/problem+json", "not-found")


def test_what_nobody_foresaw_shows_no_message_of_a_library(site) -> None:
    def broken() -> None:
        raise ValueError("sig=secret-of-somebody")

    site.catalog.workers.list = broken
    answer = site.get("machines")
    assert answer.status == 500
    assert "ValueError" in answer.words
    assert "secret-of-somebody" not in answer.text


def test_the_link_to_the_twin_shows_the_same_part_of_a_list(site) -> None:
    for number in range(120):
        site.source(f"db{number:03}")
    answer = site.get("sources?state=unprotected&page=2")
    (twin,) = [a["href"] for tag, a in answer.elements if tag == "a" and ".json" in (a.get("href") or "")]
    found = site.get(twin.removeprefix("/api/web/")).json
    assert (found["state"], found["pager"]["first"]) == ("unprotected", 51)
