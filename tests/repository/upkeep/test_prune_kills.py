"""A delete or prune that dies at any request: what is listed restores, the check is clean, and the next one finishes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from holdfast.repository import PruneRules, Repository
from holdfast.storage.memory import MemoryStore

RULES = PruneRules(grace=timedelta(0))


class Killed(BaseException):
    """The process ends here: no handler of ours may act as if it could go on."""


class DyingStore:
    """Lets `alive` requests through. The next one has its effect or not, is never answered, and neither is any later one."""

    def __init__(self, inner: MemoryStore, alive: int, *, after: bool) -> None:
        self.inner, self.left, self.after = inner, alive, after
        self.url, self.tiers = inner.url, inner.tiers
        self.requests = 0

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self.inner, name)

        def call(*arguments: Any, **more: Any) -> Any:
            self.requests += 1
            self.left -= 1
            if self.left < 0:
                if self.left == -1 and self.after:
                    method(*arguments, **more)
                raise Killed
            result = method(*arguments, **more)
            return iter(list(result)) if name == "list" else result

        return call


def _copy(memory: MemoryStore, clock: Any) -> MemoryStore:
    """Locks are not taken along: a lock of their own begins in the copy, above all that was."""
    copy = MemoryStore(clock=clock)
    copy.objects = {name: one for name, one in memory.objects.items() if not name.startswith("locks/")}
    copy._locks = dict(memory._locks)
    return copy


@pytest.mark.timeout(300)
@pytest.mark.parametrize("after", [False, True], ids=["before its effect", "after its effect"])
def test_killed_at_any_request(
    repository: Repository, memory: MemoryStore, bacpac: Any, tools: Any, clock: Any, after: bool, tmp_path: Path
) -> None:
    files: dict[str, Path] = {}
    for number in (1, 2, 3, 4):
        tables = {"A": [tools.rows(300)], "B": [tools.rows(300, number)]}
        file = bacpac(tables, exported=number)
        files[repository.store_point(file, tools.header_of(number), owner="w").id] = file
    gone = list(files)[1:3]

    def remove(opened: Repository) -> None:
        opened.delete_points(gone, owner="dying")
        opened.prune(RULES, owner="dying")

    whole = DyingStore(_copy(memory, clock), 1 << 30, after=False)
    remove(Repository.open(whole, tools.password, clock=clock))  # type: ignore[arg-type]
    least = tools.total(whole.inner)
    opening = DyingStore(_copy(memory, clock), 1 << 30, after=False)
    Repository.open(opening, tools.password, clock=clock)  # type: ignore[arg-type]
    assert whole.requests > opening.requests + 40
    both = list(files)
    kept = [point for point in files if point not in gone]
    for alive in range(opening.requests, whole.requests):
        copy = _copy(memory, clock)
        dying = Repository.open(DyingStore(copy, alive, after=after), tools.password, clock=clock)  # type: ignore[arg-type]
        with pytest.raises(Killed):
            remove(dying)
        clock.move(seconds=61)
        survivor = Repository.open(copy, tools.password, clock=clock, name="default")
        listed = [point.id for point in survivor.points()]
        assert listed in (both, kept), alive
        for point in listed:
            survivor.verify_point(point)
        report = survivor.check(read_data=True)
        assert report.problems == [], alive
        survivor.delete_points(gone, owner="next")
        done = survivor.prune(RULES, owner="next")
        assert done.ok, alive
        assert [point.id for point in survivor.points()] == kept
        for point in kept:
            survivor.verify_point(point)
        again = survivor.check(read_data=True)
        assert (again.problems, again.notes) == ([], []), alive
        # Room for a record or two more, and for the copies that the dead one had made.
        assert tools.total(copy) < least + 3000, alive
    survivor.write_bacpac(kept[-1], tmp_path / "out", identical=True)
    assert (tmp_path / "out").read_bytes() == files[kept[-1]].read_bytes()
