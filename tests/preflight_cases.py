"""For every rule of preflight a database that it finds something in, and one like it in which it finds nothing.

As elements of a model, in the shapes that DacFx 15.0 itself writes for the same T-SQL; for what only a live database knows,
as rows of the catalog queries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from holdfast.model.preflight import blocking, passing
from holdfast.model.preflight.rule import Rule
from tests.model_elements import code, column, element, inline_function, refers, table


@dataclass(frozen=True)
class Case:
    """`troubled` makes exactly one finding of `rule`, on `object`; `sound` none."""

    rule: Rule
    object: str
    troubled: tuple[str, ...] = ()
    sound: tuple[str, ...] = ()
    troubled_rows: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    sound_rows: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)

    @property
    def live(self) -> bool:
        """Whether only a live database can have it."""
        return bool(self.troubled_rows)


TABLE = table()
WITHOUT_LOGIN = element("SqlUser", "[plain]", IsWithoutLogin="True")
LOGIN = element("SqlLogin", "[bob]", Password="x")
SYNONYM = (
    '<Element Type="SqlSynonym" Name="[dbo].[s]"><Property Name="ForObjectScript"><Value>{}</Value></Property>'
    "</Element>"
)
CREDENTIAL = element("SqlDatabaseCredential", "[cred]", Identity="i", Secret="y")
_INDEX = element(
    "SqlIndex",
    "[dbo].[T].[ix]",
    '<Relationship Name="ColumnSpecifications"><Entry>'
    + element("SqlIndexedColumnSpecification", "", refers("Column", "[dbo].[T].[c]"))
    + "</Entry></Relationship>",
    refers("IndexedObject", "[dbo].[T]"),
)
_STATISTIC = element(
    "SqlStatistic", "[dbo].[T].[st]", refers("Columns", "[dbo].[T].[c]"), refers("Subject", "[dbo].[T]")
)


def membership(*role: str) -> str:
    """The user `plain` in a role; without a name in one that the exporter could not resolve."""
    return element("SqlRoleMembership", "", refers("Member", "[plain]"), refers("Role", *(role or ("",))))


def constraint(kind: str, name: str, *inside: str, **properties: str) -> str:
    """A constraint of the table T."""
    return element(kind, name, refers("DefiningTable", "[dbo].[T]"), *inside, **properties)


def _encrypted(way: str) -> str:
    return table(column("c", "[int]", EncryptionType=way))


_LOOSE = '<Annotation Type="IsNotTrustedPropertyAnnotation" />'
_MODULE = {"s": "dbo", "o": "p", "referencing_type": "SQL_STORED_PROCEDURE"}

CASES: tuple[Case, ...] = (
    Case(
        blocking.OUTSIDE_QUERY,
        "View [dbo].[v]",
        (code("SqlView", "[dbo].[v]", "SELECT a FROM Other.dbo.X", refers("QueryDependencies", "")),),
        (TABLE, code("SqlView", "[dbo].[v]", "SELECT Id FROM dbo.T", refers("QueryDependencies", "[dbo].[T]"))),
    ),
    Case(
        blocking.OUTSIDE_QUERY,
        "Function [dbo].[f]",
        (inline_function("[dbo].[f]", "SELECT a FROM [far].Other.dbo.X"),),
        (TABLE, inline_function("[dbo].[f]", "SELECT Id FROM dbo.T -- FROM Other.dbo.X")),
    ),
    Case(
        blocking.OUTSIDE_REFERENCE,
        "Procedure [dbo].[p]",
        (code("SqlProcedure", "[dbo].[p]", "EXEC Other.dbo.q"),),
        (code("SqlProcedure", "[dbo].[p]", "EXEC sp_executesql N'EXEC Other.dbo.q'"),),
    ),
    Case(
        blocking.OWN_QUERY,
        "View [dbo].[v]",
        (TABLE, code("SqlView", "[dbo].[v]", "SELECT Id FROM Sales.dbo.T", refers("QueryDependencies", ""))),
        (TABLE, code("SqlView", "[dbo].[v]", "SELECT Id FROM dbo.T")),
    ),
    Case(
        blocking.OWN_REFERENCE,
        "Trigger [dbo].[t]",
        (TABLE, code("SqlDmlTrigger", "[dbo].[t]", "INSERT sales..T SELECT 1")),
        (TABLE, code("SqlDmlTrigger", "[dbo].[t]", "INSERT T SELECT 1")),
    ),
    Case(
        passing.REMOTE_ROWS,
        "Procedure [dbo].[p]",
        (code("SqlProcedure", "[dbo].[p]", "SELECT 1 FROM openquery(far, 'SELECT 1')"),),
        (code("SqlProcedure", "[dbo].[p]", "SELECT 1 FROM OPENJSON(@j)"),),
    ),
    Case(blocking.OUTSIDE_SYNONYM, "Synonym [dbo].[s]", (SYNONYM.format("Other.dbo.X"),), (SYNONYM.format("dbo.X"),)),
    Case(
        passing.BROKEN_QUERY,
        "View [dbo].[v]",
        (code("SqlView", "[dbo].[v]", "SELECT m.a FROM dbo.Missing AS m", refers("QueryDependencies", "", "")),),
        (
            TABLE,
            # What the engine itself has is no name of a model, and so is left open there.
            code(
                "SqlView", "[dbo].[v]", "SELECT name FROM sys.tables JOIN T ON 1 = 1", refers("QueryDependencies", "")
            ),
        ),
    ),
    Case(
        passing.UNUSABLE_VIEW,
        "View [dbo].[v]",
        (TABLE, code("SqlView", "[dbo].[v]", "SELECT gone FROM dbo.T", refers("QueryDependencies", "[dbo].[T]", ""))),
        (TABLE, code("SqlView", "[dbo].[v]", "SELECT gone FROM dbo.T", refers("QueryDependencies", "[dbo].[T]"))),
    ),
    Case(
        passing.BROKEN_BODY,
        "Procedure [dbo].[p]",
        (code("SqlProcedure", "[dbo].[p]", "INSERT Missing (a) VALUES (1)", refers("BodyDependencies", "")),),
        (code("SqlProcedure", "[dbo].[p]", "INSERT #t (a) VALUES (1); EXEC sp_help", refers("BodyDependencies", "")),),
    ),
    Case(
        blocking.WINDOWS_PRINCIPAL,
        r"User [CORP\alice]",
        (element("SqlUser", r"[CORP\alice]", refers("Login", ""), AuthenticationType="3"),),
        (WITHOUT_LOGIN,),
    ),
    Case(
        blocking.KEY_USER,
        "User [u]",
        (element("SqlUser", "[u]", refers("Certificate", "[k]")),),
        (element("SqlUser", "[u]", AuthenticationType="2"),),
    ),
    Case(
        blocking.ORPHANED_USER,
        "User [bob]",
        (element("SqlUser", "[bob]", refers("Login", ""), AuthenticationType="1"),),
        (LOGIN, element("SqlUser", "[bob]", refers("Login", "[BOB]"), AuthenticationType="1")),
    ),
    Case(
        passing.ENTRA_USER,
        "User [eve@x.org]",
        (element("SqlUser", "[eve@x.org]", AuthenticationType="4"),),
        (WITHOUT_LOGIN,),
    ),
    Case(blocking.EXTERNAL_TABLE, "External table [dbo].[et]", (element("SqlExternalTable", "[dbo].[et]"),), (TABLE,)),
    Case(
        passing.EXTERNAL_SOURCE, "External data source [lake]", (element("SqlExternalDataSource", "[lake]"),), (TABLE,)
    ),
    Case(passing.EXTERNAL_SOURCE, "External file format [csv]", (element("SqlExternalFileFormat", "[csv]"),), (TABLE,)),
    Case(
        passing.SCOPED_CREDENTIAL,
        "Database scoped credential [cred]",
        (CREDENTIAL, element("SqlMasterKey", "")),
        (element("SqlMasterKey", ""),),
    ),
    Case(passing.CREDENTIAL_WITHOUT_KEY, "Database scoped credential [cred]", (CREDENTIAL,), (TABLE,)),
    Case(
        blocking.KEY,
        "Certificate [c]",
        (element("SqlCertificate", "[c]"),),
        (element("SqlCertificate", "[##MS_own##]"),),
    ),
    Case(blocking.KEY, "Symmetric key [k]", (element("SqlSymmetricKey", "[k]"),), (TABLE,)),
    Case(blocking.KEY, "Asymmetric key [k]", (element("SqlAsymmetricKey", "[k]"),), (TABLE,)),
    Case(
        passing.MEMORY_OPTIMISED,
        "Table [dbo].[M]",
        (element("SqlTable", "[dbo].[M]", IsMemoryOptimized="True"),),
        (element("SqlTable", "[dbo].[M]", IsMemoryOptimized="False"),),
    ),
    Case(
        passing.MEMORY_OPTIMISED,
        "Procedure [dbo].[p]",
        (code("SqlProcedure", "[dbo].[p]", "SELECT 1", IsNativeCompiled="True"),),
        (code("SqlProcedure", "[dbo].[p]", "SELECT 1"),),
    ),
    Case(
        passing.MEMORY_OPTIMISED,
        "Table type [dbo].[tt]",
        (element("SqlTableType", "[dbo].[tt]", IsMemoryOptimized="True"),),
        (element("SqlTableType", "[dbo].[tt]"),),
    ),
    Case(
        passing.LEDGER_TABLE,
        "Table [dbo].[L]",
        (element("SqlTable", "[dbo].[L]", IsLedgerTable="True"),),
        (element("SqlTable", "[dbo].[L]", IsLedgerTable="False"),),
    ),
    Case(
        passing.DROPPED_LEDGER_GRANT,
        "Table [dbo].[MSSQL_DroppedLedgerTable_L_1]",
        (
            element(
                "SqlPermissionStatement", "[Grant.Select.Object].[plain].[dbo].[dbo].[MSSQL_DroppedLedgerTable_L_1]"
            ),
        ),
        (element("SqlPermissionStatement", "[Grant.Select.Object].[plain].[dbo].[dbo].[T]"),),
    ),
    Case(
        passing.TEMPORAL_TABLE,
        "Table [dbo].[H]",
        (element("SqlTable", "[dbo].[H]", refers("TemporalSystemVersioningHistoryTable", "[dbo].[HH]")),),
        (element("SqlTable", "[dbo].[H]"),),
    ),
    Case(
        blocking.CAPTURE_ROLE_MEMBER,
        "User [plain]",
        (WITHOUT_LOGIN, membership("[db_cdcreader]")),
        (WITHOUT_LOGIN, membership("[db_datareader]")),
    ),
    Case(
        blocking.CAPTURE_ROLE_MEMBER,
        "User [plain]",
        (WITHOUT_LOGIN, membership()),
        (WITHOUT_LOGIN, element("SqlRole", "[r]"), membership("[r]")),
    ),
    Case(
        passing.CAPTURE,
        "Database [Sales]",
        troubled_rows={"P14b": [{"name": "Sales", "is_cdc_enabled": True}]},
        sound_rows={"P14b": [{"name": "Sales", "is_cdc_enabled": False}]},
    ),
    Case(blocking.ENCLAVE_INDEX, "Index [dbo].[T].[ix]", (_encrypted("2"), _INDEX), (_encrypted("1"), _INDEX)),
    Case(
        blocking.ENCLAVE_STATISTICS,
        "Statistics [dbo].[T].[st]",
        (_STATISTIC, _encrypted("2")),
        (_encrypted("1"), _STATISTIC),
    ),
    Case(
        blocking.FILESTREAM,
        "Column [dbo].[T].[d]",
        (table(column("d", "[varbinary]", IsFileStream="True")),),
        (table(column("d", "[varbinary]")),),
    ),
    Case(blocking.INSTANCE_OBJECT, "CLR assembly [asm]", (element("SqlAssembly", "[asm]"),), (TABLE,)),
    Case(
        blocking.INSTANCE_OBJECT,
        "Service Broker queue [dbo].[q]",
        (element("SqlQueue", "[dbo].[q]"),),
        (element("SqlService", "[http://schemas.microsoft.com/x]"),),
    ),
    Case(blocking.INSTANCE_OBJECT, "Service Broker service [svc]", (element("SqlService", "[svc]"),), (TABLE,)),
    Case(
        passing.NUMBERED_PROCEDURE,
        "Procedure [dbo].[p]",
        (
            code("SqlProcedure", "[dbo].[p]", "SELECT 1"),
            code("SqlProcedure", "[dbo].[p].[2]", "SELECT 2", refers("ParentProc", "[dbo].[p]")),
            code("SqlProcedure", "[dbo].[p].[3]", "SELECT 3", refers("ParentProc", "[dbo].[p]")),
        ),
        (code("SqlProcedure", "[dbo].[p]", "SELECT 1"),),
    ),
    Case(
        blocking.ENCRYPTED_MODULE,
        "Procedure [dbo].[p]",
        (code("SqlProcedure", "[dbo].[p]", "SELECT 1", IsEncrypted="True"),),
        (code("SqlProcedure", "[dbo].[p]", "SELECT 1"),),
    ),
    Case(
        passing.DEFAULT_NAME,
        "Default constraint [dbo].[DF__T__a]",
        (constraint("SqlDefaultConstraint", "[dbo].[DF__T__a]"),),
        (constraint("SqlDefaultConstraint", "[dbo].[DF_T_a]"), constraint("SqlDefaultConstraint", "")),
    ),
    Case(
        passing.JSON_COLUMN,
        "Column [dbo].[T].[j]",
        (table(column("j", "[json]"), column("k", "[int]")),),
        (table(column("k", "[int]"), column("j", "[nvarchar]")),),
    ),
    Case(
        passing.RISKY_COLUMN,
        "Column [dbo].[T].[j]",
        (table(column("k", "[int]"), column("j", "[json]")),),
        (table(column("k", "[int]")),),
    ),
    Case(passing.RISKY_COLUMN, "Column [dbo].[T].[v]", (table(column("v", "[sql_variant]")),), (TABLE,)),
    Case(
        passing.SPECIAL_NAME,
        "Table [dbo].[a/b]",
        (element("SqlTable", "[dbo].[a/b]"),),
        (element("SqlTable", "[dbo].[a b.c]"),),
    ),
    Case(
        passing.LOOSE_CONSTRAINT,
        "Foreign key [dbo].[FK]",
        (constraint("SqlForeignKeyConstraint", "[dbo].[FK]", _LOOSE),),
        (constraint("SqlForeignKeyConstraint", "[dbo].[FK]"),),
    ),
    Case(
        passing.LOOSE_CONSTRAINT,
        "Check constraint [dbo].[CK]",
        (constraint("SqlCheckConstraint", "[dbo].[CK]", IsDisabled="True"),),
        (constraint("SqlCheckConstraint", "[dbo].[CK]"),),
    ),
    Case(
        passing.LARGE_HEAP,
        "Table [dbo].[T]",
        troubled_rows={"P16": [{"s": "dbo", "name": "T", "n": 1, "mb": 2048}]},
        sound_rows={"P16": []},
    ),
    Case(
        passing.CUSTOMER_KEY,
        "Database [Sales]",
        troubled_rows={"P23": [{"name": "Sales", "encryptor_type": "ASYMMETRIC KEY", "thumbprint": "AB01"}]},
        sound_rows={"P23": []},
    ),
    Case(
        passing.BROKEN_TEXT,
        "Procedure [dbo].[p]",
        troubled_rows={"P24": [{**_MODULE, "script": "0x" + "\ud83d".encode("utf-16-le", "surrogatepass").hex()}]},
        sound_rows={"P24": [{**_MODULE, "script": "0x" + "😀".encode("utf-16-le").hex()}]},
    ),
)
