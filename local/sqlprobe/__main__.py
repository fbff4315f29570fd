"""`sqlprobe`: reads an Inquiry as JSON from stdin, writes `{"P01": [rows], …, "errors": {}, "refused": {}}` to stdout.

Connects as SqlPackage's stand-in does, as the managed identity whose client id is in `HOLDFAST_WORKER_CLIENT_ID`. Exit
code 1: no connection; stdout then holds `{"error": ErrorInfo}`. It makes whatever repairs it is asked for, on any database:
that none is asked for on a source is the product's affair, and a test's.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from holdfast.bacpac.package import MODEL, Bacpac
from holdfast.model.errors import Forbidden, HoldfastError, Unavailable
from holdfast.sql.protocol import Inquiry
from holdfast.sql.renaming import rename
from local.sqlpackage import messages
from local.sqlpackage.connection_string import Connection
from local.sqlpackage.endpoint import DataEndpoint, Emulator
from local.sqlpackage.identity import access_token
from local.sqlpackage.refusal import Refusal
from local.sqlprobe.answers import answer, answer_of_restored
from local.sqlprobe.model_document import ModelDocument
from local.sqlprobe.rebuilding import rebuild
from local.sqlprobe.repair_answers import repair_answers
from local.sqlprobe.statements import Refused, run


def probe(inquiry: Inquiry, client_id: str | None) -> dict[str, Any]:
    """Makes the repairs and asks the emulated database. Raises Forbidden or Unavailable where it cannot be reached."""
    place = Connection(inquiry.host, inquiry.port, inquiry.database, client_id)
    with tempfile.TemporaryDirectory(prefix="sqlprobe-") as folder:
        content, refused = Path(folder) / "content", {}
        try:
            endpoint = DataEndpoint(Emulator.read(), access_token(client_id))
            if inquiry.moves:
                rename(
                    inquiry.moves,
                    lambda: endpoint.names(place),
                    lambda old, new: endpoint.rename(replace(place, database=old), new),
                )
                return {"renamed": [], "errors": {}, "refused": {}}
            endpoint.download(place, content)
            if inquiry.repairs:
                refused = _mend(endpoint, place, content, inquiry)
        except Refusal as refusal:
            said = " ".join(str(refusal).split("\n"))
            # An expired token is no missing right: the next attempt gets a new one.
            if messages.LOGIN_FAILED() in said and messages.TOKEN_EXPIRED() not in said:
                raise Forbidden(said) from refusal
            raise Unavailable(said) from refusal
        with Bacpac.open(content) as bacpac:
            if inquiry.of_restored:
                return {**answer_of_restored(bacpac), "errors": {}, "refused": {}}
            found = answer(bacpac, inquiry.database, managed_instance=inquiry.managed_instance)
            if inquiry.for_repair:
                found |= repair_answers(ModelDocument(b"".join(bacpac.pieces(MODEL))))
    return {**found, "errors": {}, "refused": refused}


def _mend(endpoint: DataEndpoint, place: Connection, content: Path, inquiry: Inquiry) -> dict[str, str]:
    """Alters the database's model; what was refused, by id. `content` is then what the database holds."""
    refused: dict[str, str] = {}
    altered = content.with_name("altered")
    with Bacpac.open(content) as bacpac:
        document = ModelDocument(b"".join(bacpac.pieces(MODEL)))
        for repair in inquiry.repairs:
            try:
                document = run(document, repair.statements)
            except Refused as refusal:
                refused[repair.id] = str(refusal)
        rebuild(bacpac, document.write(), altered)
    endpoint.replace(place, altered)
    altered.replace(content)
    return refused


def main() -> int:
    """The command."""
    inquiry = Inquiry.model_validate_json(sys.stdin.read())
    try:
        found, code = probe(inquiry, os.environ.get("HOLDFAST_WORKER_CLIENT_ID") or None), 0
    except HoldfastError as error:
        found, code = {"error": error.info().model_dump(mode="json")}, 1
    json.dump(found, sys.stdout)
    return code


if __name__ == "__main__":
    sys.exit(main())
