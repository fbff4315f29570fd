"""Rows of Azure Table Storage: what the nouns of the catalog stand on.

Limits of the service that are kept here, once: a text property holds at most 64 KiB of UTF-16, a row 1 MiB, a
transaction 100 rows of one partition, and a key no `/ \\ # ?` (docs: "Understanding the Table service data model"). A
text that is too long goes to the details container, and the row names the blob.

Every change of an existing row is a compare-and-swap on its ETag.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from holdfast.catalog.details import Away, Details
from holdfast.catalog.failures import RowChanged, RowExists, codes_of, storage_errors
from holdfast.model.errors import Conflict

if TYPE_CHECKING:
    from azure.data.tables import TableClient, TableServiceClient

Value = str | int | bool | Away | None
Verb = Literal["create", "replace", "delete"]
_Result = TypeVar("_Result")

#: A text of more UTF-16 bytes than this goes to the details container; the service's limit is 65,536.
LONGEST_TEXT = 60_000
#: The texts of a row together; the service's limit for the whole row is 1 MiB.
LONGEST_ROW = 900_000
#: Rows of one transaction.
TRANSACTION_ROWS = 100
#: How often a compare-and-swap is tried before the caller hears of a conflict.
ATTEMPTS = 30

_SAFE = re.compile(r"[A-Za-z0-9._-]")
_AWAY = "_blob"


@dataclass(frozen=True)
class Row:
    """One row. `etag` is what a later replacement or deletion is compared with; empty for a row not yet stored."""

    partition: str
    key: str
    values: Mapping[str, Value]
    etag: str = ""
    away: frozenset[str] = field(default_factory=frozenset)  # blobs that the stored row names

    def text(self, column: str) -> str:
        """A column that holds text and is never long. Empty where it is absent."""
        value = self.values.get(column)
        return value if isinstance(value, str) else ""

    def flag(self, column: str) -> bool:
        """A column that holds a truth value; False where it is absent."""
        return self.values.get(column) is True

    def with_values(self, **values: Value) -> Row:
        """The same row with these columns changed."""
        return replace(self, values={**self.values, **values})


class Table:
    """One table. It is made when it is first missed, so that an emptied account needs nobody's help."""

    def __init__(
        self, service: TableServiceClient, name: str, details: Details, *, always_away: Iterable[str] = ()
    ) -> None:
        self.name, self._service, self._details = name, service, details
        self._always_away = frozenset(always_away)
        self._client: TableClient = service.get_table_client(name)

    def make(self) -> None:
        """Makes the table where it is missing."""
        with storage_errors(f"the table {self.name}"):
            self._service.create_table_if_not_exists(self.name)

    def read(self, partition: str, key: str) -> Row | None:
        """The row, or None."""
        from azure.core.exceptions import ResourceNotFoundError

        with storage_errors(f"the table {self.name}"):
            try:
                return self._row(self._client.get_entity(partition, key))
            except ResourceNotFoundError:
                return None

    def rows(
        self,
        partition: str,
        *,
        prefix: tuple[str, ...] = (),
        after: str = "",
        where: Mapping[str, str | bool] | None = None,
        columns: Iterable[str] | None = None,
    ) -> Iterator[Row]:
        """The partition's rows in the order of their keys, read page by page as they are asked for.

        `prefix` keeps to keys that `joined` made of these parts and more; `after` is a key, itself left out; `where`
        compares columns.
        """
        terms = [f"PartitionKey eq {_quoted(partition)}"]
        if prefix:
            begin = joined(*prefix)
            terms += [f"RowKey ge {_quoted(begin + '|')}", f"RowKey lt {_quoted(begin + '}')}"]  # `}` follows `|`
        terms += [f"RowKey gt {_quoted(after)}"] if after else []
        terms += [f"{column} eq {_literal(value)}" for column, value in (where or {}).items()]
        return self._query(terms, columns)

    def all_rows(self, *, after: tuple[str, str] = ("", "")) -> Iterator[Row]:
        """Every row of every partition, in the order of their keys, from behind `after` (partition, key) on."""
        partition, key = _quoted(after[0]), _quoted(after[1])
        return self._query(
            [f"(PartitionKey gt {partition} or (PartitionKey eq {partition} and RowKey gt {key}))"], None
        )

    def _query(self, terms: list[str], columns: Iterable[str] | None) -> Iterator[Row]:
        select = None if columns is None else ["PartitionKey", "RowKey", *columns]
        found = iter(self._client.query_entities(" and ".join(terms), select=select))
        while True:
            with storage_errors(f"the table {self.name}"):
                try:
                    entity = next(found, None)
                except Exception as error:
                    if "TableNotFound" in codes_of(error):
                        return
                    raise
            if entity is None:
                return
            yield self._row(entity)

    def value(self, row: Row, column: str) -> str:
        """The text of a column, wherever it lies. Empty where it is absent.

        Raises RowChanged where the row was replaced since it was read and its text is gone: read again.
        """
        value = row.values.get(column)
        if isinstance(value, Away):
            return self._details.load(value)
        return value if isinstance(value, str) else ""

    def write(self, *changes: tuple[Verb, Row]) -> None:
        """Writes rows of one partition, all or none.

        `create` raises RowExists for a key that is taken; `replace` and `delete` raise RowChanged where the row is not
        the one that was read. After a lost answer the SDK may repeat a change that took effect and then report it as
        refused, so callers look again before they believe it.
        """
        from azure.core import MatchConditions
        from azure.data.tables import UpdateMode

        placed = [(verb, row if verb == "delete" else self._place(row)) for verb, row in changes]
        operations: list[tuple[Any, ...]] = []
        for verb, row in placed:
            entity = _entity(row)
            guard = {"etag": row.etag, "match_condition": MatchConditions.IfNotModified}
            if verb == "create":
                operations.append(("create", entity))
            elif verb == "replace":
                operations.append(("update", entity, {"mode": UpdateMode.REPLACE, **guard}))
            else:
                operations.append(("delete", entity, guard))
        try:
            with storage_errors(f"the table {self.name}"):
                self._calling(lambda: self._client.submit_transaction(operations))
        except (RowChanged, RowExists):
            for (_, row), (_, given) in zip(placed, changes, strict=True):
                self._details.drop(_blobs(row) - _blobs(given) - given.away)
            raise
        for verb, row in placed:
            self._details.drop(row.away - (frozenset() if verb == "delete" else _blobs(row)))

    def change(self, partition: str, key: str, edit: Callable[[Row | None], Row | None]) -> Row | None:
        """Reads, edits, compares and swaps until it holds; gives back the row as it now is.

        `edit` gets the stored row or None, and gives back what shall be there, or None where nothing is to be done. It
        may be called several times and must be safe to repeat. Raises Conflict where others were always faster.
        """

        def once() -> Row | None:
            stored = self.read(partition, key)
            wanted = edit(stored)
            if wanted is None or (stored is not None and wanted.values == stored.values):
                return stored
            self.write(("create" if stored is None else "replace", wanted))
            return wanted

        return persist(once, f"{self.name} {partition}/{key}")

    def erase(self, partition: str, key: str) -> bool:
        """Removes a row, whatever it holds; whether there was one."""

        def once() -> bool:
            stored = self.read(partition, key)
            if stored is None:
                return False
            self.write(("delete", stored))
            return True

        return persist(once, f"{self.name} {partition}/{key}")

    def _calling(self, call: Callable[[], _Result]) -> _Result:
        from azure.core.exceptions import HttpResponseError

        try:
            return call()
        except HttpResponseError as error:
            if "TableNotFound" not in codes_of(error):
                raise
        self.make()
        return call()

    def _place(self, row: Row) -> Row:
        """The row as it fits: long texts moved to the details container."""
        values = dict(row.values)
        sizes = {c: len(v.encode("utf-16-le")) for c, v in values.items() if isinstance(v, str)}
        moved = [c for c, size in sizes.items() if size > LONGEST_TEXT or c in self._always_away]
        rest = sorted((c for c in sizes if c not in moved), key=lambda c: sizes[c])
        while sum(sizes[c] for c in rest) > LONGEST_ROW:
            moved.append(rest.pop())
        for column in moved:
            text = values[column]
            if isinstance(text, str) and text:
                values[column] = self._details.save(f"{self.name}/{row.partition}/{row.key}/{column}", text)
        return replace(row, values=values)

    def _row(self, entity: Any) -> Row:
        values: dict[str, Value] = {}
        for column, value in entity.items():
            if column in ("PartitionKey", "RowKey", "Timestamp"):
                continue
            if column.endswith(_AWAY):
                values[column.removesuffix(_AWAY)] = Away(str(value))
            else:
                values[column] = value
        blobs = frozenset(v.blob for v in values.values() if isinstance(v, Away))
        return Row(entity["PartitionKey"], entity["RowKey"], values, str(entity.metadata.get("etag") or ""), blobs)


