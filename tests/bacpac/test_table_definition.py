"""What a table is made of, read from real shapes of models; and the statements that make it again."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import sqlglot

from holdfast.bacpac.package import MODEL, Bacpac
from holdfast.bacpac.table_definition import read_definition
from holdfast.model.errors import NotFound
from holdfast.model.table_definition import TableDefinition
from holdfast.sql import table_scripts as scripts
from holdfast.sql.table_protocol import Load
from local.samples.databases import write_sample

#: A nameless key that is clustered, hints of INSERT, ROWGUIDCOL.
_NOT_KNOWN = r"(?<=PRIMARY KEY) (?:NON)?CLUSTERED|(?<=\]) WITH \(TABLOCK\)| ROWGUIDCOL"


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("definitions")
    for name in ("hr", "shop", "types", "legacy", "events"):
        write_sample(folder / f"{name}.bacpac", name, scale=0.1)
    return {file.stem: file for file in folder.iterdir()}


def read(file: Path, schema: str, name: str, **more: Any) -> TableDefinition:
    with Bacpac.open(file) as bacpac:
        return read_definition(bacpac.pieces(MODEL), schema, name, **{"indexes": False, **more})


def of(definition: TableDefinition, schema: str = "dbo", table: str = "it's new") -> Load:
    return Load(
        host="h",
        database="d",
        schema_name=schema,
        table=table,
        mark="0123abcd",
        definition=definition,
        rows_file="f",
        rows=1,
    )


def test_a_table_with_its_key_and_what_it_leaves_out(samples: dict[str, Path]) -> None:
    found = read(samples["hr"], "hr", "Employee")
    with Bacpac.open(samples["hr"]) as bacpac:
        model = bacpac.model()
    assert [column.name for column in found.columns] == [c.name for c in model.tables["hr", "Employee"].columns or ()]
    assert found.primary_key is not None
    assert tuple(one.name for one in found.primary_key.columns) == model.primary_keys["hr", "Employee"]
    assert any(what.startswith("foreign key ") for what in found.left_out)
    assert {column.collation != "" for column in found.columns if column.type == "nvarchar"} == {True}
    assert {column.collation for column in found.columns if column.type == "int"} == {""}


def test_indexes_come_where_they_are_asked_for_and_are_told_where_not(samples: dict[str, Path]) -> None:
    with Bacpac.open(samples["shop"]) as bacpac:
        tables = list(bacpac.model().tables)
    without = {key: read(samples["shop"], *key) for key in tables}
    with_them = {key: read(samples["shop"], *key, indexes=True) for key in tables}
    told = {(*key, what) for key, one in without.items() for what in one.left_out if what.startswith("index ")}
    made = {(*key, f"index {index.name}") for key, one in with_them.items() for index in one.indexes}
    assert made == told != set()
    assert all(not one.indexes for one in without.values())


def test_a_rowversion_keeps_its_values_and_a_computed_column_is_told(samples: dict[str, Path]) -> None:
    left: list[str] = []
    for name, file in samples.items():
        with Bacpac.open(file) as bacpac:
            for key, table in bacpac.model().tables.items():
                if table.columns is not None:
                    found = read(file, *key, indexes=True)
                    left += [f"{name}: {what}" for what in found.left_out]
                    assert "rowversion" not in {column.type for column in found.columns}
    assert any("rowversion" in what and "binary(8)" in what for what in left)
    assert any("computed column" in what for what in left)


def test_a_table_that_the_model_has_not_is_told(samples: dict[str, Path]) -> None:
    with pytest.raises(NotFound, match=r"hr\.Nobody"):
        read(samples["hr"], "hr", "Nobody")


def test_every_statement_is_one_that_a_parser_of_the_dialect_takes(samples: dict[str, Path]) -> None:
    seen = 0
    for file in samples.values():
        with Bacpac.open(file) as bacpac:
            keys = [key for key, table in bacpac.model().tables.items() if table.columns is not None]
        for key in keys:
            load = of(read(file, *key, indexes=True))
            for statement in (
                scripts.looking(load),
                *scripts.making(load),
                scripts.filling(load),
                scripts.counting(scripts.made_name(load)),
                *(one for one in scripts.finishing(load) if not one.startswith("EXEC")),
                *scripts.dropping(load),
            ):
                # What the parser lacks of T-SQL's documentation.
                known = re.sub(_NOT_KNOWN, "", statement)
                parsed = sqlglot.parse(known, read="tsql")
                assert all(one is not None for one in parsed), statement
                assert not any(isinstance(one, sqlglot.exp.Command) for one in parsed if "SET " not in statement)
                seen += 1
    assert seen > 50


def test_names_stay_names_whatever_is_in_them() -> None:
    definition = TableDefinition.model_validate(
        {
            "columns": [
                {"name": "a] int); DROP TABLE x; --", "type": "int", "nullable": False, "identity": ("1); DROP", "1")},
                {"name": "t", "type": "nvarchar", "nullable": True, "length": 5, "collation": "x; DROP TABLE y"},
            ]
        }
    )
    made = "\n".join(
        [*scripts.making(of(definition)), scripts.filling(of(definition)), *scripts.finishing(of(definition))]
    )
    assert "[a]] int); DROP TABLE x; --]" in made
    assert "COLLATE" not in made
    assert "IDENTITY(" not in made
    assert "N'it''s new'" in made


def test_values_are_loaded_as_what_keeps_every_digit() -> None:
    columns = [
        {"name": kind, "type": kind, "nullable": True, **more}
        for kind, more in (
            ("datetime2", {"scale": 7}),
            ("datetimeoffset", {"scale": 3}),
            ("money", {}),
            ("decimal", {"precision": 38, "scale": 10}),
            ("hierarchyid", {}),
            ("uniqueidentifier", {}),
            ("xml", {}),
        )
    ]
    load = of(TableDefinition.model_validate({"columns": columns}))
    loaded = scripts.making(load)[-1]
    for line in (
        "[datetime2] nvarchar(max)",
        "[money] decimal(19,4)",
        "[decimal] decimal(38,10)",
        "[hierarchyid] varbinary(max)",
    ):
        assert line in loaded
    filled = scripts.filling(load)
    assert "CONVERT(datetime2(7), [datetime2], 121)" in filled
    assert "CONVERT(datetimeoffset(3), [datetimeoffset], 121)" in filled
    assert "CONVERT(xml, [xml], 1)" in filled
