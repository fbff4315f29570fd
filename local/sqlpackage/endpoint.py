"""The emulator's side of a database: its content, and the log of what an export wrote."""

from __future__ import annotations

import http.client
import json
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote, urlsplit

from local.sqlpackage import messages
from local.sqlpackage.connection_string import Connection
from local.sqlpackage.refusal import ExportError

VARIABLE = "HOLDFAST_EMULATOR"
_PIECE = 1 << 18
_SECONDS = 300


@dataclass(frozen=True)
class Emulator:
    """`emulator.json`: where the emulator answers, whose certificates it has, and faults that tests want."""

    address: str
    ca_file: Path
    faults: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls) -> Emulator:
        """From the file that the environment names; the executable names the one beside itself. Raises ExportError."""
        file = os.environ.get(VARIABLE, "")
        try:
            document = json.loads(Path(file).read_bytes())
            return cls(str(document["address"]), Path(document["ca_file"]), dict(document.get("faults") or {}))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ExportError(
                messages.EMPTY(detail=f"{VARIABLE} names no emulator.json ({file or 'unset'})")
            ) from error


class DataEndpoint:
    """Talks to the emulator's SQL data endpoint over https, trusting its own authority alone."""

    def __init__(self, emulator: Emulator, token: str) -> None:
        self._address = urlsplit(emulator.address)
        self._context = ssl.create_default_context(cafile=str(emulator.ca_file))
        self._token = token

    def download(self, connection: Connection, to: Path) -> None:
        """Writes the database's content to a file. Raises ExportError in SQL Server's words, OSError for the disk."""
        path = f"/_sql/{quote(connection.host, safe='')}/{quote(connection.database, safe='')}/bacpac"
        client = self._connect()
        try:
            response = self._ask(client, "GET", path)
            if response.status != http.client.OK:
                raise ExportError(_refused(connection, response.status, _said(response)))
            with to.open("wb") as file:
                while piece := self._receive(response):
                    file.write(piece)
        finally:
            client.close()

    def replace(self, connection: Connection, file: Path) -> None:
        """Gives the database another content. Raises ExportError in SQL Server's words."""
        path = f"/_sql/{quote(connection.host, safe='')}/{quote(connection.database, safe='')}/altered"
        client = self._connect()
        try:
            with file.open("rb") as body:
                response = self._ask(client, "PUT", path, body)
            if response.status >= http.client.BAD_REQUEST:
                raise ExportError(_refused(connection, response.status, _said(response)))
        finally:
            client.close()

    def begin_import(self, connection: Connection) -> dict[str, Any]:
        """From here on the database is not empty, however the import ends; what it may hold.

        `import` names this import, `max_bytes` is None where there is no limit. Raises ExportError in SQL Server's words.
        """
        return self._told(connection, "POST", "import")

    def fill(self, connection: Connection, begun: str, file: Path) -> None:
        """Gives the database its content, with the import of that name. Raises ExportError in SQL Server's words."""
        with file.open("rb") as body:
            self._told(connection, "PUT", f"bacpac?import={begun}", body)

    def names(self, connection: Connection) -> list[str]:
        """The databases of the server. Raises ExportError in SQL Server's words."""
        found: list[str] = self._told(connection, "GET", "names")["names"]
        return found

    def rename(self, connection: Connection, name: str) -> None:
        """Gives an instance's database another name. Raises ExportError in SQL Server's words."""
        self._told(connection, "POST", "rename", json.dumps({"name": name}).encode())

    def _told(
        self, connection: Connection, method: str, what: str, body: bytes | BinaryIO | None = None
    ) -> dict[str, Any]:
        path = f"/_sql/{quote(connection.host, safe='')}/{quote(connection.database, safe='')}/{what}"
        client = self._connect()
        try:
            response = self._ask(client, method, path, body)
            if response.status >= http.client.BAD_REQUEST:
                raise ExportError(_refused(connection, response.status, _said(response)))
            found: dict[str, Any] = json.loads(response.read())
            return found
        finally:
            client.close()

    def log_export(self, document: Mapping[str, Any]) -> None:
        """Tells the emulator what was written. Raises ExportError where it does not take that."""
        client = self._connect()
        try:
            response = self._ask(client, "POST", "/_sql/export-log", json.dumps(document).encode())
            if response.status >= http.client.BAD_REQUEST:
                raise ExportError(f"The emulator did not take the export's log: {response.status} {_said(response)}")
        finally:
            client.close()

    def _connect(self) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(
            self._address.hostname or "", self._address.port, timeout=_SECONDS, context=self._context
        )

    def _ask(
        self, client: http.client.HTTPSConnection, method: str, path: str, body: bytes | BinaryIO | None = None
    ) -> http.client.HTTPResponse:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        if body is not None and not isinstance(body, bytes):
            headers["Content-Length"] = str(os.fstat(body.fileno()).st_size)
        try:
            client.request(method, self._address.path.rstrip("/") + path, body, headers)
            return client.getresponse()
        except (OSError, http.client.HTTPException) as error:
            raise ExportError(f"{messages.NOT_CONNECTED()}\n{messages.UNREACHABLE()}") from error

    @staticmethod
    def _receive(response: http.client.HTTPResponse) -> bytes:
        try:
            piece = response.read(_PIECE)
        except (OSError, http.client.HTTPException) as error:
            raise ExportError(messages.UNREACHABLE()) from error
        if not piece and response.length:
            raise ExportError(messages.UNREACHABLE())
        return piece


def _said(response: http.client.HTTPResponse) -> str:
    try:
        return str(json.loads(response.read())["error"]["message"])
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return ""


def _refused(connection: Connection, status: int, said: str) -> str:
    """The emulator's refusal in SQL Server's words."""
    if status == http.client.UNAUTHORIZED:
        expired = f" {messages.TOKEN_EXPIRED()}" if "expired" in said.lower() else ""
        return f"{messages.NOT_CONNECTED()}\n{messages.LOGIN_FAILED()}{expired}"
    if status == http.client.FORBIDDEN:
        opened = messages.NO_DATABASE(database=connection.database)
        return f"{messages.NOT_CONNECTED()}\n{opened}\n{messages.LOGIN_FAILED()}"
    if status == http.client.CONFLICT and "holds something already" in said:
        return messages.NOT_EMPTY()
    if status == http.client.CONFLICT:
        return messages.NOT_AVAILABLE(database=connection.database, server=connection.host)
    if status == http.client.NOT_FOUND and "holds nothing" in said:
        return messages.EMPTY(detail=said)
    return f"{messages.NOT_CONNECTED()}\n{messages.UNREACHABLE()}" + (f"\n{said}" if said else "")
