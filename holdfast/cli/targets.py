"""Files that commands write: nothing is overwritten that nobody said to."""

from __future__ import annotations

from pathlib import Path

from holdfast.model.errors import InvalidInput


def check_target(to: Path, *, overwrite: bool) -> None:
    """Raises InvalidInput where `--to` is no place for a new file."""
    if to.is_dir():
        raise InvalidInput(f"--to {to} is a folder; name the file to write")
    if not to.absolute().parent.is_dir():
        raise InvalidInput(f"--to {to}: there is no folder {to.absolute().parent}")
    if to.exists() and not overwrite:
        raise InvalidInput(f"--to {to} is there already", help="Name another file, or say --overwrite to replace it.")
