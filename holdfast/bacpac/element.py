"""Elements of model.xml as they are read: one top-level element at a time, so that a large schema is never held whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from holdfast.bacpac import xml_reader
from holdfast.model.errors import BadBacpac

ENTRY = "model.xml"


@dataclass
class Reference:
    """A reference to another element: `<References Name="[dbo].[t]" ExternalSource="BuiltIns" />`."""

    name: str
    external_source: str | None = None
    external_parts: str | None = None
    """Server and database of a name with three or four parts: `[db]`, `[server].[db]`."""


@dataclass
class Element:
    """An element: its kind, name, properties, and what it relates to (nested elements and references)."""

    type: str
    name: str = ""
    properties: dict[str, str] = field(default_factory=dict)
    relationships: dict[str, list[Element | Reference]] = field(default_factory=dict)
    annotations: set[str] = field(default_factory=set)
    """Types of the annotations that have no name: `IsNotTrustedPropertyAnnotation`."""
    unresolved: set[str] = field(default_factory=set)
    """Relationships with an empty entry: a name that the exporter could not resolve."""

    def elements(self, relationship: str) -> list[Element]:
        """The nested elements of a relationship."""
        return [e for e in self.relationships.get(relationship, ()) if isinstance(e, Element)]

    def references(self, relationship: str) -> list[Reference]:
        """The references of a relationship."""
        return [r for r in self.relationships.get(relationship, ()) if isinstance(r, Reference)]

    def reference(self, relationship: str) -> Reference | None:
        """The first reference of a relationship."""
        return next(iter(self.references(relationship)), None)

    def walk(self) -> Iterator[Element]:
        """This element and all that are nested in it."""
        queue: list[Element] = [self]
        while queue:
            one = queue.pop()
            yield one
            for related in one.relationships.values():
                queue.extend(item for item in related if isinstance(item, Element))

    def walk_references(self) -> Iterator[Reference]:
        """Every reference in this element and those nested in it."""
        for one in self.walk():
            for related in one.relationships.values():
                yield from (item for item in related if isinstance(item, Reference))


def read_elements(
    chunks: Iterable[bytes], take: Callable[[Element], None], head: Callable[[Mapping[str, str]], None]
) -> None:
    """Calls `head` with the attributes of the model's root, then `take` with each top-level element in order.

    Raises BadBacpac where it is not a model.
    """
    reader = _Reader(take, head)
    xml_reader.parse(ENTRY, chunks, reader.start, reader.end)


class _Reader:
    """Builds elements from start and end tags."""

    def __init__(self, take: Callable[[Element], None], head: Callable[[Mapping[str, str]], None]) -> None:
        self._take = take
        self._head = head
        self._tags: list[str] = []
        self._elements: list[Element] = []
        self._relationships: list[str] = []
        self._property: str | None = None
        """Name of the property of an element (not of an annotation) that is open."""
        self._filled: list[bool] = []
        """For each entry that is open: whether anything stood in it."""

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """An opening tag."""
        parent = self._tags[-1] if self._tags else None
        self._tags.append(tag)
        if parent == "Entry":
            self._filled[-1] = True
        if parent is None:
            if tag != "DataSchemaModel":
                raise BadBacpac(f"{ENTRY} is not a model: its root is {tag!r}")
            self._head(attributes)
        elif tag == "Element":
            element = Element(attributes.get("Type", ""), attributes.get("Name", ""))
            self._relate(element)
            self._elements.append(element)
        elif tag == "Relationship":
            self._relationships.append(attributes.get("Name", ""))
            if self._elements:
                # Kept even if its entries are empty, as they are where the exporter could not resolve a name.
                self._elements[-1].relationships.setdefault(self._relationships[-1], [])
        elif tag == "References":
            self._relate(
                Reference(attributes.get("Name", ""), attributes.get("ExternalSource"), attributes.get("ExternalParts"))
            )
        elif tag == "Entry":
            self._filled.append(False)
        elif tag == "Annotation" and parent == "Element":
            self._elements[-1].annotations.add(attributes.get("Type", ""))
        elif tag == "Annotation" and "|" in attributes.get("Name", "") and parent == "Entry":
            # A name that the exporter could not resolve, kept for later: `[server].[db]|[dbo].[t]`.
            outer, _, inner = attributes["Name"].partition("|")
            self._relate(Reference(inner, None, outer))
        elif tag == "Property" and parent == "Element":
            self._property = attributes.get("Name")
            if self._property and "Value" in attributes:
                self._elements[-1].properties[self._property] = attributes["Value"]

    def end(self, tag: str, text: str) -> None:
        """A closing tag, with the text that stood in it."""
        self._tags.pop()
        if tag == "Element":
            element = self._elements.pop()
            if not self._elements:
                self._take(element)
        elif tag == "Entry":
            if not self._filled.pop() and self._elements and self._relationships:
                self._elements[-1].unresolved.add(self._relationships[-1])
        elif tag == "Relationship":
            self._relationships.pop()
        elif tag == "Value" and self._property:
            self._elements[-1].properties.setdefault(self._property, text)
        elif tag == "Property":
            self._property = None

    def _relate(self, item: Element | Reference) -> None:
        if self._elements and self._relationships:
            self._elements[-1].relationships.setdefault(self._relationships[-1], []).append(item)
