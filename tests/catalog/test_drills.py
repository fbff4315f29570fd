"""Drills in the catalog: one end each, the proofs that outlive the rest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from holdfast.catalog import Catalog
from holdfast.catalog import drills as module
from holdfast.model.drill import DrillProof, DrillRecord

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)


def drill(number: int, **more: Any) -> DrillRecord:
    given: dict[str, Any] = {
        "id": f"d{number}",
        "source": "srv/shop",
        "chain": "c1",
        "point": f"p{number}",
        "point_created_at": NOW,
        "repository": "default",
        "started_at": NOW + timedelta(days=number),
    }
    return DrillRecord.model_validate({**given, **more})


def test_a_drill_ends_once(catalog: Catalog) -> None:
    begun = catalog.drills.put(drill(1))
    assert catalog.drills.put(begun) == begun
    proof = [DrillProof(what="rows", outcome="same", detail="x" * 40_000)]
    ended = begun.model_copy(update={"state": "proven", "proof": proof})
    assert catalog.drills.put(ended) == ended
    assert catalog.drills.put(begun.model_copy(update={"state": "failed"})) == ended
    assert catalog.drills.of("c1") == [ended]
    assert catalog.drills.find("c1", "d1") == ended
    assert catalog.drills.find("c1", "d2") is None


def test_drills_are_told_by_chain_in_order_and_the_last_proof_of_each(catalog: Catalog) -> None:
    for number, state in ((3, "failed"), (1, "proven"), (2, "proven")):
        catalog.drills.put(drill(number, state=state))
    other = catalog.drills.put(drill(1, chain="c2", id="e1", state="failed"))
    assert [one.id for one in catalog.drills.all()["c1"]] == ["d1", "d2", "d3"]
    assert catalog.drills.all()["c2"] == [other]
    assert {chain: one.id for chain, one in catalog.drills.proven().items()} == {"c1": "d2"}


def test_the_newest_proof_stays_however_many_came_after_it(catalog: Catalog, monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "_KEPT", 2)
    for number in range(6):
        catalog.drills.put(drill(number, state="proven" if number == 1 else "failed"))
    assert catalog.drills.thin("c1") == 3
    assert [one.id for one in catalog.drills.of("c1")] == ["d1", "d4", "d5"]
    assert catalog.drills.thin("c1") == 0
