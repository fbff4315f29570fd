"""Words for kinds of objects, from a model's element types and from `type_desc` of catalog views."""

from __future__ import annotations

from typing import Literal

KeyKind = Literal["certificate", "symmetric key", "asymmetric key"]

TYPE_DESC = {
    "SqlView": "VIEW",
    "SqlProcedure": "SQL_STORED_PROCEDURE",
    "SqlScalarFunction": "SQL_SCALAR_FUNCTION",
    "SqlInlineTableValuedFunction": "SQL_INLINE_TABLE_VALUED_FUNCTION",
    "SqlMultiStatementTableValuedFunction": "SQL_TABLE_VALUED_FUNCTION",
    "SqlDmlTrigger": "SQL_TRIGGER",
    "SqlDatabaseDdlTrigger": "SQL_TRIGGER",
}
"""Of code: a model's element type to `sys.objects.type_desc`."""

_KINDS = {
    "VIEW": "View",
    "SQL_STORED_PROCEDURE": "Procedure",
    "SQL_SCALAR_FUNCTION": "Function",
    "SQL_INLINE_TABLE_VALUED_FUNCTION": "Function",
    "SQL_TABLE_VALUED_FUNCTION": "Function",
    "SQL_TRIGGER": "Trigger",
}
_QUERIES = frozenset({"VIEW", "SQL_INLINE_TABLE_VALUED_FUNCTION"})


def kind_of(type_name: str) -> str:
    """The word for a kind of code, from a model's element type or from `type_desc`."""
    return _KINDS.get(TYPE_DESC.get(type_name, type_name), "Object")


def is_query(type_name: str) -> bool:
    """Whether its columns come from what it reads, as those of a view do: it cannot be created where that is missing."""
    return TYPE_DESC.get(type_name, type_name) in _QUERIES


def with_article(kind: str) -> str:
    """`a certificate`, `an asymmetric key`."""
    return f"an {kind}" if kind[0] in "aeiouAEIOU" else f"a {kind}"
