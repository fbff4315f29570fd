"""Two installations meet on one repository, a folder: both read and write, only the owner removes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from holdfast.model.errors import Damaged, InvalidInput, NotFound
from holdfast.model.installation import Installation
from holdfast.model.terms import Terms
from holdfast.repository import NotOwned, Owner, PruneRules, Repository
from holdfast.storage import open_store

OURS = Installation(id="11111111-1111-4111-8111-111111111111", name="ours")
THEIRS = Installation(id="22222222-2222-4222-8222-222222222222", name="theirs")
CHAIN = "chain-a"


class World:
    """A folder with a repository, and what opens it for whom."""

    def __init__(self, folder: Path, tools: Any, clock: Any, bacpac: Callable[..., Path]) -> None:
        self.url, self.tools, self.clock, self.bacpac = folder.as_uri(), tools, clock, bacpac
        Repository.init(open_store(self.url, clock=clock), tools.password, clock=clock, cost=tools.cost)

    def open(self, installation: Installation | None) -> Repository:
        store = open_store(self.url, clock=self.clock)
        return Repository.open(store, self.tools.password, clock=self.clock, name="default", installation=installation)

    def store(self, installation: Installation | None, number: int, **more: Any) -> str:
        self.clock.move(days=1)
        file = self.bacpac({"T": [self.tools.rows(300, seed=number)]}, exported=number)
        point = self.open(installation).store_point(file, self.tools.header_of(number, CHAIN, **more), owner="w")
        assert point.installation == (installation.id if installation else None)
        return point.id

    def points(self) -> list[str]:
        return [point.id for point in self.open(None).points(CHAIN)]


@pytest.fixture
def world(tmp_path: Path, tools: Any, clock: Any, bacpac: Callable[..., Path]) -> World:
    (tmp_path / "repository").mkdir()
    return World(tmp_path / "repository", tools, clock, bacpac)


def test_the_second_reads_and_writes_and_removes_nothing_of_the_first(world: World) -> None:
    first, second = world.store(OURS, 1), world.store(THEIRS, 2)
    third = world.store(OURS, 3)
    theirs = world.open(THEIRS)
    assert theirs.owner(CHAIN) == world.open(OURS).owner(CHAIN)
    assert theirs.owner(CHAIN).who == OURS  # type: ignore[union-attr]
    assert theirs.verify_point(first) > 0
    for point in (first, second):  # not even its own: what it leaves behind is the owner's to prune
        with pytest.raises(NotOwned, match="belongs to installation ours"):
            theirs.delete_points([point], owner="w")
    for dry in (True, False):
        report = theirs.prune(PruneRules(grace=timedelta(0), dry_run=dry), owner="w")
        assert not report.ok
        assert "installation ours" in str(report.chains[0].error)
    assert world.points() == [first, second, third]
    (done,) = world.open(OURS).delete_points([second, first], owner="w")
    assert done.deleted == [first]
    assert [(one.point, one.why) for one in done.refused] == [(second, f"installation {THEIRS.id} wrote it")]
    assert world.open(OURS).prune(PruneRules(grace=timedelta(0)), owner="w").ok
    assert world.points() == [second, third]
    assert world.open(None).check(read_data=True).problems == []


def test_adopting_takes_over_what_is_there_and_not_what_comes(world: World) -> None:
    first, second = world.store(OURS, 1), world.store(THEIRS, 2)
    before = world.open(THEIRS).adopt(CHAIN, owner="w")
    assert before is not None
    assert before.who == OURS
    objects = len(list(open_store(world.url).list()))
    again = world.open(THEIRS).adopt(CHAIN, owner="w")
    assert again is not None
    assert (again.who, again.number, again.through) == (THEIRS, 2, 2)
    assert len(list(open_store(world.url).list())) == objects, "done again, nothing is written"
    with pytest.raises(NotOwned, match="belongs to installation theirs"):
        world.open(OURS).delete_points([first], owner="w")
    late = world.store(OURS, 3)  # the first lives on, after all
    (done,) = world.open(THEIRS).delete_points([first, late], owner="w")
    assert [one.point for one in done.refused] == [late]
    assert done.deleted == [first]
    assert world.points() == [second, late]
    assert world.open(None).check(read_data=True).ok


def test_a_chain_of_nobody_is_claimed_by_who_writes_and_cleaned_by_nobody_before(world: World) -> None:
    """A person at the repository, who is no installation, may do as ever."""
    old = world.store(None, 1)
    with pytest.raises(NotOwned, match="no installation"):
        world.open(OURS).delete_points([old], owner="w")
    new = world.store(OURS, 2)
    world.open(OURS).delete_points([old], owner="w")
    assert world.points() == [new]
    world.store(None, 3)
    world.open(None).delete_points([new], owner="w")
    with pytest.raises(InvalidInput):
        world.open(None).adopt(CHAIN, owner="w")
    with pytest.raises(NotFound):
        world.open(OURS).adopt("chain-b", owner="w")


def test_claims_of_removed_points_are_remembered_longer_than_their_records(world: World) -> None:
    """So that a rebuilt configuration database does not give a period a second point."""
    first, day = date(2026, 1, 5), date(2026, 1, 19)

    def terms(*claims: tuple[str, date, str]) -> Terms:
        told = [{"flag": flag, "anchor": at, "point": point, "day": at} for flag, at, point in claims]
        return Terms.model_validate({"policy": "nightly", "day": day, "claims": told})

    begun = ("D", first, "one")
    world.store(OURS, 1, terms=terms(begun, ("W", first, "one")))
    world.store(OURS, 2, terms=terms(begun, ("W", first, "one"), ("M", day, "two")))
    world.store(OURS, 3, terms=terms(begun, ("W", day, "three"), ("M", day, "two")))
    ids = world.points()
    world.store(OURS, 4)
    repository = world.open(OURS)
    for point in ids:
        repository.delete_points([point], owner="w")
    survey = repository.survey(CHAIN)
    assert {(one.policy, one.flag, one.anchor, one.point) for one in survey.claims} == {
        ("nightly", *claim) for claim in (begun, ("W", day, "three"), ("M", day, "two"))
    }
    assert survey.removed == sorted(ids)
    assert survey.owner == repository.owner(CHAIN)
    assert repository.check().ok


def test_an_owner_record_that_was_tampered_with_owns_nothing(world: World) -> None:
    """Nobody removes before that is settled; the points are read as ever."""
    first = world.store(OURS, 1)
    file = Path(world.url.removeprefix("file://")) / "chains" / CHAIN / "owners" / "0000000001"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.chmod(0o644)
    file.write_bytes(bytes(data))
    with pytest.raises(Damaged, match="owners/0000000001"):
        world.open(OURS).delete_points([first], owner="w")
    report = world.open(None).check()
    assert [problem.object for problem in report.problems] == [f"chains/{CHAIN}/owners/0000000001"]
    survey = world.open(None).survey(CHAIN)
    assert [point.id for point in survey.points] == [first]
    assert "owner record" in str(survey.problems[0])


def test_the_owner_record_says_what_the_page_says(world: World) -> None:
    world.store(OURS, 1)
    owner = world.open(None).owner(CHAIN)
    assert owner is not None
    said = {"format", "repository", "chain", "number", "installation", "name", "since", "through", "previous"}
    assert set(Owner.model_fields) == said
    assert (owner.number, owner.through, owner.previous, owner.since) == (1, 0, None, world.clock.now())
