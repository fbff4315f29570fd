"""Virtual machines and their parts, through the real azure-mgmt-compute."""

import base64

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)

from local.azure.seeding import SUBSCRIPTION

RG = "holdfast"


def power(compute, name):
    codes = [s.code for s in compute.virtual_machines.instance_view(RG, name).statuses]
    return next((code.split("/")[1] for code in codes if code.startswith("PowerState/")), None)


def identity_of(emulator, name="worker"):
    return emulator.admin("POST", "identities", {"name": name})


def cards(emulator, token):
    path = f"{emulator.group}/providers/Microsoft.Network/networkInterfaces"
    return emulator.call("GET", path, token).json()["value"]


def test_a_machine_lives_and_dies_with_its_disk_and_card(emulator, clients):
    subnet, worker = emulator.make_network(), identity_of(emulator)
    found = clients(emulator)
    vms = found.compute.virtual_machines
    made = vms.begin_create_or_update(RG, "w1", emulator.machine(subnet, worker["id"], "#cloud-config\nü")).result()
    assert (made.provisioning_state, power(found.compute, "w1")) == ("Succeeded", "running")
    assert made.os_profile.custom_data is None
    assert next(iter(made.identity.user_assigned_identities.values())).client_id == worker["client_id"]
    emulator.settled()
    vm, custom_data, imds = emulator.runner.boots[0]
    assert (vm["name"], custom_data, imds) == ("w1", "#cloud-config\nü", f"{emulator.http_url}/vm/w1")
    token = found.credential.get_token("https://management.azure.com/.default").token
    assert [d.name for d in found.compute.disks.list()] == [made.storage_profile.os_disk.name]
    assert [c["id"] for c in cards(emulator, token)] == [made.network_profile.network_interfaces[0].id]
    vms.begin_deallocate(RG, "w1").result()
    assert (power(found.compute, "w1"), emulator.runner.running) == ("deallocated", set())
    vms.begin_start(RG, "w1").result()
    emulator.settled()
    assert (power(found.compute, "w1"), len(emulator.runner.boots)) == ("running", 2)
    assert [vm.name for vm in vms.list_all()] == ["w1"]
    assert vms.get(RG, "W1", expand="instanceView").instance_view.statuses[1].code == "PowerState/running"
    vms.begin_delete(RG, "w1").result()
    emulator.settled()
    assert emulator.runner.calls[-1] == ("discard", made.vm_id)
    assert list(found.compute.disks.list()) == []
    assert cards(emulator, token) == []
    with pytest.raises(ResourceNotFoundError):
        vms.get(RG, "w1")
    vms.begin_delete(RG, "w1").result()


def test_a_machine_is_made_once_however_often_it_is_asked_for(emulator, clients):
    subnet = emulator.make_network()
    vms = clients(emulator).compute.virtual_machines
    body = emulator.machine(subnet)
    missing = {"match_condition": MatchConditions.IfMissing, "etag": "*"}
    vms.begin_create_or_update(RG, "w1", body, polling=False, **missing)
    with pytest.raises((ResourceExistsError, ResourceModifiedError)) as caught:
        vms.begin_create_or_update(RG, "w1", body, polling=False, **missing)
    assert caught.value.status_code == 412
    again = vms.begin_create_or_update(RG, "w1", body).result()
    assert again.provisioning_state == "Succeeded"
    codes = [r["status"] for r in emulator.admin("GET", "requests") if r["method"] == "PUT"]
    assert codes == [201, 412, 200]
    body["properties"]["osProfile"]["customData"] = base64.b64encode(b"other").decode()
    with pytest.raises(ResourceExistsError) as caught:
        vms.begin_create_or_update(RG, "w1", body, polling=False)
    assert caught.value.error.code == "PropertyChangeNotAllowed"


