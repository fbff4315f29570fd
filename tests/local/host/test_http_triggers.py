"""HTTP triggers: routes, keys, requests and responses."""

from __future__ import annotations

import json
import stat
import threading
import time
import urllib.request
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.host.keys import Keys, load_keys
from local.host.routes import BadRouteError, Route


def test_a_function_needs_its_key_in_the_header_or_the_query(host: Any) -> None:
    keys = json.loads(host.state.with_name("state.db.keys.json").read_text())
    assert host.ask("GET", "/api/closed") == (401, b"")
    assert host.ask("GET", "/api/closed?code=wrong")[0] == 401
    assert host.ask("GET", f"/api/closed?code={keys['host']}") == (200, b"open sesame")
    assert host.ask("GET", "/api/closed", **{"x-functions-key": keys["host"]})[0] == 200
    assert host.ask("GET", "/api/closed", **{"x-functions-key": keys["master"]})[0] == 200
    assert host.ask("GET", f"/api/admin-only?code={keys['host']}")[0] == 401
    assert host.ask("GET", f"/api/admin-only?code={keys['master']}") == (200, b"master")


def test_keys_are_made_once_and_are_for_the_owner_alone(tmp_path: Any) -> None:
    first = load_keys(tmp_path / "s.db")
    assert load_keys(tmp_path / "s.db") == first
    assert stat.S_IMODE((tmp_path / "s.db.keys.json").stat().st_mode) == 0o600
    assert len({first.master, first.host, first.system}) == 3


def test_a_functions_own_key_opens_it_alone() -> None:
    keys = Keys("m", "h", "s", {"mine": "k"})
    assert keys.allows("function", ["k"], "Mine")
    assert not keys.allows("function", ["k"], "other")
    assert not keys.allows("function", [None, ""], "mine")
    assert not keys.allows("system", ["h"])
    assert keys.allows("anonymous", [])


def test_a_request_and_its_response_arrive_whole(host: Any) -> None:
    request = urllib.request.Request(  # noqa: S310
        f"{host.url}/api/files/a/b%20c/d%2Fe?x=1&x=2&y=%C3%A4", data=b"\x00" * 70000, method="PUT"
    )
    request.add_header("X-Sample", "yes")
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        told = json.loads(answer.read())
        assert answer.status == 201
        assert answer.headers["X-Answer"] == "yes"
        assert answer.headers["Set-Cookie"] == "a=b; Path=/"
        assert answer.headers["Content-Type"].startswith("text/json")
    assert told["rest"] == "a/b c/d%2Fe"
    assert told["query"] == {"x": "1,2", "y": "ä"}
    assert told["body"] == 70000
    assert told["header"] == "yes"
    assert told["url"].startswith(host.url)


def test_bytes_come_back_as_they_are(host: Any) -> None:
    assert host.ask("GET", "/api/bytes") == (200, bytes(range(256)))


def test_the_unusual_ends_of_a_function(host: Any) -> None:
    assert host.ask("GET", "/api/nothing") == (204, b"")
    assert host.ask("GET", "/api/broken") == (500, b"")
    assert host.ask("GET", "/api/no/such/route")[0] == 404
    assert host.ask("DELETE", "/api/files/x")[0] == 404, "the function takes GET and PUT"
    assert host.ask("GET", "/elsewhere")[0] == 404
    failure = next(line for line in host.log if line["event"] == "function failed" and line["function"] == "broken")
    assert "broken on purpose" in failure["exception"]


def test_the_app_that_blocks_its_loop_does_not_block_the_host(host: Any) -> None:
    blocked = threading.Thread(target=host.ask, args=("GET", "/api/blocks"))
    blocked.start()
    time.sleep(0.2)
    began = time.monotonic()
    assert host.ask("GET", "/admin/status")[0] == 200
    assert host.ask("GET", "/api/nothing")[0] == 204
    assert time.monotonic() - began < 1
    blocked.join()


def test_status_and_functions_are_told_to_this_machine(host: Any) -> None:
    status, told = host.ask("GET", "/admin/status")
    assert status == 200
    assert {"instances", "activities_running", "activities_queued", "timers", "messages", "now"} <= told.keys()
    functions = {one["name"]: one for one in host.ask("GET", "/admin/functions")[1]}
    assert functions["files"]["route"] == "files/{*rest}"
    assert functions["files"]["methods"] == ["GET", "PUT"]
    assert functions["closed"]["authLevel"] == "function"
    assert functions["family"]["trigger"] == "orchestrationTrigger"


@pytest.mark.parametrize(
    ("template", "path", "expected"),
    [
        ("policies", "policies", {}),
        ("policies", "POLICIES/", {}),
        ("policies", "policies/x", None),
        ("policies/{name}/run", "policies/nightly/run", {"name": "nightly"}),
        ("policies/{name}/run", "policies//run", None),
        ("sessions/{id:int}", "sessions/12", {"id": "12"}),
        ("sessions/{id:int}", "sessions/a", None),
        ("{id:guid}", "0E9B1F6E-8F3B-4C0F-9D2A-5B6C7D8E9F00", {"id": "0E9B1F6E-8F3B-4C0F-9D2A-5B6C7D8E9F00"}),
        ("a/{x:min(3):max(5)}", "a/4", {"x": "4"}),
        ("a/{x:min(3):max(5)}", "a/6", None),
        ("a/{x:length(2,3)}", "a/abcd", None),
        ("a/{x:regex(^b+$)}", "a/bbb", {"x": "bbb"}),
        ("points/{id?}", "points", {}),
        ("points/{id?}", "points/7", {"id": "7"}),
        ("pages/{page=home}", "pages", {"page": "home"}),
        ("files/{*rest}", "files", {"rest": ""}),
        ("files/{*rest}", "files/a/b", {"rest": "a/b"}),
        ("{*rest}", "", {"rest": ""}),
        ("", "", {}),
    ],
)  # fmt: skip
def test_a_route_template_fits_a_path(template: str, path: str, expected: dict[str, str] | None) -> None:
    assert Route(template).match(path) == expected


def test_the_most_specific_route_wins() -> None:
    templates = ["{*rest}", "points/{id}", "points/{id:int}", "points/all", "{a}/{b}"]
    order = [route.template for route in sorted(map(Route, templates), key=lambda route: route.rank)]
    assert order == ["points/all", "points/{id:int}", "points/{id}", "{a}/{b}", "{*rest}"]


@pytest.mark.parametrize("template", ["a/{x", "{*rest}/b", "{x?}/b", "a/{x:nonsense}", "a-{x}"])
def test_a_route_that_cannot_be_read_is_refused(template: str) -> None:
    with pytest.raises(BadRouteError):
        Route(template)


@given(st.text(st.characters(exclude_characters="/", exclude_categories=["Cs"]), min_size=1))
def test_any_text_survives_as_a_route_parameter(value: str) -> None:
    from urllib.parse import quote

    assert Route("x/{id}").match("x/" + quote(value, safe="")) == {"id": value}
