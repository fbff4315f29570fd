"""What is asked about the tables of a point: the same through the app and directly in a repository."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

#: Rows and differences that one answer tells at most: an answer is held in memory, a file is not.
MOST_ROWS = 10_000

TableAct = Literal["list", "show", "export", "diff", "restore"]


class TableAsk(BaseModel):
    """One question. Of a point's tables: list them; of one: show rows, write it as a file, compare or restore it."""

    model_config = ConfigDict(frozen=True)

    act: TableAct
    table: str = Field(default="", max_length=300, description="schema.table, or [schema].[table]; empty: all of them")
    other: str = Field(default="", max_length=100, description="of `diff`: the later point, in the same repository")
    rows: int = Field(default=20, ge=0, le=MOST_ROWS, description="of `show` and `diff`: how many rows are told")
    format: Literal["parquet", "csv"] = Field(default="parquet", description="of `export`")
    target: str = Field(default="", max_length=260, description="of `restore`: server/database")
    new_name: str = Field(default="", max_length=300, description="of `restore`: the table to make")
    with_indexes: bool = Field(default=False, description="of `restore`: row-store indexes, too")
