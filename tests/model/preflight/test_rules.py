"""The table of rules: each has a database that triggers it and one that does not, and every message names the object."""

from __future__ import annotations

import re

import pytest

from holdfast.bacpac.model import read_model
from holdfast.bacpac.preflight import find_in
from holdfast.model.preflight.blocking import BLOCKING
from holdfast.model.preflight.deciding import decide
from holdfast.model.preflight.finding import Finding
from holdfast.model.preflight.passing import PASSING
from tests.conftest import Maker
from tests.preflight_cases import CASES, Case

RULES = (*BLOCKING, *PASSING)


def findings(case: Case, *, troubled: bool) -> list[Finding]:
    if case.live:
        return decide(case.troubled_rows if troubled else case.sound_rows)
    model = read_model([Maker.model(*(case.troubled if troubled else case.sound))])
    return find_in(model, database="Sales")


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule.id} {case.object}")
def test_a_rule_finds_its_trouble_and_leaves_the_sound_alone(case: Case) -> None:
    (finding,) = findings(case, troubled=True)
    assert finding.object == case.object
    assert (finding.id, finding.severity, finding.error_number) == (case.rule.id, case.rule.severity, case.rule.number)
    # The rule's own words around the words that a case fills in.
    assert re.fullmatch(re.sub(r"\\\{\w+\\\}", ".+", re.escape(case.rule.cause)), finding.cause)
    assert finding.mend
    assert "{" not in str(finding)
    assert finding.object in str(finding)
    assert findings(case, troubled=False) == []


def test_every_rule_has_a_case() -> None:
    assert {rule.cause for rule in RULES} - {case.rule.cause for case in CASES} == set()
    assert set(RULES) - {case.rule for case in CASES} == set()


def test_no_two_rules_are_the_same() -> None:
    assert len(set(RULES)) == len(RULES)
