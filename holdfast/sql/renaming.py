"""New names for databases of a managed instance, by ALTER DATABASE in master. Never run against an engine here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from holdfast.model.errors import NameTaken
from holdfast.model.preflight.rule import bracketed

Moves = Sequence[tuple[str, str]]

#: What there is; asked before each change.
NAMES = "SELECT name FROM sys.databases"


def statement(old: str, new: str) -> str:
    """Renames one. It waits for nobody: the server refuses it while somebody is connected, and it is tried again."""
    return f"ALTER DATABASE {bracketed(old)} MODIFY NAME = {bracketed(new)}"


def rename(moves: Moves, names: Callable[[], Collection[str]], move: Callable[[str, str], None]) -> None:
    """Makes the moves in their order, and none that was made before. Where one fails the earlier are undone, and it raises.

    `names` tells what there is, `move` renames one. Raises NameTaken where a new name is another database's.
    """
    there = {name.casefold() for name in names()}
    last_old, last_new = moves[-1]
    if last_old.casefold() not in there and last_new.casefold() in there:
        return  # all of it was done
    done: list[tuple[str, str]] = []
    try:
        for old, new in moves:
            there = {name.casefold() for name in names()}
            if old.casefold() not in there and new.casefold() in there:
                done.append((old, new))
                continue
            if new.casefold() in there:
                raise NameTaken(f"there is a database {new} already, so {old} cannot get that name")
            move(old, new)
            done.append((old, new))
    except BaseException:
        for old, new in reversed(done):
            move(new, old)
        raise
