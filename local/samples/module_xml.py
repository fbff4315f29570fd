"""Views and procedures as elements of the model: the script split into its head and its body, and what it depends on."""

from __future__ import annotations

from local.samples.schema import Parameter, Procedure, View, bracketed
from local.samples.type_xml import schema_of, type_specifier
from local.samples.xml_tree import Node, element, prop, refers, relation, script


def view_node(view: View) -> Node:
    """A view."""
    name = bracketed(view.schema, view.name)
    body = "\r\n" + view.body.strip().replace("\n", "\r\n")
    columns = (
        element(
            "SqlComputedColumn", f"{name}.{bracketed(column)}", refers("ExpressionDependencies", *of) if of else None
        )
        for column, of in view.columns
    )
    return element(
        "SqlView",
        name,
        script("QueryScript", body),
        prop("IsAnsiNullsOn", "True"),
        relation("Columns", *columns),
        refers("QueryDependencies", *view.depends),
        schema_of(view.schema),
        _comments(f"CREATE VIEW {name}\r\nAS", body),
    )


def procedure_node(procedure: Procedure) -> Node:
    """A procedure."""
    name = bracketed(procedure.schema, procedure.name)
    body = "\r\n" + procedure.body.strip().replace("\n", "\r\n")
    head = [f"CREATE PROCEDURE {name}"]
    if procedure.parameters:
        head.append("    " + ",\r\n    ".join(_declared(p) for p in procedure.parameters))
    return element(
        "SqlProcedure",
        name,
        script("BodyScript", body),
        prop("IsAnsiNullsOn", "True"),
        refers("BodyDependencies", *procedure.depends) if procedure.depends else None,
        relation("Parameters", *(_parameter(name, p) for p in procedure.parameters)) if procedure.parameters else None,
        schema_of(procedure.schema),
        _comments("\r\n".join((*head, "AS")), body),
    )


def _parameter(owner: str, parameter: Parameter) -> Node:
    return element(
        "SqlSubroutineParameter",
        f"{owner}.{bracketed(parameter.name)}",
        script("DefaultExpressionScript", parameter.default) if parameter.default is not None else None,
        relation("Type", type_specifier(parameter.type)),
    )


def _declared(parameter: Parameter) -> str:
    kind = parameter.type
    arguments = "max" if kind.is_max else kind.length or ""
    if kind.precision and kind.name in ("decimal", "numeric"):
        arguments = f"{kind.precision}, {kind.scale or 0}"
    text = f"{parameter.name} {kind.name}" + (f"({arguments})" if arguments else "")
    return text if parameter.default is None else f"{text} = {parameter.default}"


def _comments(head: str, body: str) -> Node:
    return Node(
        "Annotation",
        (("Type", "SysCommentsObjectAnnotation"),),
        (
            prop("Length", len(head) + len(body)),
            prop("StartLine", 1),
            prop("StartColumn", 1),
            prop("HeaderContents", head),
        ),
    )
