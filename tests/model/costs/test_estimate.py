"""The estimate: parts sum up to totals, more never costs less, and the facts' own example comes out."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.model.costs import Estimate, estimate, packaged_prices
from holdfast.model.costs.assumptions import Assumptions, GivenAssumptions
from holdfast.model.costs.inputs import Place, Places, SizedDatabase
from holdfast.model.costs.ledger import Ledger
from holdfast.model.costs.money import GB, Band, total
from holdfast.model.costs.restoring import leaving_archive
from holdfast.model.costs.storing import early_days
from holdfast.model.policy import Policy, policy_from

ON = date(2026, 11, 26)
ROOT = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Sql"
ARCHIVED = {"daily": {"at": ["03:00"], "keep_days": 7}, "monthly": {"day": 1, "keep_months": 12, "archive": True}}


def policy(**more: object) -> Policy:
    return policy_from({"name": "p", "schedules": ARCHIVED, "archive": "archive", **more})


def database(name: str = "s/a", gb: float = 100, **more: object) -> SizedDatabase:
    return SizedDatabase(name=name, size=Band.of(round(gb * GB)), **more)


def line(found: Estimate, item: str) -> Band:
    return next((one.month for one in found.lines if one.item == item), Band.of(0))


@st.composite
def policies(draw: st.DrawFn) -> dict[str, object]:
    """Policies with every combination of schedules, staging, archive, locks and drills."""
    plan: dict[str, object] = {}
    if draw(st.booleans()):
        plan["daily"] = {
            "at": draw(st.sampled_from([["03:00"], ["03:00", "15:00"]])),
            "keep_days": draw(st.integers(1, 40)),
        }
    if not plan or draw(st.booleans()):
        plan["weekly"] = {"day": "sunday", "keep_weeks": draw(st.integers(1, 20))}
    if draw(st.booleans()):
        plan["monthly"] = {"day": 31, "keep_months": draw(st.integers(1, 30)), "archive": draw(st.booleans())}
    if draw(st.booleans()):
        plan["yearly"] = {"month": 1, "day": 1, "keep_years": draw(st.integers(1, 12)), "archive": draw(st.booleans())}
    made: dict[str, object] = {"name": "p", "schedules": plan, "archive": "archive", "immutable": draw(st.booleans())}
    if draw(st.booleans()):
        made["staging"] = {"sql_server": f"{ROOT}/servers/x"}
    if draw(st.booleans()):
        made["drill"] = {"every": f"{draw(st.integers(1, 90))}d", "target": f"{ROOT}/servers/x"}
    return made


sizes = st.lists(st.floats(0, 2000), min_size=1, max_size=4)
places = st.builds(
    Places,
    repository_region=st.sampled_from(["", "westeurope"]),
    archive_region=st.sampled_from(["", "northeurope"]),
    worker=st.builds(Place, parallel=st.integers(1, 4), max_workers=st.integers(1, 5)),
)


def databases(gbs: list[float]) -> list[SizedDatabase]:
    return [database(f"s/{n}", gb, region="northeurope", managed=n == 1) for n, gb in enumerate(gbs)]


def not_more(one: Band, other: Band) -> bool:
    return one.low <= other.low and one.expected <= other.expected and one.high <= other.high


@settings(max_examples=25)
@given(policies(), sizes, places)
def test_the_parts_sum_up_to_the_total(given_policy: dict, gbs: list[float], where: Places) -> None:
    found = estimate(policy_from(given_policy), databases(gbs), on=ON, places=where)
    assert total(one.month for one in found.lines) == found.month
    assert total(one.first_month for one in found.lines) == found.first_month
    assert total(one.month for one in found.databases) + found.shared == found.month
    for one in found.lines:
        assert 0 <= one.month.low <= one.month.expected <= one.month.high
    for quote in found.restore:
        assert total(quote.parts.values()) == quote.total
    assert [d.month.expected for d in found.drivers] == sorted((x.month.expected for x in found.lines), reverse=True)[
        : len(found.drivers)
    ]


@settings(max_examples=25)
@given(policies(), sizes, st.floats(0, 2000), places)
def test_a_further_database_is_never_cheaper(given_policy: dict, gbs: list[float], more: float, where: Places) -> None:
    made = policy_from(given_policy)
    fewer = estimate(made, databases(gbs), on=ON, places=where)
    further = estimate(made, databases([*gbs, more]), on=ON, places=where)
    assert not_more(fewer.month, further.month)
    assert not_more(fewer.first_month, further.first_month)


@settings(max_examples=25)
@given(policies(), sizes, places, st.integers(1, 400), st.sampled_from(["daily", "weekly", "monthly", "yearly"]))
def test_longer_keep_is_never_cheaper(
    given_policy: dict, gbs: list[float], where: Places, longer: int, of: str
) -> None:
    """Unlocked: a lock outlives a point by the same days, whenever that goes."""
    plan = given_policy["schedules"]
    if of not in plan:
        return
    kept = next(name for name in plan[of] if name.startswith("keep_"))
    stays = {**plan[of], kept: plan[of][kept] + (longer if kept == "keep_days" else 1 + longer % 40)}
    made = {**given_policy, "immutable": False}
    short = estimate(policy_from(made), databases(gbs), on=ON, places=where)
    long = estimate(policy_from({**made, "schedules": {**plan, of: stays}}), databases(gbs), on=ON, places=where)
    assert not_more(short.month, long.month)


@given(policies(), st.floats(0, 2000), st.floats(0, 500))
@settings(max_examples=15)
def test_a_larger_database_is_never_cheaper(given_policy: dict, gb: float, more: float) -> None:
    made = policy_from(given_policy)
    assert not_more(estimate(made, databases([gb]), on=ON).month, estimate(made, databases([gb + more]), on=ON).month)


def test_reading_a_thousand_gb_of_ninety_days_out_of_the_archive_costs_about_28() -> None:
    """The example: 22 retrieval, 0.0006 for the read, 6 for the 90 days that are left."""
    ledger = Ledger(packaged_prices())
    parts = leaving_archive(ledger, Band.of(1000 * GB), Band.of(1), Band.of(90))
    assert parts["retrieval"].expected == Decimal("22.0000")
    assert parts["reads"].expected == Decimal("0.0006")
    assert parts["early deletion"].expected == Decimal("6.0000")
    assert round(sum(part.expected for part in parts.values())) == 28


@pytest.mark.parametrize(
    ("age", "tier", "days"),
    [
        (0, "archive", 180),
        (179, "archive", 1),
        (180, "archive", 0),
        (400, "archive", 0),
        (10, "cool", 20),
        (10, "cold", 80),
        (10, "hot", 0),
    ],
)
def test_early_days_are_what_is_left_of_the_least_stay(age: int, tier: str, days: int) -> None:
    assert early_days(age, tier) == days


def test_archive_kept_a_month_pays_for_180_days_all_the_same() -> None:
    """100 GB at 0.4 are 40 GB a copy, twelve a year; each is billed for 180 days at 0.002 a GB and 30 days."""
    plan = {**ARCHIVED, "monthly": {"day": 1, "keep_months": 1, "archive": True}}
    found = estimate(policy(schedules=plan), [database()], on=ON)
    together = line(found, "archive-stored").expected + line(found, "archive-fee").expected
    assert float(together) == pytest.approx(40 * 0.002 * 180 / 30 * 12 * 30 / 365, rel=0.01)
    assert found.fees == line(found, "archive-fee")
    assert any("180 days" in note for note in found.notes)
    assert estimate(policy(), [database()], on=ON).fees.nothing


def test_locks_are_set_on_new_objects_and_extended_three_times_a_month() -> None:
    free, locked = (estimate(policy(immutable=i), [database()], on=ON) for i in (False, True))
    assert line(free, "lock-calls").nothing
    calls = next(one for one in locked.lines if one.item == "lock-calls").quantities["10,000 writes"]
    stored = next(one for one in locked.lines if one.item == "backup-stored").quantities["GB and month"]
    packs = float(stored.expected) * GB / (16 << 20)
    assert float(calls.expected) * 10_000 == pytest.approx(3 * packs, rel=0.25)


def test_staging_is_billed_by_the_started_hour_of_the_sources_own_objective() -> None:
    """20 GB: 400 s copy, 120 s of its own, 600 s export, 600 s between: 29 minutes, which is one hour of S3."""
    made = policy(staging={"sql_server": f"{ROOT}/servers/x"})
    sure = GivenAssumptions(copy_time=20, export_time=30, retries=0).over(Assumptions())
    found = estimate(made, [database(gb=20, objective="S3")], on=ON, assumed=sure)
    assert float(line(found, "staging-compute").expected) == pytest.approx(30 * 100 * 0.0020, abs=0.001)
    direct = estimate(policy(), [database(gb=20, objective="S3")], on=ON)
    assert line(direct, "staging-compute").nothing


def test_another_region_is_paid_for_and_the_same_is_not() -> None:
    near = Places(repository_region="westeurope", archive_region="westeurope")
    far = Places(repository_region="northeurope", archive_region="westeurope")
    one = [database(region="westeurope")]
    assert line(estimate(policy(), one, on=ON, places=near), "transfer-backup").nothing
    assert line(estimate(policy(), one, on=ON, places=far), "transfer-backup").low > 0
    assert line(estimate(policy(), one, on=ON, places=far), "transfer-archive").low > 0


def test_a_drill_every_thirty_days_restores_each_database_once_a_month() -> None:
    found = estimate(policy(drill={"every": "30d", "target": f"{ROOT}/servers/x"}), [database()], on=ON)
    hours = next(one for one in found.lines if one.item == "drill-worker").quantities["hour"]
    # 100 GB at 60 + 5 seconds each and five minutes to boot, 2 % of it again.
    assert float(hours.expected) == pytest.approx((6500 + 300) / 3600 * 1.02, rel=1e-3)


def test_unknown_sizes_of_machines_are_told_and_reckoned_by_core() -> None:
    where = Places(worker=Place(size="Standard_Z16x_v9"))
    found = estimate(policy(), [database()], on=ON, places=where)
    known = estimate(policy(), [database()], on=ON)
    assert any("Standard_Z16x_v9" in note and "16 cores" in note for note in found.notes)
    four_cores = float(line(known, "worker-backup").expected)
    assert float(line(found, "worker-backup").expected) == pytest.approx(four_cores * 4, rel=0.01)


def test_nothing_to_estimate_says_so() -> None:
    found = estimate(policy(schedules={}), [database()], on=ON)
    assert found.month.expected == 0
    assert any("no schedule" in note for note in found.notes)
    assert any("no database" in note for note in estimate(policy(), [], on=ON).notes)
