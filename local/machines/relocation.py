"""Moves what custom data says of the VM's file system and network to where the emulated machine has it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from local.machines.differences import METADATA_ADDRESS, RELOCATED, NotEmulated

_PATHS = re.compile(rf"(?<![\w./])(?:{'|'.join(map(re.escape, RELOCATED))})(?![\w.-])")


@dataclass(frozen=True)
class Relocation:
    """The root folder of one machine and the address of its metadata endpoint."""

    root: Path
    metadata: str

    def text(self, text: str) -> str:
        """The text with every listed path and the metadata address replaced."""
        moved = _PATHS.sub(lambda match: f"{self.root}{match[0]}", text)
        return moved.replace(METADATA_ADDRESS, self.metadata.rstrip("/"))

    def path(self, path: str) -> Path:
        """Where a file of the VM lies. Raises NotEmulated for a path outside the listed folders."""
        if _PATHS.match(path) is None or ".." in path.split("/"):
            raise NotEmulated(f"the file {path}: it lies outside {', '.join(RELOCATED)}")
        return Path(f"{self.root}{path}")
