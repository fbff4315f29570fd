"""How many objects of each kind a model has, by the kinds of sys.objects, so that a database can be compared with it."""

from __future__ import annotations

from holdfast.bacpac.model import DatabaseModel

_KINDS = {
    "SqlTable": "USER_TABLE",
    "SqlView": "VIEW",
    "SqlProcedure": "SQL_STORED_PROCEDURE",
    "SqlScalarFunction": "SQL_SCALAR_FUNCTION",
    "SqlInlineTableValuedFunction": "SQL_INLINE_TABLE_VALUED_FUNCTION",
    "SqlMultiStatementTableValuedFunction": "SQL_TABLE_VALUED_FUNCTION",
    "SqlDmlTrigger": "SQL_TRIGGER",
    "SqlPrimaryKeyConstraint": "PRIMARY_KEY_CONSTRAINT",
    "SqlUniqueConstraint": "UNIQUE_CONSTRAINT",
    "SqlForeignKeyConstraint": "FOREIGN_KEY_CONSTRAINT",
    "SqlCheckConstraint": "CHECK_CONSTRAINT",
    "SqlDefaultConstraint": "DEFAULT_CONSTRAINT",
    "SqlSequence": "SEQUENCE_OBJECT",
    "SqlSynonym": "SYNONYM",
    "SqlTableType": "TABLE_TYPE",
    "SqlIndex": "INDEX",
    "SqlColumnStoreIndex": "INDEX",
    "SqlXmlIndex": "INDEX",
    "SqlSpatialIndex": "INDEX",
    "SqlSchema": "SCHEMA",
    "SqlRole": "DATABASE_ROLE",
}


def object_counts(model: DatabaseModel) -> dict[str, int]:
    """Objects by kind; kinds that a catalog view tells otherwise than a model are left out."""
    found: dict[str, int] = {}
    for element, kind in _KINDS.items():
        if count := model.counts.get(element, 0):
            found[kind] = found.get(kind, 0) + count
    return found
