"""Bicep files as their syntax trees say: parameters, outputs, resources, modules, names that are used."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import tree_sitter_bicep
from tree_sitter import Language, Node, Parser

INFRA = Path(__file__).resolve().parents[2] / "infra"
_PARSER = Parser(Language(tree_sitter_bicep.language()))


@dataclass
class Template:
    """One file."""

    path: Path
    text: str
    errors: list[str] = field(default_factory=list)
    parameters: dict[str, bool] = field(default_factory=dict)
    """By name, whether one must be given."""
    variables: set[str] = field(default_factory=set)
    outputs: set[str] = field(default_factory=set)
    resources: list[str] = field(default_factory=list)
    """Types with their API versions."""
    modules: dict[str, tuple[str, set[str]]] = field(default_factory=dict)
    """By symbol: the path as written, and the parameters that are given."""
    undescribed: set[str] = field(default_factory=set)
    """Outputs without a description."""


def templates() -> list[Template]:
    """Every Bicep file of `infra/`."""
    return [template(path) for path in sorted(INFRA.rglob("*.bicep"))]


@cache
def template(path: Path) -> Template:
    """Reads one file."""
    data = path.read_bytes()
    found = Template(path, data.decode())
    described = False
    for node in _PARSER.parse(data).root_node.children:
        _take(node, found, described)
        described = (node.type == "decorators" and "description" in _text(node)) or (
            described and node.type == "comment"
        )
    found.errors = [
        f"line {node.start_point[0] + 1}: {_text(node)[:60]}" for node in _walk(node_of(data)) if _wrong(node)
    ]
    return found


def node_of(data: bytes) -> Node:
    """The root of the syntax tree."""
    return _PARSER.parse(data).root_node


def _wrong(node: Node) -> bool:
    return node.type == "ERROR" or node.is_missing


def _walk(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from _walk(child)


def _text(node: Node) -> str:
    return (node.text or b"").decode()


def _names(node: Node) -> list[str]:
    return [_text(child) for child in node.children if child.type == "identifier"]


def _take(node: Node, found: Template, described: bool) -> None:
    if node.type == "parameter_declaration":
        found.parameters[_names(node)[0]] = "=" not in [child.type for child in node.children]
    elif node.type == "variable_declaration":
        found.variables.add(_names(node)[0])
    elif node.type == "output_declaration":
        name = _names(node)[0]
        found.outputs.add(name)
        if not described and "@description" not in _text(node):
            found.undescribed.add(name)
    elif node.type == "resource_declaration":
        found.resources.append(_text(next(child for child in node.children if child.type == "string")).strip("'"))
    elif node.type == "module_declaration":
        path = _text(next(child for child in node.children if child.type == "string")).strip("'")
        found.modules[_names(node)[0]] = (path, _given(node))


def _given(module: Node) -> set[str]:
    """Names in the module's `params` object."""
    for node in _walk(module):
        if node.type == "object_property" and _text(node).startswith("params:"):
            inside = next(child for child in node.children if child.type == "object")
            return {_text(one.children[0]) for one in inside.children if one.type == "object_property"}
    return set()
