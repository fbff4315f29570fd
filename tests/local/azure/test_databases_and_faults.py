"""Contents of emulated databases, the admin endpoint, faults on demand, and the register of evidence."""

import hashlib
import io
import json
import subprocess
import sys
import time
import zipfile
from datetime import UTC, datetime, timedelta

import pytest
import requests
from azure.core.exceptions import HttpResponseError, ServiceRequestError, ServiceResponseError

from local.azure import contents, marks
from local.azure.evidence import SHAPES
from local.azure.store import Resource

RG = "holdfast"


@pytest.fixture
def bacpac(tmp_path, monkeypatch):
    """Makes small files; the reader of BACPACs, which has tests of its own, is left out."""
    monkeypatch.setattr(contents, "check", lambda _file: None)

    def make(name, text):
        file = tmp_path / f"{name}.bacpac"
        with zipfile.ZipFile(file, "w") as package:
            package.writestr("model.xml", text)
        return file

    return make


def data(emulator, method, path, token, body=None):
    headers = {"Authorization": f"Bearer {token}"}
    return emulator.session.request(method, f"{emulator.url}/_sql/{path}", headers=headers, data=body, timeout=30)


def sql_token(emulator, *roles):
    app = emulator.make_app(*(roles or (["SQL importer", "/"], ["Owner", "/"])))
    return emulator.token(app["client_id"], "https://database.windows.net/")


def load(emulator, file, **more):
    return emulator.admin("POST", "databases", {"file": str(file), "server": "shop", "database": "orders", **more})


def test_a_loaded_database_streams_back_whole(emulator, bacpac):
    loaded = load(emulator, bacpac("a", "x" * 3_000_000))
    token = sql_token(emulator)
    content = data(emulator, "GET", "shop.database.windows.net/orders/bacpac", token).content
    assert hashlib.sha256(content).hexdigest() == loaded["sha256"]
    meta = data(emulator, "GET", "shop.database.windows.net/ORDERS/meta", token).json()
    assert (meta["kind"], meta["sha256"], meta["bytes"], meta["copy"]) == (
        "sql_database", loaded["sha256"], len(content), False,
    )  # fmt: skip


def test_a_copy_holds_what_its_source_held_when_it_was_asked_for(emulator, clients, bacpac):
    first = load(emulator, bacpac("a", "first"))
    emulator.admin("PUT", "resources", {"id": f"{emulator.group}/providers/Microsoft.Sql/servers/staging"})
    sql = clients(emulator, ["Owner", "/"]).sql
    body = {"location": "westeurope", "properties": {"createMode": "Copy", "sourceDatabaseId": first["id"]}}
    before = sql.databases.get(RG, "shop", "orders")
    poller = sql.databases.begin_create_or_update(RG, "staging", "copy", body)
    second = load(emulator, bacpac("b", "second"))
    assert second["id"] == first["id"]
    assert sql.databases.get(RG, "shop", "orders").database_id == before.database_id
    poller.result()
    token = sql_token(emulator)
    for place, loaded in (("staging.database.windows.net/copy", first), ("shop.database.windows.net/orders", second)):
        content = data(emulator, "GET", f"{place}/bacpac", token).content
        assert hashlib.sha256(content).hexdigest() == loaded["sha256"]


def test_a_restore_goes_back_to_what_an_instance_database_held_then(emulator, clients, bacpac):
    now = datetime.now(UTC)
    more = {"server": "mi", "database": "ledger", "managed": True}
    first = load(emulator, bacpac("a", "first"), effective_at=(now - timedelta(hours=5)).isoformat(), **more)
    second = load(emulator, bacpac("b", "second"), **more)
    managed = clients(emulator, ["Owner", "/"]).sql.managed_databases
    token = sql_token(emulator)
    host = first["host"]
    for name, moment, loaded in (("old", now - timedelta(hours=1), first), ("new", now - timedelta(minutes=5), second)):
        properties = {
            "createMode": "PointInTimeRestore",
            "sourceDatabaseId": first["id"],
            "restorePointInTime": moment.isoformat(),
        }
        body = {"location": "westeurope", "properties": properties}
        assert managed.begin_create_or_update(RG, "mi", name, body).result().status == "Online"
        assert data(emulator, "GET", f"{host}/{name}/meta", token).json()["sha256"] == loaded["sha256"]


def test_an_import_fills_an_empty_database_once(emulator, bacpac):
    load(emulator, bacpac("a", "first"))
    token = sql_token(emulator)
    body = bacpac("b", "second").read_bytes()
    path = "shop.database.windows.net/restored/bacpac"
    assert data(emulator, "PUT", path, token, body).status_code == 201
    assert data(emulator, "GET", path, token).content == body
    assert data(emulator, "PUT", path, token, body).status_code == 409
    assert data(emulator, "PUT", "shop.database.windows.net/orders/bacpac", token, body).status_code == 409
    assert not list(emulator.folder.databases.glob("*.part"))


