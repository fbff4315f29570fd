"""Every call of Azure Resource Manager is allowed by the app's role, and the role allows nothing besides."""

from __future__ import annotations

import ast
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from holdfast.model.rights import APP_RIGHTS
from local.azure.addresses import Address
from local.azure.world import action_of

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def found() -> ModuleType:
    """docs/azure_calls.py, which the reference page is made with."""
    spec = importlib.util.spec_from_file_location("azure_calls", ROOT / "docs" / "azure_calls.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _needed(found: ModuleType) -> set[str]:
    raw = {action for places in found.RAW.values() for place in places for action in place}
    return {call.action for call in found.calls()} | raw | found.BESIDE.keys()


def test_no_call_lacks_its_right(found: ModuleType) -> None:
    assert _needed(found) - {right.action for right in APP_RIGHTS} == set()


def test_no_right_is_spare(found: ModuleType) -> None:
    assert {right.action for right in APP_RIGHTS} - _needed(found) == set()


def test_requests_past_the_sdks_are_all_listed(found: ModuleType) -> None:
    assert found.raw_places() == {file: len(places) for file, places in found.RAW.items()}


def test_the_reading_misses_no_operation(found: ModuleType) -> None:
    """Every name in the code that an SDK has as an operation with `begin_`, and every file that asks for a client."""
    read = found.calls()
    for path in found.CLOUD.rglob("*.py"):
        text = path.read_text()
        begun = {
            node.attr
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Attribute) and node.attr.startswith("begin_")
        }
        mine = {call.operation.partition(".")[2] for call in read if call.file == path.name}
        assert begun <= mine, path.name
        if any(word in text for word in ("clients.sql(", "clients.compute(", "clients.authorization(")):
            assert mine or path.name in found.RAW, path.name


def test_nothing_polls_an_operation_by_itself(found: ModuleType) -> None:
    """A poller would read addresses that the role does not allow, and hold an activity."""
    for path in found.CLOUD.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr.startswith("begin_")
            ):
                assert "polling=False" in ast.unparse(node), f"{path.name}:{node.lineno}"


def test_the_emulator_asks_for_the_same_right(found: ModuleType) -> None:
    for call in found.calls():
        address = Address.parse(call.path.replace("{", "").replace("}", ""))
        if address is None or "locations" in call.path or "/providers/Microsoft.Authorization" in call.path:
            continue
        assert action_of(call.method, address) == call.action, call


@pytest.mark.parametrize(
    ("method", "path", "action"),
    [
        ("POST", "/subscriptions/s/resourceGroups/g/providers/P.Q/things/t/stop", "P.Q/things/stop/action"),
        ("DELETE", "/subscriptions/s/providers/P.Q/things/t/parts/p", "P.Q/things/parts/delete"),
        ("GET", "/subscriptions/s/providers/P.Q/locations/l/groups", "P.Q/locations/*/read"),
    ],
)
def test_rights_follow_from_method_and_path(found: ModuleType, method: str, path: str, action: str) -> None:
    assert found.action_of(method, path) == action
