"""What drills leave is dropped on the wire, and nothing whose name or tags do not say so."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from holdfast.cloud import tags as marks
from holdfast.cloud.clients import Clients
from holdfast.cloud.databases import SqlServers
from holdfast.cloud.drill_targets import DrillTargets
from holdfast.cloud.restore_targets import RestoreTargets
from holdfast.model.drill import drill_database
from holdfast.model.errors import InvalidInput, NameTaken
from tests.cloud.test_restore_targets import plan_on

if TYPE_CHECKING:
    from tests.cloud.conftest import Azure

RESTORE = "20260301T030000000Z-drill-abcdef-restore"
Until = Callable[[Callable[[], Any], Any], Any]


@pytest.fixture
def drilled(azure: Azure, servers: SqlServers, clients: Clients, until: Until) -> str:
    """A database as a drill's restore leaves it: under its own name, told by session and point."""
    azure.place(f"{azure.servers}/drills")
    plan = plan_on(servers, f"{azure.servers}/drills", temporary=drill_database(RESTORE))
    RestoreTargets(clients).create(plan, {marks.SESSION: RESTORE, marks.POINT: "p"}, {})
    until(lambda: servers.copy_state(plan.temporary_id, "").state, "ready")
    return plan.temporary_id


def test_what_the_drill_restored_is_dropped_until_it_is_gone(
    servers: SqlServers, clients: Clients, until: Until, drilled: str
) -> None:
    targets = DrillTargets(clients)
    assert drill_database(RESTORE) not in {one.database for one in servers.list_sources()}, "it is nobody's source"
    assert targets.remove(drilled, RESTORE)
    until(lambda: targets.remove(drilled, RESTORE), False)


def test_nothing_else_is_ever_dropped(azure: Azure, servers: SqlServers, clients: Clients, drilled: str) -> None:
    targets = DrillTargets(clients)
    for restore in ("another-restore", ""):
        with pytest.raises(NameTaken, match="not what the drill restored"):
            targets.remove(drilled, restore)
    azure.place(f"{azure.servers}/drills/databases/sales", tags={marks.SESSION: RESTORE})
    with pytest.raises(NameTaken):
        targets.remove(f"{azure.servers}/drills/databases/sales", RESTORE)
    with pytest.raises(InvalidInput):
        targets.remove(f"{azure.servers}/drills", RESTORE)
    assert RestoreTargets(clients).find(drilled) is not None
