"""Every call of Azure Resource Manager that the code makes, read from the code, with the right that it needs.

Calls of the SDKs are found in `holdfast/cloud` as syntax; the method and the path of each come from the SDK itself, which
builds the request without sending it. What goes past the SDKs' operations stands in `RAW`, what Azure asks for beside the
request's own right in `BESIDE`; tests/infra/test_calls.py keeps all three complete.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

CLOUD = Path(__file__).resolve().parent.parent / "holdfast" / "cloud"

#: Modules that build the requests of each client of `holdfast/cloud/clients.py`.
_SDKS = {
    "sql": "azure.mgmt.sql.operations._operations",
    "compute": "azure.mgmt.compute.operations._operations",
    "authorization": "azure.mgmt.authorization.v2022_04_01.operations._{group}_operations",
}

_STORE = "Microsoft.Storage/storageAccounts"
#: By file: rights of requests that are sent without an operation of an SDK, one list for each place that sends.
RAW: dict[str, list[tuple[str, ...]]] = {
    "account_rules.py": [
        (
            f"{_STORE}/read",
            f"{_STORE}/blobServices/read",
            f"{_STORE}/blobServices/containers/read",
            f"{_STORE}/managementPolicies/read",
        )
    ],
    "operations.py": [("Microsoft.Sql/locations/*/read",)],
    "restore_targets.py": [("Microsoft.Authorization/locks/read",)],
    "permissions.py": [("Microsoft.ManagedIdentity/userAssignedIdentities/read",)],
}

_VM = "`virtual_machines.begin_create_or_update`"
#: Rights that Azure asks for beside the one of the request, and of which request.
BESIDE: dict[str, str] = {
    "Microsoft.Compute/disks/write": f"{_VM}: the system disk is made with the machine",
    "Microsoft.Network/networkInterfaces/write": f"{_VM}: the card is made with the machine",
    "Microsoft.Network/networkInterfaces/join/action": f"{_VM}: the card is given to the machine",
    "Microsoft.Network/virtualNetworks/subnets/join/action": f"{_VM}: the card lies in the subnet",
    "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action": f"{_VM}: the machine gets its identity",
    "Microsoft.Network/virtualNetworks/subnets/read": f"{_VM}: the subnet is looked at",
    "Microsoft.Network/networkInterfaces/read": f"{_VM}: the card is looked at",
    "Microsoft.Compute/disks/read": f"{_VM}: the disk is looked at",
    "Microsoft.Compute/virtualMachines/instanceView/read": "`virtual_machines.get`: whether it runs",
    "Microsoft.Compute/disks/delete": "`virtual_machines.begin_delete`: the disk goes with the machine",
    "Microsoft.Network/networkInterfaces/delete": "`virtual_machines.begin_delete`: the card goes with the machine",
}


class Call(NamedTuple):
    """One operation of an SDK that the code calls."""

    file: str
    operation: str
    method: str
    path: str
    action: str


def calls() -> list[Call]:
    """Every call, by file and operation. Raises ValueError for one that cannot be read."""
    found = {
        (path.name, sdk, group, operation)
        for path in sorted(CLOUD.rglob("*.py"))
        for sdk, group, operation in _of_file(ast.parse(path.read_text()))
    }
    return [Call(file, f"{group}.{name}", *_request(sdk, group, name)) for file, sdk, group, name in sorted(found)]


def raw_places() -> dict[str, int]:
    """How many places of each file send a request of their own."""
    counted = {
        path.name: sum(
            isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "send_request"
            for node in ast.walk(ast.parse(path.read_text()))
        )
        for path in CLOUD.rglob("*.py")
    }
    return {name: number for name, number in counted.items() if number}


def action_of(method: str, path: str) -> str:
    """The right that a request needs, by the rule of Azure Resource Manager."""
    provider, _, rest = path.rpartition("/providers/")[2].partition("/")
    if not provider or not rest:
        raise ValueError(f"{path} names no provider")
    words = rest.strip("/").split("/")
    if method == "POST":
        return "/".join((provider, *words[:-1][0::2], words[-1], "action"))
    verb = {"GET": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete"}[method]
    kinds = words[0::2]
    if kinds[0] == "locations":
        kinds[1:] = ["*"]
    return "/".join((provider, *kinds, verb))


_Group = tuple[str, str]
"""SDK, and group of its operations."""


def _of_file(tree: ast.Module) -> Iterator[tuple[str, str, str]]:
    """(SDK, group, operation). A group is named directly, kept in a name, or answered by a method of the file."""
    methods = _client_methods(tree)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    answered: dict[str, set[_Group]] = {}
    for function in functions:
        clients, _ = _names(function, methods, {})
        for node in ast.walk(function):
            if isinstance(node, ast.Return) and (groups := _groups(node.value, methods, clients, {})):
                answered[function.name] = groups
    for function in functions:
        clients, kept = _names(function, methods, answered)
        for node in ast.walk(function):
            if isinstance(node, ast.Attribute):
                of = node.value
                groups = kept.get(of.id, set()) if isinstance(of, ast.Name) else _groups(of, methods, clients, answered)
                for sdk, group in groups:
                    yield sdk, group, node.attr


def _names(
    function: ast.FunctionDef, methods: dict[str, str], answered: dict[str, set[_Group]]
) -> tuple[dict[str, str], dict[str, set[_Group]]]:
    """Names of a function that hold a client, and those that hold a group of operations, or one of several."""
    clients = {
        argument.arg: match[1].lower()
        for argument in (*function.args.args, *function.args.kwonlyargs)
        if argument.annotation is not None
        and (match := re.fullmatch(r"(\w+)ManagementClient", ast.unparse(argument.annotation)))
    }
    kept: dict[str, set[_Group]] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            if sdk := _client(node.value, methods, clients):
                clients[node.targets[0].id] = sdk
            elif groups := _groups(node.value, methods, clients, answered):
                kept[node.targets[0].id] = groups
    return clients, kept


def _client_methods(tree: ast.Module) -> dict[str, str]:
    """Methods that answer a client: those of `Clients`, and those of this file that hand one on."""
    found = {sdk: sdk for sdk in _SDKS}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.returns is not None:
            match = re.fullmatch(r"(\w+)ManagementClient", ast.unparse(node.returns))
            if match:
                found[node.name] = match[1].lower()
    return found


def _client(node: ast.AST | None, methods: dict[str, str], known: dict[str, str]) -> str | None:
    if isinstance(node, ast.Name):
        return known.get(node.id)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return methods.get(node.func.attr)
    return None


def _groups(
    node: ast.AST | None, methods: dict[str, str], clients: dict[str, str], answered: dict[str, set[_Group]]
) -> set[_Group]:
    """What `client.group` is, or either side of an `if`, or the answer of a method."""
    if isinstance(node, ast.IfExp):
        return _groups(node.body, methods, clients, answered) | _groups(node.orelse, methods, clients, answered)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return answered.get(node.func.attr, set())
    if isinstance(node, ast.Attribute) and node.attr not in ("send_request", "close"):
        sdk = _client(node.value, methods, clients)
        return {(sdk, node.attr)} if sdk in _SDKS else set()
    return set()


def _request(sdk: str, group: str, operation: str) -> tuple[str, str, str]:
    """Method, path and right of an operation, from the request that its SDK builds."""
    module = importlib.import_module(_SDKS[sdk].format(group=group))
    verb = operation.removeprefix("begin_")
    build = getattr(module, f"build_{group}_{verb}_request", None) or getattr(module, f"build_{verb}_request", None)
    if build is None:
        raise ValueError(f"{group}.{operation} is no operation of {module.__name__}")
    given = {
        name: f"{{{name}}}"
        for name, one in inspect.signature(build).parameters.items()
        if one.default is inspect.Parameter.empty and one.kind is not inspect.Parameter.VAR_KEYWORD
    }
    if "role_id" in given:  # an id by itself is a whole path
        given["role_id"] = "subscriptions/{subscription_id}/providers/Microsoft.Authorization/roleDefinitions/{role}"
    request = build(**given)
    path = request.url.partition("?")[0].replace("%7B", "{").replace("%7D", "}")
    return request.method, path, action_of(request.method, path)
