"""What a session's log says of a chain that a worker read; and that it is said before it is changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from activities.synchronising import Place, synchronise
from holdfast.model.installation import Installation
from holdfast.model.point import RestorePoint, point_id

OURS, THEIRS = Installation(id="us", name="ours"), Installation(id="them", name="theirs")
PLACE = Place("s1", "job-1", "sql-a/one", "default", "chain")


def point(number: int, installation: str | None = "us") -> RestorePoint:
    at = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(days=number)
    return RestorePoint(
        id=point_id(at, "chain", str(number)),
        source="sql-a/one",
        chain="chain",
        created_at=at,
        kind="full",
        consistency="live",
        installation=installation,
    )


def read(*points: RestorePoint, **more: Any) -> dict[str, Any]:
    said = [each.model_dump(mode="json", by_alias=True) for each in points]
    return {"points": said, "problems": [], "removed": [], "owner": OURS.model_dump(), **more}


def told(app: Any) -> list[tuple[str, str]]:
    return [(line.level, line.message) for line in app.catalog.log.read("s1") if line.source == "sql-a/one"]


@pytest.fixture(autouse=True)
def ours(app: Any) -> None:
    app.installation = OURS


def test_every_kind_of_difference_is_counted_and_named(app: Any) -> None:
    synchronise(app, PLACE, read(point(0), point(1), point(2), point(3)))
    changed = point(1).model_copy(update={"stored_bytes": 9})
    foreign = point(4, "them")
    app.clock.advance(days=1)
    place = Place("s1", "job-2", "sql-a/one", "default", "chain")
    detail = synchronise(app, place, read(point(0), changed, foreign, removed=[point(3).id], problems=["p: broken"]))
    assert detail == "3 points in the repository, 1 added, 1 missing, 1 changed, 1 deleted, 1 foreign"
    lines = told(app)[1:]
    assert ("error", "p: broken") in lines
    for word, one in (("missing (ALARM", point(2)), ("added", foreign), ("changed", changed)):
        assert any(word in text and text.endswith(one.id) and level == "warning" for level, text in lines), word
    assert any("deleted (" in text and point(3).id in text for _, text in lines)
    assert any("foreign (" in text and foreign.id in text for _, text in lines)


def test_an_alarm_outlives_the_death_of_who_raised_it(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told, then changed; done again, told once."""
    synchronise(app, PLACE, read(point(0), point(1)))
    place = Place("s1", "job-2", "sql-a/one", "default", "chain")
    with monkeypatch.context() as patch:
        patch.setattr(app.catalog.points, "mark", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            synchronise(app, place, read(point(0)))
    assert sum("missing (ALARM" in text for _, text in told(app)) == 1
    synchronise(app, place, read(point(0)))
    assert sum("missing (ALARM" in text for _, text in told(app)) == 1
    assert app.catalog.points.get(point(1).id).state == "missing"
    third = Place("s1", "job-3", "sql-a/one", "default", "chain")
    assert synchronise(app, third, read(point(0))) == "1 point in the repository"
    assert "still missing" in told(app)[-1][1]


def test_a_chain_of_another_installation_is_said_to_be_so(app: Any) -> None:
    synchronise(app, PLACE, read(point(0), owner=THEIRS.model_dump()))
    assert "belongs to installation theirs (them)" in told(app)[-1][1]
    assert "holdfast repository adopt default" in told(app)[-1][1]


def test_a_dry_run_tells_and_changes_nothing(app: Any) -> None:
    assert synchronise(app, PLACE, read(point(0)), dry_run=True) == "1 point in the repository, 1 added"
    assert app.catalog.points.list().points == []
