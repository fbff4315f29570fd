"""SqlClient's connection strings: `keyword=value;…`, values quoted where they need to be, keywords in any case."""

from __future__ import annotations

from dataclasses import dataclass

from local.sqlpackage import messages
from local.sqlpackage.refusal import Refusal

_KEYWORDS = {
    "server": "server",
    "data source": "server",
    "address": "server",
    "addr": "server",
    "network address": "server",
    "database": "database",
    "initial catalog": "database",
    "user id": "user",
    "uid": "user",
    "user": "user",
    "password": "password",
    "pwd": "password",
    "authentication": "authentication",
    "encrypt": "encrypt",
    "trustservercertificate": "trust",
    "trust server certificate": "trust",
    "hostnameincertificate": "host name",
    "host name in certificate": "host name",
    "connect timeout": "timeout",
    "connection timeout": "timeout",
    "timeout": "timeout",
    "application name": "application",
    "app": "application",
    "multipleactiveresultsets": "mars",
    "multiple active result sets": "mars",
    "persist security info": "persist",
    "persistsecurityinfo": "persist",
    "pooling": "pooling",
    "connectretrycount": "retries",
    "connect retry count": "retries",
    "connectretryinterval": "retry interval",
    "connect retry interval": "retry interval",
    "integrated security": "integrated",
    "trusted_connection": "integrated",
    "applicationintent": "intent",
    "application intent": "intent",
}
_MANAGED_IDENTITY = ("active directory managed identity", "active directory msi")


@dataclass(frozen=True)
class Connection:
    """Where to connect and as whom. Never a password: only managed identities are taken."""

    host: str
    port: int
    database: str
    client_id: str | None

    @property
    def server(self) -> str:
        """As SqlPackage prints it."""
        return f"tcp:{self.host},{self.port}"


def parse(text: str) -> Connection:
    """Reads a connection string. Raises Refusal for an unknown keyword and for any authentication but managed identity."""
    values: dict[str, str] = {}
    for keyword, value in _pairs(text):
        known = _KEYWORDS.get(" ".join(keyword.lower().split()))
        if known is None:
            raise Refusal(messages.BAD_CONNECTION_STRING(keyword=keyword.lower()))
        values[known] = value
    authentication = values.get("authentication", "")
    if authentication.lower() not in _MANAGED_IDENTITY:
        raise Refusal(messages.OTHER_AUTHENTICATION(authentication=authentication or "Not Specified"))
    for needed in ("server", "database"):
        if not values.get(needed):
            raise Refusal(messages.MISSING(argument=f"connection string: {needed}", action="…"))
    host, _, port = values["server"].removeprefix("tcp:").partition(",")
    if port and not port.strip().isdigit():
        raise Refusal(messages.BAD_VALUE(value=values["server"], argument="Server"))
    return Connection(host.strip(), int(port or 1433), values["database"], values.get("user") or None)


def _pairs(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    at = 0
    while at < len(text):
        end = text.find("=", at)
        if end < 0:
            if text[at:].strip(" ;"):
                raise Refusal(messages.BAD_CONNECTION_STRING(keyword=text[at:].strip().lower()))
            break
        keyword = text[at:end].strip(" ;")
        value, at = _value(text, end + 1)
        found.append((keyword, value))
    return found


def _value(text: str, at: int) -> tuple[str, int]:
    """A value and where the next pair begins; quoted by `"` or `'`, doubled inside."""
    while at < len(text) and text[at] == " ":
        at += 1
    quote = text[at : at + 1]
    if quote not in ('"', "'"):
        end = text.find(";", at)
        end = len(text) if end < 0 else end
        return text[at:end].strip(), end + 1
    value = ""
    at += 1
    while at < len(text):
        if text[at] == quote:
            if text[at + 1 : at + 2] != quote:
                break
            at += 1
        value += text[at]
        at += 1
    end = text.find(";", at)
    return value, (len(text) if end < 0 else end) + 1
