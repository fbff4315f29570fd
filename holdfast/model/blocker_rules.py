"""What makes an export or a later import fail, decided from plain facts: one function a rule, the same for rows and models.

`holdfast.sql` feeds it with rows of a live database, `holdfast.bacpac` with a model; the texts are the same. Ids are those
of the preflight page in the docs. Sources of error numbers: messages of DacFx itself (its own strings, and what its
validation says about doctored models), Microsoft's blog on three-part names (SQL71562), microsoft/DacFx issues 426 (Windows
users), 147 and 66 (keys), 809 (data sources), 571 and 260 (Entra users).
"""

from __future__ import annotations

from typing import Literal

from holdfast.model.finding import Finding

KeyKind = Literal["certificate", "symmetric key", "asymmetric key"]

_KINDS = {
    "SqlView": "View",
    "SqlProcedure": "Procedure",
    "SqlScalarFunction": "Function",
    "SqlInlineTableValuedFunction": "Function",
    "SqlMultiStatementTableValuedFunction": "Function",
    "SqlDmlTrigger": "Trigger",
    "SqlDatabaseDdlTrigger": "Trigger",
    "VIEW": "View",
    "SQL_STORED_PROCEDURE": "Procedure",
    "SQL_SCALAR_FUNCTION": "Function",
    "SQL_INLINE_TABLE_VALUED_FUNCTION": "Function",
    "SQL_TABLE_VALUED_FUNCTION": "Function",
    "SQL_TRIGGER": "Trigger",
}


def kind_of(type_name: str) -> str:
    """The word for a kind of object, from a model's element type or from `sys.objects.type_desc`."""
    return _KINDS.get(type_name, "Object")


def bracketed(*parts: str | None) -> str:
    """`[dbo].[v]`; an empty part, as in `db..t`, stays empty."""
    return ".".join(f"[{part.replace(']', ']]')}]" if part else "" for part in parts if part is not None)


def external_reference(kind: str, name: str, target: str, *, own_database: bool = False) -> Finding:
    """P01: code that names something by three or four parts. `kind` as `kind_of` gives it; names bracketed.

    `own_database`: the name leads back to the same database, which an export refuses as well.
    """
    if own_database:
        cause = f"names {target} with its own database's name; an export takes only names without a database"
        mend = "Write the name without the database, then export again"
    else:
        cause = f"refers to {target}, outside the database, which a BACPAC cannot carry"
        mend = "Drop or rewrite it so that it uses nothing outside the database, for instance through a local table"
    return Finding(
        id="P01",
        severity="blocks-export",
        object=f"{kind} {name}",
        cause=cause,
        # A view's outside reference is an error of its own, since its columns cannot be known.
        error_number="SQL71561" if kind == "View" else "SQL71562",
        mend=mend,
    )


def outside_synonym(name: str, target: str) -> Finding:
    """P02: a synonym for something in another database or on another server."""
    return Finding(
        id="P02",
        severity="blocks-export",
        object=f"Synonym {name}",
        cause=f"stands for {target}, outside the database, which a BACPAC cannot carry",
        error_number="SQL71562",
        mend="Drop the synonym and what uses it, or let it stand for something in this database",
    )


def windows_principal(name: str) -> Finding:
    """P04: a user or group of Windows."""
    return Finding(
        id="P04",
        severity="blocks-export",
        object=f"User {name}",
        cause="is a Windows user or group, which a BACPAC for Azure SQL cannot carry",
        error_number="SQL71627",
        mend="Give what it owns to another (ALTER AUTHORIZATION), then DROP USER; use an Entra or SQL user instead",
    )


def key_user(name: str, kind: Literal["certificate", "asymmetric key"]) -> Finding:
    """P05: a user mapped to a certificate or an asymmetric key."""
    return Finding(
        id="P05",
        severity="blocks-export",
        object=f"User {name}",
        cause=f"is mapped to {_a(kind)}, which a BACPAC cannot carry",
        error_number="SQL71564",
        mend="DROP USER, after the modules that it signs were changed to do without",
    )


def orphaned_user(name: str) -> Finding:
    """P06: a SQL user whose login does not exist."""
    return Finding(
        id="P06",
        severity="blocks-export",
        object=f"User {name}",
        cause="has been orphaned from its login: no login of the server has its security id",
        error_number="SQL71564",
        mend="Map it to a login (ALTER USER … WITH LOGIN = …), or note its roles and DROP USER",
    )


def entra_user(name: str) -> Finding:
    """P07: an Entra user or group: exports, and imports only over a connection by Entra."""
    return Finding(
        id="P07",
        severity="breaks-import",
        object=f"User {name}",
        cause="is an Entra user or group: an import creates it only when connected by Entra itself (Msg 33159)",
        error_number=None,
        mend="Import with an Entra identity, or drop the user before and create it again after the import",
    )


def external_table(name: str) -> Finding:
    """P08: an external table (elastic query, PolyBase)."""
    return Finding(
        id="P08",
        severity="blocks-export",
        object=f"External table {name}",
        cause="shows rows that lie outside the database, which a BACPAC cannot carry",
        error_number="SQL71564",
        mend="DROP EXTERNAL TABLE; create it again after a restore",
    )


def external_data_source(name: str, kind: Literal["data source", "file format"] = "data source") -> Finding:
    """P08: an external data source or file format: the export passes, an import may leave it out without a word."""
    return Finding(
        id="P08",
        severity="breaks-import",
        object=f"External {kind} {name}",
        cause="needs a credential or place outside the database; an import may leave it out without a word",
        error_number=None,
        mend="Create it again after a restore and compare what uses it",
    )


def scoped_credential(name: str) -> Finding:
    """P09: a database scoped credential; its secret is never exported."""
    return Finding(
        id="P09",
        severity="warning",
        object=f"Database scoped credential {name}",
        cause="is exported without its secret",
        error_number=None,
        mend="Set the secret again after a restore (ALTER DATABASE SCOPED CREDENTIAL)",
    )


def key(name: str, kind: KeyKind) -> Finding:
    """P10: a certificate or a key."""
    return Finding(
        id="P10",
        severity="blocks-export",
        object=f"{kind.capitalize()} {name}",
        cause=f"is {_a(kind)}, which a BACPAC cannot carry; what it encrypts could not be read after a restore",
        error_number="SQL71626",
        mend="Drop it if nothing is encrypted or signed with it; otherwise decrypt first",
    )


def _a(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"
