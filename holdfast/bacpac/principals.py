"""Users as models describe them, and how to tell their kinds apart."""

from __future__ import annotations

from collections.abc import Container
from enum import Enum

from holdfast.bacpac.element import Element


class UserKind(Enum):
    """What stands behind a database user."""

    LOGIN = "login"
    ORPHANED = "orphaned"
    CONTAINED = "contained"
    WITHOUT_LOGIN = "without login"
    WINDOWS = "windows"
    ENTRA = "entra"
    CERTIFICATE = "certificate"
    ASYMMETRIC_KEY = "asymmetric key"


_BY_AUTHENTICATION = {"2": UserKind.CONTAINED, "3": UserKind.WINDOWS, "4": UserKind.ENTRA}
"""AuthenticationType in models: 1 a login of the instance, 2 a password of its own, 3 Windows, 4 Entra."""


def user_kind(element: Element, logins: Container[str]) -> UserKind:
    """The kind of a `SqlUser`. `logins` are the names of the model's logins, casefolded.

    A user of a login is orphaned where the model has no such login: that is all that a model says of it.
    """
    if "Certificate" in element.relationships:
        return UserKind.CERTIFICATE
    if "AsymmetricKey" in element.relationships:
        return UserKind.ASYMMETRIC_KEY
    authentication = element.properties.get("AuthenticationType", "")
    if authentication in _BY_AUTHENTICATION:
        return _BY_AUTHENTICATION[authentication]
    if authentication != "1" or element.properties.get("IsWithoutLogin") == "True":
        return UserKind.WITHOUT_LOGIN
    if "\\" in element.properties.get("LoginIdentifierScript", ""):
        return UserKind.WINDOWS
    login = element.reference("Login")
    if login is None or (login.external_source is None and login.name.casefold() not in logins):
        return UserKind.ORPHANED
    return UserKind.LOGIN
