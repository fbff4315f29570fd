"""What runs while a session runs, database by database."""

from __future__ import annotations

from datetime import date

import pytest

from holdfast.model.costs import Estimate, estimate
from holdfast.model.costs.assumptions import Assumptions, GivenAssumptions
from holdfast.model.costs.inputs import Place, Places, SizedDatabase
from holdfast.model.costs.money import GB, Band
from holdfast.model.policy import Policy, policy_from

ON = date(2026, 11, 26)
ROOT = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Sql"
SURE = GivenAssumptions(copy_time=20, export_time=30, store_time=6, retries=0, boot_time=360).over(Assumptions())


def policy(**more: object) -> Policy:
    return policy_from({"name": "p", "schedules": {"daily": {"at": ["03:00"], "keep_days": 7}}, **more})


STAGED = policy(staging={"sql_server": f"{ROOT}/servers/x", "managed_instance": f"{ROOT}/managedInstances/x"})


def databases(count: int = 1, gb: int = 100, **more: object) -> list[SizedDatabase]:
    return [SizedDatabase(name=f"s/{n}", size=Band.of(gb * GB), **more) for n in range(count)]


def found(of: Policy, these: list[SizedDatabase], places: Places | None = None) -> Estimate:
    return estimate(of, these, on=ON, assumed=SURE, places=places)


def hours(of: Estimate, item: str) -> float:
    line = next((one for one in of.lines if one.item == item), None)
    return float(sum(count.expected for count in line.quantities.values())) if line else 0.0


def test_export_and_store_run_on_the_worker_every_day() -> None:
    assert hours(found(policy(), databases()), "worker-backup") == pytest.approx(30 * 100 * 36 / 3600)


def test_as_many_workers_start_as_there_is_work_for_and_no_more_than_may() -> None:
    """Six minutes each, thirty days."""
    place = Places(worker=Place(max_workers=3, parallel=2))
    for count, workers in ((1, 1), (2, 1), (3, 2), (5, 3), (50, 3)):
        assert hours(found(policy(), databases(count), place), "worker-boot") == pytest.approx(30 * workers * 0.1)
    apart = [*databases(1, region="westeurope"), SizedDatabase(name="x/y", size=Band.of(GB), region="northeurope")]
    assert hours(found(policy(), apart, place), "worker-boot") == pytest.approx(30 * 2 * 0.1)


def test_disks_of_waiting_workers_never_cost_more_than_whole_months() -> None:
    place = Places(worker=Place(max_workers=1, idle_minutes=10_000))
    assert hours(found(policy(), databases(1, gb=0), place), "worker-disks") == pytest.approx(2)


def test_serverless_copies_are_billed_by_what_they_run_and_others_by_started_hours() -> None:
    """100 GB: 2,000 s and 120 s of copying, 3,000 s of export, 600 s between: 1.59 hours, two started ones."""
    exact = (2000 + 120 + 3000 + 600) / 3600
    served = found(STAGED, databases(objective="GP_S_Gen5_2"))
    provisioned = found(STAGED, databases(objective="GP_Gen5_2"))
    assert hours(served, "staging-compute") == pytest.approx(30 * exact * 2, abs=1e-3)
    assert hours(provisioned, "staging-compute") == pytest.approx(30 * 2 * 2)


@pytest.mark.parametrize(
    ("objective", "price", "units"),
    [
        ("S3", "sql.dtu", 100),
        ("Basic", "sql.dtu", 5),
        ("P2", "sql.dtu_premium", 250),
        ("BC_Gen5_8", "sql.business_critical", 8),
        ("HS_Gen5_4", "sql.hyperscale", 4),
        ("ElasticPool", "sql.general_purpose", 2),
        (None, "sql.general_purpose", 2),
    ],
)
def test_a_copy_costs_what_its_original_is_an_hour(objective: str | None, price: str, units: int) -> None:
    made = found(STAGED, databases(objective=objective))
    assert price in made.prices.used
    assert hours(made, "staging-compute") == pytest.approx(30 * 2 * units)


def test_copies_on_an_instance_cost_storage_alone() -> None:
    made = found(STAGED, databases(managed=True))
    assert hours(made, "staging-compute") == 0
    assert hours(made, "staging-storage") > 0
    only_servers = policy(staging={"sql_server": f"{ROOT}/servers/x"})
    assert hours(found(only_servers, databases(managed=True)), "staging-storage") == 0


def test_a_cool_account_bills_what_goes_before_thirty_days() -> None:
    """Points live eight days: what is freed is billed for 22 more."""
    cool, hot = (found(policy(), databases(), Places(tier=tier)) for tier in ("cool", "hot"))
    assert hot.fees.nothing
    assert cool.fees.expected > 0
    stored = next(one for one in cool.lines if one.item == "backup-stored").month.expected
    assert cool.fees.expected < stored


def test_slots_that_a_session_outlasts_are_told() -> None:
    often = policy(schedules={"daily": {"at": ["00:00", "06:00", "12:00", "18:00"], "keep_days": 1}})
    assert any("slots lie 6 hours apart" in note for note in found(often, databases(gb=2000)).notes)
    assert not any("slots lie" in note for note in found(often, databases(gb=10)).notes)
