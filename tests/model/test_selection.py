"""Which databases a policy protects."""

import pytest

from holdfast.model.policy import policy_from
from holdfast.model.selection import database_matches, left_out, selects, winning_policy
from holdfast.model.source import ResourceId, Source, SourceKind


def source(server: str = "sql-a", database: str = "sales", **more: object) -> Source:
    return Source(
        kind=SourceKind.SQL_DATABASE,
        resource_id=f"/subscriptions/S1/resourceGroups/Rg/providers/Microsoft.Sql/servers/{server}/databases/{database}",
        server=server,
        database=database,
        region="westeurope",
        host=f"{server}.example",
        **more,
    )


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("db1", "sql-a/db1", True),
        ("db1", "sql-a/db10", False),
        ("DB1", "SQL-A/db1", True),
        ("db?", "sql-a/db10", False),
        ("sql-a/*", "sql-a/db1", True),
        ("sql-a/*", "sql-ab/db1", False),
        ("*", "sql-a/anything", True),
        ("a/*", "sql-a/db1", False),
    ],
)
def test_a_glob_covers_the_whole_name(pattern: str, name: str, fits: bool) -> None:
    assert database_matches(pattern, name) is fits


@pytest.mark.parametrize(
    ("selection", "chosen"),
    [
        ({}, True),
        ({"servers": ["sql-*"]}, True),
        ({"servers": ["mi-*"]}, False),
        ({"servers": ["sql-*"], "databases": ["hr"]}, False),
        ({"subscriptions": ["s1"]}, True),
        ({"resource_groups": ["rg"]}, True),
        ({"tags": {"backup": "yes"}}, True),
        ({"tags": {"backup": "yes", "tier": "gold"}}, False),
        ({"exclude": {"databases": ["*/sales"]}}, False),
        ({"exclude": {"tags": {"backup": "yes"}}}, False),
    ],
)
def test_every_kind_that_is_given_must_match(selection: dict[str, object], chosen: bool) -> None:
    policy = policy_from({"name": "a", "select": selection})
    assert selects(policy.select, source(tags={"Backup": "yes"})) is chosen


def test_the_lowest_priority_number_wins_and_the_name_decides_between_equals() -> None:
    policies = [policy_from({"name": n, "priority": p}) for n, p in (("c", 5), ("b", 5), ("a", 10))]
    winner = winning_policy(source(), policies)
    assert winner is not None
    assert winner.name == "b"


def test_a_rename_keeps_the_chain_and_case_never_matters() -> None:
    before = source(database="sales", database_guid="9F0C")
    after = source(database="sales2", database_guid="9f0c")
    assert before.chain == after.chain
    assert source(database="Sales").key == source(database="sales").key


@pytest.mark.parametrize(
    "text", ["", "/subscriptions/x", "sql-a/sales", "/subscriptions/a/resourceGroups/b/providers/P"]
)
def test_what_is_no_resource_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an Azure resource id"):
        ResourceId.parse(text)


def test_a_replica_is_left_out_with_its_reason_unless_the_policy_asks_for_it() -> None:
    replica = source(secondary="Geo")
    plain, asking = (policy_from({"name": "a", "select": s}).select for s in ({}, {"replicas": True}))
    assert not selects(plain, replica)
    assert "Geo" in (left_out(plain, replica) or "")
    assert selects(asking, replica)


def test_what_can_never_be_exported_is_left_out_whatever_the_policy_says() -> None:
    pool = source(unfit="a dedicated SQL pool")
    assert left_out(policy_from({"name": "a", "select": {"replicas": True}}).select, pool) == "a dedicated SQL pool"


@pytest.mark.parametrize(
    ("exclude", "rule"),
    [
        ({"databases": ["*/sales", "x"]}, "exclude.databases: */sales"),
        ({"tags": {"backup": "no"}}, "exclude.tags: backup=no"),
    ],
)
def test_the_rule_that_leaves_out_is_named(exclude: dict[str, object], rule: str) -> None:
    found = policy_from({"name": "a", "select": {"exclude": exclude}})
    assert left_out(found.select, source(tags={"Backup": "no"})) == rule
    assert left_out(found.select, source(database="hr")) is None
