"""Why a point stays although its flags have ended, and what the reasons say."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from holdfast.model.policy import policy_from
from holdfast.model.reapplying import reapplied
from holdfast.model.retention import Candidate, Verdict, lock_needed, verdicts
from tests.model.worked_examples import D3, policy

DAY = date(2026, 1, 1)
TODAY = date(2026, 3, 1)


def point(number: int, **facts: object) -> Candidate:
    """A daily point that expired long ago, but for what is said."""
    day = DAY + timedelta(days=number)
    made = Candidate(f"p{number}", day, datetime(2026, 1, 1 + number, 3, tzinfo=UTC), {"D": day + timedelta(days=3)})
    return replace(made, **facts)  # type: ignore[arg-type]


def judged(*points: Candidate, least: int = 1) -> dict[str, Verdict]:
    return {verdict.id: verdict for verdict in verdicts(points, TODAY, min_keep=least)}


def kept(*points: Candidate, least: int = 1) -> list[str]:
    return [name for name, verdict in judged(*points, least=least).items() if verdict.keep]


def test_of_points_that_have_all_expired_the_newest_stays() -> None:
    found = judged(point(0), point(1), point(2))
    assert [verdict.keep for verdict in found.values()] == [False, False, True]
    assert found["p0"].reasons == ("expired on 2026-01-05", "D ended 2026-01-04")
    assert found["p2"].reasons == ("expired, but the newest point of its chain", "D ended 2026-01-06")


def test_the_newest_is_the_one_made_last_and_not_the_one_with_the_latest_day() -> None:
    late = point(1, created_at=datetime(2026, 1, 20, tzinfo=UTC))
    assert kept(late, point(2)) == ["p1"]


def test_the_newest_verified_point_stays_besides_the_newest() -> None:
    found = judged(point(0, verified=True), point(1, verified=True), point(2))
    assert [name for name, verdict in found.items() if verdict.keep] == ["p1", "p2"]
    assert found["p1"].reasons[0] == "expired, but the newest verified point of its chain"


def test_so_many_of_the_newest_stay_as_the_policy_says_and_never_less_than_one() -> None:
    points = [point(n) for n in range(4)]
    assert kept(*points, least=3) == ["p1", "p2", "p3"]
    assert kept(*points, least=0) == ["p3"]


def test_a_point_whose_archive_copy_is_not_verified_stays_until_it_is() -> None:
    pending = point(0, archive_pending=True, used_for_archive=("M",))
    found = judged(pending, point(1))["p0"]
    assert (found.keep, found.flags) == (True, ("D", "M*"))
    assert found.reasons == ("its archive copy is not verified yet", "D ended 2026-01-04")
    assert kept(replace(pending, archive_pending=False), point(1)) == ["p1"]


def test_holds_and_locks_keep_a_point() -> None:
    locked = point(1, locked_until=datetime(2026, 3, 1, 0, 1, tzinfo=UTC))
    found = judged(point(0, held=True), locked, point(2))
    assert found["p0"].reasons[0] == "on hold until somebody releases it"
    assert found["p1"].reasons[0] == "expired, but locked until 2026-03-01 00:01 UTC"
    assert found["p0"].keep
    assert found["p1"].keep
    over = replace(locked, locked_until=datetime(2026, 3, 1, tzinfo=UTC))
    assert not judged(over, point(2))["p1"].keep


def test_a_point_made_on_demand_is_kept_through_its_last_day() -> None:
    asked = point(0, untils={}, hold_until=TODAY)
    found = judged(asked, point(1))["p0"]
    assert (found.keep, found.until, found.expires_on) == (True, TODAY, TODAY + timedelta(days=1))
    assert found.reasons == ("made on demand, held until 2026-03-01",)
    ended = judged(replace(asked, hold_until=TODAY - timedelta(days=1)), point(1))["p0"]
    assert (ended.keep, ended.reasons[1]) == (False, "made on demand, hold ended 2026-02-28")


def test_a_point_of_which_nothing_says_how_long_goes_by_hand_only() -> None:
    """Imported ones, and those from before ends were stamped: nothing is deleted for want of knowledge."""
    found = judged(point(0, untils={}), point(1, untils={}, flags=("D", "W")), point(2))
    assert found["p0"].reasons == ("carries no flag and no end: only a person removes it",)
    assert found["p1"].reasons == ("D, W without an end: re-apply the policy to set one",)
    assert [verdict.keep for verdict in found.values()] == [True, True, True]
    assert found["p1"].flags == ("D", "W")


def test_the_last_day_of_the_last_flag_counts() -> None:
    both = point(0, untils={"D": date(2026, 1, 4), "W": TODAY})
    assert judged(both, point(1))["p0"].reasons == ("W until 2026-03-01", "D ended 2026-01-04")
    assert not {v.id: v for v in verdicts([both, point(1)], TODAY + timedelta(days=1))}["p0"].keep


def test_an_archive_chain_may_become_empty() -> None:
    copies = [point(0, untils={"M": date(2026, 2, 28)}, verified=True)]
    assert [verdict.keep for verdict in verdicts(copies, TODAY, tier="archive")] == [False]
    assert [verdict.keep for verdict in verdicts(copies, date(2026, 2, 28), tier="archive")] == [True]


def test_a_lock_is_needed_to_the_end_of_the_last_local_day() -> None:
    zone = policy_from({"name": "a", "time_zone": "Europe/Berlin"}).zone
    both = point(0, untils={"D": date(2026, 1, 4)}, hold_until=date(2026, 7, 1))
    assert lock_needed(both, zone) == datetime(2026, 7, 1, 22, tzinfo=UTC)
    assert lock_needed(point(0, untils={}), zone) is None


def test_an_edit_changes_no_end_but_re_applying_lengthens() -> None:
    longer = policy("2026-01-01", daily={**D3, "keep_days": 5}, weekly={"day": "monday", "keep_weeks": 1})
    old = point(0, untils={"D": date(2026, 1, 4), "W": date(2026, 1, 22)})
    (found,) = reapplied(longer, [old])
    assert found.before == {"D": date(2026, 1, 4), "W": date(2026, 1, 22)}
    assert found.after == {"D": date(2026, 1, 6), "W": date(2026, 1, 22)}
    assert found.notes == (
        "D 2026-01-04 -> 2026-01-06",
        "W stays 2026-01-22: the policy says 2026-01-08, and shortening was not asked for",
    )
    (asked,) = reapplied(longer, [old], shorten=True)
    assert asked.after == {"D": date(2026, 1, 6), "W": date(2026, 1, 8)}
    assert reapplied(longer, [replace(old, untils=asked.after)], shorten=True)[0].changed is False


def test_re_applying_gives_an_end_where_there_is_none_and_takes_no_flag() -> None:
    rules = policy(daily=D3, monthly={"day": 1, "keep_months": 12, "archive": True})
    old = point(0, untils={"Y": date(2027, 1, 1)}, flags=("D", "Y"))
    (found,) = reapplied(rules, [old], shorten=True)
    assert found.after == {"D": date(2026, 1, 4), "Y": date(2027, 1, 1)}
    copy = point(0, untils={"M": date(2026, 2, 1)})
    assert reapplied(rules, [copy])[0].changed is False  # its M is a matter of the archive
    assert reapplied(rules, [copy], tier="archive")[0].after == {"M": date(2027, 1, 1)}
