"""Who sees pages and who may do what: keys, the platform's sign-in, roles, and forms that other sites send."""

from __future__ import annotations

import base64

import azure.durable_functions as df
import pytest

from holdfast.settings import Settings
from holdfast.web.rendering import asset_address, assets
from triggers import web


def levels() -> dict[str, str]:
    app = df.DFApp()
    app.register_functions(web.bp)
    return {f.get_function_name(): str(f.get_trigger().auth_level).rpartition(".")[2] for f in app.get_functions()}


def test_only_the_function_that_opens_visits_is_closed_by_a_key() -> None:
    assert levels() == {"web": "ANONYMOUS", "web_key": "FUNCTION"}


def test_nobody_sees_the_sign_in_page_and_nothing_else(site) -> None:
    site.cookie = ""
    for path in ("", "sources", "points/p", "nothing"):
        answer = site.get(path)
        assert answer.status == 303
        assert answer.headers["Location"].partition("?")[0] == "/api/web/sign-in"
        assert answer.content == b""
    assert site.get("sign-in").status == 200
    twin = site.get("sources.json")
    assert (twin.status, twin.json["code"]) == (401, "not-signed-in")
    assert site.post("policies/save", own=False, yaml="name: x").status == 401


def test_a_made_up_cookie_opens_nothing(site) -> None:
    for cookie in ("holdfast-visit=", "holdfast-visit=secret-7", "other=1", "\x00", 'holdfast-visit="; x'):
        site.cookie = cookie
        assert site.get("sources").status == 303, cookie


def test_the_cookie_is_for_the_pages_alone_and_for_no_script(site) -> None:
    import asyncio

    ask = web.web_key.build().get_user_function()
    answer = asyncio.run(ask(site._request("GET", "web-key", b"", {})))
    parts = answer.headers["Set-Cookie"].split("; ")
    assert {"Path=/api/web", "HttpOnly", "SameSite=Strict", "Secure"} <= set(parts)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/api/web/")


def test_signing_out_ends_the_visit_and_not_only_the_cookie(site) -> None:
    assert site.post("sign-out").headers["Location"] == "/api/web/sign-in"
    assert site.get("sources").status == 303


@pytest.mark.parametrize("path", ["policies/check", "policies/save", "policies/nightly/run", "policies/nightly/delete"])
def test_a_form_of_another_site_does_nothing(site, path: str) -> None:
    site.policy()
    assert site.post(path, own=False, typed="nightly").status == 403
    assert site.post(path, own=False, typed="nightly", csrf="0" * 64).status == 403
    assert site.post(path, typed="nightly", headers={"sec-fetch-site": "cross-site"}).status == 403
    assert site.started == []
    assert "nightly" in site.catalog.policies.known


def test_a_form_of_another_visit_does_nothing(site) -> None:
    site.policy()
    token = site.csrf()
    site.sign_in()
    assert site.csrf() != token
    assert site.post("policies/nightly/run", own=False, csrf=token).status == 403


def test_a_form_that_is_too_large_is_refused(site) -> None:
    assert site.post("policies/check", yaml="x" * 300_000).status == 400
    assert site.post("policies/check", **{f"f{n}": "1" for n in range(60)}).status == 400


def test_the_header_of_the_platform_is_nothing_where_its_sign_in_is_off(site, principal) -> None:
    site.cookie = ""
    assert site.get("sources", **principal("eve", "Backup.Admin")).status == 303


@pytest.fixture
def entra(site):
    site.cookie = ""
    site.app.settings = site.app.settings.model_copy(update={"entra_sign_in": True})
    return site


def test_the_platform_says_whether_its_sign_in_is_on(monkeypatch) -> None:
    monkeypatch.delenv("WEBSITE_AUTH_ENABLED", raising=False)
    assert Settings().entra_sign_in is False
    monkeypatch.setenv("WEBSITE_AUTH_ENABLED", "True")
    assert Settings().entra_sign_in is True