def persist(attempt: Callable[[], _Result], what: str) -> _Result:
    """Tries a compare-and-swap again, with growing, jittered pauses, while others are faster. Raises Conflict at last."""
    for turn in range(ATTEMPTS):
        try:
            return attempt()
        except (RowChanged, RowExists):
            # Full jitter: threads that met once must not meet again.
            time.sleep(random.uniform(0, min(0.4, 0.005 * 2**turn)))
    raise Conflict(f"{what} was changed by others {ATTEMPTS} times while we tried to change it")


def key_part(text: str) -> str:
    """Any text as a part of a key: letters, digits, `.`, `_`, `-` stand for themselves, the rest as `=XX` (UTF-8).

    Two texts never share a part, and no part holds the `|` that joins parts.
    """
    return "".join(
        c if _SAFE.fullmatch(c) else "".join(f"={b:02X}" for b in c.encode("utf-8", "surrogatepass")) for c in text
    )


def joined(*parts: str) -> str:
    """A key of several parts."""
    return "|".join(key_part(part) for part in parts)


def _blobs(row: Row) -> frozenset[str]:
    return frozenset(v.blob for v in row.values.values() if isinstance(v, Away))


def _entity(row: Row) -> dict[str, str | int | bool]:
    entity: dict[str, str | int | bool] = {"PartitionKey": row.partition, "RowKey": row.key}
    for column, value in row.values.items():
        if isinstance(value, Away):
            entity[f"{column}{_AWAY}"] = value.blob
        elif value is not None:
            entity[column] = value
    return entity


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _literal(value: str | bool) -> str:
    return _quoted(value) if isinstance(value, str) else str(value).lower()
