"""The worked examples of docs/explanation/retention.md, by their numbers."""

from datetime import date, timedelta

from tests.model.worked_examples import D3, days, events, gone, kept, kept_copies, on, policy

MONDAYS = [date(2026, 1, 5) + timedelta(weeks=n) for n in range(30)]


def test_e1_a_week_kept_by_days_and_two_weeks() -> None:
    rules = policy("2026-01-05", daily=D3, weekly={"day": "monday", "keep_weeks": 2})
    found = on(rules, events(days("2026-01-05", "2026-01-20")), "2026-01-20")
    assert kept(found) == ["01-12(DW)", "01-17(D)", "01-18(D)", "01-19(DW)", "01-20(D)"]
    assert (gone(found)["01-05"], gone(found)["01-06"]) == ("01-20", "01-10")
    first = found[0].point
    assert first.untils == {"D": date(2026, 1, 8), "W": date(2026, 1, 19)}
    assert first.reasons == ("expired on 2026-01-20", "D ended 2026-01-08", "W ended 2026-01-19")


def test_e2_the_first_success_takes_the_flag_of_a_week_that_began_with_failures() -> None:
    rules = policy("2026-01-05", daily=D3, weekly={"day": "monday", "keep_weeks": 2})
    tried = events(days("2026-01-05", "2026-01-22"), failing=["2026-01-12", "2026-01-13"])
    found = on(rules, tried, "2026-01-22")
    assert kept(found) == ["01-14(DW)", "01-19(DW)", "01-20(D)", "01-21(D)", "01-22(D)"]


def test_e3_a_month_after_the_last_day_of_january() -> None:
    rules = policy("2026-01-31", monthly={"day": 31, "keep_months": 1})
    tried = events([date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31)])
    found = on(rules, tried, "2026-03-31")
    assert kept(found) == ["03-31(M)"]
    assert [one.point.until for one in found[:2]] == [date(2026, 2, 28), date(2026, 3, 28)]
    assert gone(found) == {"01-31": "03-01", "02-28": "03-31"}
    assert "stayed until 2026-03-31 as one of the newest of its chain" in found[1].point.reasons


def test_e4_days_weeks_months_and_years() -> None:
    rules = policy(
        "2025-12-28",
        daily={"at": ["03:00"], "keep_days": 7},
        weekly={"day": "sunday", "keep_weeks": 4},
        monthly={"day": 1, "keep_months": 12},
        yearly={"month": 1, "day": 1, "keep_years": 7},
    )
    found = on(rules, events(days("2025-12-28", "2026-03-10")), "2026-03-10")
    assert kept(found) == [
        *("01-01(DMY)", "02-01(DWM)", "02-15(DW)", "02-22(DW)", "03-01(DWM)"),
        *("03-03(D)", "03-04(D)", "03-05(D)", "03-06(D)", "03-07(D)", "03-08(DW)", "03-09(D)", "03-10(D)"),
    ]
    new_year = next(one.point for one in found if "Y" in one.point.flags)
    assert new_year.untils == {"D": date(2026, 1, 8), "M": date(2027, 1, 1), "Y": date(2033, 1, 1)}


def test_e5_every_second_month_is_archived_for_a_year() -> None:
    odd = {"day": 1, "months": [1, 3, 5, 7, 9, 11], "keep_months": 12, "archive": True}
    rules = policy("2026-01-01", weekly={"day": "monday", "keep_weeks": 3}, monthly=odd)
    found = on(rules, events(MONDAYS), "2026-07-10")
    assert kept(found) == ["06-22(W)", "06-29(W)", "07-06(WM*)"]
    assert kept_copies(found) == ["01-05(M)", "03-02(M)", "05-04(M)", "07-06(M)"]


def test_e6_the_last_point_of_a_database_that_is_gone_stays() -> None:
    rules = policy("2026-05-01", daily=D3)
    tried = events(days("2026-05-01", "2026-05-30"), failing=[f"2026-05-{day:02d}" for day in range(6, 31)])
    found = on(rules, tried, "2026-05-30")
    assert kept(found) == ["05-05(D)"]
    assert gone(found) == {"05-01": "05-05", "05-02": "05-06", "05-03": "05-07", "05-04": "05-08"}
    assert found[-1].point.reasons == ("expired, but the newest point of its chain", "D ended 2026-05-08")
