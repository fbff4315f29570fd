"""Table and blob storage in memory, as far as the catalog asks for it. Azurite looks through a whole table for every row,
so that 400 days would take hours there; `tests/catalog` holds the catalog to Azurite itself.
"""

from __future__ import annotations

import itertools
import operator
import re
from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError

_TERM = re.compile(r"(\w+) (eq|ge|gt|le|lt) ('(?:[^']|'')*'|true|false)")
_COMPARE = {"eq": operator.eq, "ge": operator.ge, "gt": operator.gt, "le": operator.le, "lt": operator.lt}


class Entity(dict[str, Any]):
    """An entity with its ETag."""

    def __init__(self, values: dict[str, Any], etag: str) -> None:
        super().__init__(values)
        self.metadata = {"etag": etag}


class MemoryTable:
    """One table: partitions of rows in the order of their keys."""

    def __init__(self, before_write: Callable[[], None]) -> None:
        self._before_write = before_write
        self._rows: dict[str, dict[str, Entity]] = {}
        self._keys: dict[str, list[str]] = {}
        self._etags = itertools.count(1)

    def get_entity(self, partition: str, key: str) -> Entity:
        found = self._rows.get(partition, {}).get(key)
        if found is None:
            raise ResourceNotFoundError("no such row")
        return found

    def query_entities(self, query: str, select: Iterable[str] | None = None) -> Iterator[Entity]:
        terms = [(column, comparison, _literal(text)) for column, comparison, text in _TERM.findall(query)]
        assert " and ".join(match[0] for match in _TERM.finditer(query)) == query, query
        (partition,) = (value for column, comparison, value in terms if (column, comparison) == ("PartitionKey", "eq"))
        rows, keys = self._rows.get(partition, {}), self._keys.get(partition, [])
        least = max((v for c, how, v in terms if c == "RowKey" and how in ("ge", "gt")), default="")
        most = min((v for c, how, v in terms if c == "RowKey" and how in ("le", "lt")), default=None)
        wanted = None if select is None else set(select)
        for key in keys[bisect_left(keys, least) :]:
            if most is not None and key > most:
                return
            row = rows.get(key)
            if row is not None and all(
                column in row and _COMPARE[how](row[column], value) for column, how, value in terms
            ):
                yield (
                    row
                    if wanted is None
                    else Entity({c: v for c, v in row.items() if c in wanted}, row.metadata["etag"])
                )

    def submit_transaction(self, operations: list[tuple[Any, ...]]) -> None:
        self._before_write()
        for verb, entity, *options in operations:
            stored = self._rows.get(entity["PartitionKey"], {}).get(entity["RowKey"])
            if verb == "create" and stored is not None:
                raise ResourceExistsError("the row exists")
            if verb != "create" and (stored is None or stored.metadata["etag"] != options[0]["etag"]):
                raise ResourceModifiedError("the row is another")
        for verb, entity, *_ in operations:
            partition, key = entity["PartitionKey"], entity["RowKey"]
            rows, keys = self._rows.setdefault(partition, {}), self._keys.setdefault(partition, [])
            if verb == "delete":
                del rows[key]
                del keys[bisect_left(keys, key)]
                continue
            if key not in rows:
                insort(keys, key)
            rows[key] = Entity(entity, str(next(self._etags)))

    def rows(self) -> int:
        """How many rows there are."""
        return sum(map(len, self._rows.values()))


class MemoryTables:
    """A table service."""

    def __init__(self, before_write: Callable[[], None]) -> None:
        """`before_write` may raise: the app dies there, in the middle of an activity."""
        self._before_write = before_write
        self.tables: dict[str, MemoryTable] = {}

    def get_table_client(self, name: str) -> MemoryTable:
        return self.tables.setdefault(name, MemoryTable(self._before_write))

    def create_table_if_not_exists(self, name: str) -> None:
        self.get_table_client(name)


class _Download:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def readall(self) -> bytes:
        return self._data


class MemoryBlobs:
    """A container."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}

    def create_container(self) -> None:
        """It is there."""

    def upload_blob(self, name: str, data: bytes, **_: object) -> None:
        self.blobs[name] = data

    def download_blob(self, name: str) -> _Download:
        if name not in self.blobs:
            raise ResourceNotFoundError(name)
        return _Download(self.blobs[name])

    def delete_blob(self, name: str) -> None:
        if self.blobs.pop(name, None) is None:
            raise ResourceNotFoundError(name)


def _literal(text: str) -> Any:
    return text[1:-1].replace("''", "'") if text.startswith("'") else text == "true"
