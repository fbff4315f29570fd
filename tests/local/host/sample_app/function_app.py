"""A small app that uses what Holdfast uses of Durable Functions, for the tests of the local host."""

# ruff: noqa: BLE001 (what an orchestrator's tasks raise is a plain Exception)

import json
import os
import time
from datetime import timedelta
from pathlib import Path

import azure.durable_functions as df
import azure.functions as func

app = df.DFApp(http_auth_level=func.AuthLevel.FUNCTION)
folder = Path(os.environ["SAMPLE_FOLDER"])


def note(file: str, line: object) -> None:
    """Appends a line to a file; tests read what really ran."""
    with (folder / file).open("a") as out:
        out.write(json.dumps(line) + "\n")


# --- HTTP ----------------------------------------------------------------------------------------------------------


@app.route(route="start/{name}/{id?}", auth_level=func.AuthLevel.ANONYMOUS, methods=["POST"])
@app.durable_client_input(client_name="client")
async def start(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    body = req.get_json() if req.get_body() else None
    try:
        made = await client.start_new(req.route_params["name"], req.route_params.get("id"), body)
    except Exception as error:
        return func.HttpResponse(str(error), status_code=409)
    return client.create_check_status_response(req, made)


@app.route(route="client/{operation}/{id}", auth_level=func.AuthLevel.ANONYMOUS, methods=["POST"])
@app.durable_client_input(client_name="client")
async def operate(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """Every call of the durable client, by name."""
    key, operation, words = req.route_params["id"], req.route_params["operation"], dict(req.params)
    answer: object = None
    try:
        if operation == "raise":
            await client.raise_event(key, words["name"], req.get_json() if req.get_body() else None)
        elif operation in ("terminate", "suspend", "resume", "rewind"):
            await getattr(client, operation)(key, words.get("reason", "because"))
        elif operation == "restart":
            answer = await client.restart(key, words["new"] == "true")
        elif operation == "purge":
            answer = (await client.purge_instance_history(key)).instances_deleted
        elif operation == "signal":
            await client.signal_entity(df.EntityId("Counter", key), "add", int(words["by"]))
        elif operation == "read":
            found = await client.read_entity_state(df.EntityId("Counter", key))
            answer = [found.entity_exists, found.entity_state]
        elif operation == "list":
            answer = [one.instance_id for one in await client.get_status_by(instance_id_prefix=key)]
        elif operation == "status":
            one = await client.get_status(key, show_history=True, show_history_output=True, show_input=True)
            answer = {**one.to_json(), "events": getattr(one, "historyEvents", None)} if one else None
    except Exception as error:
        return func.HttpResponse(str(error), status_code=409)
    return func.HttpResponse(json.dumps(answer), mimetype="application/json")


@app.route(route="closed")
def closed(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("open sesame")


@app.route(route="admin-only", auth_level=func.AuthLevel.ADMIN)
def admin_only(req: func.HttpRequest) -> str:
    return "master"


@app.route(route="files/{*rest}", auth_level=func.AuthLevel.ANONYMOUS, methods=["GET", "PUT"])
def files(req: func.HttpRequest) -> func.HttpResponse:
    told = {"rest": req.route_params["rest"], "method": req.method, "query": dict(req.params), "url": req.url}
    told |= {"body": len(req.get_body()), "header": req.headers.get("X-Sample")}
    return func.HttpResponse(
        json.dumps(told),
        status_code=201,
        headers={"X-Answer": "yes", "Set-Cookie": "a=b; Path=/"},
        mimetype="text/json",
    )


@app.route(route="bytes", auth_level=func.AuthLevel.ANONYMOUS)
def raw_bytes(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(bytes(range(256)), mimetype="application/octet-stream")


@app.route(route="nothing", auth_level=func.AuthLevel.ANONYMOUS)
def nothing(req: func.HttpRequest) -> None:
    return None


@app.route(route="broken", auth_level=func.AuthLevel.ANONYMOUS)
def broken(req: func.HttpRequest) -> str:
    raise ValueError("broken on purpose")


@app.route(route="blocks", auth_level=func.AuthLevel.ANONYMOUS)
async def blocks(req: func.HttpRequest) -> str:
    """An async function that blocks its loop, as one does that calls a sync SDK."""
    time.sleep(1.5)  # noqa: ASYNC251 (on purpose)
    return "done"


# --- orchestrators -------------------------------------------------------------------------------------------------


@app.orchestration_trigger(context_name="context")
def family(context: df.DurableOrchestrationContext):
    """A bit of everything; its result depends on its input alone. Waits for the event `go`."""
    n = context.get_input()["n"]
    context.set_custom_status("children")
    children = yield context.task_all(
        [context.call_sub_orchestrator("child", {"i": i}, f"{context.instance_id}-c{i}") for i in range(n)]
    )
    patience = df.RetryOptions(50, 3)
    key = context.instance_id
    flaky = yield context.call_activity_with_retry("flaky", patience, {"key": key, "fails": 2})
    try:
        yield context.call_activity_with_retry("flaky", patience, {"key": f"{key}-x", "fails": 99})
        hopeless = "no error"
    except Exception as error:
        hopeless = str(error).split("\n")[0].strip()
    go = context.wait_for_external_event("go")
    late = context.create_timer(context.current_utc_datetime + timedelta(hours=1))
    first = yield context.task_any([go, late])
    if first is go:
        late.cancel()
    counter = df.EntityId("Counter", key)
    context.signal_entity(counter, "add", 3)
    total = yield context.call_entity(counter, "add", 4)
    loops = yield context.call_sub_orchestrator("rounds", {"left": 3, "sum": 0})
    failed = yield context.call_sub_orchestrator("never_raises", {"key": key})
    context.set_custom_status("done")
    return {
        "children": children,
        "flaky": flaky,
        "hopeless": hopeless,
        "go": json.loads(go.result) if first is go else "late",
        "total": total,
        "loops": loops,
        "failed": failed,
    }


@app.orchestration_trigger(context_name="context")
def child(context: df.DurableOrchestrationContext):
    i = context.get_input()["i"]
    squared = yield context.call_activity("square", {"i": i, "of": context.instance_id})
    yield context.create_timer(context.current_utc_datetime + timedelta(milliseconds=100))
    again = yield context.call_activity("square", {"i": squared, "of": context.instance_id})
    return again


@app.orchestration_trigger(context_name="context")
def rounds(context: df.DurableOrchestrationContext):
    state = context.get_input()
    more = yield context.call_activity("square", {"i": state["left"], "of": context.instance_id})
    state["sum"] += more
    state["left"] -= 1
    if state["left"]:
        context.continue_as_new(state)
        return None
    return state["sum"]


@app.orchestration_trigger(context_name="context")
def waits_for_rounds(context: df.DurableOrchestrationContext):
    """The child starts afresh three times; its parent hears of its end alone."""
    total = yield context.call_sub_orchestrator("rounds", {"left": 3, "sum": 0}, f"{context.instance_id}-rounds")
    doubled = yield context.call_activity("square", {"i": total, "of": context.instance_id})
    return doubled


@app.orchestration_trigger(context_name="context")
def never_raises(context: df.DurableOrchestrationContext):
    try:
        yield context.call_sub_orchestrator("fails", context.get_input())
    except Exception as error:
        return {"ok": False, "error": str(error).split("\n")[0].strip()}
    return {"ok": True}


@app.orchestration_trigger(context_name="context")
def fails(context: df.DurableOrchestrationContext):
    yield context.call_activity("square", {"i": 1, "of": context.instance_id})
    raise ValueError("on purpose")


@app.orchestration_trigger(context_name="context")
def waits(context: df.DurableOrchestrationContext):
    got = yield context.wait_for_external_event("go")
    return got


@app.orchestration_trigger(context_name="context")
def waits_for_child(context: df.DurableOrchestrationContext):
    try:
        got = yield context.call_sub_orchestrator("waits", None, f"{context.instance_id}-child")
    except Exception as error:
        return {"error": str(error).split("\n")[0].strip()}
    return {"got": got}


@app.orchestration_trigger(context_name="context")
def echo(context: df.DurableOrchestrationContext):
    return context.get_input()


@app.orchestration_trigger(context_name="context")
def fan(context: df.DurableOrchestrationContext):
    found = yield context.task_all([context.call_sub_orchestrator("echo", i) for i in range(context.get_input())])
    return sum(found)


@app.orchestration_trigger(context_name="context")
def calls(context: df.DurableOrchestrationContext):
    """Calls the activity that its input names, and catches what comes of it."""
    try:
        got = yield context.call_activity(context.get_input(), {"i": 2, "of": context.instance_id})
    except Exception as error:
        return {"caught": str(error)[:200]}
    return got


@app.orchestration_trigger(context_name="context")
def sizes(context: df.DurableOrchestrationContext):
    wanted = context.get_input()
    if "status" in wanted:
        context.set_custom_status("x" * wanted["status"])
    if "activity" in wanted:
        yield context.call_activity("large", wanted["activity"])
    yield context.call_activity("square", {"i": 1, "of": context.instance_id})
    return "x" * wanted.get("output", 1)


@app.orchestration_trigger(context_name="context")
def forgets_a_timer(context: df.DurableOrchestrationContext):
    timer = context.create_timer(context.current_utc_datetime + timedelta(seconds=context.get_input()["seconds"]))
    task = context.call_activity("square", {"i": 3, "of": context.instance_id})
    yield context.task_any([timer, task])
    if context.get_input()["cancel"]:
        timer.cancel()
    return "returned"


@app.orchestration_trigger(context_name="context")
def fan_in_that_raises(context: df.DurableOrchestrationContext):
    try:
        yield context.task_all(
            [
                context.call_activity("fails_at_once", None),
                context.call_activity_with_retry("fails_at_once", df.RetryOptions(200, 3), None),
            ]
        )
    except Exception:
        context.set_custom_status("raised")
    got = yield context.call_activity("square", {"i": 5, "of": context.instance_id})
    return got


@app.orchestration_trigger(context_name="context")
def changes(context: df.DurableOrchestrationContext):
    """Code that changes while it runs: the second activity is named by the environment."""
    yield context.call_activity("square", {"i": 1, "of": context.instance_id})
    yield context.call_activity(os.environ.get("SAMPLE_SECOND", "square"), {"i": 2, "of": context.instance_id})
    yield context.wait_for_external_event("go")
    return "ok"


@app.orchestration_trigger(context_name="context")
def two_generations(context: df.DurableOrchestrationContext):
    """The first generation sees `first` alone; the second waits for `second`."""
    if context.get_input() == 1:
        yield context.wait_for_external_event("first")
        context.continue_as_new(2)
        return None
    second = context.wait_for_external_event("second")
    late = context.create_timer(context.current_utc_datetime + timedelta(seconds=2))
    first = yield context.task_any([second, late])
    if first is second:
        late.cancel()
        return "seen"
    return "lost"


@app.orchestration_trigger(context_name="context")
def sleeps(context: df.DurableOrchestrationContext):
    """Sleeps for days and says how long it was."""
    began = context.current_utc_datetime
    yield context.create_timer(began + timedelta(days=context.get_input()))
    return (context.current_utc_datetime - began).days


# --- activities and entities ---------------------------------------------------------------------------------------


@app.activity_trigger(input_name="payload")
def square(payload: dict) -> int:
    note("squares.jsonl", payload)
    return payload["i"] ** 2


@app.activity_trigger(input_name="payload")
async def slow(payload: dict) -> str:
    import asyncio

    note("slow.jsonl", "began")
    await asyncio.sleep(3)
    note("slow.jsonl", "ended")
    return "slept"


@app.activity_trigger(input_name="payload")
def flaky(payload: dict) -> str:
    """Fails as often as it is told, counted on disk so that a killed host goes on counting."""
    file = folder / f"flaky-{payload['key']}"
    tries = len(file.read_text()) + 1 if file.exists() else 1
    file.write_text("x" * tries)
    if tries <= payload["fails"]:
        raise ValueError("not yet")
    return "well"


@app.activity_trigger(input_name="payload")
def fails_at_once(payload: object) -> None:
    raise ValueError("at once")


@app.activity_trigger(input_name="payload")
def quits(payload: dict) -> None:
    raise SystemExit(1)


@app.activity_trigger(input_name="payload")
def large(payload: int) -> str:
    return "x" * payload


@app.entity_trigger(context_name="context", entity_name="Counter")
def counter(context: df.DurableEntityContext):
    value = context.get_state(lambda: 0)
    if context.operation_name == "add":
        value += context.get_input()
        context.set_result(value)
    context.set_state(value)
