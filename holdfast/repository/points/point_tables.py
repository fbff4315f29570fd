"""The tables of a point, and the bytes of one table alone: only the frames that hold it are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from holdfast.bacpac.columns import Column, RowsNotDecodable
from holdfast.bacpac.model import DatabaseModel, read_model
from holdfast.bacpac.package import MODEL
from holdfast.bacpac.table_definition import read_definition
from holdfast.model.errors import Cancelled, Damaged, NotFound
from holdfast.model.job import Progress
from holdfast.model.table_definition import TableDefinition
from holdfast.repository.points.point_reading import PointReader
from holdfast.repository.points.recipes import StreamRecipe
from holdfast.repository.points.table_damage import damaged_table


@dataclass(frozen=True)
class PointTable:
    """One table of a point. `columns` None: its rows cannot be decoded, and `reason` says why."""

    schema: str
    name: str
    rows: int | None
    bytes: int
    columns: tuple[Column, ...] | None
    reason: str | None
    primary_key: tuple[str, ...] = ()

    @property
    def full_name(self) -> str:
        """`dbo.Orders`"""
        return f"{self.schema}.{self.name}"

    def decodable(self) -> tuple[Column, ...]:
        """The columns. Raises RowsNotDecodable naming the table."""
        if self.columns is None:
            raise RowsNotDecodable(f"{self.full_name}: {self.reason}")
        return self.columns


class PointTables:
    """Reads tables of one point. Everything raises Damaged and Rehydrating."""

    def __init__(self, point: PointReader, progress: Callable[[Progress], None], cancelled: Callable[[], bool]) -> None:
        self._point, self._progress, self._cancelled = point, progress, cancelled

    def listed(self) -> list[PointTable]:
        """All tables, in order of schema and name; where the model itself is damaged, with that as the reason."""
        return sorted((self._described(one) for one in self._streams.values()), key=lambda one: (one.schema, one.name))

    def table(self, schema: str, name: str) -> PointTable:
        """One table; case does not matter where only one name fits. Raises NotFound naming what is like it.

        Raises Damaged where the point's model cannot be read, which says what its rows are made of.
        """
        found = self._described(self._stream(schema, name))
        if isinstance(self._model, Damaged):
            raise Damaged(f"table {found.full_name}: {found.reason}", help=self._model.help)
        return found

    def pieces(self, table: PointTable, *, few: bool = False) -> Iterator[memoryview]:
        """The table's rows, in key order and in pieces. A part is verified when its last piece is taken.

        `few`: the first rows may be all that is wanted, so nothing is read before it is asked for.
        Raises Damaged, which names the table and the others that the damage leaves readable, and Cancelled.
        """
        stream = self._streams[table.schema, table.name]
        done = 0
        try:
            for _, pieces in self._point.entries([entry.name for entry in stream.entries], few=few):
                for piece in pieces:
                    if self._cancelled():
                        raise Cancelled(f"reading {table.full_name}")
                    yield piece
                    done += len(piece)
                    told = Progress(phase="reading", table=table.full_name, bytes=done, bytes_total=table.bytes)
                    self._progress(told)
        except Damaged as error:
            others = [one for one in self._streams.values() if one is not stream]
            raise damaged_table(self._point, table.full_name, error, others) from None

    def definition(self, table: PointTable, *, indexes: bool) -> TableDefinition:
        """How the table is made anew elsewhere. Raises RowsNotDecodable, Damaged."""
        table.decodable()
        return read_definition(self._point.entry(MODEL), table.schema, table.name, indexes=indexes)

    @cached_property
    def _streams(self) -> dict[tuple[str, str], StreamRecipe]:
        return {one.table: one for one in self._point.recipe.streams if one.table is not None}

    @cached_property
    def _model(self) -> DatabaseModel | Damaged:
        try:
            return read_model(self._point.entry(MODEL))
        except Damaged as error:
            return error

    def _stream(self, schema: str, name: str) -> StreamRecipe:
        exact = self._streams.get((schema, name))
        if exact is not None:
            return exact
        wanted = (schema.casefold(), name.casefold())
        alike = [one for (s, n), one in self._streams.items() if (s.casefold(), n.casefold()) == wanted]
        if len(alike) == 1:
            return alike[0]
        point = self._point.read.manifest.point.id
        same = sorted(f"{s}.{n}" for s, n in self._streams if n.casefold() == wanted[1])
        raise NotFound(
            f"point {point} has no table {schema}.{name}",
            help=f"Did you mean {', '.join(same)}?" if same else f"`holdfast table list {point}` lists its tables.",
        )

    def _described(self, stream: StreamRecipe) -> PointTable:
        assert stream.table is not None  # noqa: S101 (only such are kept)
        if isinstance(self._model, Damaged):
            damage = f"the point's model is damaged: {self._model.detail}"
            return PointTable(*stream.table, stream.rows, stream.ref.length, None, damage)
        model = self._model.tables.get(stream.table)
        columns, reason = (model.columns, model.reason) if model else (None, "the model has no table of that name")
        if columns is not None and stream.rows is None:
            columns, reason = None, "its bytes contradict the model"
        return PointTable(
            schema=stream.table[0],
            name=stream.table[1],
            rows=stream.rows,
            bytes=stream.ref.length,
            columns=columns,
            reason=reason,
            primary_key=self._model.primary_keys.get(stream.table, ()),
        )
