"""A table's rows as a bulk load takes them: types that every driver knows, and text where only text keeps every digit."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from holdfast.bacpac.columns import Column
from holdfast.bacpac.values.arrow import BINARY, TEXT, ArrowRows
from holdfast.bacpac.values.readable import ReadableRows
from holdfast.bacpac.values.row_batches import RowBatch

_AS_TEXT = frozenset(
    {"datetime2", "datetime", "smalldatetime", "datetimeoffset", "time", "uniqueidentifier", "sql_variant"}
)


class LoadedRows:
    """Makes record batches whose columns have the types of `table_scripts.loaded_type`."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        self._typed = [ArrowRows([column]) for column in columns]
        self._texts = [ReadableRows([column]) for column in columns]

    def batch(self, rows: RowBatch) -> pa.RecordBatch:
        """The rows as columns."""
        arrays = [self._array(number, rows) for number in range(len(self._columns))]
        return pa.record_batch(arrays, names=[column.name for column in self._columns])

    def _array(self, number: int, rows: RowBatch) -> pa.Array:
        narrow = RowBatch(rows.data, rows.starts[number : number + 1], rows.lengths[number : number + 1], rows.ends)
        kind = self._columns[number].type
        if kind in _AS_TEXT:
            return pa.array([row[0] for row in self._texts[number].rows(narrow)], pa.string())
        array = self._typed[number].batch(narrow).column(0)
        if kind in TEXT:
            return array.cast(pa.string())
        return array.cast(pa.binary()) if kind in BINARY else array
