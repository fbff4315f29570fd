"""Runs the statements of repairs on a model, with the engine's own refusals. It knows these statements and no others.

What it cannot do, and says so: any other statement, an ALTER that changes more than a body, owners of single objects,
permissions that a user has given on.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Sequence
from xml.etree import ElementTree as ET

from holdfast.bacpac.names import split_name
from holdfast.bacpac.script_names import joined, pieces, script_names
from holdfast.model.preflight.kinds import TYPE_DESC
from local.sqlprobe.model_document import (
    ModelDocument,
    Script,
    depends_on,
    folded,
    kind_word,
    prop,
    relationship,
    tag,
    targets,
    words,
)

_PART = r"\[(?:[^\]]|\]\])*\]"
_NAME = rf"({_PART}(?:\.{_PART})*)"
_TYPES = {
    "VIEW": ("SqlView",),
    "PROCEDURE": ("SqlProcedure",),
    "FUNCTION": ("SqlScalarFunction", "SqlInlineTableValuedFunction", "SqlMultiStatementTableValuedFunction"),
    "TRIGGER": ("SqlDmlTrigger", "SqlDatabaseDdlTrigger"),
    "SYNONYM": ("SqlSynonym",),
    "USER": ("SqlUser",),
    "EXTERNAL TABLE": ("SqlExternalTable",),
    "EXTERNAL DATA SOURCE": ("SqlExternalDataSource",),
}


class Refused(Exception):
    """The engine's refusal: a message in its words, its number in front."""


def run(document: ModelDocument, statements: Sequence[str]) -> ModelDocument:
    """The document after all of them, or none. Raises Refused, and leaves the document as it was."""
    changed = copy.deepcopy(document)
    for statement in statements:
        for pattern, act in _STATEMENTS:
            match = pattern.fullmatch(statement)
            if match:
                act(changed, match)
                break
        else:
            raise Refused(f"the stand-in does not run this statement: {statement[:80]}")
    return changed


def _drop(document: ModelDocument, match: re.Match[str]) -> None:
    kind, name = match[1], match[2]
    element = document.find(name, *_TYPES[kind])
    if element is None:
        raise Refused(f"3701: Cannot drop the {kind.lower()} '{name}', because it does not exist.")
    wanted = folded(name)
    if kind == "USER":
        if any(wanted in targets(e, "Authorizer") for e in document.elements()):
            raise Refused("15138: The database principal owns something in the database, and cannot be dropped.")
    elif kind == "EXTERNAL DATA SOURCE":
        if any(wanted in targets(e, "DataSourceName") for e in document.elements("SqlExternalTable")):
            raise Refused(f"33165: Cannot drop the external data source '{name}' because it is used.")
    else:
        for other in document.elements():
            bound = other.get("Type") not in TYPE_DESC or prop(other, "IsSchemaBound") == "True"
            if bound and other is not element and any(found[: len(wanted)] == wanted for found in depends_on(other)):
                raise Refused(
                    f"3729: Cannot DROP {kind} '{name}' because it is being referenced by object '{other.get('Name')}'."
                )
    document.remove(element)


def _authorize(document: ModelDocument, match: re.Match[str]) -> None:
    element = document.find(match[2], "SqlSchema" if match[1] == "SCHEMA" else "SqlRole")
    owner = None if element is None else relationship(element, "Authorizer")
    if element is None or owner is None:
        raise Refused(f"15151: Cannot find the {match[1].lower()} '{match[2]}', because it does not exist.")
    for entry in list(owner):
        owner.remove(entry)
    entry = ET.SubElement(owner, tag("Entry"))
    ET.SubElement(entry, tag("References"), {"ExternalSource": "BuiltIns", "Name": match[3]})


def _drop_member(document: ModelDocument, match: re.Match[str]) -> None:
    role, member = folded(match[1]), folded(match[2])
    for element in document.elements("SqlRoleMembership"):
        roles = targets(element, "Role")
        # A role that the exporter could not resolve is asked for by the name that preflight gave it.
        if member in targets(element, "Member") and (role in roles or not roles):
            document.remove(element)
            return
    raise Refused(f"15151: Cannot drop the member '{match[2]}' of the role '{match[1]}'.")


