"""Who looks at the pages, and what they may do.

Two ways in. Where the platform's own authentication is on, its header names the person, and app roles say what they may do;
the platform removes that header from what comes from outside, and where it is off the header is never looked at. Else a
visit: whoever shows a function key once (the platform checks it) gets a cookie. The key itself is in no cookie.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from http.cookies import CookieError, SimpleCookie
from typing import Any

from holdfast.web.signs import NotAllowed, NotSignedIn
from holdfast.wiring import Services

COOKIE = "holdfast-visit"
#: The cookie goes to the pages alone: the API never sees it, so no foreign page can borrow it for a call.
COOKIE_PATH = "/api/web"

_PRINCIPAL = "x-ms-client-principal"
_NAME_CLAIMS = ("preferred_username", "name", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress")


class Right(StrEnum):
    """What a page or an action of a page asks of its visitor."""

    READ = "read"
    RESTORE = "restore"  # take data out
    OPERATE = "operate"  # write policies, start and cancel
    ADMINISTER = "administer"  # let go of what protects: delete a policy, approve deletions


_ALL = frozenset(Right)
#: App roles of the Entra application.
ROLES: dict[str, frozenset[Right]] = {
    "Backup.Admin": _ALL,
    "Backup.Operator": frozenset({Right.READ, Right.RESTORE, Right.OPERATE}),
    "Backup.Restorer": frozenset({Right.READ, Right.RESTORE}),
    "Backup.Reader": frozenset({Right.READ}),
}


@dataclass(frozen=True)
class Visitor:
    """Somebody. `secret` is the cookie's; `fresh`: the browser does not have it yet."""

    name: str
    rights: frozenset[Right]
    secret: str
    fresh: bool = False

    @property
    def csrf(self) -> str:
        """What a form must bring along: only our own pages, read with the cookie, can know it."""
        return hashlib.sha256(f"form of {self.secret}".encode()).hexdigest()

    def require(self, right: Right) -> None:
        """Raises NotAllowed."""
        if right not in self.rights:
            raise NotAllowed(f"{self.name} may not {right} here")

    def require_own_form(self, form: Mapping[str, str], headers: Mapping[str, str]) -> None:
        """Raises NotAllowed for what another site made the browser send."""
        site = headers.get("sec-fetch-site", "same-origin")
        if site not in ("same-origin", "none") or not hmac.compare_digest(
            form.get("csrf", "").encode(), self.csrf.encode()
        ):
            raise NotAllowed(
                "the form was not sent from a page of this visit", help="Open the page again and repeat it."
            )


def visitor(app: Services, headers: Mapping[str, str]) -> Visitor:
    """Who asks. Header names are in lower case. Raises NotSignedIn, NotAllowed for somebody without any role."""
    cookie = cookie_of(headers)
    if app.settings.entra_sign_in and headers.get(_PRINCIPAL):
        name, rights = _principal(headers[_PRINCIPAL])
        return Visitor(name, rights, cookie or secrets.token_urlsafe(32), fresh=not cookie)
    if cookie and app.catalog.visits.is_open(cookie):
        return Visitor("signed in by key", _ALL, cookie)
    raise NotSignedIn("no visit is open")


def cookie_of(headers: Mapping[str, str]) -> str:
    """The visit's secret that the browser sent; empty where it sent none."""
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found is not None else ""


def set_cookie(secret: str, url: str, *, life: int | None = None) -> str:
    """The header that gives the browser a visit. `url` is what was asked for: over https the cookie stays on https."""
    parts = [f"{COOKIE}={secret}", f"Path={COOKIE_PATH}", "HttpOnly", "SameSite=Strict"]
    parts += [f"Max-Age={life}"] if life is not None else []
    parts += ["Secure"] if url.lower().startswith("https:") else []
    return "; ".join(parts)


def _principal(header: str) -> tuple[str, frozenset[Right]]:
    try:
        told: Any = json.loads(base64.b64decode(header, validate=True))
        claims = [(str(claim["typ"]), str(claim["val"])) for claim in told["claims"]]
        kind = str(told.get("role_typ") or "roles")
    except (binascii.Error, ValueError, KeyError, TypeError):
        raise NotSignedIn("the platform's word about who is signed in cannot be read") from None
    names = [value for wanted in _NAME_CLAIMS for claim, value in claims if claim == wanted]
    name = names[0] if names else "somebody"
    rights = frozenset().union(*(ROLES.get(value, frozenset()) for claim, value in claims if claim in (kind, "roles")))
    if not rights:
        raise NotAllowed(f"{name} has no app role of this application")
    return name, rights
