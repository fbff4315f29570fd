"""What must be kept, beside the inflated entries, so that the very same file can be written again.

A file is its entries' data and what lies between: headers, directory, end records. The skeleton keeps all bytes between
(about 180 a entry) and, for each entry, how its data follows from its inflated bytes: as it is, or deflated by a recipe.
Where an entry follows by no recipe the file cannot come back bit for bit; its entries still do.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, Self

from holdfast.bacpac.deflate import RECIPES, Deflater, Recipe, deflated
from holdfast.bacpac.directory import STORED, DirectoryEntry
from holdfast.bacpac.package import Bacpac
from holdfast.model.errors import Damaged, InvalidInput

ReadEntry = Callable[[str], Iterator[bytes]]
Check = Callable[[], None]
Step = Recipe | Literal["stored", "none"]
_MAGIC = b"HFSKEL1\n"
_PIECE = 1 << 18


@dataclass(frozen=True)
class SkeletonEntry:
    """One entry, in the order of its place in the file."""

    name: str
    before: bytes
    """The file's bytes between the entry before and this one's data."""
    step: Step
    """How its data follows from its inflated bytes; `none`: in no way that we know."""
    compressed_bytes: int


@dataclass(frozen=True)
class Skeleton:
    """Everything of a file but its entries' inflated bytes."""

    entries: tuple[SkeletonEntry, ...]
    after: bytes
    """The bytes after the last entry's data: directory and end records."""
    file_bytes: int
    sha256: str
    """Of the whole file, lower-case hex."""

    @property
    def identical_possible(self) -> bool:
        """Whether `rebuild` can write the very same file."""
        return all(entry.step != "none" for entry in self.entries)

    @classmethod
    def of(cls, path: Path, *, threads: int | None = None) -> Self:
        """Reads a file whole and tries the recipes on each entry. Raises BadBacpac as `Bacpac.open` does.

        Deflating again costs 25-50 MB/s a core; entries are tried in `threads` threads (default: one a core).
        """
        with Bacpac.open(path) as bacpac:
            return cls.of_open(bacpac, threads=threads)

    @classmethod
    def of_open(cls, bacpac: Bacpac, *, threads: int | None = None, check: Check = lambda: None) -> Self:
        """As `of`, for a file that is open already. `check` is called every few hundred kB; raises to stop."""
        ordered = sorted(bacpac.entries, key=lambda entry: entry.data_offset)
        with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
            # Largest first, so that no large one is left to run alone at the end.
            by_size = sorted(ordered, key=lambda entry: -entry.bytes)
            found = dict(
                zip((e.name for e in by_size), pool.map(lambda e: find_step(bacpac, e, check), by_size), strict=True)
            )
        entries: list[SkeletonEntry] = []
        at = 0
        for entry in ordered:
            before = bacpac.read_at(at, entry.data_offset - at)
            entries.append(SkeletonEntry(entry.name, before, found[entry.name], entry.compressed_bytes))
            at = entry.data_end
        size = bacpac.path.stat().st_size
        return cls(tuple(entries), bacpac.read_at(at, size - at), size, _file_sha256(bacpac, size, check))

    def to_bytes(self) -> bytes:
        """The skeleton as bytes; not compressed, so that a delta against another export's is small."""
        head = {
            "file_bytes": self.file_bytes,
            "sha256": self.sha256,
            "after": len(self.after),
            "entries": [[e.name, e.step, e.compressed_bytes, len(e.before)] for e in self.entries],
        }
        text = json.dumps(head, separators=(",", ":")).encode()
        return b"".join([_MAGIC, len(text).to_bytes(4, "little"), text, *(e.before for e in self.entries), self.after])

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The skeleton from `to_bytes`. Raises Damaged where it is not one."""
        try:
            if data[: len(_MAGIC)] != _MAGIC:
                raise ValueError("it does not begin as one")
            at = len(_MAGIC) + 4
            end = at + int.from_bytes(data[at - 4 : at], "little")
            head = json.loads(data[at:end])
            entries: list[SkeletonEntry] = []
            for name, step, packed, length in head["entries"]:
                if step not in ("stored", "none", *RECIPES):
                    raise ValueError(f"{name} has the recipe {step!r}, which is not known")
                entries.append(SkeletonEntry(name, data[end : end + length], step, packed))
                end += length
            if len(data) != end + head["after"]:
                raise ValueError("it is too short or too long")
            return cls(tuple(entries), data[end:], head["file_bytes"], head["sha256"])
        except (ValueError, KeyError, TypeError) as error:
            raise Damaged(f"a file's skeleton: {error}") from error

    def rebuild(self, read_entry: ReadEntry, out: BinaryIO) -> None:
        """Writes the very same file. `read_entry` gives an entry's inflated bytes by its name.

        Raises InvalidInput where that is not possible (`identical_possible`), Damaged where the entries given are not those
        of the file; what was written to `out` is then not to be used.
        """
        if not self.identical_possible:
            names = ", ".join(e.name for e in self.entries if e.step == "none")
            raise InvalidInput(f"the file cannot be written bit for bit: {names} follow by no known deflate recipe")
        digest = hashlib.sha256()
        written = 0
        for piece in self._pieces(read_entry):
            digest.update(piece)
            written += len(piece)
            out.write(piece)
        if written != self.file_bytes or digest.hexdigest() != self.sha256:
            raise Damaged("the file that was written is not the one that was stored")

    def _pieces(self, read_entry: ReadEntry) -> Iterator[bytes]:
        for entry in self.entries:
            yield entry.before
            pieces = read_entry(entry.name)
            if entry.step == "stored":
                yield from pieces
            elif entry.step != "none":
                yield from deflated(entry.step, pieces)
        yield self.after


def find_step(bacpac: Bacpac, entry: DirectoryEntry, check: Check = lambda: None) -> Step:
    """How the entry's data follows from its inflated bytes. Raises BadBacpac where the entry is damaged."""
    if entry.method == STORED:
        for _ in bacpac.pieces(entry.name):  # reading to the end checks the CRC
            check()
        return "stored"
    return next((recipe for recipe in RECIPES if _follows(bacpac, entry, recipe, check)), "none")


def _follows(bacpac: Bacpac, entry: DirectoryEntry, recipe: Recipe, check: Check) -> bool:
    deflater = Deflater(recipe)
    at = entry.data_offset

    def same(made: bytes) -> bool:
        nonlocal at
        check()
        expected = bacpac.read_at(at, min(len(made), entry.data_end - at))
        at += len(made)
        return made == expected

    return all(same(deflater.feed(piece)) for piece in bacpac.pieces(entry.name)) and (
        same(deflater.finish()) and at == entry.data_end
    )


def _file_sha256(bacpac: Bacpac, size: int, check: Check) -> str:
    digest = hashlib.sha256()
    for at in range(0, size, _PIECE):
        check()
        digest.update(bacpac.read_at(at, _PIECE))
    return digest.hexdigest()
