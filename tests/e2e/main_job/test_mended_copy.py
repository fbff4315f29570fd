"""A database that cannot be exported: looked at, refused, and with a mended copy backed up; the source stays as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from holdfast.bacpac.package import Bacpac
from holdfast.bacpac.preflight import find
from local.profile import LocalProfile
from local.samples.databases import write_sample

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

SOURCE = "sql-mended/legacy"


def test_a_mended_copy_is_exported_and_the_source_is_as_it_was(runs: Any, world: LocalProfile, tmp_path: Path) -> None:
    file = tmp_path / "legacy.bacpac"
    write_sample(file, "legacy", scale=0.1)
    world.load(file, SOURCE)

    looked = runs.wait(world.api("POST", "preflights", {"source": SOURCE})["id"])
    assert looked["state"] == "succeeded"
    with Bacpac.open(file) as package:
        of_file = [finding.model_dump(mode="json") for finding in find(package, "legacy")]
    assert looked["findings"] == of_file
    assert [s["name"] for s in looked["sources"][0]["steps"]] == ["validate", "worker", "preflight", "cleanup"]

    runs.policy("unmended", SOURCE)
    assert runs.states(runs.backup("unmended")) == {SOURCE: "export-blocked"}

    runs.policy("mended", SOURCE, preflight={"repair_staging_copy": True})
    session = runs.backup("mended")
    assert runs.states(session) == {SOURCE: "succeeded"}, runs.log(session["id"])
    point = world.api("GET", f"points/{runs.source(session, SOURCE)['restore_point']}")
    blockers = {finding["object"] for finding in of_file if finding["severity"] == "blocks-export"}
    assert {one["object"] for one in point["transformations"]} == blockers
    assert all(one["definition"] for one in point["transformations"])
    assert any("[Finance].[dbo].[ExchangeRate]" in one["definition"] for one in point["transformations"])
    assert sum("on the staging copy only" in line["message"] for line in runs.log(session["id"])) == len(blockers)
    assert world.repository("default").point(point["id"]).transformations

    # A direct export changes nothing either: the same policy, without a copy.
    assert runs.states(runs.backup("mended", staging=False)) == {SOURCE: "export-blocked"}
    changed = {request["path"] for request in world.admin("GET", "requests") if request["path"].endswith("/altered")}
    assert any("/sql-staging." in path for path in changed), changed
    assert not any(f"/{SOURCE.partition('/')[0]}." in path for path in changed), changed
    assert runs.left() == []
