"""model.xml for Azure SQL Database V12, element for element as DacFx writes it.

The forms were taken from what DacFx itself makes of T-SQL scripts and from models in real BACPACs: order of properties
and relationships, what is left out because it is the default, inline constraints as annotations.
"""

from __future__ import annotations

from local.samples.module_xml import procedure_node, view_node
from local.samples.schema import Schema, Sequence, bracketed
from local.samples.security_xml import grant_node, login_nodes, membership_nodes, role_node, user_node
from local.samples.table_xml import table_nodes
from local.samples.type_xml import alias_node, schema_of, type_specifier
from local.samples.xml_tree import DECLARATION, Node, built_in, element, prop, relation

_NAMESPACE = "http://schemas.microsoft.com/sqlserver/dac/Serialization/2012/02"
_PROVIDER = "Microsoft.Data.Tools.Schema.Sql.SqlAzureV12DatabaseSchemaProvider"


def elements_of(schema: Schema) -> list[Node]:
    """The elements below `<Model>`: the database's options, what has no name, then the rest by name."""
    found = [table_nodes(table, index) for index, table in enumerate(schema.tables)]
    unnamed: list[Node] = []
    named: list[Node] = []
    for table, constraints in found:
        named.append(table)
        for node in constraints:
            (named if _name(node) else unnamed).append(node)
    unnamed.extend(membership_nodes(schema))
    named.extend(element("SqlSchema", bracketed(name), built_in("Authorizer", "[dbo]")) for name in schema.schemas)
    named.extend(alias_node(alias) for alias in schema.aliases)
    named.extend(view_node(view) for view in schema.views)
    named.extend(procedure_node(procedure) for procedure in schema.procedures)
    named.extend(_sequence_node(sequence) for sequence in schema.sequences)
    named.extend(user_node(user) for user in schema.users)
    named.extend(login_nodes(schema.users))
    named.extend(role_node(role) for role in schema.roles)
    named.extend(grant_node(grant) for grant in schema.grants)
    return [_options(), *sorted(unnamed, key=_type), *sorted(named, key=lambda n: (_name(n).lower(), _type(n)))]


def model_xml(elements: list[Node]) -> bytes:
    """The file."""
    head = (
        f'{DECLARATION}\r\n<DataSchemaModel FileFormatVersion="1.2" SchemaVersion="2.9" DspName="{_PROVIDER}" '
        f'CollationLcid="1033" CollationCaseSensitive="False" xmlns="{_NAMESPACE}">'
    )
    lines = Node("Model", (), tuple(elements)).lines(1)
    return "\r\n".join((head, *lines, "</DataSchemaModel>")).encode()


def count_elements(elements: list[Node]) -> dict[str, int]:
    """How many elements of each type, nested ones included: Origin.xml's ObjectCounts. Parts of others do not count."""
    counts: dict[str, int] = {}
    waiting = list(elements)
    while waiting:
        node = waiting.pop()
        waiting.extend(node.children)
        kind = _type(node)
        if node.tag == "Element" and kind not in (
            "SqlTypeSpecifier",
            "SqlXmlTypeSpecifier",
            "SqlIndexedColumnSpecification",
        ):
            counts[kind.removeprefix("Sql")] = counts.get(kind.removeprefix("Sql"), 0) + 1
    return dict(sorted(counts.items()))


def _sequence_node(sequence: Sequence) -> Node:
    return element(
        "SqlSequence",
        bracketed(sequence.schema, sequence.name),
        prop("Increment", sequence.increment),
        prop("StartValue", sequence.start),
        schema_of(sequence.schema),
        relation("TypeSpecifier", type_specifier(sequence.type)),
    )


def _options() -> Node:
    values = (
        ("Collation", "SQL_Latin1_General_CP1_CI_AS"),
        ("IsAnsiPaddingOn", "False"),
        ("IsQuotedIdentifierOn", "False"),
        ("IsCursorDefaultScopeGlobal", "True"),
        ("IsTornPageProtectionOn", "False"),
        ("IsFullTextEnabled", "True"),
        ("ServiceBrokerOption", "1"),
        ("IsAllowSnapshotIsolation", "True"),
        ("IsReadCommittedSnapshot", "True"),
        ("IsEncryptionOn", "True"),
        ("CatalogCollation", "2"),
        ("FileStreamDirectoryName", ""),
        ("TargetRecoveryTimePeriod", "60"),
    )
    return element(
        "SqlDatabaseOptions",
        None,
        *(prop(name, value) for name, value in values),
        built_in("DefaultFilegroup", "[PRIMARY]"),
    )


def _name(node: Node) -> str:
    return dict(node.attributes).get("Name", "")


def _type(node: Node) -> str:
    return dict(node.attributes).get("Type", "")