def test_parts_without_delete_option_stay_behind(emulator, clients):
    subnet = emulator.make_network()
    found = clients(emulator)
    body = emulator.machine(subnet)
    del body["properties"]["storageProfile"]["osDisk"]["deleteOption"]
    del body["properties"]["networkProfile"]["networkInterfaceConfigurations"][0]["properties"]["deleteOption"]
    made = found.compute.virtual_machines.begin_create_or_update(RG, "w1", body).result()
    assert made.storage_profile.os_disk.delete_option == "Detach"
    with pytest.raises(ResourceExistsError):
        found.compute.disks.begin_delete(RG, made.storage_profile.os_disk.name).result()
    found.compute.virtual_machines.begin_delete(RG, "w1").result()
    left = emulator.admin("GET", "resources?running=s2")
    assert [(r["type"].rsplit("/", 1)[1], r["session"], r["leftover"]) for r in left] == [
        ("disks", "s1", True),
        ("networkInterfaces", "s1", True),
    ]
    disk = found.compute.disks.get(RG, made.storage_profile.os_disk.name)
    assert disk.disk_state == "Unattached"
    found.compute.disks.begin_delete(RG, disk.name).result()
    token = found.credential.get_token("https://management.azure.com/.default").token
    assert emulator.call("DELETE", left[1]["id"], token).status_code == 202


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda p: p["hardwareProfile"].update(vmSize="Standard_NoSuch"), "InvalidParameter"),
        (lambda p: p["osProfile"].update(customData=base64.b64encode(b"x" * 65536).decode()), "InvalidParameter"),
        (lambda p: p["osProfile"].update(customData="not base64!"), "InvalidParameter"),
        (lambda p: p["networkProfile"].pop("networkApiVersion"), "InvalidParameter"),
        (lambda p: p["osProfile"].pop("linuxConfiguration"), "InvalidParameter"),
    ],
)
def test_a_body_that_cannot_be_is_refused_and_makes_nothing(emulator, clients, change, code):
    vms = clients(emulator).compute.virtual_machines
    body = emulator.machine(emulator.make_network())
    change(body["properties"])
    with pytest.raises(HttpResponseError) as caught:
        vms.begin_create_or_update(RG, "w1", body, polling=False)
    assert (caught.value.status_code, caught.value.error.code) == (400, code)
    assert emulator.admin("GET", "resources") == []


def test_custom_data_of_the_greatest_length_is_taken(emulator, clients):
    body = emulator.machine(emulator.make_network(), custom_data="x" * 65535)
    clients(emulator).compute.virtual_machines.begin_create_or_update(RG, "w1", body).result()
    emulator.settled()
    assert len(emulator.runner.boots[0][1]) == 65535


def test_a_subnet_of_another_region_or_an_unknown_identity_is_refused(emulator, clients):
    vms = clients(emulator).compute.virtual_machines
    subnet = emulator.make_network(region="northeurope")
    with pytest.raises(HttpResponseError) as caught:
        vms.begin_create_or_update(RG, "w1", emulator.machine(subnet), polling=False)
    assert caught.value.error.code == "InvalidResourceReference"
    body = emulator.machine(
        subnet, identity=f"{emulator.group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/no"
    )
    body["location"] = "northeurope"
    with pytest.raises(HttpResponseError) as caught:
        vms.begin_create_or_update(RG, "w1", body, polling=False)
    assert caught.value.error.code == "InvalidResourceReference"


def test_a_region_has_so_many_cores_and_no_more(emulator, clients):
    compute = clients(emulator, ["Owner", "/subscriptions/" + SUBSCRIPTION]).compute
    body = emulator.machine(emulator.make_network())
    emulator.admin("PUT", "quota/westeurope", {"cores": 3})
    compute.virtual_machines.begin_create_or_update(RG, "w1", body, polling=False)
    usage = next(iter(compute.usage.list("westeurope")))
    assert (usage.current_value, usage.limit) == (2, 3)
    with pytest.raises(ResourceExistsError) as caught:
        compute.virtual_machines.begin_create_or_update(RG, "w2", body, polling=False)
    assert caught.value.error.code == "OperationNotAllowed"
    sizes = {s.name for s in compute.resource_skus.list(filter="location eq 'westeurope'")}
    assert "Standard_D4ds_v5" in sizes


