"""`sqltable`: reads a Load as JSON from stdin, makes the table in an emulated database, writes `{"rows": N}` to stdout.

Connects as SqlPackage's stand-in does, as the managed identity whose client id is in `HOLDFAST_WORKER_CLIENT_ID`. Exit code
1: nothing was changed; stdout then holds `{"error": ErrorInfo}`.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from holdfast.bacpac.package import MODEL, Bacpac
from holdfast.model.errors import Forbidden, HoldfastError, NotFound, Unavailable
from holdfast.sql.table_protocol import Load, LoadFailed, TableThere
from local.sqlpackage import messages
from local.sqlpackage.connection_string import Connection
from local.sqlpackage.endpoint import DataEndpoint, Emulator
from local.sqlpackage.identity import access_token
from local.sqlpackage.refusal import Refusal
from local.sqlprobe.model_document import ModelDocument
from local.sqlprobe.rebuilding import rebuild
from local.sqltable.making import made_by, schema_is_there, table_nodes_of
from local.sqltable.rows import count_rows, part_name


def load(wanted: Load, client_id: str | None) -> int:
    """Makes the table; how many rows it has. Raises TableThere, NotFound, LoadFailed, Forbidden, Unavailable."""
    place = Connection(wanted.host, wanted.port, wanted.database, client_id)
    with tempfile.TemporaryDirectory(prefix="sqltable-") as folder:
        content, altered = Path(folder) / "content", Path(folder) / "altered"
        try:
            endpoint = DataEndpoint(Emulator.read(), access_token(client_id))
            endpoint.download(place, content)
            if _made(wanted, content, altered):
                endpoint.replace(place, altered)
        except Refusal as refusal:
            said = " ".join(str(refusal).split("\n"))
            if messages.LOGIN_FAILED() in said and messages.TOKEN_EXPIRED() not in said:
                raise Forbidden(said) from refusal
            raise Unavailable(said) from refusal
    return wanted.rows


def _made(wanted: Load, content: Path, altered: Path) -> bool:
    """Writes the database with the table; False where an earlier attempt of this load has made it."""
    with Bacpac.open(content) as bacpac:
        document = ModelDocument(b"".join(bacpac.pieces(MODEL)))
        if not schema_is_there(document, wanted.schema_name):
            raise NotFound(f"{wanted.database} has no schema {wanted.schema_name}")
        mark = made_by(document, wanted.schema_name, wanted.table)
        if mark is not None:
            if mark != wanted.mark:
                raise TableThere(f"{wanted.schema_name}.{wanted.table} in {wanted.database}")
            return False
        rows = count_rows(wanted)
        if rows != wanted.rows:
            raise LoadFailed(f"{rows:,} rows were loaded, and the point has {wanted.rows:,}")
        document.add(table_nodes_of(wanted))
        part = part_name(wanted.schema_name, wanted.table)
        rebuild(bacpac, document.write(), altered, more={part: Path(wanted.rows_file)} if rows else {})
    return True


def main() -> int:
    """The command."""
    wanted = Load.model_validate_json(sys.stdin.read())
    answer: dict[str, Any]
    try:
        answer, code = {"rows": load(wanted, os.environ.get("HOLDFAST_WORKER_CLIENT_ID") or None)}, 0
    except HoldfastError as error:
        answer, code = {"error": error.info().model_dump(mode="json")}, 1
    json.dump(answer, sys.stdout)
    return code


if __name__ == "__main__":
    sys.exit(main())
