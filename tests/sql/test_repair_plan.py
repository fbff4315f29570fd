"""What is planned from rows as a server gives them: only what can be given back, and nothing that others stand on."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.sql.repair_plan import hopeless, plan

Rows = dict[str, list[dict[str, Any]]]

#: All that a repair may ever be.
ALLOWED = re.compile(
    r"DROP (VIEW|PROCEDURE|FUNCTION|TRIGGER|SYNONYM|USER|EXTERNAL TABLE|EXTERNAL DATA SOURCE) \[.*"
    r"|ALTER (AUTHORIZATION ON (SCHEMA|ROLE)::\[.*|ROLE \[.*\] DROP MEMBER \[.*)"
    r"|REVOKE .* FROM \[.*|EXEC sp_rename N'.*|SET (ANSI_NULLS|QUOTED_IDENTIFIER) (ON|OFF)|CREATE OR ALTER .*",
    re.DOTALL,
)


def module(type_name: str, *, database: str = "Other", schema: str | None = "dbo", **script: Any) -> Rows:
    place = {"s": schema, "o": "x", "referencing_type": type_name}
    target = {"referenced_schema_name": "dbo", "referenced_entity_name": "T", "kind": "EXTERNAL"}
    definition = f"CREATE THING x AS SELECT 1 FROM {database}.dbo.T"  # noqa: S608 (nobody runs it)
    return {
        "P01": [{**place, "referenced_server_name": None, "referenced_database_name": database, **target}],
        "R01": [
            {**place, "definition": definition, "uses_ansi_nulls": True, "uses_quoted_identifier": False, **script}
        ],
    }


@pytest.mark.parametrize(
    ("type_name", "schema", "statement"),
    [
        ("VIEW", "dbo", "DROP VIEW [dbo].[x]"),
        ("SQL_STORED_PROCEDURE", "dbo", "DROP PROCEDURE [dbo].[x]"),
        ("SQL_INLINE_TABLE_VALUED_FUNCTION", "dbo", "DROP FUNCTION [dbo].[x]"),
        ("SQL_TRIGGER", "dbo", "DROP TRIGGER [dbo].[x]"),
        ("SQL_TRIGGER", None, "DROP TRIGGER [x] ON DATABASE"),
    ],
)
def test_code_is_dropped_by_its_kind(type_name: str, schema: str | None, statement: str) -> None:
    (repair,) = plan(module(type_name, schema=schema), "Sales")
    assert repair.statements == (statement,)
    assert "SET QUOTED_IDENTIFIER OFF\nGO\nCREATE THING x" in repair.transformation.definition


def test_a_disabled_trigger_comes_back_disabled() -> None:
    rows = module("SQL_TRIGGER", is_disabled=True, parent_s="dbo", parent_o="T")
    assert "DISABLE TRIGGER [dbo].[x] ON [dbo].[T]\nGO\n" in plan(rows, "Sales")[0].transformation.definition


def test_the_own_name_is_taken_out_under_the_settings_of_then() -> None:
    (repair,) = plan(module("VIEW", database="Sales"), "sales")
    assert repair.statements == (
        "SET ANSI_NULLS ON",
        "SET QUOTED_IDENTIFIER OFF",
        "CREATE OR ALTER THING x AS SELECT 1 FROM dbo.T",
    )


@pytest.mark.parametrize("script", [{"definition": None}, {"definition": ""}])
def test_what_has_no_script_stays(script: dict[str, Any]) -> None:
    rows = module("VIEW", **script)
    assert plan(rows, "Sales") == []
    assert [finding.object for finding in hopeless(rows, "Sales")] == ["View [dbo].[x]"]


@pytest.mark.parametrize(
    ("dependant", "bound", "planned"),
    [("VIEW", False, 1), ("VIEW", True, 0), ("USER_TABLE", False, 0), ("CHECK_CONSTRAINT", True, 0)],
)
def test_only_code_that_is_not_bound_may_stand_on_it(dependant: str, bound: bool, planned: int) -> None:
    on = {"s": "dbo", "o": "y", "referencing_type": dependant, "on_s": "dbo", "on_o": "x"}
    rows = {**module("VIEW"), "R02": [{**on, "is_schema_bound_reference": bound}]}
    assert len(plan(rows, "Sales")) == planned


def test_permissions_on_columns_and_denials_come_back() -> None:
    base = {"class_desc": "OBJECT_OR_COLUMN", "permission_name": "SELECT", "s": "dbo", "o": "x"}
    granted = [
        {**base, "state_desc": "DENY", "grantee": "a", "c": "col"},
        {**base, "state_desc": "GRANT_WITH_GRANT_OPTION", "grantee": "b", "c": None},
    ]
    definition = plan({**module("VIEW"), "R03": granted}, "Sales")[0].transformation.definition
    assert "DENY SELECT ([col]) ON OBJECT::[dbo].[x] TO [a]\nGO\n" in definition
    assert "GRANT SELECT ON OBJECT::[dbo].[x] TO [b] WITH GRANT OPTION\nGO\n" in definition


def test_keys_and_entra_users_have_no_repair() -> None:
    rows: Rows = {"P05": [{"name": "u", "type_desc": "CERTIFICATE_MAPPED_USER"}], "P10": [{"k": "CERT", "name": "c"}]}
    assert plan({**rows, "P07": [{"name": "eve"}]}, "Sales") == []
    assert len(hopeless(rows, "Sales")) == 2


NAME = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=12)


@given(name=NAME, schema=NAME, login=NAME)
def test_names_are_quoted_whatever_they_are(name: str, schema: str, login: str) -> None:
    """No name gets out of its brackets or its quotes, and nothing but the known statements is ever planned."""
    rows: Rows = {
        "P02": [{"s": schema, "name": name, "base_object_name": "[o].[dbo].[t]"}],
        "P04": [{"name": login, "default_schema_name": schema}],
        "P14": [{"role_name": "db_cdcreader", "member_name": name}],
        "P19": [{"s": schema, "name": f"DF__{name}", "t": "T"}],
        "P12b": [{"s": schema, "name": name, "permission_name": "SELECT", "state_desc": "GRANT", "grantee": login}],
        "R05": [{"k": "SCHEMA", "name": schema, "owner": login}],
    }
    statements = [statement for repair in plan(rows, "Sales") for statement in repair.statements]
    for statement in statements:
        assert ALLOWED.fullmatch(statement), statement
        bare = re.sub(r"\[(?:[^\]]|\]\])*\]|N'(?:[^']|'')*'", "", statement)
        assert re.fullmatch(r"[A-Za-z_ :.,]*", bare), statement
    assert len(statements) >= 5 if login != "dbo" else statements
