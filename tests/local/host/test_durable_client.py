"""The durable client against a running host: every call of the SDK, by the sample app's own functions."""

from __future__ import annotations

import time
from typing import Any


def test_an_instance_has_a_status_with_history_input_and_output(host: Any) -> None:
    key = host.begin("family", {"n": 2}, "told")
    host.ask("POST", "/api/client/raise/told?name=go", 7)
    ended = host.until(key)
    assert ended["output"]["children"] == [0, 1]
    assert ended["output"]["go"] == 7
    assert ended["output"]["loops"] == 9 + 4 + 1
    assert ended["output"]["failed"]["ok"] is False
    assert ended["customStatus"] == "done"
    told = host.ask("POST", "/api/client/status/told")[1]
    assert told["runtimeStatus"] == "Completed"
    names = [event["EventType"] for event in told["events"]]
    assert names[0] == "ExecutionStarted"
    assert names[-1] == "ExecutionCompleted"
    finished = next(event for event in told["events"] if event["EventType"] == "SubOrchestrationInstanceCompleted")
    assert finished["FunctionName"] == "child"
    assert finished["Result"] in (0, 1)


def test_an_unknown_instance_has_no_status_and_cannot_be_managed(host: Any) -> None:
    assert host.ask("POST", "/api/client/status/nobody") == (200, None)
    for operation in ("raise", "terminate", "suspend", "resume"):
        status, answer = host.ask("POST", f"/api/client/{operation}/nobody?name=go")
        assert status == 409
        assert b"nobody" in answer


def test_an_unknown_orchestrator_is_refused(host: Any) -> None:
    status, answer = host.ask("POST", "/api/start/no_such_thing")
    assert status == 409
    assert b"The function 'no_such_thing' doesn't exist" in answer


def test_input_of_every_json_type_arrives_as_it_was_sent(host: Any) -> None:
    for value in ({"a": [1, None]}, [1, 2], "text", "5", 5, 0.5, True):
        assert host.until(host.begin("echo", value))["output"] == value
    assert host.until(host.begin("echo"))["output"] is None
    status, answer = host.ask("POST", "/durabletask/orchestrators/echo/by-hand", "plain text")
    assert (status, answer["id"]) == (202, "by-hand")
    assert host.until("by-hand")["output"] == "plain text"


def test_suspended_instances_keep_what_comes_until_they_are_resumed(host: Any) -> None:
    key = host.begin("waits")
    host.until(key, "Running")
    host.ask("POST", f"/api/client/suspend/{key}")
    host.until(key, "Suspended")
    host.ask("POST", f"/api/client/raise/{key}?name=go", 1)
    time.sleep(0.5)
    assert host.instance(key)["runtimeStatus"] == "Suspended"
    host.ask("POST", f"/api/client/resume/{key}")
    assert host.until(key)["runtimeStatus"] == "Completed"


def test_an_event_before_a_suspension_is_not_lost(host: Any) -> None:
    """Both arrive before the instance is looked at."""
    key = host.begin("two_generations", 1)
    for step in ("raiseEvent/first", "suspend", "resume"):
        assert host.ask("POST", f"/durabletask/instances/{key}/{step}", 1)[0] == 202
    assert host.until(key)["output"] == "lost", "the second generation was reached"


def test_a_suspended_instance_can_be_terminated(host: Any) -> None:
    key = host.begin("waits")
    host.ask("POST", f"/api/client/suspend/{key}")
    host.until(key, "Suspended")
    host.ask("POST", f"/api/client/terminate/{key}?reason=stop")
    assert host.until(key)["output"] == "stop"
    assert host.ask("POST", f"/durabletask/instances/{key}/terminate")[0] == 410
    assert host.ask("POST", f"/durabletask/instances/{key}/raiseEvent/go", 1)[0] == 410


def test_a_terminated_sub_orchestration_fails_its_parents_task(host: Any) -> None:
    key = host.begin("waits_for_child")
    host.until(f"{key}-child", "Running")
    host.ask("POST", f"/api/client/terminate/{key}-child?reason=child%20must%20go")
    assert host.until(key)["output"] == {"error": "child must go"}


def test_a_failed_sub_orchestration_names_itself_and_its_error(host: Any) -> None:
    answer = host.until(host.begin("never_raises", {}))["output"]
    assert answer == {"ok": False, "error": "Orchestrator function 'fails' failed: on purpose"}


def test_a_sub_orchestration_with_the_id_of_a_running_instance_is_refused(host: Any) -> None:
    host.begin("waits", key="parent-of-none-child")
    host.until("parent-of-none-child", "Running")
    host.begin("waits_for_child", key="parent-of-none")
    assert "already exists" in host.until("parent-of-none")["output"]["error"]