def test_want_of_capacity_comes_late_and_leaves_a_failed_machine_with_its_card(emulator, clients):
    compute = clients(emulator).compute
    fault = {"mode": "operation", "method": "PUT", "path": "virtualMachines/w1$", "code": "AllocationFailed"}
    emulator.admin("POST", "faults", fault)
    with pytest.raises(HttpResponseError) as caught:
        compute.virtual_machines.begin_create_or_update(RG, "w1", emulator.machine(emulator.make_network())).result()
    assert (caught.value.status_code, caught.value.error.code) == (200, "AllocationFailed")
    assert compute.virtual_machines.get(RG, "w1").provisioning_state == "Failed"
    statuses = compute.virtual_machines.instance_view(RG, "w1").statuses
    assert [s.code for s in statuses] == ["ProvisioningState/failed/AllocationFailed"]
    assert [r["type"].rsplit("/", 1)[1] for r in emulator.admin("GET", "resources")] == [
        "virtualMachines",
        "networkInterfaces",
    ]
    compute.virtual_machines.begin_delete(RG, "w1").result()
    assert emulator.admin("GET", "resources") == []
    emulator.settled()
    assert ("start", "w1") not in emulator.runner.calls


def test_a_start_that_finds_no_capacity_leaves_the_machine_deallocated(emulator, clients):
    compute = clients(emulator).compute
    vms = compute.virtual_machines
    vms.begin_create_or_update(RG, "w1", emulator.machine(emulator.make_network())).result()
    vms.begin_deallocate(RG, "w1").result()
    emulator.admin("POST", "faults", {"mode": "operation", "path": "w1/start$", "code": "AllocationFailed"})
    with pytest.raises(HttpResponseError):
        vms.begin_start(RG, "w1").result()
    assert power(compute, "w1") == "deallocated"
    vms.begin_start(RG, "w1").result()
    assert power(compute, "w1") == "running"


def test_a_disk_that_is_there_already_is_not_taken_over(emulator, clients):
    compute = clients(emulator).compute
    body = emulator.machine(emulator.make_network())
    body["properties"]["storageProfile"]["osDisk"]["name"] = "mine"
    compute.virtual_machines.begin_create_or_update(RG, "w1", body).result()
    with pytest.raises(ResourceExistsError) as caught:
        compute.virtual_machines.begin_create_or_update(RG, "w2", body, polling=False)
    assert caught.value.error.code == "ConflictingUserInput"
    assert [r["name"] for r in emulator.admin("GET", "resources") if r["type"].endswith("virtualMachines")] == ["w1"]


def test_a_later_operation_overtakes_an_earlier_one(slow, clients):
    found = clients(slow)
    token = found.credential.get_token("https://management.azure.com/.default").token
    path = f"{slow.group}/providers/Microsoft.Compute/virtualMachines/w1"
    slow.call("PUT", path, token, slow.machine(slow.make_network()))
    slow.clock.advance(30)
    first = slow.call("POST", f"{path}/deallocate", token).headers["Azure-AsyncOperation"]
    slow.call("POST", f"{path}/start", token)
    assert slow.call("GET", first, token).json()["error"]["code"] == "OperationPreempted"
    slow.clock.advance(60)
    assert power(found.compute, "w1") == "running"


def test_time_and_not_polls_boots_a_machine(slow, clients):
    compute = clients(slow).compute
    body = slow.machine(slow.make_network())
    compute.virtual_machines.begin_create_or_update(RG, "w1", body, polling=False)
    for _ in range(5):
        assert compute.virtual_machines.get(RG, "w1").provisioning_state == "Creating"
    assert power(compute, "w1") is None
    slow.clock.advance(21)
    assert (compute.virtual_machines.get(RG, "w1").provisioning_state, power(compute, "w1")) == ("Succeeded", "running")
    compute.virtual_machines.begin_deallocate(RG, "w1", polling=False)
    assert power(compute, "w1") == "deallocating"
    slow.clock.advance(32)
    assert power(compute, "w1") == "deallocated"


