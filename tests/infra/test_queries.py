"""Queries: Microsoft's own language service takes each of them, and they read what is told, and nothing else."""

from __future__ import annotations

import ast
import json
import re
import subprocess
from pathlib import Path

import pytest

from holdfast.telemetry.events import EVENTS
from local.azurite_setup import find_node, installed
from tests.infra.bicep_reading import INFRA
from tests.infra.queries import ALERTS, QUERIES, rules

PINNED = Path(__file__).with_name("kusto")
ROOT = INFRA.parent
CACHE = ROOT / ".cache" / "kusto"
#: Of spans: holdfast/telemetry/spans.py, holdfast/worker/runner.py, activities/answering.py.
SPAN_KEYS = {"backup.session.id", "backup.source.id", "backup.source.key", "backup.step", "backup.job.id", "error.code"}
#: Documented ahead of the code that tells them.
NOT_YET = {"holdfast.check.ended"}


@pytest.fixture(scope="module")
def service() -> dict[str, dict[str, object]]:
    """What the language service says of every query, and of three that are wrong."""
    node = find_node()
    if node is None or not installed(CACHE, PINNED):
        pytest.skip("the Kusto language service is not installed: `make setup`, with a way to the npm registry")
    wrong = {
        "column": 'AppEvents | where Nam == "x"',
        "word": "AppEvents | whre true",
        "function": "AppEvents | project tostrin(Name)",
    }
    given = {"folder": str(CACHE.resolve()), "tables": json.loads((PINNED / "tables.json").read_text())}
    done = subprocess.run(
        [node.node, PINNED / "check.js"],
        input=json.dumps({**given, "queries": {**QUERIES, **wrong}}),
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    answer: dict[str, dict[str, object]] = json.loads(done.stdout)
    return answer


def test_the_language_service_takes_every_query(service: dict[str, dict[str, object]]) -> None:
    assert {name: service[name]["problems"] for name in QUERIES if service[name]["problems"]} == {}
    assert all(service[name]["problems"] for name in ("column", "word", "function")), "it takes anything"


def test_rules_split_by_columns_of_their_queries(service: dict[str, dict[str, object]]) -> None:
    assert rules().keys() == ALERTS.keys()
    for name, dimensions in rules().items():
        columns = service[name]["columns"]
        assert isinstance(columns, dict)
        assert {column: columns.get(column) for column in dimensions} == dict.fromkeys(dimensions, "string"), name
        assert len(dimensions) <= 6, "Azure takes no more"


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_reads_what_its_event_has(name: str) -> None:
    text = QUERIES[name]
    assert text.startswith("// "), "a query says what it returns"
    for part in re.split(r";\s*\n", text):
        keys = set(re.findall(r'Properties\["([^"]+)"\]', part))
        named = re.findall(r'\bName == "([^"]+)"', part)
        if "AppDependencies" in part:
            assert keys <= SPAN_KEYS
        elif "AppEvents" in part:
            assert len(named) == 1, "of which event?"
            assert keys <= EVENTS[named[0]][1].keys()
        else:
            assert not keys


def test_every_event_is_read_by_a_query_and_told_by_the_code() -> None:
    read = {name for text in QUERIES.values() for name in re.findall(r'\bName == "([^"]+)"', text)}
    assert read == EVENTS.keys()
    words = {
        node.value
        for folder in ("activities", "orchestrators", "triggers", "holdfast")
        for path in (ROOT / folder).rglob("*.py")
        if path.name != "events.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert EVENTS.keys() - words <= NOT_YET


def test_roles_in_queries_are_those_that_the_exporter_makes() -> None:
    from azure.monitor.opentelemetry.exporter import _utils
    from opentelemetry.sdk.resources import Resource

    named = {role for text in QUERIES.values() for role in re.findall(r'"(holdfast\.(?:app|worker))"', text)}
    made = {
        _utils._populate_part_a_fields(Resource({"service.name": role, "service.namespace": "holdfast"}))[
            "ai.cloud.role"
        ]
        for role in ("app", "worker")
    }
    assert named == made


def test_the_workbook_shows_every_query_as_its_file_has_it() -> None:
    book = json.loads((INFRA / "workbooks" / "holdfast.json").read_text())
    tabs = [link["subTarget"] for item in book["items"] if item["type"] == 11 for link in item["content"]["links"]]
    shown = {item["name"]: item for item in book["items"] if item["type"] == 3}
    assert {f"workbook/{name}": item["content"]["query"] for name, item in shown.items()} == {
        name: text for name, text in QUERIES.items() if name not in ALERTS
    }
    assert {item["conditionalVisibility"]["value"] for item in shown.values()} == set(tabs)
    assert len(tabs) == 6
