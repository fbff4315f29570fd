"""The Functions app over HTTP. The command does nothing there that a script with curl could not."""

from __future__ import annotations

import json
import os
import ssl
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from pydantic import ValidationError

from holdfast.model.errors import ErrorInfo, Forbidden, HoldfastError, ReportedError, Unavailable

StateOption = Annotated[
    Path | None,
    typer.Option(
        "--state",
        help="State folder of a local profile, where the app is to be found; default: HOLDFAST_STATE. "
        "HOLDFAST_URL and HOLDFAST_KEY name any other app.",
    ),
]

_DEFAULT_STATE = Path(".holdfast") / "local"
_TRIES = 4
_PAGE = 500


class NoApp(HoldfastError):
    """Nothing says where the app is."""

    code = "no-app"
    title = "It is not known which app is meant"
    advice = (
        "Set HOLDFAST_URL and HOLDFAST_KEY, or name the state folder of a local profile with --state; "
        "`holdfast local up` starts one."
    )
    exit_code = 40
    http_status = 400
    permanent = True


@dataclass(frozen=True)
class Address:
    """Where the app is, and the key that it wants. `ca_file` is trusted beside the machine's authorities."""

    url: str
    key: str
    ca_file: Path | None = None

    def __repr__(self) -> str:
        return f"Address({self.url!r})"


def find_app(state: Path | None) -> Address:
    """The app's address: of `state`, else of HOLDFAST_URL and HOLDFAST_KEY, else of HOLDFAST_STATE or the usual folder.

    Raises NoApp where there is none.
    """
    url, key = os.environ.get("HOLDFAST_URL"), os.environ.get("HOLDFAST_KEY")
    own = os.environ.get("HOLDFAST_CA_BUNDLE")
    if state is None and url:
        return Address(url.rstrip("/"), key or "", Path(own) if own else None)
    folder = state or Path(os.environ.get("HOLDFAST_STATE") or Path.home() / _DEFAULT_STATE)
    file = folder.expanduser() / "profile.json"
    try:
        profile = json.loads(file.read_text())
        address = Address(str(profile["url"]).rstrip("/"), str(profile["key"]))
    except FileNotFoundError:
        raise NoApp(f"HOLDFAST_URL is not set and {file} does not exist") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NoApp(f"{file} cannot be read: {error}") from None
    if not address.url:
        raise NoApp(f"{file} names no address: the local profile does not run")
    given = own or profile.get("ca_file")
    return Address(address.url, address.key, Path(given) if given else None)


def new_client(address: Address) -> httpx.Client:
    """A client of the app; tests put their own in its place."""
    return httpx.Client(
        base_url=f"{address.url}/api/",
        headers={"x-functions-key": address.key, "accept": "application/json"},
        verify=trust(address.ca_file),
        timeout=httpx.Timeout(60, connect=10),
    )


def new_download_client(ca_file: Path | None) -> httpx.Client:
    """A client for links that the app hands out: it must not send them the app's key."""
    return httpx.Client(verify=trust(ca_file), timeout=httpx.Timeout(60, connect=10))


def trust(ca_file: Path | None) -> ssl.SSLContext | bool:
    """The machine's authorities (SSL_CERT_FILE is honoured), and one more."""
    if ca_file is None:
        return True
    context = ssl.create_default_context()
    context.load_verify_locations(ca_file)
    return context


class App:
    """Calls of the app. Every one raises what the app reported, with its code and exit code; Unavailable; Forbidden."""

    def __init__(self, state: Path | None = None) -> None:
        self.address = find_app(state)
        self._client = new_client(self.address)

    def get(self, path: str, **query: Any) -> Any:
        """The JSON at that path. Arguments that are None are left out."""
        return self._call("GET", path, params={k: v for k, v in query.items() if v is not None})

    def pages(self, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        """Every item of a list, page by page."""
        after: str | None = None
        while True:
            page = self.get(path, **query, after=after, limit=_PAGE)
            yield from page["value"]
            after = page.get("next")
            if not after:
                return

    def put(self, path: str, text: str, content_type: str) -> Any:
        """Puts text; the JSON that came back."""
        return self._call("PUT", path, content=text.encode(), headers={"content-type": content_type})

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Posts JSON; the JSON that came back. Carries an idempotency key: what it starts is started once, however often
        a lost connection makes us send it."""
        given = {k: v for k, v in body.items() if v is not None}
        return self._call("POST", path, json=given, headers={"Idempotency-Key": uuid.uuid4().hex})

    def delete(self, path: str) -> Any:
        """Deletes; the JSON that came back, if any."""
        return self._call("DELETE", path)

    def _call(self, method: str, path: str, **arguments: Any) -> Any:
        for left in range(_TRIES - 1, -1, -1):
            try:
                answer = self._client.request(method, path, **arguments)
                if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE or not left:
                    return _read(answer)
            except httpx.TransportError as error:
                if not left:
                    raise Unavailable(
                        f"{self.address.url} does not answer: {error or type(error).__name__}",
                        help="Check that the app runs there; `holdfast local up` starts a local one.",
                    ) from None
            pause(_TRIES - left)
        raise AssertionError("the last try returns or raises")


def pause(seconds: float) -> None:
    """Waits; tests do not."""
    time.sleep(seconds)


def _read(answer: httpx.Response) -> Any:
    if answer.is_success:
        if not answer.content:
            return None
        try:
            return answer.json()
        except ValueError:
            raise Unavailable(f"{answer.url} answered what is not JSON; is HOLDFAST_URL the app's address?") from None
    problem = _problem(answer)
    if problem is not None:
        raise ReportedError(problem)
    if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        raise Forbidden(f"{answer.url.host} refused the key", help="Check HOLDFAST_KEY: a function key of the app.")
    if answer.status_code == httpx.codes.NOT_FOUND:
        raise Unavailable(f"there is no Holdfast app at {answer.url}", help="Check HOLDFAST_URL and the app's version.")
    raise Unavailable(f"{answer.request.method} {answer.url.path} answered {answer.status_code}")


def _problem(answer: httpx.Response) -> ErrorInfo | None:
    if not answer.headers.get("content-type", "").startswith("application/problem+json"):
        return None
    try:
        body = answer.json()
        code = body.get("code") or str(body.get("type", "")).rpartition("/")[2]
        return ErrorInfo.model_validate({"http_status": answer.status_code, **body, "code": code or "internal"})
    except (ValueError, AttributeError, ValidationError):
        return None