def test_restart_runs_again_with_the_same_input(host: Any) -> None:
    first = host.begin("echo", {"x": 1})
    host.until(first)
    status, answer = host.ask("POST", f"/api/client/restart/{first}?new=true")
    assert status == 200
    assert answer["id"] != first
    assert host.until(answer["id"])["output"] == {"x": 1}
    assert host.ask("POST", f"/api/client/restart/{first}?new=false")[1]["id"] == first
    assert host.until(first)["output"] == {"x": 1}
    running = host.begin("waits")
    assert host.ask("POST", f"/durabletask/instances/{running}/restart?restartWithNewInstanceId=false")[0] == 400


def test_rewind_is_not_there_and_says_what_to_do(host: Any) -> None:
    key = host.begin("fails", {})
    host.until(key)
    assert host.ask("POST", f"/durabletask/instances/{key}/rewind?reason=x")[0] == 501
    assert b"restart the instance instead" in host.ask("POST", f"/api/client/rewind/{key}")[1]


def test_ended_instances_are_purged_and_running_ones_are_not(host: Any) -> None:
    key, running = host.begin("echo", 1), host.begin("waits")
    host.until(key)
    assert host.ask("POST", f"/api/client/purge/{key}") == (200, 1)
    assert host.ask("POST", f"/api/client/purge/{key}") == (200, 0)
    assert host.instance(key) is None
    assert host.ask("POST", f"/api/client/purge/{running}") == (200, 0)
    assert host.instance(running) is not None


def test_many_are_purged_by_state_and_age(host: Any) -> None:
    keys = [host.begin("fails", {}) for _ in range(3)]
    for key in keys:
        host.until(key)
    path = "/durabletask/instances/?createdTimeFrom=2020-01-01T00:00:00.000000Z&runtimeStatus=Failed"
    assert host.ask("DELETE", path + "&createdTimeTo=2021-01-01T00:00:00.000000Z")[0] == 404
    assert host.ask("DELETE", path)[1]["instancesDeleted"] >= 3
    assert host.ask("DELETE", path)[0] == 404


def test_instances_are_listed_by_prefix_and_state_oldest_first(host: Any) -> None:
    for number in range(3):
        host.begin("waits", key=f"listed-{number}")
    assert host.ask("POST", "/api/client/list/listed-")[1] == ["listed-0", "listed-1", "listed-2"]
    host.ask("POST", "/api/client/terminate/listed-1")
    host.until("listed-1")
    found = host.ask("GET", "/durabletask/instances/?instanceIdPrefix=listed-&runtimeStatus=Running,Pending")[1]
    assert [one["instanceId"] for one in found] == ["listed-0", "listed-2"]


def test_an_entity_keeps_its_state_and_answers(host: Any) -> None:
    assert host.ask("POST", "/api/client/read/fresh") == (200, [False, None])
    for _ in range(3):
        host.ask("POST", "/api/client/signal/fresh?by=2")
    end = time.monotonic() + 10
    while host.ask("POST", "/api/client/read/fresh")[1] != [True, 6]:
        assert time.monotonic() < end
    assert host.ask("DELETE", "/durabletask/instances/@counter@fresh")[0] == 200
    assert host.ask("POST", "/api/client/read/fresh") == (200, [False, None])
    assert host.ask("POST", "/durabletask/entities/no_such/key?op=x")[0] == 400


def test_a_fan_out_of_five_hundred_ends_right(host: Any) -> None:
    assert host.until(host.begin("fan", 500), seconds=60)["output"] == sum(range(500))


def test_management_urls_lead_back_to_the_host_with_the_system_key(host: Any) -> None:
    status, urls = host.ask("POST", "/api/start/waits")
    assert status == 202
    for name in ("statusQueryGetUri", "terminatePostUri", "purgeHistoryDeleteUri"):
        assert urls[name].startswith(f"{host.url}/runtime/webhooks/durabletask/instances/{urls['id']}")
    path = urls["statusQueryGetUri"].removeprefix(host.url)
    assert host.ask("GET", path)[0] == 202
    assert host.ask("GET", path.split("&code=")[0])[0] == 401


def test_a_malformed_request_is_refused(host: Any) -> None:
    status, answer = host.ask("POST", "/durabletask/orchestrators/echo", b"{not json")
    assert status == 400
    assert "Invalid JSON content" in answer["ExceptionMessage"]
    assert host.ask("POST", "/durabletask/orchestrators/echo/@not-an-entity")[0] == 400
    assert host.ask("GET", "/durabletask/nothing/here")[0] == 404
    assert host.ask("POST", f"/durabletask/instances/{host.begin('waits')}/dance")[0] == 404
