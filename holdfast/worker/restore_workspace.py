"""What the jobs of one restore leave each other on the worker's disk: the BACPAC, the point, how far the import is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from holdfast.model.errors import HoldfastError
from holdfast.model.point import RestorePoint
from holdfast.worker.workspace import Workspaces

_POINT = "point.json"
_IMPORT = "import.json"


class NothingFetched(HoldfastError):
    code = "nothing-fetched"
    title = "The worker no longer has the point's BACPAC"
    advice = "It is fetched again with the next attempt."
    exit_code = 30
    http_status = 502


@dataclass(frozen=True)
class RestoreWorkspace:
    """One restore's folder."""

    workspaces: Workspaces
    name: str

    @property
    def folder(self) -> Path:
        """The folder itself."""
        return self.workspaces.folder(self.name)

    @property
    def bacpac(self) -> Path:
        """The point as a file."""
        return self.workspaces.bacpac(self.name)

    def point(self) -> RestorePoint:
        """The point that was fetched whole. Raises NothingFetched where none was: another worker had it, or it is gone."""
        try:
            found = RestorePoint.model_validate_json((self.folder / _POINT).read_bytes())
        except (OSError, ValueError):
            raise NothingFetched("the workspace holds no whole package") from None
        if not self.bacpac.exists():
            raise NothingFetched("the workspace holds no whole package")
        return found

    def fetched(self, point: RestorePoint) -> None:
        """Records that the package is whole."""
        self._write(_POINT, point.model_dump_json(by_alias=True))

    def begin(self, attempt: str) -> Literal["first", "again", "done"]:
        """Whether an import into that very database may begin: the first may; `done`: it came to its end before."""
        try:
            known = json.loads((self.folder / _IMPORT).read_text())
        except (OSError, ValueError):
            known = {}
        if known.get("attempt") == attempt:
            return "done" if known.get("done") else "again"
        self._write(_IMPORT, json.dumps({"attempt": attempt, "done": False}))
        return "first"

    def done(self, attempt: str) -> None:
        """Records that the import came to its end."""
        self._write(_IMPORT, json.dumps({"attempt": attempt, "done": True}))

    def _write(self, name: str, text: str) -> None:
        draft = self.folder / f".{name}"
        draft.write_text(text)
        draft.rename(self.folder / name)
