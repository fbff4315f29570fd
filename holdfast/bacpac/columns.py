"""How each column's values stand in a row of table data: stream version 2.0.0.0.

A value has a prefix that says its length in bytes (all ones: NULL) and then the value; some types that cannot be NULL
have no prefix. The rules come from reading real files made by many versions of DacFx. `char` is the odd one: NOT NULL it
has no prefix, as no other type of declared length.
"""

from __future__ import annotations

from dataclasses import dataclass

from holdfast.model.errors import HoldfastError

UNKNOWN_LENGTH = 0xFFFFFFFFFFFFFFFE
"""An 8-byte prefix of this value: chunks with 4-byte lengths follow, ended by a chunk of length 0."""


class RowsNotDecodable(HoldfastError):
    """The rows of a table cannot be read: a type that is not known, or bytes that contradict the model.

    The table's bytes are whole and are backed up and restored as ever; only what looks into rows is not there.
    """

    code = "rows-not-decodable"
    title = "The table's rows cannot be decoded"
    advice = "The backup is complete; preview, export and compare of single rows are not available for this table."
    exit_code = 24
    http_status = 422
    permanent = True


@dataclass(frozen=True)
class Column:
    """A column that stands in the data, in the model's order. Alias types are resolved to their base type."""

    name: str
    type: str
    """Base type in lower case: `nvarchar`."""
    nullable: bool
    length: int | None = None
    """Declared length, in the type's own unit (characters for text, bytes for binary); None where none or max."""
    is_max: bool = False
    precision: int | None = None
    scale: int | None = None


@dataclass(frozen=True)
class Layout:
    """Where a column's value begins and ends.

    `prefix_bytes` 0: the value has always `value_bytes`. Otherwise the prefix says the length; where `value_bytes` is not
    None it must say exactly that (or NULL, if the column is `nullable`).
    """

    prefix_bytes: int
    value_bytes: int | None
    nullable: bool
    longest_bytes: int | None = None
    """The declared length allows no more; None: no bound."""


_FIXED = {
    "tinyint": 1,
    "smallint": 2,
    "int": 4,
    "bigint": 8,
    "real": 4,
    "float": 8,
    "smallmoney": 4,
    "money": 8,
    "smalldatetime": 4,
    "datetime": 8,
    "date": 3,
    # Always as scale 7, whatever the declared scale.
    "time": 5,
    "datetime2": 8,
    "datetimeoffset": 10,
}
_ALWAYS_PREFIXED = {"bit": 1, "uniqueidentifier": 16, "decimal": 19, "numeric": 19}
_TEXT16 = ("char", "nchar", "varchar", "nvarchar")
_BINARY = ("binary", "varbinary")
_LONG = ("text", "ntext", "image", "sql_variant")
_LARGE = ("xml", "geography", "geometry", "hierarchyid")


def layout_of(column: Column) -> Layout:
    """The layout of a column's values. Raises RowsNotDecodable for a type that is not known."""
    kind, nullable = column.type, column.nullable
    if kind in _FIXED:
        return Layout(1 if nullable else 0, _FIXED[kind], nullable)
    if kind in _ALWAYS_PREFIXED:
        return Layout(1, _ALWAYS_PREFIXED[kind], nullable)
    if kind in ("rowversion", "timestamp"):
        return Layout(2, 8, nullable)
    if kind in _TEXT16 or kind in _BINARY:
        if column.is_max:
            return Layout(8, None, nullable)
        longest = (column.length or 1) * (2 if kind in _TEXT16 else 1)
        if kind == "char" and not nullable:
            return Layout(0, longest, nullable)
        return Layout(2, None, nullable, longest)
    if kind in _LONG:
        return Layout(4, None, nullable)
    if kind in _LARGE:
        return Layout(8, None, nullable)
    raise RowsNotDecodable(f"column {column.name} has the type {kind}, whose form in the data is not known")
