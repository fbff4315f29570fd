"""The preflight queries' rows, by id, as the queries of `holdfast.sql` would give them; columns are named as there."""

from __future__ import annotations

import hashlib
from typing import Any

from holdfast.bacpac import describe
from holdfast.bacpac.element import Element
from holdfast.bacpac.model import DatabaseModel
from holdfast.bacpac.names import split_name
from holdfast.bacpac.package import Bacpac
from holdfast.bacpac.principals import KEY_KINDS, UserKind, user_kind
from holdfast.model.blocker_rules import bracketed

Rows = list[dict[str, Any]]

_TYPE_DESC = {
    "SqlView": "VIEW",
    "SqlProcedure": "SQL_STORED_PROCEDURE",
    "SqlScalarFunction": "SQL_SCALAR_FUNCTION",
    "SqlInlineTableValuedFunction": "SQL_INLINE_TABLE_VALUED_FUNCTION",
    "SqlMultiStatementTableValuedFunction": "SQL_TABLE_VALUED_FUNCTION",
    "SqlDmlTrigger": "SQL_TRIGGER",
}
_KEY_WORDS = {"SqlCertificate": "CERT", "SqlSymmetricKey": "SYM", "SqlAsymmetricKey": "ASYM"}
_ORPHANS_SALT = "login that is gone: "


def answer(bacpac: Bacpac, database: str) -> dict[str, Rows]:
    """Every query's rows for a database of that name. Reads the table data through once, to count rows."""
    model = bacpac.model()
    return {
        "P01": _external_references(model, database),
        "P02": _synonyms(model),
        **_principals(model),
        **_external_objects(model),
        "P09": [_credential(element) for element in model.of_type("SqlDatabaseCredential")],
        "P10": [
            {"k": _KEY_WORDS[element.type], "name": name, "e": None}
            for element in model.of_type(*KEY_KINDS)
            if not (name := split_name(element.name)[0]).startswith("##")
        ],
        **_sizes(bacpac),
    }


def _external_references(model: DatabaseModel, database: str) -> Rows:
    rows: Rows = []
    for module in model.modules:
        if module.type == "SqlSynonym":
            continue
        schema, name = _two(module.name)
        for target in module.outside:
            server, other, of_schema, entity = (None, *target) if len(target) == 3 else target
            own = server is None and (other or "").lower() == database.lower()
            rows.append(
                {
                    "s": schema,
                    "o": name,
                    "referencing_class_desc": "OBJECT_OR_COLUMN",
                    "referencing_type": _TYPE_DESC.get(module.type),
                    "referenced_server_name": server,
                    "referenced_database_name": other,
                    "referenced_schema_name": of_schema or None,
                    "referenced_entity_name": entity,
                    "kind": "SELF" if own else "EXTERNAL",
                }
            )
    return rows


def _synonyms(model: DatabaseModel) -> Rows:
    rows: Rows = []
    for module in model.modules:
        if module.type == "SqlSynonym":
            schema, name = _two(module.name)
            target = module.outside[0]
            rows.append(
                {
                    "s": schema,
                    "name": name,
                    "base_object_name": bracketed(*target),
                    "srv": target[-4] if len(target) > 3 else None,
                    "db": target[-3],
                }
            )
    return rows


def _principals(model: DatabaseModel) -> dict[str, Rows]:
    logins = {element.name.casefold(): split_name(element.name)[0] for element in model.of_type("SqlLogin")}
    rows: dict[str, Rows] = {"P04": [], "P05": [], "P06": [], "P07": []}
    for element in model.of_type("SqlUser"):
        name, kind = split_name(element.name)[0], user_kind(element, logins)
        if kind is UserKind.WINDOWS:
            described = {"type_desc": "WINDOWS_USER", "authentication_type_desc": "WINDOWS"}
            rows["P04"].append({"name": name, **described, "default_schema_name": "dbo"})
        elif kind in (UserKind.CERTIFICATE, UserKind.ASYMMETRIC_KEY):
            rows["P05"].append({"name": name, "type_desc": f"{kind.name}_MAPPED_USER"})
        elif kind in (UserKind.LOGIN, UserKind.ORPHANED):
            login = element.reference("Login")
            known = login is not None and kind is UserKind.LOGIN
            of = split_name(login.name)[0] if login is not None and known else _ORPHANS_SALT + name
            rows["P06"].append({"name": name, "sid": _sid(of), "authentication_type_desc": "INSTANCE"})
        elif kind is UserKind.ENTRA:
            described = {"type_desc": "EXTERNAL_USER", "authentication_type_desc": "EXTERNAL"}
            rows["P07"].append({"name": name, **described, "sid": _sid(name)})
    rows["P06b"] = [{"name": name, "sid": _sid(name), "is_disabled": False} for name in logins.values()]
    return rows


def _external_objects(model: DatabaseModel) -> dict[str, Rows]:
    sources: Rows = []
    for element in model.of_type("SqlExternalDataSource"):
        credential = element.reference("Credential")
        sources.append(
            {
                "name": split_name(element.name)[0],
                "type_desc": {"1": "RDBMS"}.get(element.properties.get("DataSourceType", ""), "EXTERNAL"),
                "location": element.properties.get("Location"),
                "database_name": element.properties.get("DatabaseName"),
                "credential_name": split_name(credential.name)[0] if credential else None,
            }
        )
    tables = [dict(zip(("s", "name"), _two(e.name), strict=True)) for e in model.of_type("SqlExternalTable")]
    return {"P08": sources, "P08b": tables}


def _credential(element: Element) -> dict[str, Any]:
    identity = element.properties.get("Identity")
    return {"name": split_name(element.name)[0], "credential_identity": identity, "create_date": None}


def _sizes(bacpac: Bacpac) -> dict[str, Rows]:
    tables = describe.tables(bacpac)
    counted = [{"s": t.schema_name, "t": t.name, "n": t.rows} for t in tables if t.rows is not None]
    return {"V01": counted, "S01": [{"data_bytes": sum(t.bytes for t in tables)}]}


def _two(name: str) -> tuple[str, str]:
    parts = split_name(name)
    return (parts[0], parts[1]) if len(parts) > 1 else ("", parts[0])


def _sid(name: str) -> str:
    """A security id that is the same for the same login, as hexadecimal text."""
    return "0x" + hashlib.sha256(name.casefold().encode()).hexdigest()[:32]
