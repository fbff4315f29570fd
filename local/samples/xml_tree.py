"""Writes XML as DacFx does: tabs, CRLF, attributes in the given order, scripts as CDATA."""

from __future__ import annotations

from dataclasses import dataclass
from xml.sax.saxutils import escape

_ATTRIBUTE = {'"': "&quot;", "\r": "&#xD;", "\n": "&#xA;", "\t": "&#x9;"}
DECLARATION = '<?xml version="1.0" encoding="utf-8"?>'


@dataclass(frozen=True)
class Node:
    """An element. `text` is written as CDATA where there are no children."""

    tag: str
    attributes: tuple[tuple[str, str], ...] = ()
    children: tuple[Node, ...] = ()
    text: str | None = None

    def lines(self, depth: int = 0) -> list[str]:
        """The element's lines, indented by tabs."""
        indent = "\t" * depth
        opening = indent + "<" + self.tag + "".join(f' {k}="{attribute(v)}"' for k, v in self.attributes)
        if self.text is not None:
            return [f"{opening}>{cdata(self.text)}</{self.tag}>"]
        if not self.children:
            return [opening + " />"]
        found = [opening + ">"]
        for child in self.children:
            found.extend(child.lines(depth + 1))
        found.append(f"{indent}</{self.tag}>")
        return found


def attribute(value: str) -> str:
    """A value fit for double quotes."""
    return escape(value, _ATTRIBUTE)


def cdata(text: str) -> str:
    """A CDATA section; what would end it early is split over two."""
    return f"<![CDATA[{text.replace(']]>', ']]]]><![CDATA[>')}]]>"


def element(kind: str, name: str | None = None, *children: Node | None) -> Node:
    """`<Element Type="…" Name="…">`, without those children that are None."""
    attributes = [("Type", kind)]
    if name is not None:
        attributes.append(("Name", name))
    return Node("Element", tuple(attributes), tuple(c for c in children if c is not None))


def prop(name: str, value: object) -> Node:
    """`<Property Name="…" Value="…" />`."""
    return Node("Property", (("Name", name), ("Value", str(value))))


def script(name: str, text: str) -> Node:
    """A property that holds a script."""
    return Node("Property", (("Name", name),), (Node("Value", (), (), text),))


def relation(name: str, *entries: Node) -> Node:
    """`<Relationship Name="…">`, each child in an Entry of its own."""
    return Node("Relationship", (("Name", name),), tuple(Node("Entry", (), (e,)) for e in entries))


def refers(name: str, *references: str) -> Node:
    """A relationship to elements by name; the empty name is one that could not be resolved, as DacFx writes it."""
    return Node(
        "Relationship",
        (("Name", name),),
        tuple(Node("Entry", (), (Node("References", (("Name", r),)),)) if r else Node("Entry", ()) for r in references),
    )


def built_in(name: str, reference: str) -> Node:
    """A relationship to an element of every database."""
    return relation(name, Node("References", (("ExternalSource", "BuiltIns"), ("Name", reference))))
