"""The list of parts names what is shipped and what needs it, and is the same each time."""

import io
import json
import tarfile
import tomllib
from datetime import UTC, datetime
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from local import parts
from local.bundle import ROOT
from local.parts import Part, needed, packed, sbom

_WHEN = datetime(2026, 1, 2, tzinfo=UTC)
_WHOLE = Part("holdfast", "1.2", "Apache-2.0")


def _written(*found: Part) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(sbom(_WHOLE, found, _WHEN))
    return made


def test_each_part_has_its_version_licence_and_what_it_needs() -> None:
    made = _written(
        Part("Numba", "0.6", "BSD License", frozenset({"numpy", "tbb"})), Part("numpy", "2.0", "BSD-3-Clause")
    )
    assert [(one["name"], one["purl"], one["licenses"]) for one in made["components"]] == [
        ("Numba", "pkg:pypi/numba@0.6", [{"license": {"name": "BSD License"}}]),
        ("numpy", "pkg:pypi/numpy@2.0", [{"license": {"id": "BSD-3-Clause"}}]),
    ]
    needs = {one["ref"]: one.get("dependsOn", []) for one in made["dependencies"]}
    assert needs["pkg:pypi/numba@0.6"] == ["pkg:pypi/numpy@2.0"], "what is not shipped is no part"
    assert needs["pkg:pypi/holdfast@1.2"] == ["pkg:pypi/numba@0.6", "pkg:pypi/numpy@2.0"]
    assert made["metadata"]["timestamp"].startswith("2026-01-02T00:00:00")


def test_the_number_of_the_document_comes_from_the_parts_alone() -> None:
    one, two = Part("a", "1", "MIT"), Part("b", "1", "MIT")
    assert sbom(_WHOLE, [one, two], _WHEN) == sbom(_WHOLE, [one, two], _WHEN)
    assert _written(one)["serialNumber"] != _written(two)["serialNumber"]


def test_a_bundle_tells_its_packages_and_no_package_inside_a_package() -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name in ("numpy-2.0.dist-info/METADATA", "setuptools/_vendor/other-1.dist-info/METADATA", "numpy/METADATA"):
            content = b"Metadata-Version: 2.1\nName: numpy\nVersion: 2.0\n"
            content += b"License-Expression: BSD-3-Clause\nRequires-Dist: a-b>1\n"
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    assert list(packed(out.getvalue())) == [Part("numpy", "2.0", "BSD-3-Clause", frozenset({canonicalize_name("a-b")}))]


@pytest.fixture(scope="module")
def shipped() -> dict[str, Part]:
    return {canonicalize_name(one.name): one for one in needed("cli")}


def test_everything_pinned_for_the_app_and_the_command_line_is_a_part(shipped: dict[str, Part]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for line in (*project["dependencies"], *project["optional-dependencies"]["cli"]):
        wanted = Requirement(line)
        assert str(wanted.specifier) == f"=={shipped[canonicalize_name(wanted.name)].version}"
    assert {"azure-core", "htmx", "shellingham"} <= shipped.keys(), "what those bring, and what lies in the package"
    assert not {"pytest", "ruff", "pyjwt-none"} & shipped.keys()


def test_the_document_is_what_its_schema_says(shipped: dict[str, Part]) -> None:
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    assert validator.validate_str(sbom(_WHOLE, shipped.values(), _WHEN).decode()) is None


def test_a_vendored_file_whose_licence_nobody_looked_at_is_no_part(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / "toy-1.0.min.js").write_text("")
    (tmp_path / "toy-LICENSE.txt").write_text("Something else\n")
    monkeypatch.setattr(parts, "_STATIC", tmp_path)
    with pytest.raises(KeyError, match="Something else"):
        list(needed())
