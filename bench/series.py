"""The days that everything is measured on: made once, kept in the cache, the same on every machine."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.floor import Floor, floor_between
from bench.place import series_folder
from bench.variants import Rewriting, rewritten
from holdfast.bacpac.package import Bacpac
from holdfast.bacpac.writer import Level
from local.samples.databases import write_sample


@dataclass(frozen=True)
class Series:
    """Days of the sample `series` at a scale (1 is about 6 MB inflated); `level` is how their packages are deflated."""

    scale: float
    level: Level = "normal"

    @property
    def folder(self) -> Path:
        """Its part of the cache."""
        folder = series_folder() / f"{self.scale:g}-{self.level}"
        folder.mkdir(exist_ok=True)
        return folder

    def day(self, number: int) -> Path:
        """The BACPAC of that day."""
        path = self.folder / f"day-{number:03}.bacpac"
        if not path.exists():
            unfinished = path.with_suffix(".part")
            write_sample(unfinished, "series", day=number, scale=self.scale, level=self.level)
            unfinished.replace(path)
        return path

    def variant(self, name: str, number: int, rewriting: Rewriting) -> Path:
        """A day rewritten; `name` is its place in the cache and must say all that `rewriting` does."""
        path = self.folder / f"day-{number:03}-{name}.bacpac"
        if not path.exists():
            unfinished = path.with_suffix(".part")
            rewritten(self.day(number), unfinished, rewriting, self.level)
            unfinished.replace(path)
        return path

    def floor(self, number: int) -> Floor:
        """What of that day is new against the day before."""
        return self._kept(f"floor-{number:03}", self.day(number - 1), self.day(number))

    def variant_floor(self, name: str, number: int, rewriting: Rewriting, before: int) -> Floor:
        """What of a rewritten day is new against an ordinary one."""
        return self._kept(f"floor-{number:03}-{name}", self.day(before), self.variant(name, number, rewriting))

    def _kept(self, name: str, before: Path, after: Path) -> Floor:
        kept = self.folder / f"{name}.json"
        if not kept.exists():
            kept.write_text(json.dumps(asdict(floor_between(before, after))))
        return Floor(**json.loads(kept.read_text()))


def inflated_bytes(bacpac: Path) -> int:
    """Bytes of all its entries."""
    with Bacpac.open(bacpac) as package:
        return sum(entry.bytes for entry in package.entries)
