"""kill -9 of the host, of the worker's machine and of the worker program, in every step of a backup.

Whatever dies, and wherever: after a restart the session ends, its point exists once in the catalog and once in the
repository, and no copy, running machine or taken slot is left. A step that is too short to be hit is held up by a fault.
All of it runs with `make prove PIECES=kills`, two fixed cases with `make test`.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from holdfast.model.session import State
from local.profile import LocalProfile

if TYPE_CHECKING:
    from tests.e2e.conftest import Kills

pytestmark = [pytest.mark.e2e, pytest.mark.prove, pytest.mark.timeout(1500)]

_HOST, _MACHINE, _PROGRAM = "host", "worker machine", "worker program"
_BEFORE_THE_WORKER = ("validate", "stage")
_STEPS = (*_BEFORE_THE_WORKER, "worker", "synchronise", "preflight", "export", "store", "commit", "cleanup")
#: The point is written, and its writer dies before it can say so.
_STORED = "store, point written"
_FIXED = [("export", _HOST), ("store", _MACHINE)]
_WHOLE = [(step, victim) for step in (*_STEPS, _STORED) for victim in (_HOST, _MACHINE, _PROGRAM)]
_CASES = [
    pytest.param(step, victim, marks=() if (step, victim) in _FIXED else pytest.mark.whole)
    for step, victim in _WHOLE
    if victim == _HOST or step not in _BEFORE_THE_WORKER
]


def hold_up(world: LocalProfile, step: str) -> None:
    """Makes a step long enough to be hit, by the slowness of a service that this step alone asks, or asks first."""
    azure, storage = world.azure_fault, world.storage_fault
    if step == "validate":
        azure(mode="delay", method="GET", path="servers/sql-staging$", seconds=5)
    elif step == "stage":
        azure(mode="delay", method="PUT", path="servers/sql-staging/databases/", seconds=5)
    elif step == "worker":
        storage(match="PUT blob /hfstate/jobs/workers/", delay=5)
    elif step == "synchronise":
        azure(mode="delay", method="GET", path="/secrets/repository-default", seconds=5)
    elif step == "preflight":
        azure(mode="delay", method="GET", path="/_sql/.*/bacpac$", seconds=5)
    elif step == "store":
        storage(match="PUT blob /hfbackup/backups/chains/[^/]+/data/", delay=5)
    elif step == _STORED:
        storage(match="PUT blob /hfstate/jobs/.*-store-.*result.json", delay=5)
    elif step == "commit":
        storage(match="PUT blob /hfstate/catalog/[^/]*points/", delay=5)
    elif step == "cleanup":
        azure(mode="delay", method="DELETE", path="servers/sql-staging/databases/", seconds=5)


@pytest.mark.parametrize(("step", "victim"), _CASES)
def test_a_death_in_any_step_costs_no_point_and_leaves_nothing(kills: Kills, step: str, victim: str) -> None:
    """And the next backup of the same database works as if nothing had happened, where this one failed."""
    name = step.partition(",")[0]
    hold_up(kills.world, step)
    began = time.monotonic()
    session = kills.start()
    if step == "export":
        kills.wait_for_step(session, "preflight")
        kills.slow_rows(300)
    kills.wait_for_step(session, name)
    kills.wait_for_fault(session)
    if step == "export":
        kills.wait_for_rows(session)
    if victim == _HOST:
        kills.world.kill_host()
    else:
        kills.kill_worker(program=victim == _PROGRAM)
    hit = time.monotonic() - began
    assert kills.step_runs(session, name), f"the {victim} died too late to hit {step}"
    kills.slow_rows(None)
    kills.world.start_host()
    ended = kills.end(session)
    told = kills.errors(session)
    outcome = str(ended.state) + (f" after {'; '.join(told)}" if told else "")
    if ended.state is not State.SUCCEEDED:
        assert kills.points_of(session, kills.backups) == ([], []), "a failed session must not have a point"
        kills.nothing_is_left()
        session = kills.start()
        assert kills.end(session).state is State.SUCCEEDED
        outcome += "; the next succeeded"
    seconds = time.monotonic() - began
    kills.has_one_point(session, kills.backups)
    kills.nothing_is_left()
    kills.record(step, victim, f"{hit:.0f} s", outcome, f"{seconds:.0f}")
