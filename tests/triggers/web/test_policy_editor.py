"""Policies in the browser: checked before they are saved, each error at its line, nothing lost to a second hand."""

from __future__ import annotations

import pytest

TEXT = "name: nightly\nschedules:\n  daily: {at: ['03:00'], keep_days: 7}\n"


def test_a_check_shows_plan_and_costs_and_saves_nothing(site) -> None:
    site.source("shop")
    answer = site.post("policies/check", yaml=TEXT, name="", etag="")
    assert answer.status == 200
    assert "It selects 1 database and takes 1 of them" in answer.words
    assert "a month, in steady state" in answer.words
    assert "2026-11-27 03:00:00 UTC" in answer.words
    assert ("button", "policies/save") in [
        (tag, (a.get("formaction") or "").removeprefix("/api/web/")) for tag, a in answer.elements
    ]
    assert site.catalog.policies.known == {}


def test_before_the_check_there_is_nothing_to_save(site) -> None:
    for answer in (site.get("new-policy"), site.post("policies/check", yaml="name: [")):
        assert not [a for _, a in answer.elements if "formaction" in a]


@pytest.mark.parametrize(
    ("text", "field", "line"),
    [
        ("name: nightly\nkeep: 3\n", "keep", 2),
        ("name: UPPER\n", "name", 1),
        ("name: a\nschedules:\n  daily:\n    at: ['25:00']\n    keep_days: 7\n", "schedules.daily.at.0", 4),
        ("name: a\nschedules:\n  daily:\n    at: ['03:00']\n    keep_days: 0\n", "schedules.daily.keep_days", 5),
        ("name: a\nrepository: nowhere\n", "", None),
        ("name: a\nworker: giant\n", "worker", 2),
        ("name: a\nrepository: archive\n", "repository", 2),
        ("name: [\n", "", 2),
        ("just text", "", None),
        ("", "", None),
        ("priority: 3\n", "name", None),
    ],
)
def test_what_is_wrong_is_named_with_its_line(site, text: str, field: str, line: int | None) -> None:
    answer = site.post("policies/check", yaml=text, headers={"accept": "application/json"})
    assert answer.status == 400
    first = answer.json["errors"][0]
    assert (first["field"], first["line"]) == (field, line)
    assert site.catalog.policies.known == {}
    page = site.post("policies/check", yaml=text)
    assert "This is no policy yet" in page.words
    assert all(line.strip() in page.words for line in text.splitlines())


def test_a_checked_policy_is_saved(site) -> None:
    answer = site.post("policies/save", yaml=TEXT, name="", etag="")
    assert (answer.status, answer.headers["Location"]) == (303, "/api/web/policies/nightly")
    assert site.catalog.policies.known["nightly"].schedules.daily.keep_days == 7


def test_saving_checks_again(site) -> None:
    assert site.post("policies/save", yaml="name: a\nworker: giant\n", name="", etag="").status == 400
    assert site.catalog.policies.known == {}


def test_a_new_policy_replaces_none_of_that_name(site) -> None:
    before = site.policy(priority=3)
    answer = site.post("policies/save", yaml=TEXT, name="", etag="")
    assert answer.status == 409
    assert "there is one of that name already" in answer.words
    assert site.catalog.policies.known["nightly"] == before


def test_whoever_was_slower_overwrites_nothing(site) -> None:
    before = site.policy(priority=3)
    answer = site.post("policies/save", yaml=TEXT, name="nightly", etag="etag-of-yesterday")
    assert answer.status == 409
    assert "was changed since it was read" in answer.words
    assert TEXT.splitlines()[1] in answer.words  # what was typed is still there
    assert site.catalog.policies.known["nightly"] == before


def test_the_editor_edits_what_is_there_and_renames_nothing(site) -> None:
    site.policy()
    fields = {a["name"]: a.get("value") for tag, a in site.get("policies/nightly/edit").elements if tag == "input"}
    assert (fields["name"], fields["etag"]) == ("nightly", "etag-of-nightly")
    answer = site.post("policies/save", **{**fields, "yaml": TEXT.replace("nightly", "other")})
    assert answer.status == 400
    assert "other" not in site.catalog.policies.known
    assert site.post("policies/save", **{**fields, "yaml": TEXT.replace("7", "8")}).status == 303
    assert site.catalog.policies.known["nightly"].schedules.daily.keep_days == 8


def test_a_policy_goes_only_when_its_name_is_typed(site) -> None:
    site.policy()
    for typed in ("", "nightl", "NIGHTLY"):
        assert site.post("policies/nightly/delete", typed=typed).status == 400
    assert "nightly" in site.catalog.policies.known
    assert site.post("policies/nightly/delete", typed="nightly").status == 303
    assert site.catalog.policies.known == {}


def test_a_double_click_starts_one_session(site) -> None:
    site.policy()
    found = {site.post("policies/nightly/run", once="abc").headers["Location"] for _ in range(2)}
    assert len(found) == 1
    assert len({instance for _, instance, _ in site.started}) == 1
    assert site.started[0][0] == "policy_run"
    other = site.post("policies/nightly/run", once="abd").headers["Location"]
    assert other not in found
