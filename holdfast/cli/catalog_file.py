"""Writes and reads the file of an exported catalog: whole, or refused."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeVar

from pydantic import BaseModel, ValidationError

from holdfast.model.catalog_file import CatalogEnd, CatalogHead, CatalogRow
from holdfast.model.errors import InvalidInput
from holdfast.model.policy import explain_validation

_Line = TypeVar("_Line", bound=BaseModel)


@dataclass(frozen=True)
class ExportFile:
    """An export that is all there."""

    path: Path
    head: CatalogHead
    rows: int

    def batches(self, most_rows: int, most_bytes: int) -> Iterator[list[dict[str, Any]]]:
        """The rows, so many at a time; the last batch may be empty."""
        batch: list[dict[str, Any]] = []
        size = 0
        with self.path.open("rb") as file:
            next(file)
            for _ in range(self.rows):
                line = next(file)
                if batch and (len(batch) >= most_rows or size + len(line) > most_bytes):
                    yield batch
                    batch, size = [], 0
                batch.append(json.loads(line))
                size += len(line)
        yield batch


def write_export(file: IO[bytes], head: dict[str, Any], rows: Iterable[dict[str, Any]]) -> int:
    """Writes head, rows and end; how many rows there were."""
    digest, count = hashlib.sha256(), 0

    def put(value: dict[str, Any]) -> None:
        line = json.dumps(value, ensure_ascii=False).encode() + b"\n"
        digest.update(line)
        file.write(line)

    put(head)
    for row in rows:
        put(row)
        count += 1
    file.write(CatalogEnd(rows=count, sha256=digest.hexdigest()).model_dump_json().encode() + b"\n")
    return count


def write_export_file(path: Path, head: dict[str, Any], rows: Iterable[dict[str, Any]]) -> int:
    """The same into a file that is there whole or not at all, and that only its owner reads. Raises InvalidInput."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            count = write_export(file, head, rows)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise InvalidInput(f"--to {path} cannot be written: {error.strerror}") from None
    finally:
        draft.unlink(missing_ok=True)
    return count


def read_export_file(path: Path) -> ExportFile:
    """Reads the whole file once: every line is a row, and none is missing. Raises InvalidInput that names the line."""
    digest, before, count = hashlib.sha256(), b"", -1
    head: CatalogHead | None = None
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if head is None:
                    head = _read(CatalogHead, line, path, number)
                elif before and number > 2:
                    _read(CatalogRow, before, path, number - 1)
                digest.update(before)
                before, count = line, count + 1
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}") from None
    if head is None:
        raise InvalidInput(f"{path} is empty")
    if count < 1:
        raise InvalidInput(f"{path} is cut short: it has no end")
    end = _read(CatalogEnd, before, path, count + 1)
    if (end.rows, end.sha256) != (count - 1, digest.hexdigest()):
        raise InvalidInput(f"{path} is not what was exported: {count - 1} rows where {end.rows} were, or changed ones")
    return ExportFile(path, head, end.rows)


def _read(kind: type[_Line], line: bytes, path: Path, number: int) -> _Line:
    try:
        return kind.model_validate_json(line)
    except ValidationError as error:
        what = explain_validation(error)[:300]
        raise InvalidInput(f"{path}, line {number}: not a line of an export ({what})") from None