def _revoke(document: ModelDocument, match: re.Match[str]) -> None:
    permission, name, grantee = match[1], folded(match[2]), match[3]
    for element in document.elements("SqlPermissionStatement"):
        parts = split_name(element.get("Name") or "")
        same = words(parts[0].split(".")[1]) == permission and folded(grantee) == (parts[1].casefold(),)
        if same and tuple(part.casefold() for part in parts[3:]) == name:
            document.remove(element)
            return
    raise Refused(f"15151: Cannot find the object '{match[2]}', because it does not exist.")


def _rename(document: ModelDocument, match: re.Match[str]) -> None:
    name, to = match[1].replace("''", "'"), match[2].replace("''", "'")
    element = document.find(name, "SqlDefaultConstraint")
    if element is None:
        raise Refused("15248: Either the parameter @objname is ambiguous or the claimed @objtype (OBJECT) is wrong.")
    schema = split_name(name)[0].replace("]", "]]")
    element.set("Name", f"[{schema}].[{to.replace(']', ']]')}]")


def _alter(document: ModelDocument, match: re.Match[str]) -> None:
    definition = match[0]
    read = list(pieces(definition))
    parts, _ = joined(read, 4)  # CREATE OR ALTER VIEW name
    written = [part.plain if part else "dbo" for part in parts]
    name = ".".join(f"[{part.replace(']', ']]')}]" for part in (written if len(written) > 1 else ["dbo", *written]))
    element = document.find(name, *TYPE_DESC)
    if element is None and len(written) == 1:  # a trigger of the database has no schema
        element = document.find(f"[{written[0].replace(']', ']]')}]", *TYPE_DESC)
    if element is None or read[3].text.upper()[:4] != kind_word(element)[:4]:
        raise Refused(f"208: Invalid object name '{name}'.")
    script = Script(element)
    plain = definition[: read[0].start] + "CREATE" + definition[read[2].start + len(read[2].text) :]
    if not plain.startswith(script.head):
        raise Refused("the stand-in alters bodies only, and this head is another one")
    script.replace(plain[len(script.head) :])
    _resolve(document, element, script)


def _resolve(document: ModelDocument, element: ET.Element, script: Script) -> None:
    """Its references are as an exporter would now find them: what is there is no longer left open."""
    names = script_names(script.body)
    schema = split_name(element.get("Name") or "")[0]
    there = {folded(e.get("Name") or "") for e in document.elements()}
    for name in names.inside:
        whole = name if len(name) > 1 else (schema, *name)
        if not {tuple(p.casefold() for p in whole), ("dbo", name[-1].casefold())} & there:
            return
    if names.outside:
        return
    for related in element.iter(tag("Relationship")):
        if not (related.get("Name") or "").endswith("Dependencies"):
            continue
        for entry in list(related):
            if len(entry) == 0 or entry.find(tag("Annotation")) is not None:
                related.remove(entry)
            for reference in entry.findall(tag("References")):
                reference.attrib.pop("ExternalParts", None)


def _nothing(_document: ModelDocument, _match: re.Match[str]) -> None:
    """A setting of the connection."""


_STATEMENTS: tuple[tuple[re.Pattern[str], Callable[[ModelDocument, re.Match[str]], None]], ...] = tuple(
    (re.compile(pattern, re.DOTALL), act)
    for pattern, act in (
        (rf"DROP ({'|'.join(_TYPES)}) {_NAME}(?: ON DATABASE)?", _drop),
        (rf"ALTER AUTHORIZATION ON (SCHEMA|ROLE)::{_NAME} TO {_NAME}", _authorize),
        (rf"ALTER ROLE {_NAME} DROP MEMBER {_NAME}", _drop_member),
        (rf"REVOKE ([A-Z ]+) ON OBJECT::{_NAME} FROM {_NAME}", _revoke),
        (r"EXEC sp_rename N'((?:[^']|'')*)', N'((?:[^']|'')*)', N'OBJECT'", _rename),
        (r"SET (?:ANSI_NULLS|QUOTED_IDENTIFIER) (?:ON|OFF)", _nothing),
        (r"(?:\s|--[^\n]*\n|/\*.*?\*/)*CREATE\s+OR\s+ALTER\s.*", _alter),
    )
)
