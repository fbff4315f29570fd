"""The preflight queries: T-SQL that parses, reads only, and answers under the names that the findings use."""

from __future__ import annotations

import pytest
import sqlglot
from sqlglot import exp

from holdfast.sql.queries import Query, queries, queries_for, queries_of_restored

CHANGES = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Create, exp.Drop, exp.Alter, exp.Command, exp.Into)

_MODULE = {"s", "o", "referencing_type"}
_NAMED = {"s", "name"}

#: What `holdfast.model.preflight.deciding` and the worker read of each query's rows.
COLUMNS = {
    "P01": _MODULE
    | {
        "referenced_server_name",
        "referenced_database_name",
        "referenced_schema_name",
        "referenced_entity_name",
        "kind",
    },
    "P01b": _MODULE | {"function_name"},
    "P02": _NAMED | {"base_object_name"},
    "P03": _MODULE | {"referenced_schema_name", "referenced_entity_name"},
    "P03b": {"s", "o"},
    "P04": {"name"},
    "P05": {"name", "type_desc"},
    "P06": {"name", "sid"},
    "P06b": {"sid"},
    "P07": {"name"},
    "P08": {"name", "type_desc", "location", "database_name", "credential_name"},
    "P08b": _NAMED,
    "P08c": {"name"},
    "P09": {"name", "master_keys"},
    "P10": {"k", "name"},
    "P11": _NAMED,
    "P11b": _MODULE,
    "P11c": _NAMED,
    "P12": _NAMED,
    "P12b": _NAMED | {"permission_name", "grantee", "state_desc"},
    "P13": _NAMED | {"hs", "h"},
    "P14": {"role_name", "member_name"},
    "P14b": {"name", "is_cdc_enabled"},
    "P15": {"s", "t", "c", "i", "k"},
    "P16": _NAMED | {"mb"},
    "P17": {"s", "t", "c"},
    "P17b": {"name"},
    "P17c": _NAMED | {"k"},
    "P17d": {"s", "o"},
    "P18": _MODULE,
    "P19": _NAMED | {"t"},
    "P20": {"s", "t", "c", "ty", "is_nullable", "is_followed"},
    "P21": _NAMED,
    "P22": _NAMED | {"k", "is_disabled"},
    "P23": {"name", "thumbprint"},
    "P24": _MODULE | {"script"},
    "R01": _MODULE | {"definition", "uses_ansi_nulls", "uses_quoted_identifier", "parent_s", "parent_o", "is_disabled"},
    "R02": _MODULE | {"on_s", "on_o", "is_schema_bound_reference"},
    "R03": {"class_desc", "state_desc", "permission_name", "grantee", "s", "o", "c"},
    "R04": {"role_name", "member_name"},
    "R05": {"k", "name", "owner"},
    "R06": {
        "s",
        "t",
        "c",
        "ty",
        "max_length",
        "precision",
        "scale",
        "is_nullable",
        "collation_name",
        "data_source_name",
    }
    | {"location", "remote_schema_name", "remote_object_name"},
    "V01": {"s", "t", "n"},
    "V02": {"k", "n"},
    "S01": {"data_bytes"},
}


def test_every_query_that_the_findings_need_is_there() -> None:
    assert {query.id for query in queries()} == set(COLUMNS)


def test_only_the_list_of_logins_is_asked_in_master() -> None:
    assert [query.id for query in queries() if query.in_master] == ["P06b"]


@pytest.mark.parametrize("query", queries(), ids=lambda query: query.id)
def test_a_query_is_one_select_that_changes_nothing(query: Query) -> None:
    statements = [statement for statement in sqlglot.parse(query.text, read="tsql") if statement is not None]
    assert len(statements) == 1
    assert isinstance(statements[0], exp.Select | exp.Union)
    assert not list(statements[0].find_all(*CHANGES))


@pytest.mark.parametrize("query", queries(), ids=lambda query: query.id)
def test_a_query_answers_under_the_names_that_are_read(query: Query) -> None:
    (statement,) = sqlglot.parse(query.text, read="tsql")
    assert isinstance(statement, exp.Query)
    assert COLUMNS[query.id] <= set(statement.named_selects)


def test_a_sql_database_is_not_asked_for_what_only_an_instance_has() -> None:
    asked = {query.id for query in queries_for(managed_instance=False)}
    assert {query.id for query in queries_for(managed_instance=True)} - asked == {"P17", "P17b", "P17c"}


def test_what_repairs_need_is_asked_only_for_them() -> None:
    asked = {query.id for query in queries_for(managed_instance=False)}
    more = {query.id for query in queries_for(managed_instance=False, repair=True)} - asked
    assert more == {query.id for query in queries() if query.id.startswith("R")}


def test_a_restored_database_is_asked_only_what_is_compared() -> None:
    assert {query.id for query in queries_of_restored()} == {"V01", "V02", "P22"}
    assert "V02" not in {query.id for query in queries_for(managed_instance=True, repair=True)}
