"""The folders on the worker's own disk: one for each attempt to export, removed when the attempt has ended.

The export job fills `<root>/<name>/`, the store job of the same attempt reads it and removes it. What a dead worker
left is found again at the next start.
"""

from __future__ import annotations

import json
import re
import shutil
import time
from datetime import timedelta
from pathlib import Path

from holdfast.model.errors import InvalidInput
from holdfast.worker.child_process import kill_recorded

#: Nobody comes back for a folder this old: every job of its attempt has ended.
_FORGOTTEN_AFTER = timedelta(hours=72)
_NAME = re.compile(r"[A-Za-z0-9_][^/\\\0-\x1f]{0,199}")


class Workspaces:
    """The folders of this worker."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folders = root / "exports"

    def open(self) -> None:
        """Makes the root, ends what a dead worker's jobs left running, removes what nobody comes back for.

        What is there may belong to a job that is about to be delivered again, so age decides.
        """
        self.folders.mkdir(parents=True, exist_ok=True)
        oldest = time.time() - _FORGOTTEN_AFTER.total_seconds()
        for folder in self.folders.iterdir():
            kill_recorded(folder)
            if folder.stat().st_mtime < oldest:
                self._remove(folder)

    def bacpac(self, name: str) -> Path:
        """Where the BACPAC of that attempt lies, whether it exists or not."""
        return self.folder(name) / "database.bacpac"

    def folder(self, name: str) -> Path:
        """The folder of that attempt. Raises InvalidInput for a name that could lead elsewhere."""
        if not _NAME.fullmatch(name):
            raise InvalidInput(f"{name!r} cannot be the name of a workspace")
        return self.folders / name

    def fresh(self, name: str, *, session: str, source: str | None) -> Path:
        """An empty folder for a new attempt.

        A half-written file of the same attempt goes (its worker died), and so do earlier attempts of the same source in
        the same session: there is only one attempt at a time.
        """
        folder = self.folder(name)
        owner = {"session": session, "source": source}
        for other in self.folders.iterdir() if self.folders.exists() else ():
            if other == folder or _owner(other) == owner:
                self._remove(other)
        folder.mkdir(parents=True)
        (folder / "owner.json").write_text(json.dumps(owner))
        return folder

    def remove(self, name: str) -> None:
        """Removes the folder; a missing one is fine."""
        self._remove(self.folder(name))

    def free_bytes(self) -> int:
        """Room on the disk."""
        self.root.mkdir(parents=True, exist_ok=True)
        return shutil.disk_usage(self.root).free

    def scratch(self, job: str) -> Path:
        """An empty folder for a job that needs a file of its own (a download)."""
        return self.fresh(f"job-{job}", session="", source=job)

    def remove_scratch(self, job: str) -> None:
        """Removes what `scratch` made; a missing one is fine."""
        self.remove(f"job-{job}")

    def _remove(self, folder: Path) -> None:
        kill_recorded(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _owner(folder: Path) -> object:
    try:
        return json.loads((folder / "owner.json").read_text())
    except (OSError, ValueError):
        return None
