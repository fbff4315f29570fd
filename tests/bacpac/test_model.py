"""What of model.xml the product relies on: platform, tables with their columns, and what decides over an export."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.bacpac import describe
from holdfast.bacpac.columns import Column
from holdfast.bacpac.model import DatabaseModel, ModelTable, read_model
from holdfast.bacpac.names import join_name, split_name
from holdfast.bacpac.package import Bacpac

T = ("dbo", "T")


def only_table(model: DatabaseModel) -> ModelTable:
    (table,) = model.tables.values()
    return table


def test_platform_and_columns(make: Any) -> None:
    """In the model's order, with every facet that the data depends on."""
    columns = [
        make.column(T, "Id", "[int]", nullable=False),
        make.column(T, "Name", "[nvarchar]", Length=40),
        make.column(T, "Body", "[sys].[varbinary]", IsMax="True"),
        make.column(T, "Price", "[decimal]", nullable=False, Precision=9, Scale=2),
    ]
    model = read_model([make.model(make.table(T, columns), platform="Sql150")])
    assert model.platform == "Sql150"
    assert only_table(model).columns == (
        Column("Id", "int", nullable=False),
        Column("Name", "nvarchar", nullable=True, length=40),
        Column("Body", "varbinary", nullable=True, is_max=True),
        Column("Price", "decimal", nullable=False, precision=9, scale=2),
    )


def test_the_model_is_the_same_however_it_arrives(make: Any) -> None:
    raw = make.model(make.table(T, [make.column(T, "Größe ]x", "[int]")]))
    assert read_model([raw]) == read_model([raw[at : at + 1] for at in range(len(raw))])


def test_computed_columns_are_not_in_the_data(make: Any) -> None:
    computed = '<Entry><Element Type="SqlComputedColumn" Name="[dbo].[T].[Twice]" /></Entry>'
    model = read_model([make.model(make.table(T, [make.column(T, "Id", "[int]"), computed]))])
    assert [column.name for column in only_table(model).columns or ()] == ["Id"]


def test_alias_types_are_resolved(make: Any) -> None:
    alias = (
        '<Element Type="SqlUserDefinedDataType" Name="[dbo].[Phone]"><Property Name="Length" Value="25" />'
        '<Property Name="IsNullable" Value="False" /><Relationship Name="Type"><Entry>'
        '<References ExternalSource="BuiltIns" Name="[nvarchar]" /></Entry></Relationship></Element>'
    )
    columns = [make.column(T, "P", "[dbo].[Phone]", builtin=False), make.column(T, "S", "[sys].[sysname]")]
    # The table may stand before the type.
    model = read_model([make.model(make.table(T, columns), alias)])
    assert only_table(model).columns == (
        Column("P", "nvarchar", nullable=True, length=25),
        Column("S", "nvarchar", nullable=True, length=128),
    )


@pytest.mark.parametrize(
    ("column", "says"),
    [
        ({"type_name": "[json]"}, "type json"),
        ({"type_name": "[dbo].[Point]", "builtin": False}, r"type \[dbo\].\[Point\]"),
        ({"type_name": "[nvarchar]", "Length": "many"}, "no number"),
    ],
)
def test_what_is_not_known_is_said_and_nothing_fails(make: Any, column: dict[str, Any], says: str) -> None:
    """The other tables stay readable."""
    other = ("dbo", "U")
    raw = make.model(
        make.table(T, [make.column(T, "C", **column)]), make.table(other, [make.column(other, "Id", "[int]")])
    )
    tables = read_model([raw]).tables
    assert tables[T].columns is None
    assert re.search(says, tables[T].reason or "")
    assert tables[other].columns == (Column("Id", "int", nullable=True),)


@pytest.mark.parametrize("kind", ["SqlColumnSet", "SqlGraphColumn"])
def test_unknown_kinds_of_columns(make: Any, kind: str) -> None:
    strange = f'<Entry><Element Type="{kind}" Name="[dbo].[T].[C]" /></Entry>'
    table = only_table(read_model([make.model(make.table(T, [strange]))]))
    assert table.columns is None
    assert kind in (table.reason or "")


def test_encrypted_columns_are_not_decodable(make: Any) -> None:
    plain = make.column(T, "Card", "[nvarchar]", Length=20)
    encrypted = plain.replace(
        '<Relationship Name="TypeSpecifier">',
        '<Property Name="EncryptionType" Value="1" /><Relationship Name="TypeSpecifier">',
        1,
    )
    assert only_table(read_model([make.model(make.table(T, [encrypted]))])).columns is None


def test_no_secret_of_a_model_is_kept(make: Any) -> None:
    """Passwords and secrets can stand in a model; they go no further than the parser."""
    secret = "Correct-Horse-7"
    raw = make.model(
        f'<Element Type="SqlUser" Name="[u]"><Property Name="AuthenticationType" Value="2" />'
        f'<Property Name="Password" Value="{secret}" /></Element>',
        f'<Element Type="SqlDatabaseCredential" Name="[c]"><Property Name="Identity" Value="i" />'
        f'<Property Name="Secret" Value="{secret}" /></Element>',
        f'<Element Type="SqlMasterKey"><Property Name="EncryptionPassword" Value="{secret}" /></Element>',
    )
    model = read_model([raw])
    assert model.answers["P09"]
    assert secret not in repr(model)


@given(st.lists(st.text(min_size=1), min_size=1, max_size=4))
def test_names_survive_their_brackets(parts: list[str]) -> None:
    assert split_name(join_name(*parts)) == tuple(parts)


def test_tables_of_a_package(make: Any) -> None:
    """Parts are found by name whatever signs it has, in key order; empty tables and unclaimed data are listed too."""
    odd, empty, gone = ("my.schema", 'Größe / "x" $1 [y]'), ("dbo", "Empty"), ("dbo", "Gone")
    columns = [make.column(odd, "Id", "[int]", nullable=False)]
    model = make.model(make.table(odd, columns), make.table(empty, []))
    entries = make.entries(model, {odd: [b"\1\0\0\0", b"\2\0\0\0\3\0\0\0"], gone: [b"x"]})
    shuffled = dict(reversed(list(entries.items())))
    with Bacpac.open(make.write(shuffled)) as bacpac:
        found = bacpac.tables()
        described = describe.tables(bacpac)
    assert [(t.schema, t.name, len(t.parts), t.bytes) for t in found] == [(*odd, 2, 12), (*empty, 0, 0), (*gone, 1, 1)]
    assert [name[-9:] for name in found[0].parts] == ["00000.BCP", "00000.BCP"]
    assert [name[-13:-10] for name in found[0].parts] == ["000", "001"]
    assert [t.rows for t in described] == [3, 0, None]
    assert "no table of that name" in (found[2].reason or "")
