"""Jobs of the maintainer: locks, deletions and holds, on real repositories in folders."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from holdfast.model.job import RepositoryRef
from holdfast.model.terms import Terms
from holdfast.repository import PointHeader, Repository

if TYPE_CHECKING:
    from tests.worker.conftest import Office

CHAIN = "0123456789abcdef0123"
TODAY = datetime.now(UTC).date()
PAST, FUTURE = TODAY - timedelta(days=1), TODAY + timedelta(days=30)


@pytest.fixture
def backup(office: Office) -> RepositoryRef:
    return office.repository("default")


def opened(office: Office, ref: RepositoryRef) -> Repository:
    return office.equipment.repositories.open(ref)


def stored(repository: Repository, package: Path, number: int, until: date | None) -> str:
    """A point that is kept until that day."""
    terms = None if until is None else Terms(policy="p", day=PAST, until={"D": until})
    header = PointHeader(
        id=f"p{number}",
        source="server/db",
        chain=CHAIN,
        created_at=datetime.now(UTC) - timedelta(days=20 - number),
        terms=terms,
    )
    return repository.store_point(package, header, owner="the test").id


def run(office: Office, kind: Any, spec: dict[str, Any]) -> dict[str, Any]:
    result = office.run(office.job(kind, spec))
    assert result.error is None, result.error
    return result.output


def retain(office: Office, ref: RepositoryRef, delete: list[str], **more: Any) -> dict[str, Any]:
    chains = [{"chain": CHAIN, "source": "server/db", "delete": delete, **more}]
    output = run(office, "retain", {"repository": ref.model_dump(mode="json"), "chains": chains})
    (told,) = output["chains"]
    return dict(told)


def ids(repository: Repository) -> list[str]:
    return [point.id for point in repository.points()]


def test_expired_points_go_and_the_others_can_be_read(office: Office, backup: RepositoryRef, package: Path) -> None:
    repository = opened(office, backup)
    for number, until in enumerate([PAST, PAST, FUTURE]):
        stored(repository, package, number, until)
    told = retain(office, backup, ["p0", "p1"])
    assert (told["deleted"], told["kept"], told["error"]) == (["p0", "p1"], {}, None)
    assert ids(repository) == ["p2"]
    repository.verify_point("p2")
    again = retain(office, backup, ["p0", "p1"])
    assert (again["deleted"], again["gone"]) == ([], ["p0", "p1"])


def test_what_a_manifest_keeps_is_not_deleted_on_the_word_of_a_plan(
    office: Office, backup: RepositoryRef, package: Path
) -> None:
    repository = opened(office, backup)
    stored(repository, package, 0, FUTURE)
    stored(repository, package, 1, None)
    stored(repository, package, 2, PAST)
    told = retain(office, backup, ["p0", "p1", "p2", "p9"])
    assert told["kept"] == {"p0": f"its manifest keeps it until {FUTURE}", "p1": "its manifest names no end"}
    assert (told["deleted"], told["gone"]) == (["p2"], ["p9"])
    assert ids(repository) == ["p0", "p1"]


def test_the_last_point_of_a_backup_chain_stays_and_that_of_an_archive_chain_may_go(
    office: Office, backup: RepositoryRef, package: Path
) -> None:
    repository = opened(office, backup)
    stored(repository, package, 0, PAST)
    stored(repository, package, 1, PAST)
    told = retain(office, backup, ["p0", "p1"])
    assert (told["deleted"], told["kept"]) == (["p0"], {"p1": "it is the last point of its chain"})
    assert retain(office, backup, ["p1"], may_empty=True)["deleted"] == ["p1"]
    assert ids(repository) == []


def test_a_lock_runs_to_the_manifests_end_or_a_later_one_and_keeps_the_point(
    office: Office, backup: RepositoryRef, package: Path
) -> None:
    repository = opened(office, backup)
    for number, until in enumerate([PAST, FUTURE, FUTURE]):
        stored(repository, package, number, until)
    later = datetime.now(UTC) + timedelta(days=90)
    work = {"chain": CHAIN, "ends": {"p2": later.isoformat()}}
    spec = {"repository": backup.model_dump(mode="json"), "chains": [work]}
    (told,) = run(office, "lock", spec)["chains"]
    assert told["problems"] == []
    assert told["changed"] > 0
    (again,) = run(office, "lock", spec)["chains"]
    assert again["changed"] == 0, "nothing is lengthened twice"
    ends = {state.id: state.locked_until for state in repository.locks.states()}
    assert ends["p0"] is None
    assert ends["p1"] is not None
    assert ends["p1"].date() > FUTURE
    assert ends["p2"] is not None
    assert ends["p2"] >= later


def test_an_expired_point_whose_lock_has_not_ended_is_told_with_its_end(
    office: Office, backup: RepositoryRef, package: Path
) -> None:
    repository = opened(office, backup)
    stored(repository, package, 0, PAST)
    stored(repository, package, 1, FUTURE)
    later = datetime.now(UTC) + timedelta(days=3)
    work = {"chain": CHAIN, "ends": {"p0": later.isoformat()}}
    run(office, "lock", {"repository": backup.model_dump(mode="json"), "chains": [work]})
    told = retain(office, backup, ["p0"])
    assert told["deleted"] == []
    assert datetime.fromisoformat(told["locked"]["p0"]) > later
    assert ids(repository) == ["p0", "p1"]


def test_a_hold_keeps_until_it_is_released(office: Office, backup: RepositoryRef, package: Path) -> None:
    repository = opened(office, backup)
    stored(repository, package, 0, PAST)
    stored(repository, package, 1, PAST)
    spec = {"repository": backup.model_dump(mode="json"), "points": ["p0"]}
    assert run(office, "hold", {**spec, "on": True})["changed"] > 0
    assert retain(office, backup, ["p0"])["locked"] == {"p0": "held"}
    run(office, "hold", {**spec, "on": False})
    assert retain(office, backup, ["p0"])["deleted"] == ["p0"]


def test_a_chain_that_somebody_writes_to_is_left_to_the_next_run(
    office: Office, backup: RepositoryRef, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the others of the batch need not wait for it."""
    monkeypatch.setattr("holdfast.worker.retain._PATIENCE_SECONDS", 0.0)
    repository = opened(office, backup)
    stored(repository, package, 0, PAST)
    stored(repository, package, 1, PAST)
    lease = repository.store.acquire(f"locks/{CHAIN}", "session s0 (worker w)", timedelta(seconds=60))
    told = retain(office, backup, ["p0"])
    assert "session s0" in told["busy"]
    assert (told["deleted"], told["error"]) == ([], None)
    repository.store.release(lease)
    assert retain(office, backup, ["p0"])["deleted"] == ["p0"]
