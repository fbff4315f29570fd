"""The preflight page tells every rule and every number that the code knows."""

from __future__ import annotations

import re
from pathlib import Path

from holdfast.model.preflight.blocking import BLOCKING
from holdfast.model.preflight.passing import PASSING
from holdfast.sql.queries import queries
from holdfast.worker import sqlpackage_errors

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "preflight.md").read_text()


def lines_of(id_: str) -> list[str]:
    return [line for line in PAGE.splitlines() if line.startswith(f"| {id_} |")]


def test_every_rule_stands_on_the_page_with_its_number_and_severity() -> None:
    for rule in (*BLOCKING, *PASSING):
        severity = rule.severity.replace("-", " ")
        assert any(severity in line and (rule.number or "–") in line for line in lines_of(rule.id)), rule


def test_every_rule_of_the_page_is_asked_and_every_question_is_on_the_page() -> None:
    on_page = set(re.findall(r"^\| (P\d\d) \|", PAGE, re.MULTILINE))
    asked = {query.id[:3] for query in queries() if query.id.startswith("P")}
    assert on_page == asked


def test_every_number_that_an_export_error_explains_is_on_the_page() -> None:
    for number in sqlpackage_errors._BLOCKERS:
        assert number in PAGE
