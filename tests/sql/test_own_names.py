"""The database's own name is taken out of code, and nothing else is changed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.bacpac.script_names import outside_names
from holdfast.sql.own_names import without_database


@pytest.mark.parametrize(
    ("body", "rewritten"),
    [
        ("SELECT t.a FROM Sales.dbo.T AS t", "SELECT t.a FROM dbo.T AS t"),
        ("SELECT [Sales].[dbo].[T].[a] FROM [sales].[dbo].[T]", "SELECT [dbo].[T].[a] FROM [dbo].[T]"),
        ("SELECT 1 FROM Sales..T", "SELECT 1 FROM [dbo].T"),
        (
            "SELECT 'Sales.dbo.T', /* Sales.dbo.T */ 1 FROM Sales . dbo . T",
            "SELECT 'Sales.dbo.T', /* Sales.dbo.T */ 1 FROM dbo . T",
        ),
        (
            "SELECT Sales.dbo.fn(1) FROM Sales.dbo.T JOIN dbo.U ON 1 = 1",
            "SELECT dbo.fn(1) FROM dbo.T JOIN dbo.U ON 1 = 1",
        ),
        # A schema and a table of the names Sales and dbo: a column, which has nothing to do with the database.
        ("SELECT Sales.dbo.c FROM Sales.dbo AS x, Sales.dbo.T", "SELECT Sales.dbo.c FROM Sales.dbo AS x, dbo.T"),
    ],
)
def test_own_names(body: str, rewritten: str) -> None:
    head = "-- CREATE\nCREATE VIEW dbo.v AS "
    assert without_database(head + body, {"Sales"}) == "-- CREATE\nCREATE OR ALTER VIEW dbo.v AS " + rewritten


def test_what_is_altered_already_stays_so() -> None:
    assert without_database("CREATE or alter VIEW v AS SELECT 1 FROM S.dbo.T", {"S"}) == (
        "CREATE or alter VIEW v AS SELECT 1 FROM dbo.T"
    )


@pytest.mark.parametrize("definition", ["", "ALTER VIEW v AS SELECT 1 FROM S.dbo.T", "-- nothing"])
def test_what_is_no_definition_is_left_alone(definition: str) -> None:
    assert without_database(definition, {"S"}) is None


NAME = st.sampled_from(["T", "[a b]", "[x.y]", '"q"', "Ünï"])


@given(
    st.lists(
        st.tuples(st.sampled_from(["Sales.dbo.", "[SALES]..", "Sales.[s 1].", "dbo.", "Other.dbo.", ""]), NAME),
        min_size=1,
    )
)
def test_afterwards_only_other_databases_are_named(targets: list[tuple[str, str]]) -> None:
    """Whatever mixture of names: those of the own database are gone, all others are as they were."""
    tables = ", ".join(prefix + name for prefix, name in targets)
    body = f"CREATE VIEW v AS SELECT 1 AS one FROM {tables}"  # noqa: S608 (nobody runs it)
    rewritten = without_database(body, {"Sales"})
    assert rewritten is not None
    others = [name for name in outside_names(body) if name[0] != "Sales" and name[0] != "SALES"]
    assert outside_names(rewritten) == others
