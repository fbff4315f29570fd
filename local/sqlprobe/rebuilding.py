"""A package with another model: the same rows, and the checksum that belongs to the new model."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from holdfast.bacpac.package import MODEL, ORIGIN, Bacpac
from holdfast.bacpac.writer import write_package


def rebuild(bacpac: Bacpac, model: bytes, to: Path, *, more: Mapping[str, Path] | None = None) -> None:
    """Writes it; with `more` parts, each from a file."""
    digest = hashlib.sha256(model).hexdigest().upper()
    origin = b"".join(bacpac.pieces(ORIGIN)).decode("utf-8")
    checksum = re.compile(r'(<Checksum Uri="/model.xml">)[0-9A-Fa-f]+(</Checksum>)')
    replaced = {MODEL: model, ORIGIN: checksum.sub(rf"\g<1>{digest}\g<2>", origin).encode()}

    def entries() -> Iterator[tuple[str, Iterable[bytes]]]:
        for entry in bacpac.entries:
            yield entry.name, [replaced[entry.name]] if entry.name in replaced else bacpac.pieces(entry.name)
        for name, file in (more or {}).items():
            yield name, _pieces(file)

    with io.BufferedRandom(io.FileIO(to, "w+b"), 1 << 20) as out:
        write_package(out, entries(), "fastest-zlib")


def _pieces(file: Path) -> Iterator[bytes]:
    with file.open("rb") as rows:
        while piece := rows.read(1 << 20):
            yield piece
