"""`sqlprobe`: reads a SqlConnection as JSON from stdin, writes `{"P01": [rows], …, "errors": {}}` to stdout.

Connects as SqlPackage's stand-in does, as the managed identity whose client id is in `HOLDFAST_WORKER_CLIENT_ID`. Exit
code 1: no connection; stdout then holds `{"error": ErrorInfo}`.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from holdfast.bacpac.package import Bacpac
from holdfast.model.errors import Forbidden, HoldfastError, Unavailable
from holdfast.model.job import SqlConnection
from local.sqlpackage import messages
from local.sqlpackage.connection_string import Connection
from local.sqlpackage.endpoint import DataEndpoint, Emulator
from local.sqlpackage.identity import access_token
from local.sqlpackage.refusal import Refusal
from local.sqlprobe.answers import answer


def probe(connection: SqlConnection, client_id: str | None) -> dict[str, Any]:
    """Asks the emulated database everything. Raises Forbidden or Unavailable where it cannot be reached."""
    place = Connection(connection.host, connection.port, connection.database, client_id)
    with tempfile.TemporaryDirectory(prefix="sqlprobe-") as folder:
        content = Path(folder) / "content"
        try:
            DataEndpoint(Emulator.read(), access_token(client_id)).download(place, content)
        except Refusal as refusal:
            said = " ".join(str(refusal).split("\n"))
            # An expired token is no missing right: the next attempt gets a new one.
            if messages.LOGIN_FAILED() in said and messages.TOKEN_EXPIRED() not in said:
                raise Forbidden(said) from refusal
            raise Unavailable(said) from refusal
        with Bacpac.open(content) as bacpac:
            return {**answer(bacpac, connection.database, managed_instance=connection.managed_instance), "errors": {}}


def main() -> int:
    """The command."""
    connection = SqlConnection.model_validate_json(sys.stdin.read())
    try:
        found, code = probe(connection, os.environ.get("HOLDFAST_WORKER_CLIENT_ID") or None), 0
    except HoldfastError as error:
        found, code = {"error": error.info().model_dump(mode="json")}, 1
    json.dump(found, sys.stdout)
    return code


if __name__ == "__main__":
    sys.exit(main())
