"""Where the bench keeps what it makes: a cache of series, results, and a work folder that is emptied."""

from __future__ import annotations

import shutil
from pathlib import Path

from bench.measuring import ROOT

CACHE = ROOT / ".cache" / "bench"


def series_folder() -> Path:
    """Days that were made once; they are the same for ever, so nothing here grows old."""
    return _made(CACHE / "series")


def results_folder(scale: float) -> Path:
    """One JSON file a piece."""
    return _made(CACHE / "results" / f"{scale:g}")


def work_folder(name: str) -> Path:
    """An empty folder for the repositories and restored files of a piece."""
    folder = CACHE / "work" / name
    shutil.rmtree(folder, ignore_errors=True)
    return _made(folder)


def remove_work(name: str) -> None:
    """Away with a piece's work folder."""
    shutil.rmtree(CACHE / "work" / name, ignore_errors=True)


def emptied(folder: Path) -> Path:
    """The folder, with nothing in it."""
    shutil.rmtree(folder, ignore_errors=True)
    return _made(folder)


def folder_bytes(folder: Path) -> int:
    """Bytes of all files below the folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
