"""Staging copies, on the emulated Azure: made once, watched, dropped only if ours."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from holdfast.cloud.clients import Clients
from holdfast.cloud.copy_state import CopyState
from holdfast.cloud.databases import SqlServers
from holdfast.cloud.failures import AzureRefused, QuotaExceeded
from holdfast.cloud.tags import copy_tags
from holdfast.model.errors import (
    Conflict,
    Forbidden,
    HoldfastError,
    InvalidInput,
    NameTaken,
    StagingFailed,
    StagingServerUnusable,
)
from holdfast.model.plan import StagingServer, copy_name
from holdfast.model.source import Source

KINDS = ["servers", "instances"]
_numbers = itertools.count()


class Case:
    """One source, one staging server, one name that nobody else uses."""

    def __init__(self, azure: Any, servers: SqlServers, kind: str) -> None:
        self.azure, self.servers, self.kind = azure, servers, kind
        root = getattr(azure, kind)
        number = next(_numbers)
        self.source_id = azure.place(f"{root}/origin-{kind}/databases/db{number}")
        self.staging_id = f"{root}/staging-{kind}"
        self.session = f"s{number}"
        self.name = copy_name("0123456789ab", self.session)
        self.id = f"{self.staging_id}/databases/{self.name}"
        self.tags = copy_tags("test", self.session, "0123456789ab", datetime.now(UTC) + timedelta(hours=72))
        self.operation = ""

    @property
    def source(self) -> Source:
        """The source as Azure shows it."""
        return self.servers.get_source(self.source_id)

    @property
    def staging(self) -> StagingServer:
        """The staging server as Azure shows it."""
        return self.servers.staging_server(self.staging_id)

    def start(self, **changed: Any) -> str:
        """Asks for the copy; its id."""
        given = {"source": self.source, "staging": self.staging, "name": self.name, "tags": self.tags, **changed}
        started = self.servers.start_copy(**given)
        self.operation = started.operation or self.operation
        return started.resource_id

    def state(self) -> str:
        """The word for how it is."""
        return self.servers.copy_state(self.id).state


@pytest.fixture(params=KINDS)
def case(request: pytest.FixtureRequest, azure: Any, servers: SqlServers) -> Case:
    """The same for SQL databases and for databases of instances."""
    for kind in KINDS:
        for server in ("origin", "staging"):
            azure.place(f"{getattr(azure, kind)}/{server}-{kind}")
    made = Case(azure, servers, request.param)
    if request.param == "instances":
        # A database of an instance can be restored from once it has been backed up (1.2 s at this pace).
        azure.until_backed_up(made.source_id)
    return made


def test_a_copy_comes_into_being_and_goes(case: Case, until: Callable[..., Any]) -> None:
    """Absent or creating, ready with our tags, and absent again."""
    assert case.state() == "absent"
    assert case.start() == case.id
    assert until(case.state, "creating") == "creating"
    assert until(case.state, "ready") == "ready"
    found = case.servers.copy_state(case.id)
    assert found == CopyState("ready", "Online", case.name, case.tags)
    assert case.servers.drop_copy(case.id, case.tags)
    assert until(case.state, "absent") == "absent"
    assert case.servers.drop_copy(case.id, case.tags) is False


def test_starting_it_again_takes_the_one_that_is_there(case: Case, until: Callable[..., Any]) -> None:
    """An activity that runs twice; whenever the second time is, and whatever hour of expiry it computes."""
    case.start()
    until(case.state, "creating", "ready")
    before = len(case.azure.requests("PUT", case.name))
    later = copy_tags("test", case.session, "0123456789ab", datetime.now(UTC) + timedelta(hours=99))
    assert case.start(tags=later) == case.id
    until(case.state, "ready")
    assert case.start() == case.id
    assert len(case.azure.requests("PUT", case.name)) == before == 1


def test_an_answer_that_got_lost_does_no_harm(case: Case, until: Callable[..., Any]) -> None:
    """The SDK sends the PUT again and hears of a conflict with its own first attempt.

    A SQL copy shows only after a while: until then nobody can tell whose the name is, and the step is tried again.
    """
    case.azure.fault(mode="lose-reply", method="PUT", path=f"{case.name}$")
    with contextlib.suppress(Conflict):
        case.start()
    until(case.state, "creating", "ready")
    assert case.start() == case.id
    assert until(case.state, "ready") == "ready"


def test_a_name_that_somebody_else_has_is_left_alone(case: Case) -> None:
    """Neither taken over nor dropped."""
    case.azure.place(case.id, tags={**case.tags, "holdfast-session": "another"})
    with pytest.raises(NameTaken):
        case.start()
    with pytest.raises(NameTaken):
        case.servers.drop_copy(case.id, case.tags)
    assert case.state() == "ready"


def test_the_source_itself_is_never_dropped(case: Case) -> None:
    """Not even where somebody put our tags on it."""
    with pytest.raises(NameTaken):
        case.servers.drop_copy(case.source_id, case.tags)
    case.azure.place(case.source_id, tags=case.tags)
    with pytest.raises(NameTaken):
        case.servers.drop_copy(case.source_id, case.tags)
    with pytest.raises(NameTaken):
        case.servers.drop_copy(case.source_id, {})
    assert case.servers.copy_state(case.source_id).state == "ready"


def test_a_copy_of_the_other_kind_or_without_our_prefix_is_not_begun(case: Case) -> None:
    """Names and kinds are what cleanup stands on."""
    with pytest.raises(InvalidInput):
        case.start(name="sales-copy")
    other = case.servers.staging_server(
        f"{case.azure.instances}/staging-instances"
        if case.kind == "servers"
        else f"{case.azure.servers}/staging-servers"
    )
    with pytest.raises(StagingServerUnusable):
        case.start(staging=other)
    assert case.azure.requests("PUT", case.name) == []


@pytest.mark.parametrize("leaves", ["nothing", "broken"])
def test_a_copy_that_fails_late_says_why_even_when_it_is_gone(
    case: Case, until: Callable[..., Any], leaves: str
) -> None:
    """Its operation knows; looked at without it, it is just absent, as after a drop."""
    case.azure.fault(
        mode="operation",
        method="PUT",
        path=f"{case.name}$",
        leaves=leaves,
        code="CopyFailed",
        message="the disk is full",
    )
    case.start()
    assert case.operation.startswith(case.azure.url)
    until(lambda: case.servers.copy_state(case.id, case.operation).state, "failed")
    found = case.servers.copy_state(case.id, case.operation)
    assert "CopyFailed: the disk is full" in found.detail
    assert found.error is not None
    if leaves == "nothing":
        assert until(case.state, "absent") == "absent"
    else:
        until(case.state, "failed")
    case.servers.drop_copy(case.id, case.tags)
    until(case.state, "absent")
    case.start()
    assert until(lambda: case.servers.copy_state(case.id, case.operation).state, "ready") == "ready"


@pytest.mark.parametrize(
    ("status", "code", "message", "expected"),
    [
        (403, "AuthorizationFailed", "perform action 'Microsoft.Sql/x/write' over scope '/y'", Forbidden),
        (409, "SubscriptionDtuQuotaExceeded", "no more", QuotaExceeded),
        (400, "InvalidEdition", "no such edition", AzureRefused),
    ],
)
def test_a_refused_copy_is_refused_in_our_words(
    case: Case, status: int, code: str, message: str, expected: type[HoldfastError]
) -> None:
    """And nothing is there afterwards."""
    case.azure.fault(method="PUT", path=f"{case.name}$", status=status, code=code, message=message, count=-1)
    with pytest.raises(expected):
        case.start()
    assert case.state() == "absent"


def test_the_janitor_finds_copies_of_its_own_installation(case: Case, until: Callable[..., Any]) -> None:
    """With all that it needs to judge them."""
    case.start()
    until(case.state, "creating", "ready")
    (found,) = [copy for copy in case.servers.list_copies("test") if copy.session == case.session]
    assert (found.resource_id, found.name, found.source_key) == (case.id, case.name, "0123456789ab")
    assert found.expires_at is not None
    assert found.expires_at > datetime.now(UTC)
    assert found.server == case.staging.name
    assert case.id in [copy.resource_id for copy in case.servers.list_copies()]
    assert list(case.servers.list_copies("another")) == []
    assert case.name not in [s.database for s in case.servers.list_sources()]


def test_a_copy_to_another_region_stands_in_the_region_of_its_server(
    azure: Any, servers: SqlServers, until: Callable[..., Any]
) -> None:
    """A staging server may be anywhere; an instance takes only what is in its own region."""
    for kind in KINDS:
        azure.place(f"{getattr(azure, kind)}/origin-{kind}")
        azure.place(f"{getattr(azure, kind)}/far-{kind}", region="northeurope")
    case = Case(azure, servers, "servers")
    case.staging_id = f"{azure.servers}/far-servers"
    case.id = f"{case.staging_id}/databases/{case.name}"
    case.start()
    until(case.state, "ready")
    assert servers.get_source(case.id).region == "northeurope"
    case = Case(azure, servers, "instances")
    case.staging_id = f"{azure.instances}/far-instances"
    with pytest.raises(StagingServerUnusable, match="region"):
        case.start()


def test_a_copy_from_a_pool_stands_alone(azure: Any, servers: SqlServers, until: Callable[..., Any]) -> None:
    """The pool of its original takes no copy on another server."""
    for server in ("origin", "staging"):
        azure.place(f"{azure.servers}/{server}-servers")
    pooled = azure.place(
        f"{azure.servers}/origin-servers/databases/pooled",
        sku={"name": "ElasticPool", "tier": "GeneralPurpose", "capacity": 0},
        properties={"elasticPoolId": f"{azure.servers}/origin-servers/elasticPools/p"},
    )
    case = Case(azure, servers, "servers")
    case.source_id = pooled
    case.start()
    until(case.state, "ready")
    assert servers.get_source(case.id).sku == "GP_Gen5"


class StoppedClock:
    """A clock that stands."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        """The moment."""
        return self.moment


def test_a_restore_shows_a_moment_just_before_now(azure: Any, clients: Clients, servers: SqlServers) -> None:
    """Never in the future; never before the first backup, which a new database has yet to get."""
    for server in ("origin", "staging"):
        azure.place(f"{azure.instances}/{server}-instances")
    case = Case(azure, servers, "instances")
    with pytest.raises(StagingFailed, match="no backup"):
        case.start()
    earliest = azure.until_backed_up(case.source_id)
    source, staging = case.source, case.staging
    early = SqlServers(clients, StoppedClock(earliest - timedelta(minutes=1)))
    with pytest.raises(StagingFailed, match="no backup"):
        early.start_copy(source, staging, case.name, case.tags)
    at_once = SqlServers(clients, StoppedClock(earliest))
    started = at_once.start_copy(source, staging, case.name, case.tags)
    assert started.as_of == earliest
    now = datetime.now(UTC)
    other = Case(azure, servers, "instances")
    azure.until_backed_up(other.source_id)
    started = servers.start_copy(other.source, staging, other.name, other.tags)
    assert started.as_of is not None
    assert now - timedelta(seconds=2) < started.as_of < datetime.now(UTC)
