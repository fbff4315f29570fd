"""Pages around the pages: sign in, and what went wrong; and the errors of whoever may not see one."""

from __future__ import annotations

from pydantic import BaseModel

from holdfast.model.errors import ErrorInfo, HoldfastError


class SignIn(BaseModel):
    """Asks for a key."""

    entra: bool
    home: str


class Again(BaseModel):
    """Leads to where the visitor wanted to go, from a page of our own."""

    to: str


class Wrong(BaseModel):
    """An error for people."""

    error: ErrorInfo


class NotSignedIn(HoldfastError):
    """Nobody, or a visit that is over."""

    code = "not-signed-in"
    title = "Nobody is signed in"
    advice = "Sign in, with a function key or as the organisation does."
    exit_code = 6
    http_status = 401
    permanent = True


class NotAllowed(HoldfastError):
    """Somebody without the right that this needs, or a form that was not sent from our own page."""

    code = "not-allowed"
    title = "That is not allowed"
    advice = "Ask for an app role of the application (Backup.Admin, Backup.Operator, Backup.Restorer, Backup.Reader)."
    exit_code = 6
    http_status = 403
    permanent = True
