"""The templates hang together: what is given is asked for, what is asked for is given, nothing is unpinned or unused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.infra.bicep_reading import INFRA, Template, template, templates

_PINNED = re.compile(r"[A-Za-z.]+(/[A-Za-z]+)+@20\d\d-\d\d-\d\d")
_OUTPUT_USE = re.compile(r"\b(\w+)(?:\[\w+\])?\.\??outputs\.(\w+)")
_LOOPED = re.compile(r"^(?:resource|module) (\w+) '[^']+' = \[", re.M)
_LAMBDA = re.compile(r"(?:\(([\w, ]+)\)|\b(\w+)) =>")
_ALL = pytest.mark.parametrize("one", templates(), ids=lambda one: one.path.relative_to(INFRA).as_posix())


@_ALL
def test_a_template_parses(one: Template) -> None:
    assert not one.errors


@_ALL
def test_every_resource_names_a_released_version_of_its_type(one: Template) -> None:
    assert not [kind for kind in one.resources if not _PINNED.fullmatch(kind)]


@_ALL
def test_every_module_is_there_and_gets_what_it_asks_for(one: Template) -> None:
    for symbol, (path, given) in one.modules.items():
        asked = template((one.path.parent / path).resolve()).parameters
        assert given <= asked.keys(), f"{symbol}: {path} does not know {given - asked.keys()}"
        missing = {name for name, needed in asked.items() if needed} - given
        assert not missing, f"{symbol}: {path} needs {missing}"


@_ALL
def test_every_parameter_and_variable_is_used(one: Template) -> None:
    for name in one.parameters.keys() | one.variables:
        uses = len(re.findall(rf"\b{name}\b", one.text))
        assert uses >= 2, f"{name} is declared and never used"


@_ALL
def test_outputs_that_are_used_exist_and_say_what_they_are(one: Template) -> None:
    assert not one.undescribed
    for symbol, name in _OUTPUT_USE.findall(one.text):
        path, _ = one.modules[symbol]
        assert name in template((one.path.parent / path).resolve()).outputs, f"{symbol} has no output {name}"


@_ALL
def test_no_variable_of_a_lambda_is_an_index_into_resources_or_modules(one: Template) -> None:
    # The compiler's error BCP247: what a deployment refers to has to be known when it begins.
    variables = {name for found in _LAMBDA.findall(one.text) for name in re.findall(r"\w+", " ".join(found))}
    for symbol in _LOOPED.findall(one.text):
        for index in re.findall(rf"\b{symbol}\[([^\]]+)\]", one.text):
            assert not variables & set(re.findall(r"\w+", index)), f"{symbol}[{index}]"


def test_every_output_of_a_module_is_used() -> None:
    used: dict[Path, set[str]] = {}
    for one in templates():
        for symbol, name in _OUTPUT_USE.findall(one.text):
            used.setdefault((one.path.parent / one.modules[symbol][0]).resolve(), set()).add(name)
    for one in templates():
        if one.path.parent.name == "modules":
            assert one.outputs == used.get(one.path, set()), one.path.name


def test_no_module_is_left_over() -> None:
    used = {(one.path.parent / path).resolve() for one in templates() for path, _ in one.modules.values()}
    assert {one.path for one in templates() if one.path.parent.name == "modules"} <= used


@pytest.mark.parametrize("path", sorted(INFRA.glob("*.bicepparam")), ids=lambda path: path.name)
def test_sets_of_parameters_give_what_the_template_asks_for(path: Path) -> None:
    asked = template(INFRA / "main.bicep").parameters
    given = set(re.findall(r"^param (\w+) =", path.read_text(), re.M))
    assert "using 'main.bicep'" in path.read_text()
    assert given <= asked.keys()
    assert {name for name, needed in asked.items() if needed} <= given