def test_the_replies_of_compute_look_as_recorded(slow, clients):
    found = clients(slow)
    token = found.credential.get_token("https://management.azure.com/.default").token
    path = f"{slow.group}/providers/Microsoft.Compute/virtualMachines/w1"
    made = slow.call("PUT", path, token, slow.machine(slow.make_network()))
    assert (made.status_code, made.headers["Retry-After"]) == (201, "10")
    assert "Location" not in made.headers
    assert made.text.startswith('{\r\n  "name"')
    assert made.json()["properties"]["provisioningState"] == "Creating"
    assert "customData" not in made.text
    poll = made.headers["Azure-AsyncOperation"]
    going = slow.call("GET", poll, token)
    assert (list(going.json()), going.headers["Retry-After"]) == (["startTime", "status", "name"], "4")
    slow.clock.advance(21)
    done = slow.call("GET", poll, token)
    assert list(done.json()) == ["startTime", "endTime", "status", "name"]
    assert "Retry-After" not in done.headers
    deleted = slow.call("DELETE", path, token)
    assert (deleted.status_code, deleted.content) == (202, b"")
    assert "&monitor=true" in deleted.headers["Location"]
    slow.clock.advance(11)
    assert slow.call("GET", deleted.headers["Location"], token).status_code == 200


def test_after_a_restart_machines_that_should_run_are_booted_again(tmp_path, start, clients):
    with start(tmp_path / "azure", pace=0.01) as first:
        vms = clients(first).compute.virtual_machines
        subnet = first.make_network()
        for name in ("on", "off"):
            vms.begin_create_or_update(RG, name, first.machine(subnet)).result()
        vms.begin_deallocate(RG, "off").result()
    with start(tmp_path / "azure", pace=0.01) as second:
        second.settled()
        assert [vm["name"] for vm, _, _ in second.runner.boots] == ["on"]
        assert second.runner.boots[0][1] == "#cloud-config\n"
    with start(tmp_path / "azure", pace=0.01, runner=second.runner) as third:
        third.settled()
        assert len(third.runner.boots) == 1


def test_leftovers_follow_sessions_and_idle_time(slow, clients):
    servers, _ = slow.put_world()
    found = clients(slow)
    tags = {"holdfast": "test", "holdfast-kind": "copy", "holdfast-session": "s1"}
    properties = {"createMode": "Copy", "sourceDatabaseId": f"{servers}/shop/databases/orders"}
    body = {"location": "westeurope", "tags": tags, "properties": properties}
    found.sql.databases.begin_create_or_update(RG, "staging", "copy", body, polling=False)
    vms = found.compute.virtual_machines
    vms.begin_create_or_update(RG, "w1", slow.machine(slow.make_network(), session="s1"), polling=False)
    slow.clock.advance(80)

    def leftovers(query):
        return {r["type"].rsplit("/", 1)[1] for r in slow.admin("GET", f"resources?{query}") if r["leftover"]}

    everything = {"databases", "virtualMachines", "disks", "networkInterfaces"}
    assert leftovers("running=s1") == set()
    assert leftovers("running=s2") == everything
    assert leftovers("in_use=w1") == {"databases"}
    vms.begin_deallocate(RG, "w1", polling=False)
    slow.clock.advance(40)
    assert leftovers("idle_seconds=600") == {"databases"}
    slow.clock.advance(700)
    assert leftovers("idle_seconds=600") == everything
    states = {r["name"]: r["power_state"] for r in slow.admin("GET", "resources")}
    assert (states["w1"], states["copy"]) == ("deallocated", None)