def test_the_data_endpoint_wants_a_login_and_a_database_that_is_online(slow, clients, bacpac):
    loaded = load(slow, bacpac("a", "first"))
    path = "shop.database.windows.net/orders/bacpac"
    assert data(slow, "GET", path, "no token").status_code == 401
    app = slow.make_app(["Owner", "/subscriptions/other"])
    assert data(slow, "GET", path, slow.token(app["client_id"])).status_code == 401
    assert data(slow, "GET", path, slow.token(app["client_id"], "https://database.windows.net")).status_code == 403
    token = sql_token(slow)
    body = {"location": "westeurope", "properties": {"createMode": "Copy", "sourceDatabaseId": loaded["id"]}}
    databases = clients(slow, ["Owner", "/"]).sql.databases
    databases.begin_create_or_update(RG, "shop", "copy", body, polling=False)
    assert data(slow, "GET", "shop.database.windows.net/copy/bacpac", token).status_code == 403
    slow.clock.advance(40)
    assert data(slow, "GET", "shop.database.windows.net/copy/bacpac", token).status_code == 409
    slow.clock.advance(40)
    assert data(slow, "GET", "shop.database.windows.net/copy/bacpac", token).status_code == 200
    assert data(slow, "GET", "nobody.database.windows.net/x/bacpac", token).status_code == 404


def test_export_logs_are_kept_in_order(emulator):
    token = sql_token(emulator)
    for number in range(12):
        body = {"server": "shop", "database": "orders", "entries": {"model.xml": f"{number:064x}"}, "extra": number}
        assert data(emulator, "POST", "export-log", token, json.dumps(body)).status_code == 201
    assert [e["extra"] for e in emulator.admin("GET", "exports")] == list(range(12))
    assert data(emulator, "POST", "export-log", token, b'{"server": 1}').status_code == 400


def test_a_server_and_an_instance_never_share_a_name(emulator, bacpac):
    file = str(bacpac("a", "first"))
    load(emulator, file)
    body = {"file": file, "server": "shop", "database": "x", "managed": True}
    assert emulator.admin("POST", "databases", body, expect=400)["code"] == "invalid-input"
    missing = {**body, "server": "mi", "file": "/no/such/file"}
    assert emulator.admin("POST", "databases", missing, expect=400)["code"] == "invalid-input"


def test_contents_of_the_past_are_found_by_time():
    database = Resource("/x", "t", {}, {})
    assert contents.now_of(database) is None
    contents.set_content(database, "a", 10.0)
    contents.set_content(database, "b", 20.0)
    assert [contents.at(database, t) for t in (5, 10, 19.9, 20, 99)] == ["a", "a", "a", "b", "b"]
    contents.set_content(database, "c", 15.0)
    assert [contents.at(database, t) for t in (12, 16, 99)] == ["a", "c", "c"]


# --- faults ---


def test_a_reply_on_demand_is_given_so_often_and_no_more(emulator, clients):
    emulator.put_world()
    sql = clients(emulator).sql
    fault = {"method": "GET", "path": "servers/shop$", "status": 429, "code": "TooManyRequests", "count": 2}
    emulator.admin("POST", "faults", {**fault, "headers": {"Retry-After": "1"}})
    started = time.monotonic()
    assert sql.servers.get(RG, "shop").name == "shop"
    assert time.monotonic() - started > 1.9
    statuses = [r["status"] for r in emulator.admin("GET", "requests") if r["path"].endswith("servers/shop")]
    assert statuses == [429, 429, 200]


def test_a_lost_reply_leaves_its_effect_and_a_lost_request_none(emulator, clients):
    servers, _ = emulator.put_world()
    databases = clients(emulator).sql.databases
    properties = {"createMode": "Copy", "sourceDatabaseId": f"{servers}/shop/databases/orders"}
    body = {"location": "westeurope", "properties": properties}
    for mode, there in (("lose-reply", True), ("lose-request", False)):
        emulator.admin("POST", "faults", {"mode": mode, "method": "PUT", "path": f"databases/{mode}$", "count": -1})
        with pytest.raises((ServiceRequestError, ServiceResponseError, HttpResponseError)):
            databases.begin_create_or_update(RG, "staging", mode, body, polling=False, retry_total=0)
        time.sleep(0.9)
        assert (mode in [d.name for d in databases.list_by_server(RG, "staging")]) == there
    assert emulator.admin("DELETE", "faults")["removed"] == 2


