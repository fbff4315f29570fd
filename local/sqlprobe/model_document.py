"""The model of an emulated database as a document that can be asked for scripts and rights, and be altered.

Its element tree is that of model.xml itself. What hangs on an element (permissions, memberships, extended properties, the
triggers of a view) goes with it; references to what is gone become empty entries, as an exporter leaves them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from xml.etree import ElementTree as ET

from holdfast.bacpac.names import split_name
from holdfast.model.preflight.kinds import TYPE_DESC
from local.samples.xml_tree import Node

SPACE = "http://schemas.microsoft.com/sqlserver/dac/Serialization/2012/02"
_NS = {"d": SPACE}
_HANGS_ON = ("SecuredObject", "Host", "Member", "Grantee", "IndexedObject", "Subject")
_SCRIPTS = ("BodyScript", "QueryScript")


def tag(name: str) -> str:
    """A tag in the model's namespace."""
    return f"{{{SPACE}}}{name}"


class ModelDocument:
    """A model.xml in hand."""

    def __init__(self, raw: bytes) -> None:
        ET.register_namespace("", SPACE)
        self._root = ET.fromstring(raw)  # noqa: S314 (the package's reader has refused document types by now)
        found = self._root.find("d:Model", _NS)
        if found is None:
            raise ValueError("model.xml has no model")
        self._model = found

    def write(self) -> bytes:
        """The document as bytes."""
        text = ET.tostring(self._root, encoding="unicode")
        return f'<?xml version="1.0" encoding="utf-8"?>{text}'.encode()

    def elements(self, *types: str) -> Iterator[ET.Element]:
        """Top-level elements, of these types if any are named."""
        for element in self._model.findall("d:Element", _NS):
            if not types or element.get("Type") in types:
                yield element

    def find(self, name: str, *types: str) -> ET.Element | None:
        """The element of that bracketed name."""
        wanted = folded(name)
        return next((e for e in self.elements(*types) if folded(e.get("Name") or "") == wanted), None)

    def add(self, nodes: Iterable[Node]) -> None:
        """Puts elements at the end."""
        text = "\n".join(line for node in nodes for line in node.lines())
        self._model.extend(ET.fromstring(f'<Model xmlns="{SPACE}">{text}</Model>'))  # noqa: S314 (our own elements)

    def remove(self, element: ET.Element) -> None:
        """Takes an element out, and all that hangs on it; whoever refers to it is left with an empty entry."""
        name = folded(element.get("Name") or "")
        self._model.remove(element)
        if not name:
            return
        triggers = [e for e in self.elements("SqlDmlTrigger") if name in targets(e, "Parent")]
        for hanging in list(self.elements()):
            if hanging in triggers or any(name in targets(hanging, kind) for kind in _HANGS_ON):
                self._model.remove(hanging)
        for entry in self._model.iter(tag("Entry")):
            for reference in entry.findall("d:References", _NS):
                if folded(reference.get("Name") or "")[: len(name)] == name:
                    entry.remove(reference)


def folded(name: str) -> tuple[str, ...]:
    """A bracketed name for comparing."""
    return tuple(part.casefold() for part in split_name(name)) if name else ()


def relationship(element: ET.Element, name: str) -> ET.Element | None:
    """An element's relationship of that name."""
    return next((r for r in element.findall("d:Relationship", _NS) if r.get("Name") == name), None)


def targets(element: ET.Element, name: str) -> list[tuple[str, ...]]:
    """The names that a relationship refers to, folded."""
    return [folded(text) for text in references(element, name)]


def references(element: ET.Element, name: str) -> list[str]:
    """The names that a relationship refers to, as they are written."""
    found = relationship(element, name)
    return [] if found is None else [r.get("Name") or "" for r in found.iterfind("d:Entry/d:References", _NS)]


def prop(element: ET.Element, name: str) -> str | None:
    """A property's value."""
    for found in element.findall("d:Property", _NS):
        if found.get("Name") == name:
            value = found.find("d:Value", _NS)
            return found.get("Value") if value is None else "".join(value.itertext())
    return None


def depends_on(element: ET.Element) -> set[tuple[str, ...]]:
    """Everything that an element's dependencies name, folded; columns with their tables' names in front."""
    return {
        folded(reference.get("Name") or "")
        for related in element.iter(tag("Relationship"))
        if (related.get("Name") or "").endswith("Dependencies")
        for reference in related.iterfind("d:Entry/d:References", _NS)
    }


class Script:
    """The script of a piece of code: a head that is kept apart, and a body."""

    def __init__(self, element: ET.Element) -> None:
        self.element = element
        self._value = next(
            (
                value
                for found in element.iter(tag("Property"))
                if found.get("Name") in _SCRIPTS and (value := found.find("d:Value", _NS)) is not None
            ),
            None,
        )
        self.head = next(
            (
                found.get("Value") or "".join(found.itertext())
                for found in element.iter(tag("Property"))
                if found.get("Name") == "HeaderContents"
            ),
            f"CREATE {kind_word(element)} {element.get('Name')} AS",
        )

    @property
    def body(self) -> str:
        """What follows the head."""
        return "" if self._value is None else "".join(self._value.itertext())

    @property
    def text(self) -> str:
        """The whole definition, as the engine has it."""
        space = "" if self.body[:1].isspace() else " "
        return f"{self.head}{space}{self.body}"

    def setting(self, name: str) -> bool:
        """`AnsiNulls` or `QuotedIdentifiers`: under which it was made."""
        return self._value is None or self._value.get(name) != "False"

    def replace(self, body: str) -> None:
        """Gives it another body."""
        if self._value is not None:
            self._value.text = body


def kind_word(element: ET.Element) -> str:
    """VIEW, PROCEDURE, FUNCTION, TRIGGER."""
    described = TYPE_DESC.get(element.get("Type") or "", "")
    return "PROCEDURE" if described == "SQL_STORED_PROCEDURE" else described.rpartition("_")[2]


def words(text: str) -> str:
    """`ViewDefinition` as `VIEW DEFINITION`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text).upper()
