"""New names for an instance's databases: in order, once, and undone where a later one is refused."""

from __future__ import annotations

import pytest
import sqlglot
from sqlglot import exp

from holdfast.model.errors import NameTaken
from holdfast.sql.renaming import NAMES, rename, statement

MOVES = [("sales", "sales-pre"), ("sales-restore", "sales")]


class Instance:
    """Databases by name; `refuses` names one that the server does not rename."""

    def __init__(self, *names: str, refuses: str = "", dies: int = 0) -> None:
        self.there = {name: f"was {name}" for name in names}
        self.refuses, self.dies, self.moved = refuses, dies, 0

    def names(self) -> list[str]:
        return list(self.there)

    def move(self, old: str, new: str) -> None:
        if old == self.refuses:
            raise RuntimeError("5030: could not be exclusively locked")
        assert new not in self.there
        self.there[new] = self.there.pop(old)
        self.moved += 1
        if self.moved == self.dies:
            raise KeyboardInterrupt

    def rename(self) -> None:
        rename(MOVES, self.names, self.move)


def test_the_old_one_makes_room_and_the_restored_one_gets_the_name() -> None:
    instance = Instance("sales", "sales-restore", "other")
    instance.rename()
    assert instance.there == {"other": "was other", "sales": "was sales-restore", "sales-pre": "was sales"}
    instance.rename()
    assert instance.moved == 2, "done again, nothing is moved"


def test_a_worker_that_died_between_the_two_goes_on() -> None:
    instance = Instance("sales-pre", "sales-restore")
    instance.rename()
    assert instance.there == {"sales": "was sales-restore", "sales-pre": "was sales-pre"}


def test_a_second_rename_that_is_refused_undoes_the_first() -> None:
    instance = Instance("sales", "sales-restore", refuses="sales-restore")
    with pytest.raises(RuntimeError):
        instance.rename()
    assert instance.there == {"sales": "was sales", "sales-restore": "was sales-restore"}


def test_a_name_that_is_taken_is_not_overwritten() -> None:
    instance = Instance("sales", "sales-restore", "sales-pre")
    with pytest.raises(NameTaken):
        instance.rename()
    assert set(instance.there) == {"sales", "sales-restore", "sales-pre"}
    assert instance.moved == 0


def test_the_statements_are_t_sql_and_quote_any_name() -> None:
    (parsed,) = sqlglot.parse(NAMES, read="tsql")
    assert isinstance(parsed, exp.Select)
    assert statement("a]b", "c'd") == "ALTER DATABASE [a]]b] MODIFY NAME = [c'd]"
