"""Elements of a model, in the shapes that DacFx 15.0 itself writes for the same T-SQL."""

from __future__ import annotations

from tests.conftest import Maker

T = ("dbo", "T")


def refers(relationship: str, *names: str) -> str:
    """A relationship; an empty name is one that the exporter could not resolve."""
    entries = "".join(f'<Entry><References Name="{name}" /></Entry>' if name else "<Entry />" for name in names)
    return f'<Relationship Name="{relationship}">{entries}</Relationship>'


def element(kind: str, name: str, *inside: str, **properties: str) -> str:
    """An element with properties, and whatever else is inside."""
    said = "".join(f'<Property Name="{key}" Value="{value}" />' for key, value in properties.items())
    called = f' Name="{name}"' if name else ""
    return f'<Element Type="{kind}"{called}>{said}{"".join(inside)}</Element>'


def script(text: str, key: str = "BodyScript") -> str:
    """A script as a property."""
    return f'<Property Name="{key}"><Value><![CDATA[{text}]]></Value></Property>'


def code(kind: str, name: str, text: str, *inside: str, header: str = "", **properties: str) -> str:
    """A view, procedure or trigger."""
    key = "QueryScript" if kind == "SqlView" else "BodyScript"
    word = {"SqlView": "VIEW", "SqlProcedure": "PROCEDURE"}.get(kind, "TRIGGER")
    head = header or f"CREATE {word} {name} AS"
    note = (
        f'<Annotation Type="SysCommentsObjectAnnotation"><Property Name="HeaderContents" Value="{head}" /></Annotation>'
    )
    return element(kind, name, script(text, key), *inside, note, **properties)


def inline_function(name: str, text: str) -> str:
    """An inline function, whose script is nested."""
    body = element("SqlScriptFunctionImplementation", "", script(text))
    return element(
        "SqlInlineTableValuedFunction", name, f'<Relationship Name="FunctionBody"><Entry>{body}</Entry></Relationship>'
    )


def table(*columns: str, name: tuple[str, str] = T) -> str:
    """A table; without columns one of an int."""
    return Maker.table(name, columns or [Maker.column(name, "Id", "[int]", nullable=False)])


def column(name: str, type_name: str, *, nullable: bool = True, **properties: str) -> str:
    """A column of the table T, with properties of its own."""
    made = Maker.column(T, name, type_name, nullable=nullable)
    said = "".join(f'<Property Name="{key}" Value="{value}" />' for key, value in properties.items())
    return made.replace("<Relationship", said + "<Relationship", 1)