def test_faults_can_wait_and_delay(emulator, clients):
    emulator.put_world()
    sql = clients(emulator).sql
    emulator.admin("POST", "faults", {"mode": "delay", "path": "servers/shop$", "seconds": 0.5, "skip": 1})
    sql.servers.get(RG, "shop")
    assert emulator.admin("GET", "faults"), "the first request is let through"
    started = time.monotonic()
    sql.servers.get(RG, "shop")
    assert time.monotonic() - started > 0.5
    assert not emulator.admin("GET", "faults")
    assert emulator.admin("POST", "faults", {"path": "("}, expect=400)["code"] == "invalid-input"


def test_a_crash_cuts_the_power_and_azure_does_not_notice(emulator, clients):
    vms = clients(emulator).compute.virtual_machines
    vms.begin_create_or_update(RG, "w1", emulator.machine(emulator.make_network())).result()
    emulator.settled()
    emulator.admin("POST", "machines/w1/crash")
    emulator.settled()
    assert emulator.runner.running == set()
    assert vms.instance_view(RG, "w1").statuses[1].code == "PowerState/running"
    emulator.admin("POST", "machines/w1/evict")
    assert vms.instance_view(RG, "w1").statuses[1].code == "PowerState/deallocated"


def test_the_admin_endpoint_wants_its_key(emulator):
    refused = emulator.session.get(f"{emulator.url}/_local/requests", headers={"x-local-key": "no"}, timeout=10)
    assert refused.status_code == 401


def test_the_request_log_tells_order_and_region(emulator, clients):
    servers, _ = emulator.put_world()
    databases = clients(emulator).sql.databases
    databases.get(RG, "shop", "orders")
    seen = emulator.admin("GET", "requests")
    last = seen[-1]
    assert (last["method"], last["region"], last["name"], last["status"]) == ("GET", "westeurope", "orders", 200)
    assert last["path"] == f"{servers}/shop/databases/orders"
    assert emulator.admin("GET", f"requests?after={last['seq']}") == []


# --- evidence and the command ---


def test_every_reply_named_its_evidence(emulator, clients):
    emulator.put_world()
    found = clients(emulator)
    list(found.sql.servers.list())
    with pytest.raises(HttpResponseError):
        found.sql.databases.get(RG, "shop", "no-such")
    with pytest.raises(HttpResponseError):
        found.compute.virtual_machines.get(RG, "no-such")
    names = [r["shape"] for r in emulator.admin("GET", "requests")]
    assert len(names) >= 4
    assert set(names) <= set(SHAPES)


def test_the_list_of_guesses_is_current_and_says_why():
    text = marks.DOCUMENT.read_text()
    assert marks.updated(text) == text, "run python -m local.azure.marks"
    assert all(shape.source for shape in SHAPES.values())
    recorded = [shape for shape in SHAPES.values() if shape.kind == "recorded"]
    assert len(recorded) > 20
    # Of tests that ran against Azure.
    kept = ("azure-cli", "azure-powershell", "azure-sdk-for-")
    assert [shape.source for shape in recorded if not any(one in shape.source for one in kept)] == []


def test_the_section_is_added_once_and_leaves_the_rest_alone():
    first = marks.updated("# Never run\n\nBy hand.\n")
    assert first.startswith("# Never run\n\nBy hand.\n")
    assert marks.updated(first) == first
    assert marks.updated(first.replace("### Guesses", "### Old")) == first


def test_the_command_serves_until_it_is_told_to_stop(tmp_path):
    command = [sys.executable, "-m", "local.azure", "--state", str(tmp_path / "azure"), "--pace", "0.02"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            ports = json.loads(process.stdout.readline())
            with requests.Session() as session:
                session.trust_env = False
                reply = session.get(
                    f"https://127.0.0.1:{ports['https_port']}/_local/addresses",
                    verify=str(tmp_path / "azure" / "ca.pem"),
                    headers={"x-local-key": (tmp_path / "azure" / "admin-key").read_text()},
                    timeout=10,
                )
            assert reply.json()["identity"] == f"http://127.0.0.1:{ports['http_port']}/msi/token"
        finally:
            process.terminate()
        assert process.wait(10) == 0


def test_a_file_that_is_no_bacpac_is_not_taken_in(emulator, tmp_path):
    pytest.importorskip("holdfast.bacpac.package")
    file = tmp_path / "x.bacpac"
    buffer = io.BytesIO(b"this is no ZIP file")
    file.write_bytes(buffer.getvalue())
    refused = emulator.admin("POST", "databases", {"file": str(file), "server": "s", "database": "d"}, expect=422)
    assert refused["code"] == "bad-bacpac"
    assert list(emulator.folder.databases.iterdir()) == []
