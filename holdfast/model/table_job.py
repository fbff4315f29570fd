"""What jobs that read tables of a point are told."""

from __future__ import annotations

from pydantic import BaseModel

from holdfast.model.job import HandOutSpec, RepositoryRef, SqlConnection
from holdfast.model.table_ask import TableAsk


class TableSpec(HandOutSpec):
    repository: RepositoryRef
    chain: str
    point: str
    ask: TableAsk


class LoadSpec(BaseModel):
    """Makes a table of a point anew in a live database."""

    repository: RepositoryRef
    chain: str
    point: str
    ask: TableAsk
    connection: SqlConnection
