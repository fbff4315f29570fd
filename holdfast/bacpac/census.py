"""Answers the preflight queries from a model: the same rows that the catalog views of that database would give.

Fed with one element at a time; keeps the answers and the names, never the model. What only a live database knows stays
unanswered: the security ids of logins (a login's name stands for its id here), the key that encrypts at rest, whether
change data capture is on, half characters in scripts.
"""

from __future__ import annotations

from typing import Any

from holdfast.bacpac.census_modules import ModuleCensus
from holdfast.bacpac.census_tables import TableCensus
from holdfast.bacpac.element import Element
from holdfast.bacpac.names import split_name
from holdfast.bacpac.principals import UserKind, user_kind

Answers = dict[str, list[dict[str, Any]]]
"""Rows by the query's id."""

_CAPTURE_ROLES = ("db_cdcreader", "cdc_admin")
_KEY_WORDS = {"SqlCertificate": "CERT", "SqlSymmetricKey": "SYM", "SqlAsymmetricKey": "ASYM"}
_BROKER = {
    "SqlService": "SERVICE",
    "SqlQueue": "QUEUE",
    "SqlContract": "CONTRACT",
    "SqlMessageType": "MESSAGE TYPE",
}
_DROPPED_LEDGER = "MSSQL_DroppedLedgerTable_"


class Census:
    """Collects the answers of one model."""

    def __init__(self) -> None:
        self._tables = TableCensus()
        self._modules = ModuleCensus()
        self._users: list[Element] = []
        self._logins: dict[str, str] = {}
        self._master_keys = 0
        self._answers: Answers = {}

    def take(self, element: Element) -> None:
        """Looks at a top-level element."""
        if element.type == "SqlUser":
            self._users.append(element)
        elif element.type == "SqlLogin":
            self._logins[element.name.casefold()] = split_name(element.name)[0]
        elif element.type == "SqlMasterKey":
            self._master_keys += 1
        elif element.type == "SqlRoleMembership":
            self._membership(element)
        elif element.type == "SqlPermissionStatement":
            self._permission(element)
        else:
            self._object(element)
        self._tables.take(element)
        self._modules.take(element)

    def answers(self) -> Answers:
        """Every answer but those that need the rows or the database's name."""
        for row in self._answers.get("P09", []):
            row["master_keys"] = self._master_keys
        found: Answers = {**self._answers, **self._tables.answers(), **self._modules.answers(), **self._principals()}
        return {query: found.get(query, []) for query in _ANSWERED}

    @property
    def heaps(self) -> frozenset[tuple[str, str]]:
        """Schema and name of the tables without a clustered index."""
        return self._tables.heaps

    def _add(self, query: str, **row: Any) -> None:
        self._answers.setdefault(query, []).append(row)

    def _object(self, element: Element) -> None:
        name = split_name(element.name) if element.name else ()
        if element.type in _KEY_WORDS and not name[0].startswith("##"):
            self._add("P10", k=_KEY_WORDS[element.type], name=name[0], e=None)
        elif element.type == "SqlExternalTable":
            self._add("P08b", s=name[0], name=name[-1])
        elif element.type == "SqlExternalDataSource":
            self._data_source(element, name[0])
        elif element.type == "SqlExternalFileFormat":
            self._add("P08c", name=name[0])
        elif element.type == "SqlDatabaseCredential":
            self._add("P09", name=name[0], credential_identity=element.properties.get("Identity"), create_date=None)
        elif element.type == "SqlTableType" and element.properties.get("IsMemoryOptimized") == "True":
            self._add("P11c", s=name[0], name=name[-1])
        elif element.type == "SqlAssembly":
            self._add("P17b", name=name[0])
        elif element.type in _BROKER and not name[0].startswith("http://schemas.microsoft.com/"):
            self._add("P17c", k=_BROKER[element.type], s=name[0] if len(name) > 1 else None, name=name[-1])

    def _data_source(self, element: Element, name: str) -> None:
        credential = element.reference("Credential")
        self._add(
            "P08",
            name=name,
            type_desc={"1": "RDBMS"}.get(element.properties.get("DataSourceType", ""), "EXTERNAL"),
            location=element.properties.get("Location"),
            database_name=element.properties.get("DatabaseName"),
            credential_name=split_name(credential.name)[0] if credential else None,
        )

    def _membership(self, element: Element) -> None:
        member, role = element.reference("Member"), element.reference("Role")
        if member is None:
            return
        # A role that the exporter could not resolve leaves an empty entry: those of change data capture are such.
        name = split_name(role.name)[0] if role else "(not in the model)" if "Role" in element.unresolved else ""
        if name in _CAPTURE_ROLES or (role is None and name):
            self._add("P14", role_name=name, member_name=split_name(member.name)[0])

    def _permission(self, element: Element) -> None:
        parts = split_name(element.name)
        if _DROPPED_LEDGER in element.name and len(parts) > 4:
            state, permission, _ = (*parts[0].split("."), "", "")[:3]
            row = {"permission_name": permission.upper(), "state_desc": state.upper(), "grantee": parts[1]}
            self._add("P12b", s=parts[-2], name=parts[-1], **row)

    def _principals(self) -> Answers:
        rows: Answers = {"P04": [], "P05": [], "P06": [], "P07": []}
        for element in self._users:
            name, kind = split_name(element.name)[0], user_kind(element, self._logins)
            schema = {"default_schema_name": default_schema(element)}
            if kind is UserKind.WINDOWS:
                described = {"type_desc": "WINDOWS_USER", "authentication_type_desc": "WINDOWS"}
                rows["P04"].append({"name": name, **described, **schema})
            elif kind in (UserKind.CERTIFICATE, UserKind.ASYMMETRIC_KEY):
                rows["P05"].append({"name": name, "type_desc": f"{kind.name}_MAPPED_USER"})
            elif kind in (UserKind.LOGIN, UserKind.ORPHANED):
                login = element.reference("Login") if kind is UserKind.LOGIN else None
                of = f"login {login.name.casefold()}" if login else f"login that is gone, of {name}"
                rows["P06"].append({"name": name, "sid": of, "authentication_type_desc": "INSTANCE", **schema})
            elif kind is UserKind.ENTRA:
                described = {"type_desc": "EXTERNAL_USER", "authentication_type_desc": "EXTERNAL"}
                rows["P07"].append({"name": name, **described, "sid": None})
        rows["P06b"] = [
            {"name": name, "sid": f"login {key}", "is_disabled": False} for key, name in self._logins.items()
        ]
        return rows


def default_schema(user: Element) -> str:
    """The default schema of a user."""
    found = user.reference("DefaultSchema")
    return split_name(found.name)[0] if found else "dbo"


# fmt: off
#: What a model can answer: no row of a query is an answer too.
_ANSWERED = (
    "P01", "P01b", "P02", "P03", "P03b", "P04", "P05", "P06", "P06b", "P07", "P08", "P08b", "P08c", "P09", "P10", "P11",
    "P11b", "P11c", "P12", "P12b", "P13", "P14", "P15", "P17", "P17b", "P17c", "P17d", "P18", "P19", "P20", "P21", "P22",
)
# fmt: on
