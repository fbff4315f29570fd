"""The preflight queries: T-SQL that parses, reads only, and answers under the names that the findings use."""

from __future__ import annotations

import pytest
import sqlglot
from sqlglot import exp

from holdfast.sql.queries import Query, queries

CHANGES = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Create, exp.Drop, exp.Alter, exp.Command, exp.Into)

#: What `holdfast.sql.findings` and the worker read of each query's rows.
COLUMNS = {
    "P01": {
        "s",
        "o",
        "referencing_type",
        "referenced_server_name",
        "referenced_database_name",
        "referenced_schema_name",
        "referenced_entity_name",
        "kind",
    },
    "P02": {"s", "name", "base_object_name"},
    "P04": {"name"},
    "P05": {"name", "type_desc"},
    "P06": {"name", "sid"},
    "P06b": {"sid"},
    "P07": {"name"},
    "P08": {"name"},
    "P08b": {"s", "name"},
    "P09": {"name"},
    "P10": {"k", "name"},
    "V01": {"s", "t", "n"},
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
