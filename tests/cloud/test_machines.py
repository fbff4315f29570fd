"""Worker VMs, on the emulated Azure."""

from __future__ import annotations

import gc
import itertools
from collections.abc import Callable
from typing import Any

import pytest

from holdfast.cloud.failures import AzureRefused, QuotaExceeded
from holdfast.cloud.machines import Machines, MachineState
from holdfast.cloud.tags import worker_tags
from holdfast.model.errors import Forbidden, HoldfastError, InvalidInput, NameTaken, NoCapacity, WorkerFailed
from holdfast.settings import RegionProfile

_numbers = itertools.count(1)
TAGS = worker_tags("test", "s1", "standard", "writer")


class Case:
    """A worker of a name that nobody else uses."""

    def __init__(self, azure: Any, machines: Machines, profile: RegionProfile) -> None:
        self.azure, self.machines, self.profile = azure, machines, profile
        self.name = f"hf-westeurope-standard-{next(_numbers)}"
        self.id = machines.resource_id(self.name, profile)

    def create(self, **changed: Any) -> str:
        """Asks for the machine."""
        given = {
            "name": self.name,
            "region": "westeurope",
            "profile": self.profile,
            "identity": self.azure.worker["id"],
            "tags": TAGS,
            "custom_data": "#cloud-config\n",
            **changed,
        }
        return self.machines.create(**given)

    def state(self) -> str:
        """The word for how it is."""
        return self.machines.state(self.id).state

    def foreign(self) -> None:
        """Makes the machine another installation's."""
        self.create(tags=worker_tags("another", "s1", "standard", "writer"))

    def parts(self) -> list[str]:
        """Everything in Azure that bears its name."""
        return sorted(r["type"] for r in self.azure.admin("GET", "resources") if self.name in r["name"])


@pytest.fixture
def case(azure: Any, machines: Machines, region_profile: RegionProfile) -> Case:
    """A worker to be."""
    return Case(azure, machines, region_profile)


def test_a_worker_lives_from_creation_to_deletion_and_leaves_nothing(case: Case, until: Callable[..., Any]) -> None:
    """Machine, disk and card come together and go together."""
    assert case.machines.state(case.id) == MachineState("absent")
    assert case.create() == case.id
    assert until(case.state, "running") == "running"
    assert len(case.parts()) == 3
    assert case.machines.deallocate(case.id)
    assert until(case.state, "deallocated") == "deallocated"
    assert len(case.parts()) == 3
    case.machines.start(case.id)
    assert until(case.state, "running") == "running"
    assert case.machines.delete(case.id)
    assert until(case.state, "absent") == "absent"
    until(case.parts, [])


def test_every_call_may_come_twice(case: Case, until: Callable[..., Any]) -> None:
    """Whatever the machine is doing at that moment."""
    for _ in range(2):
        assert case.create() == case.id
    until(case.state, "running")
    assert case.create() == case.id
    for call, end in (
        (case.machines.deallocate, "deallocated"),
        (case.machines.start, "running"),
        (case.machines.delete, "absent"),
    ):
        call(case.id)
        until(case.state, end)
        if end != "absent":
            call(case.id)
            until(case.state, end)
    assert case.machines.delete(case.id) is False
    assert case.machines.deallocate(case.id) is False
    with pytest.raises(WorkerFailed, match="gone"):
        case.machines.start(case.id)


def test_a_creation_whose_answer_got_lost_makes_one_machine(case: Case, until: Callable[..., Any]) -> None:
    """If-None-Match stops the SDK's second PUT, and the machine that is there is ours."""
    case.azure.fault(mode="lose-reply", method="PUT", path=f"{case.name}$")
    assert case.create() == case.id
    assert until(case.state, "running") == "running"
    assert [r["status"] for r in case.azure.requests("PUT", case.name)] == [201, 412]


def test_a_machine_of_somebody_else_is_not_touched(case: Case, until: Callable[..., Any]) -> None:
    """Neither taken over nor stopped nor deleted."""
    case.foreign()
    for call in (case.create, *(lambda c=c: c(case.id) for c in (case.machines.start, case.machines.deallocate))):
        with pytest.raises(NameTaken):
            call()
    with pytest.raises(NameTaken):
        case.machines.delete(case.id)
    assert until(case.state, "running") == "running"


def test_only_our_machines_are_listed(case: Case, until: Callable[..., Any]) -> None:
    """With all that the janitor needs to judge them."""
    case.create()
    other = Case(case.azure, case.machines, case.profile)
    other.foreign()
    found = {machine.name: machine for machine in case.machines.list()}
    assert other.name not in found
    mine = found[case.name]
    assert (mine.resource_id, mine.group, mine.region, mine.tags) == (case.id, "holdfast", "westeurope", TAGS)
    assert other.name in {machine.name for machine in case.machines.list("another")}


@pytest.mark.parametrize(
    ("status", "code", "message", "expected"),
    [
        (409, "SkuNotAvailable", "", NoCapacity),
        (409, "OperationNotAllowed", "exceeding approved Total Regional Cores quota", QuotaExceeded),
        (403, "LinkedAuthorizationFailed", "", Forbidden),
        (400, "InvalidParameter", "vmSize", AzureRefused),
    ],
)
def test_a_machine_that_azure_refuses_is_refused_in_our_words(
    case: Case, status: int, code: str, message: str, expected: type[HoldfastError]
) -> None:
    """The SDK calls each 409 "exists"."""
    case.azure.fault(method="PUT", path=f"{case.name}$", status=status, code=code, message=message)
    with pytest.raises(expected):
        case.create()
    assert case.state() == "absent"


def test_the_emulators_own_quota_stops_for_good(case: Case) -> None:
    """No retry helps before somebody raises it."""
    case.azure.admin("PUT", "quota/westeurope", {"cores": 1})
    try:
        with pytest.raises(QuotaExceeded) as raised:
            case.create()
    finally:
        case.azure.admin("PUT", "quota/westeurope", {"cores": 1000})
    assert raised.value.permanent


def test_a_lack_of_capacity_that_shows_late_is_told_by_the_state(case: Case, until: Callable[..., Any]) -> None:
    """The PUT was accepted; the failure came inside the operation. What is left can be deleted."""
    case.azure.fault(
        mode="operation", method="PUT", path=f"{case.name}$", code="AllocationFailed", message="no room in this region"
    )
    case.create()
    until(case.state, "failed")
    found = case.machines.state(case.id)
    assert "AllocationFailed" in found.failure
    assert isinstance(found.error, NoCapacity)
    assert case.machines.delete(case.id)
    until(case.state, "absent")
    until(case.parts, [])


def test_an_id_of_something_else_is_refused(machines: Machines) -> None:
    """Before anything is sent."""
    for other in ("vm1", "/subscriptions/s/resourceGroups/g/providers/Microsoft.Sql/servers/x"):
        with pytest.raises(InvalidInput):
            machines.state(other)


# The SDK does not read the answer that it tries again after, and leaves its connection to the garbage collector.
@pytest.mark.filterwarnings("ignore:Exception ignored in. <ssl.SSLSocket")
def test_a_busy_azure_is_asked_again(case: Case, until: Callable[..., Any]) -> None:
    """429 with Retry-After is waited for by the SDK."""
    case.azure.fault(
        method="PUT", path=f"{case.name}$", status=429, code="TooManyRequests", headers={"Retry-After": "1"}
    )
    case.create()
    assert until(case.state, "running") == "running"
    gc.collect()
