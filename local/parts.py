"""The list of parts (SBOM, CycloneDX 1.6) of what a release ships: each package with its version, licence and what needs it.

The same parts give the same bytes: the serial number comes from the parts, the time from whoever asks.
"""

from __future__ import annotations

import gzip
import io
import tarfile
import tomllib
import uuid
from collections.abc import Iterable, Iterator
from datetime import datetime
from email import message_from_bytes
from email.message import Message
from importlib import metadata
from typing import NamedTuple, cast

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from local.bundle import ROOT

_STATIC = ROOT / "holdfast" / "web" / "static"


class Part(NamedTuple):
    """One package."""

    name: str
    version: str
    licence: str
    """As its maker says it; empty where nothing is said but in a file."""
    needs: frozenset[NormalizedName] = frozenset()
    """Canonical names, extras and other platforms included."""
    source: str = "pypi"

    @property
    def purl(self) -> PackageURL:
        """Its name for everybody."""
        return PackageURL(self.source, name=canonicalize_name(self.name), version=self.version)


def sbom(whole: Part, parts: Iterable[Part], when: datetime) -> bytes:
    """The document about a thing that consists of these parts."""
    found = {canonicalize_name(one.name): one for one in parts}
    shipped = {name: _component(one, ComponentType.LIBRARY) for name, one in sorted(found.items())}
    bom = Bom(components=shipped.values())
    bom.metadata.component = _component(whole, ComponentType.APPLICATION)
    bom.metadata.timestamp = when
    bom.serial_number = uuid.uuid5(uuid.NAMESPACE_URL, "\n".join(str(one.purl) for one in (whole, *found.values())))
    bom.register_dependency(bom.metadata.component, shipped.values())
    for name, one in found.items():
        bom.register_dependency(shipped[name], [shipped[other] for other in sorted(one.needs & shipped.keys())])
    return (JsonV1Dot6(bom).output_as_string(indent=1) + "\n").encode()


def packed(bundle: bytes) -> Iterator[Part]:
    """The packages in a worker bundle, as the bundle itself says."""
    with gzip.GzipFile(fileobj=io.BytesIO(bundle)) as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
        for member in archive:
            folder, _, file = member.name.rpartition("/")
            # At the top alone: what a package brings inside itself is that package's.
            told = file == "METADATA" and folder.endswith(".dist-info") and "/" not in folder
            content = archive.extractfile(member) if told else None
            if content is not None:
                yield _told(message_from_bytes(content.read()))


def needed(*extras: str) -> Iterator[Part]:
    """What `pip install holdfast[EXTRAS]` brings here, and what lies in the package itself.

    Raises PackageNotFoundError where something of it is not installed.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"], *(line for one in extras for line in project["optional-dependencies"][one])]
    waiting = [one for line in lines if _applies(one := Requirement(line), ())]
    seen = set[tuple[str, frozenset[str]]]()
    while waiting:
        wanted = waiting.pop()
        key = (canonicalize_name(wanted.name), frozenset(wanted.extras))
        if key in seen:
            continue
        seen.add(key)
        found = metadata.distribution(wanted.name)
        waiting += [one for line in found.requires or [] if _applies(one := Requirement(line), wanted.extras)]
        yield _told(cast(Message, found.metadata))
    yield from _vendored()


def _applies(wanted: Requirement, extras: Iterable[str]) -> bool:
    """Whether this machine's Python needs it, for one of the extras of whoever asks or for none."""
    return wanted.marker is None or any(wanted.marker.evaluate({"extra": one}) for one in ("", *extras))


def _vendored() -> Iterator[Part]:
    """Files of others that lie in the package: named NAME-VERSION.min.js, the licence beside them."""
    for file in sorted(_STATIC.glob("*-[0-9]*.min.js")):
        name, _, version = file.name.removesuffix(".min.js").rpartition("-")
        titles = {"Zero-Clause BSD": "0BSD"}
        yield Part(
            name, version, titles[(_STATIC / f"{name}-LICENSE.txt").read_text().partition("\n")[0]], source="npm"
        )


def _told(package: Message) -> Part:
    kinds = [line.rpartition(" :: ")[2] for line in _lines(package, "Classifier") if line.startswith("License ::")]
    licence = (
        package.get("License-Expression") or ", ".join(kinds) or str(package.get("License", "")).partition("\n")[0]
    )
    needs = frozenset(canonicalize_name(Requirement(line).name) for line in _lines(package, "Requires-Dist"))
    return Part(str(package["Name"]), str(package["Version"]), licence, needs)


def _lines(package: Message, key: str) -> list[str]:
    return [str(line) for line in package.get_all(key) or []]


def _component(part: Part, kind: ComponentType) -> Component:
    return Component(
        name=part.name,
        version=part.version,
        type=kind,
        purl=part.purl,
        bom_ref=str(part.purl),
        licenses=[LicenseFactory().make_from_string(part.licence)] if part.licence else None,
    )
