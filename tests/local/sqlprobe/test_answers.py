"""Preflight of an emulated database: the stand-in's rows decide what the database's own package decides."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from holdfast.bacpac.package import Bacpac
from holdfast.bacpac.preflight import find
from holdfast.model.preflight.deciding import decide
from holdfast.sql.queries import queries_for, queries_of_restored
from holdfast.sql.unanswered import unanswered
from local.sqlprobe.answers import answer, answer_of_restored
from tests.model_elements import T, element, table
from tests.preflight_cases import CASES

ELEMENTS = tuple(dict.fromkeys(element for case in CASES for element in case.troubled))


@pytest.fixture
def troubled(make: Any) -> Path:
    """A database with every trouble at once, and two rows."""
    return make.write(
        make.entries(make.model(*ELEMENTS, table(), element("SqlLogin", "[anna]")), {T: [b"\1\0\0\0\2\0\0\0"]})
    )


def test_both_readers_find_the_same(troubled: Path) -> None:
    """The rows travel as JSON, as they do from the probe; what cannot be asked is told by nobody here."""
    with Bacpac.open(troubled) as bacpac:
        rows = json.loads(json.dumps(answer(bacpac, "Sales", managed_instance=True)))
        of_package = find(bacpac, "Sales")
    assert decide(rows, "Sales") == of_package
    assert list(unanswered(rows, {})) == []
    in_models = {case.rule.id for case in CASES if not case.live}
    assert {finding.id for finding in of_package} == in_models


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule.id} {case.object}")
def test_both_readers_find_the_same_in_each(make: Any, case: Any) -> None:
    for elements in (case.troubled, case.sound):
        with Bacpac.open(make.write(make.entries(make.model(*elements)))) as bacpac:
            rows = json.loads(json.dumps(answer(bacpac, "Sales", managed_instance=True)))
            assert decide(rows, "Sales") == find(bacpac, "Sales")


def test_a_copy_knows_its_own_name_from_the_source(troubled: Path) -> None:
    """The copy is called otherwise; its code still uses the source's name."""
    with Bacpac.open(troubled) as bacpac:
        rows = answer(bacpac, "hf-0123-4567")
    own = [f for f in decide(rows, "Sales") if "own database" in f.cause]
    assert {f.object for f in own} == {"View [dbo].[v]", "Trigger [dbo].[t]"}


def test_rows_have_the_columns_of_the_queries(troubled: Path) -> None:
    """The same ids and column names as the statements that a real database is asked."""
    with Bacpac.open(troubled) as bacpac:
        rows = answer(bacpac, "Sales", managed_instance=True)
    asked = {query.id: query.text for query in queries_for(managed_instance=True)}
    assert set(rows) == set(asked)
    only_live = {"P14b", "P16", "P23", "P24"}
    for query, found in rows.items():
        assert bool(found) == (query not in only_live), query
        for column in found[0] if found else ():
            assert re.search(rf"\b{column}\b", asked[query]), (query, column)


def test_a_restored_database_answers_with_the_columns_of_its_queries(troubled: Path) -> None:
    with Bacpac.open(troubled) as bacpac:
        rows = answer_of_restored(bacpac)
    asked = {query.id: query.text for query in queries_of_restored()}
    assert set(rows) == set(asked)
    for query, found in rows.items():
        assert found, query
        for column in found[0]:
            assert re.search(rf"\b{column}\b", asked[query]), (query, column)


def test_sizes(troubled: Path) -> None:
    with Bacpac.open(troubled) as bacpac:
        rows = answer(bacpac, "Sales")
    assert {"s": "dbo", "t": "T", "n": 2} in rows["V01"]
    assert rows["S01"] == [{"data_bytes": 8}]
