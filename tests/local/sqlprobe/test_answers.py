"""The stand-in probe gives rows from which preflight decides what it decides on the model itself."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from holdfast.bacpac import blockers
from holdfast.bacpac.package import Bacpac
from holdfast.sql.findings import decide
from holdfast.sql.queries import queries
from local.sqlprobe.answers import answer

T = ("dbo", "T")


@pytest.fixture
def troubled(make: Any) -> Path:
    """A database with one of everything."""
    login = '<Element Type="SqlLogin" Name="[bob]" />'
    user = '<Element Type="SqlUser" Name="[{}]"><Property Name="AuthenticationType" Value="{}" />{}</Element>'
    of = '<Relationship Name="Login"><Entry><References Name="[bob]" /></Entry></Relationship>'
    key_user = '<Element Type="SqlUser" Name="[cu]"><Relationship Name="{}"><Entry /></Relationship></Element>'
    target = '<Property Name="ForObjectScript"><Value>Srv.Other.dbo.X</Value></Property>'
    model = make.model(
        make.table(T, [make.column(T, "Id", "[int]", nullable=False)]),
        make.module("SqlView", "[dbo].[v]", "SELECT 1 FROM Other.dbo.X JOIN Srv.Other..Y ON 1 = 1", key="QueryScript"),
        make.module("SqlProcedure", "[dbo].[p]", "EXEC Sales.dbo.q"),
        make.module("SqlDmlTrigger", "[dbo].[t]", "INSERT Other.dbo.Log SELECT 1"),
        f'<Element Type="SqlSynonym" Name="[dbo].[s]">{target}</Element>',
        login,
        user.format("bob", 1, of),
        user.format("orphan", 1, ""),
        user.format(r"CORP\a", 3, ""),
        user.format("eve@x.com", 4, ""),
        key_user.format("Certificate"),
        '<Element Type="SqlExternalTable" Name="[dbo].[et]" />',
        '<Element Type="SqlExternalDataSource" Name="[eds]"><Property Name="DataSourceType" Value="1" /></Element>',
        '<Element Type="SqlDatabaseCredential" Name="[cred]"><Property Name="Identity" Value="i" /></Element>',
        '<Element Type="SqlCertificate" Name="[c]" /><Element Type="SqlSymmetricKey" Name="[sk]" />',
    )
    return make.write(make.entries(model, {T: [b"\1\0\0\0\2\0\0\0"]}))


def test_rows_have_the_columns_of_the_queries(troubled: Path) -> None:
    """The same ids and column names as the statements that a real database is asked."""
    with Bacpac.open(troubled) as bacpac:
        rows = answer(bacpac, "Sales")
    asked = {query.id: query.text for query in queries()}
    assert set(rows) == set(asked)
    for query, found in rows.items():
        assert found, query
        for column in found[0]:
            assert re.search(rf"\b{column}\b", asked[query]), (query, column)


def test_preflight_decides_the_same_on_rows_and_on_the_model(troubled: Path) -> None:
    """But for what only the live database knows: which of the names is its own."""
    with Bacpac.open(troubled) as bacpac:
        rows, on_model = answer(bacpac, "Sales"), blockers.find(bacpac.model())
    on_rows = decide(json.loads(json.dumps(rows)), {})

    def short(findings: Any) -> list[tuple[str, str, str, str | None]]:
        return sorted((f.id, f.severity, f.object, f.error_number) for f in findings)

    assert short(on_rows) == short(on_model)
    assert {f.id for f in on_rows} == {"P01", "P02", "P04", "P05", "P06", "P07", "P08", "P09", "P10"}
    own = [f for f in on_rows if f.object == "Procedure [dbo].[p]"]
    assert "own database" in own[0].cause


def test_sizes(troubled: Path) -> None:
    with Bacpac.open(troubled) as bacpac:
        rows = answer(bacpac, "Sales")
    assert rows["V01"] == [{"s": "dbo", "t": "T", "n": 2}]
    assert rows["S01"] == [{"data_bytes": 8}]
