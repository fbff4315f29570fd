"""A policy says what it means, or is refused with the field's name."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.model.errors import InvalidPolicy
from holdfast.model.policy import parse_policy

SERVER = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Sql/servers/x"
INSTANCE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Sql/managedInstances/x"


def refused(text: str) -> str:
    with pytest.raises(InvalidPolicy) as caught:
        parse_policy(text)
    assert caught.value.exit_code == 2
    assert caught.value.http_status == 400
    return caught.value.detail


def test_an_unknown_field_is_named() -> None:
    assert "keep_forever" in refused("name: a\nkeep_forever: true")


def test_a_nested_wrong_value_is_named_with_its_path() -> None:
    assert "schedules.daily.keep_days" in refused("name: a\nschedules: {daily: {at: ['03:00'], keep_days: 0}}")


@pytest.mark.parametrize("zone", ["Berlin", "UTC+1", "Mars/Base", ""])
def test_a_time_zone_that_iana_does_not_know_is_refused(zone: str) -> None:
    assert "time_zone" in refused(f"name: a\ntime_zone: '{zone}'")


def test_an_unquoted_time_of_day_is_read_as_people_mean_it() -> None:
    """YAML 1.1 reads 13:00 as 780, a number in base 60."""
    policy = parse_policy("name: a\nschedules: {daily: {at: [13:00, '03:30'], keep_days: 7}}")
    assert policy.schedules.daily is not None
    assert [f"{t:%H:%M}" for t in policy.schedules.daily.at] == ["13:00", "03:30"]


def test_a_staging_server_of_the_wrong_kind_is_refused_where_it_is_named() -> None:
    assert "Microsoft.Sql/servers" in refused(f"name: a\nstaging: {{sql_server: {INSTANCE}}}")
    assert "Microsoft.Sql/managedInstances" in refused(f"name: a\nstaging: {{managed_instance: {SERVER}}}")


def test_an_archive_schedule_needs_an_archive_repository() -> None:
    daily, yearly = "{at: ['03:00'], keep_days: 7}", "{month: 1, day: 1, keep_years: 7, archive: true}"
    text = f"name: a\nschedules: {{daily: {daily}, yearly: {yearly}}}"
    assert "archive repository" in refused(text)
    assert parse_policy(f"{text}\narchive: archive").archive == "archive"


def test_a_monthly_archive_needs_a_schedule_that_makes_the_point() -> None:
    text = "name: a\narchive: archive\nschedules: {monthly: {day: 31, keep_months: 12, archive: true}}"
    assert "daily or weekly" in refused(text)


@pytest.mark.parametrize("text", ["", "- a\n- b", "name: [", "name: a\nname: : :", "42", "\t"])
def test_what_is_no_mapping_is_refused_without_a_traceback(text: str) -> None:
    assert refused(text)


@given(st.text(max_size=60))
def test_any_text_is_a_policy_or_is_refused(text: str) -> None:
    try:
        policy = parse_policy(text)
    except InvalidPolicy:
        return
    assert policy.name


def test_every_example_policy_is_valid() -> None:
    files = sorted(Path("policies").glob("*.yaml"))
    assert files
    for file in files:
        assert parse_policy(file.read_text(), where=str(file)).name == file.stem
