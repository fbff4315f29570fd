"""The history that a person hands in: what is wrong with it is named, and nothing is guessed."""

from __future__ import annotations

from datetime import date

import pytest

from holdfast.model.errors import InvalidInput
from holdfast.model.policy import policy_from
from holdfast.model.replay import Event, as_object, parse_events, replay
from tests.model.worked_examples import D3, days, events, gone, kept, on, policy


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[{", "not JSON at line 1"),
        ('{"id": 1}', "must be a list"),
        ('[{"id": 1}]', "0.day: Field required"),
        ('[{"id": 1, "day": "2026-02-30"}]', "0.day"),
        ('[{"id": 1, "day": 20260105}]', "0.day: 20260105 is not a day such as 2026-01-31"),
        ('[{"id": 1, "day": "2026-01-05T03:00:00Z"}]', "is not a day such as 2026-01-31"),
        ('[{"id": 1, "day": "2026-01-01", "ok": "perhaps"}]', "0.ok"),
        ('[{"id": 1, "day": "2026-01-01", "okay": true}]', "0.okay"),
        ('[{"id": 1, "day": "2026-01-01"}, {"id": "1", "day": "2026-01-02"}]', "id 1 comes more than once"),
    ],
)
def test_what_is_wrong_with_a_history_is_named(text: str, named: str) -> None:
    with pytest.raises(InvalidInput, match=r"^.*events\.json") as raised:
        parse_events(text, where="events.json")
    assert named in raised.value.detail


def test_ids_come_back_as_they_were() -> None:
    history = parse_events('[{"id": 7, "day": "2026-01-01", "ok": true}, {"id": "x", "day": "2026-01-02"}]')
    found = [as_object(one)["id"] for one in replay(policy(daily=D3), history, date(2026, 1, 2))]
    assert found == [7, "x"]


def test_a_point_is_shown_with_all_that_the_rules_know() -> None:
    rules = policy("2026-01-01", daily=D3, monthly={"day": 1, "keep_months": 12, "archive": True})
    (one,) = replay(rules, events([date(2026, 1, 1)]), date(2026, 1, 2))
    assert as_object(one) == {
        "id": "2026-01-01",
        "day": "2026-01-01",
        "flags": "DM*",
        "until": "2026-01-04",
        "keep": True,
        "reasons": ["D until 2026-01-04"],
        "untils": {"D": "2026-01-04"},
        "expires_on": "2026-01-05",
        "tier": "backup",
        "gone_on": None,
        "archive_copy": {
            "day": "2026-01-01",
            "flags": "M",
            "until": "2027-01-01",
            "keep": True,
            "reasons": ["M until 2027-01-01"],
            "untils": {"M": "2027-01-01"},
            "expires_on": "2027-01-02",
            "tier": "archive",
        },
    }


def test_backups_after_the_day_and_failed_ones_are_no_points() -> None:
    found = on(policy(daily=D3), events(days("2026-01-01", "2026-01-09"), failing=["2026-01-02"]), "2026-01-03")
    assert kept(found) == ["01-01(D)", "01-03(D)"]


def test_several_points_of_a_day_have_the_same_end() -> None:
    rules = policy(daily={"at": ["03:00", "15:00"], "keep_days": 1}, weekly={"day": "thursday", "keep_weeks": 1})
    history = [Event(id=n, day=date(2026, 1, 1 + n // 2)) for n in range(8)]
    found = replay(rules, history, date(2026, 1, 4))
    assert [one.event.id for one in found if one.point.keep] == [0, 4, 5, 6, 7]
    assert ["".join(one.point.flags) for one in found[:3]] == ["DW", "D", "D"]


def test_what_was_not_due_or_asked_for_has_no_flag_and_is_held() -> None:
    weekly = policy("2026-01-01", weekly={"day": "monday", "keep_weeks": 1})
    asked = Event(id="asked", day=date(2026, 1, 5), on_demand=True)
    history = [Event(id="too early", day=date(2026, 1, 2)), asked, *events(days("2026-01-05", "2026-01-06"))]
    found = {one.event.id: one.point for one in replay(weekly, history, date(2026, 1, 13))}
    assert {name: "".join(point.flags) for name, point in found.items()} == {
        "too early": "",
        "asked": "",
        "2026-01-05": "W",
        "2026-01-06": "",
    }
    assert found["asked"].until == date(2026, 1, 12)
    assert found["2026-01-06"].reasons == ("made on demand, held until 2026-01-13",)


def test_more_than_one_of_the_newest_may_stay() -> None:
    rules = policy_from({"name": "a", "retention": {"min_keep": 2}, "schedules": {"daily": D3}})
    found = on(rules, events([date(2026, 1, 1), date(2026, 1, 2), date(2026, 2, 1), date(2026, 3, 1)]), "2026-03-02")
    assert kept(found) == ["02-01(D)", "03-01(D)"]
    assert gone(found) == {"01-01": "02-01", "01-02": "03-01"}
