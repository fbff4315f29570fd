"""Locks and holds of a folder: a small file beside each object that has one, in a subfolder that `list` never shows.

They bind Holdfast and nobody else: whoever owns the folder can delete its files, and these with them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from holdfast.model.clock import iso, parse_iso
from holdfast.model.errors import Damaged
from holdfast.storage.interface import LockMode, ObjectInfo
from holdfast.storage.write_once import WriteOnceState

FOLDER = ".write-once"


@dataclass(frozen=True)
class FolderLocks:
    """Reads and names the files; the store writes them, durably, while it holds the object's guard."""

    root: Path

    def path(self, name: str) -> Path:
        """The file that tells of that object."""
        return self.root / FOLDER / f"{name}.json"

    def info(self, name: str, size: int) -> ObjectInfo:
        """What `stat` says of the object."""
        return self.read(name).on(ObjectInfo(name, size))

    def read(self, name: str) -> WriteOnceState:
        """Raises Damaged for a file that cannot be read: the object must count as locked then, not as free."""
        path = self.path(name)
        try:
            found = json.loads(path.read_bytes())
            until, mode = found["locked_until"], found["mode"]
            return WriteOnceState(
                parse_iso(until) if until is not None else None,
                LockMode(mode) if mode is not None else None,
                bool(found["held"]),
            )
        except FileNotFoundError:
            return WriteOnceState()
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Damaged(f"{path}: it does not tell whether {name} is locked", help=f"Look at {path}.") from None


def encode(state: WriteOnceState) -> bytes:
    """What such a file holds."""
    until = iso(state.until) if state.until is not None else None
    return json.dumps({"locked_until": until, "mode": state.mode, "held": state.held}).encode()
