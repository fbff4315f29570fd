"""The import: an emulated database is filled from a BACPAC, once, as a real import would fill it.

From the moment at which it begins to write the database counts as not empty, whether it comes to its end or not.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

from holdfast.bacpac.names import join_name
from holdfast.bacpac.package import Bacpac
from holdfast.bacpac.rows import RowCounter
from holdfast.model.errors import BadBacpac
from local.sqlpackage import connection_string, messages
from local.sqlpackage.arguments import ImportArguments
from local.sqlpackage.connection_string import Connection
from local.sqlpackage.endpoint import DataEndpoint, Emulator
from local.sqlpackage.export import elapsed
from local.sqlpackage.faults import Faults, Pace
from local.sqlpackage.identity import access_token
from local.sqlpackage.refusal import NotImported

Say = Callable[[str], None]
_IN_MEMORY = ("premium", "businesscritical")


def load(arguments: ImportArguments, say: Say) -> None:
    """Runs one import. Raises NotImported or, for what the server refuses, ExportError; OSError for the file."""
    began = time.monotonic()
    connection = connection_string.parse(arguments.connection_string)
    emulator = Emulator.read()
    faults = Faults.read(emulator.faults)
    if not arguments.source_file.is_file():
        raise NotImported(messages.NO_PACKAGE(file=arguments.source_file))
    say(messages.IMPORTING_TO(database=connection.database, server=connection.server))
    try:
        with Bacpac.open(arguments.source_file) as bacpac:
            say(messages.PLANNING())
            say(messages.INITIALIZING())
            endpoint = DataEndpoint(emulator, access_token(connection.client_id))
            place = endpoint.begin_import(connection)
            for line in (messages.VERIFYING_PLAN, messages.ANALYZING_PLAN, messages.IMPORTING_PACKAGE):
                say(line())
            say(messages.UPDATING())
            _schema(bacpac, str(place.get("tier") or ""), faults)
            _rows(bacpac, connection, place.get("max_bytes"), faults, say)
    except BadBacpac as error:
        raise NotImported(f"{messages.NO_PACKAGE(file=arguments.source_file)}\n{error.detail}") from error
    # A new token, as a driver would use for a new connection: the old one may have expired meanwhile.
    DataEndpoint(emulator, access_token(connection.client_id)).fill(
        connection, str(place["import"]), arguments.source_file
    )
    say(messages.IMPORTED())
    say(messages.ELAPSED(elapsed=elapsed(time.monotonic() - began)))


def _schema(bacpac: Bacpac, tier: str, faults: Faults) -> None:
    """What makes the schema's script fail on a server."""
    answers = bacpac.model().answers
    if faults.import_error == 2714:
        raise _failed(
            2714, messages.OBJECT_THERE(name="DF__T__C__1"), "ALTER TABLE [dbo].[T] ADD CONSTRAINT [DF__T__C__1];"
        )
    users = [str(row["name"]) for row in answers["P07"]] or ["somebody"]
    if faults.import_error == 33159:
        raise _failed(33159, messages.NO_ENTRA(name=users[0]), f"CREATE USER [{users[0]}] FOR EXTERNAL PROVIDER;")
    dropped = answers["P12b"]
    if dropped or faults.import_error == 15151:
        name = str(dropped[0]["name"]) if dropped else "T"
        raise _failed(15151, messages.NO_OBJECT(name=name), f"GRANT SELECT ON OBJECT::[dbo].[{name}] TO [public];")
    in_memory = [*answers["P11"], *answers["P11c"]]
    if in_memory and tier and tier.lower() not in _IN_MEMORY:
        raise _failed(40536, messages.NO_TIER(feature="MEMORY_OPTIMIZED tables"), "CREATE TABLE")


def _rows(bacpac: Bacpac, connection: Connection, most: int | None, faults: Faults, say: Say) -> None:
    say(messages.IMPORTING_DATA())
    say(messages.PROCESSING_IMPORT())
    say(messages.DISABLING())
    pace, filled = Pace(faults.rows_per_second), 0
    for number, table in enumerate(bacpac.tables()):
        if number == faults.die_in_import:
            os.kill(os.getpid(), signal.SIGKILL)
        if number == faults.lose_connection:
            raise NotImported(f"{messages.NOT_IMPORTED()}\n{messages.CONNECTION_LOST()}")
        say(messages.TABLE(table=join_name(table.schema, table.name)))
        counter = RowCounter(table.columns) if table.columns else None
        for part in table.parts:
            for piece in bacpac.pieces(part):
                before = counter.rows if counter else 0
                if counter:
                    counter.feed(piece)
                    pace.passed(counter.rows - before)
        filled += table.bytes
        if most is not None and filled > most:
            raise _failed(40544, messages.SIZE_REACHED(database=connection.database), "INSERT BULK")
    say(messages.ENABLING())


def _failed(number: int, text: str, script: str) -> NotImported:
    said = messages.SERVER_SAID(number=number, text=text)
    return NotImported("\n".join([messages.NOT_IMPORTED(), said, messages.SCRIPT_FAILED(script=script)]))
