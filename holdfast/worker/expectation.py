"""What preflight learned about a database's size, kept on the worker's disk for the export that follows.

A hint, never a need: an export without it runs the same, with coarser progress and a coarser look at the disk.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from pydantic import BaseModel, Field

from holdfast.model.job import SqlConnection


class Expectation(BaseModel):
    """Size of a database as its own catalogue views tell it."""

    data_bytes: int | None = Field(default=None, description="space that the tables' rows take in the database")
    table_rows: dict[str, int] = Field(default_factory=dict, description="rows by `schema.table`")


def remember(root: Path, connection: SqlConnection, expectation: Expectation) -> None:
    """Keeps it for the export job of the same database on this worker."""
    file = _file(root, connection)
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".draft")
    draft.write_text(expectation.model_dump_json())
    draft.rename(file)


def recall(root: Path, connection: SqlConnection) -> Expectation:
    """What was kept; an empty expectation where nothing was."""
    try:
        return Expectation.model_validate_json(_file(root, connection).read_text())
    except (OSError, ValueError):
        return Expectation()


def _file(root: Path, connection: SqlConnection) -> Path:
    name = f"{connection.host}:{connection.port}/{connection.database}".lower()
    return root / "expectations" / f"{hashlib.sha256(name.encode()).hexdigest()[:20]}.json"