@pytest.mark.parametrize(
    ("role", "read", "cancel", "download", "delete"),
    [
        ("Backup.Admin", 200, 404, 404, 404),
        ("Backup.Operator", 200, 404, 404, 403),
        ("Backup.Restorer", 200, 403, 404, 403),
        ("Backup.Reader", 200, 403, 403, 403),
        ("Other.Role", 403, 403, 403, 403),
    ],
)
def test_app_roles_say_what_a_person_may_do(entra, principal, role, read, cancel, download, delete) -> None:
    who = principal("ann@example.org", role)
    assert entra.get("sources", **who).status == read
    given = entra.get("sources", **who).headers.get("Set-Cookie", "")
    if read == 200:
        entra.cookie = given.partition(";")[0]
        token = entra.get("policies", **who).text.partition('name="csrf" value="')[2].partition('"')[0]
    else:
        token = ""
    for path, status in (("sessions/s/cancel", cancel), ("points/p/download", download), ("policies/p/delete", delete)):
        form = {"csrf": token, "typed": "p"}
        assert entra.post(path, own=False, headers=who, **form).status == status, path


def test_what_a_person_may_not_do_is_not_offered(entra, principal, line) -> None:
    entra.policy()
    reader, admin = principal("r", "Backup.Reader"), principal("a", "Backup.Admin")
    assert "Run now" not in entra.get("policies/nightly", **reader).words
    assert "Run now" in entra.get("policies/nightly", **admin).words


@pytest.mark.parametrize(
    "header", ["", "no base64", base64.b64encode(b"{}").decode(), base64.b64encode(b"[1]").decode()]
)
def test_a_header_that_cannot_be_read_is_nobody(entra, header: str) -> None:
    assert entra.get("sources", **{"x-ms-client-principal": header}).status == 303


def test_every_answer_has_the_headers_that_keep_others_out(site) -> None:
    site.policy()
    answers = [
        site.get(path) for path in ("", "nothing", "sources.json", "none.json", asset_address("holdfast.css")[9:])
    ]
    for answer in answers:
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert [answer.headers["Cache-Control"] for answer in answers[:4]] == ["no-store"] * 4
    assert "immutable" in answers[4].headers["Cache-Control"]


def test_files_are_served_under_their_digest_alone(site) -> None:
    site.cookie = ""
    for name, found in assets().items():
        address = asset_address(name).removeprefix("/api/web/")
        answer = site.get(address)
        assert (answer.status, answer.content, answer.kind) == (200, found.content, found.kind)
        assert site.get(address.replace(found.digest, "0" * 12)).status == 404
    assert site.get("static/../rendering.py").status == 404


def test_the_vendored_script_is_the_one_that_was_pinned() -> None:
    """npm's htmx.org 4.0.1, dist/htmx.min.js, with its licence beside it."""
    import hashlib

    found = assets()["htmx-4.0.1.min.js"].content
    assert hashlib.sha256(found).hexdigest() == "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130"
    assert b"Zero-Clause BSD" in assets()["htmx-LICENSE.txt"].content


def test_signing_in_leads_to_where_one_wanted_to_go(site) -> None:
    site.cookie = ""
    to = site.get("sessions/a b?page=2").headers["Location"]
    assert to == "/api/web/sign-in?next=sessions%2Fa+b%3Fpage%3D2"
    (form,) = [a for tag, a in site.get(to.removeprefix("/api/web/")).elements if tag == "form"]
    assert form["data-home"] == "/api/web/sessions/a%20b?page=2"


@pytest.mark.parametrize(
    "wanted", ["//evil.example", "https://evil.example", "\\\\evil.example", "javascript:alert(1)", '"><script>']
)
def test_signing_in_leads_nowhere_else(site, wanted: str) -> None:
    site.cookie = ""
    answer = site.get(f"sign-in?next={wanted}")
    (form,) = [a for tag, a in answer.elements if tag == "form"]
    assert form["data-home"].startswith("/api/web/")
    assert "<script>" not in answer.text.replace('<script src="/api/web/static', "")


def test_a_link_from_elsewhere_is_followed_again_from_our_own_page_and_shows_nothing(site) -> None:
    site.cookie = ""
    answer = site.get('sources?database="><script>', **{"sec-fetch-site": "cross-site"})
    assert answer.status == 200
    (refresh,) = [a["content"] for tag, a in answer.elements if a.get("http-equiv") == "refresh"]
    assert refresh == "0; url=/api/web/sources?database=%22%3E%3Cscript%3E"
    assert "script" not in [tag for tag, _ in answer.elements]
