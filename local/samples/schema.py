"""What a database consists of, in few words: the description that `model_xml` writes and `rows` encodes by."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

Ref = str
"""A bracketed name as models write it: `[Sales].[Order].[OrderID]`."""


def bracketed(*parts: str) -> Ref:
    """`[a].[b]`, with `]` doubled."""
    return ".".join(f"[{part.replace(']', ']]')}]" for part in parts)


@dataclass(frozen=True)
class Type:
    """A built-in type with its arguments; `length` in the type's own unit."""

    name: str
    length: int | None = None
    is_max: bool = False
    precision: int | None = None
    scale: int | None = None

    @classmethod
    def parse(cls, text: str) -> Type:
        """`nvarchar(50)`, `decimal(18,4)`, `varbinary(max)`, `datetime2(3)`. Raises ValueError for anything else."""
        found = re.fullmatch(r"(\w+)(?:\((max|\d+)(?:,\s*(\d+))?\))?", text)
        if found is None:
            raise ValueError(f"{text!r} is not a type")
        name, first, second = found.groups()
        if first is None:
            # What the engine assumes, and DacFx writes out.
            return cls(name, precision=53) if name == "float" else cls(name)
        if first == "max":
            return cls(name, is_max=True)
        if name in ("decimal", "numeric"):
            return cls(name, precision=int(first), scale=int(second or 0))
        if name == "float":
            return cls(name, precision=int(first))
        if name in ("time", "datetime2", "datetimeoffset"):
            return cls(name, scale=int(first))
        return cls(name, length=int(first))


@dataclass(frozen=True)
class Alias:
    """A type made by CREATE TYPE … FROM."""

    schema: str
    name: str
    type: Type
    nullable: bool = True

    @property
    def ref(self) -> Ref:
        """Its name."""
        return bracketed(self.schema, self.name)


@dataclass(frozen=True)
class Column:
    """A column that stands in the data, or a computed one."""

    name: str
    type: Type
    nullable: bool = False
    alias: Alias | None = None
    identity: tuple[int, int] | None = None
    default: tuple[str | None, str] | None = None
    """Name of the constraint (None: named by the system) and expression."""
    row_guid: bool = False
    computed: str | None = None
    persisted: bool = False
    computed_from: tuple[str, ...] = ()


def column(
    name: str,
    declaration: str,
    *,
    default: tuple[str | None, str] | None = None,
    identity: tuple[int, int] | None = None,
    row_guid: bool = False,
) -> Column:
    """A column from `nvarchar(50) null` or `int`: NOT NULL unless it says null."""
    kind, _, null = declaration.partition(" ")
    if null not in ("", "null"):
        raise ValueError(f"{declaration!r} is not a type, or a type and null")
    return Column(name, Type.parse(kind), bool(null), default=default, identity=identity, row_guid=row_guid)


def aliased(name: str, alias: Alias, *, nullable: bool) -> Column:
    """A column of an alias type."""
    return Column(name, alias.type, nullable, alias=alias)


def computed(name: str, expression: str, *columns: str, persisted: bool = False) -> Column:
    """A computed column of columns of the same table; it does not stand in the data."""
    return Column(name, Type("int"), True, computed=expression, persisted=persisted, computed_from=columns)


@dataclass(frozen=True)
class Key:
    """A primary key or a unique constraint. A leading `-` in a column's name makes it descending."""

    name: str | None
    columns: tuple[str, ...]
    clustered: bool = True


@dataclass(frozen=True)
class Index:
    name: str
    columns: tuple[str, ...]
    unique: bool = False
    clustered: bool = False
    included: tuple[str, ...] = ()
    where: tuple[str, tuple[str, ...]] | None = None
    """Predicate of a filtered index, and the columns in it."""


@dataclass(frozen=True)
class ForeignKey:
    name: str
    columns: tuple[str, ...]
    table: tuple[str, str]
    references: tuple[str, ...]
    on_delete_cascade: bool = False


@dataclass(frozen=True)
class Check:
    name: str
    expression: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    schema: str
    name: str
    columns: tuple[Column, ...]
    primary_key: Key | None = None
    unique: tuple[Key, ...] = ()
    indexes: tuple[Index, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    checks: tuple[Check, ...] = ()

    @property
    def ref(self) -> Ref:
        """Its name."""
        return bracketed(self.schema, self.name)

    @property
    def stored(self) -> tuple[Column, ...]:
        """The columns that stand in the data."""
        return tuple(c for c in self.columns if c.computed is None)


@dataclass(frozen=True)
class View:
    """`columns`: each with what it comes from (nothing for an expression). An external reference is the empty name."""

    schema: str
    name: str
    body: str
    columns: tuple[tuple[str, tuple[Ref, ...]], ...]
    depends: tuple[Ref, ...]


@dataclass(frozen=True)
class Parameter:
    name: str
    type: Type
    default: str | None = None


@dataclass(frozen=True)
class Procedure:
    schema: str
    name: str
    body: str
    parameters: tuple[Parameter, ...] = ()
    depends: tuple[Ref, ...] = ()


@dataclass(frozen=True)
class User:
    """`login`: mapped to a login that the model holds. `orphaned`: its login is gone. `windows`: of a Windows domain."""

    name: str
    kind: Literal["without-login", "login", "orphaned", "windows"] = "without-login"
    login: str | None = None
    default_schema: str | None = None


@dataclass(frozen=True)
class Role:
    name: str
    members: tuple[str, ...] = ()


@dataclass(frozen=True)
class Grant:
    """SELECT on a schema, or EXECUTE on an object, to a user or role."""

    permission: Literal["Select", "Execute"]
    grantee: str
    on: tuple[str, ...]
    """A schema's name, or a schema and an object."""


@dataclass(frozen=True)
class Sequence:
    schema: str
    name: str
    type: Type
    start: int
    increment: int = 1


@dataclass(frozen=True)
class Schema:
    """Everything in a database but its rows."""

    schemas: tuple[str, ...] = ()
    """Beside dbo."""
    aliases: tuple[Alias, ...] = ()
    tables: tuple[Table, ...] = ()
    views: tuple[View, ...] = ()
    procedures: tuple[Procedure, ...] = ()
    sequences: tuple[Sequence, ...] = ()
    users: tuple[User, ...] = ()
    roles: tuple[Role, ...] = ()
    grants: tuple[Grant, ...] = ()
    fixed_role_members: tuple[tuple[str, str], ...] = field(default=())
    """Pairs of a fixed role (`db_datareader`) and a member."""

    def table(self, schema: str, name: str) -> Table:
        """The table of that name. Raises KeyError where there is none."""
        for table in self.tables:
            if (table.schema, table.name) == (schema, name):
                return table
        raise KeyError((schema, name))
