"""`events`: a log that only grows, and sessions clustered on a GUID, where rows come and go all over the table.

Every 14 days the oldest tenth of the log is purged.
"""

from __future__ import annotations

import numpy as np

from local.samples import words
from local.samples.chance import Ints
from local.samples.database import Database, Moment, RowValues, TableRows, guid, guid_order
from local.samples.schema import Index, Key, Schema, Table, User, View, bracketed, column
from local.samples.values import Ragged, Values, concatenate, constant, digits

EVENT_LOG = Table(
    "dbo",
    "EventLog",
    (
        column("EventID", "bigint", identity=(1, 1)),
        column("At", "datetime2(3)"),
        column("Level", "tinyint"),
        column("Source", "varchar(60)"),
        column("Message", "nvarchar(400)"),
        column("Payload", "varbinary(200) null"),
        column("CorrelationID", "uniqueidentifier null"),
    ),
    Key("PK_EventLog", ("EventID",)),
    indexes=(Index("IX_EventLog_At", ("At",), included=("Level", "Source")),),
)
SESSION = Table(
    "dbo",
    "Session",
    (
        column("SessionID", "uniqueidentifier"),
        column("UserID", "int"),
        column("StartedAt", "datetime"),
        column("LastSeenAt", "datetime"),
        column("Token", "binary(32)"),
        column("Agent", "nvarchar(200)"),
        column("Address", "varchar(45) null"),
    ),
    Key("PK_Session", ("SessionID",)),
    indexes=(Index("IX_Session_User", ("UserID",)),),
)


def event_rows(moment: Moment, at_scale_one: int, daily_per_mille: int, *, purge: bool) -> TableRows:
    """The log: rows are added and never changed."""
    base, daily = moment.grown(at_scale_one, daily_per_mille)
    chance = moment.chance
    gone = min(moment.day // 14, 9) * (base // 10) if purge else 0

    def build(keys: Ints) -> RowValues:
        size = 8 + chance.below("payload size", keys, 100)
        pieces = (size + 7) // 8
        owners = np.repeat(keys, pieces) * 64
        places = np.arange(len(owners)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
        noise = Ragged(chance.bits("payload", owners + places).astype("<u8").view(np.uint8), 8 * pieces)
        return {
            "EventID": Values(keys),
            "At": Values(moment.since(keys, base, moment.born(keys, base, daily)) // 10_000 * 10_000),
            "Level": Values(chance.skewed("level", keys, 5)),
            "Source": words.SOURCES.take(chance.skewed("source", keys, len(words.SOURCES.lengths))),
            "Message": words.prose(chance, "message", keys, 4 + chance.below("message length", keys, 14)),
            "Payload": noise.with_null(~chance.share("payload there", keys, 300)),
            "CorrelationID": Values(
                guid(chance, "correlation", keys // 4).data, chance.share("uncorrelated", keys, 200)
            ),
        }

    return TableRows(moment.ids(base, daily, gone), build)


def session_rows(moment: Moment, at_scale_one: int, daily_per_mille: int) -> TableRows:
    """Sessions: as many come each day as go, at random places of the clustered index."""
    base, daily = moment.grown(at_scale_one, daily_per_mille)
    chance = moment.chance
    ids = moment.ids(base, daily)
    born = moment.born(ids, base, daily)
    alive = np.ones(len(ids), dtype=np.bool_)
    for day in range(1, moment.day + 1):
        alive &= ~((born < day) & chance.share("session ends", ids, daily_per_mille, day))
    ids = ids[alive]

    def build(keys: Ints) -> RowValues:
        begun = moment.born(keys, base, daily)
        version = chance.version("session seen", keys, begun, moment.day, 50)
        started = moment.since(keys, base, begun)
        token = np.stack([chance.bits(f"token {n}", keys) for n in range(4)], axis=1).astype("<u8")
        address = concatenate(
            (constant("203.0.113.", len(keys)), digits(chance.below("address", keys, 256, version), 3))
        )
        return {
            "SessionID": guid(chance, "session", keys),
            "UserID": Values(1 + chance.skewed("session user", keys, 50_000)),
            "StartedAt": Values(started),
            "LastSeenAt": Values(np.where(version > begun, moment.on(version, "seen", keys), started)),
            "Token": Ragged(token.view(np.uint8).reshape(-1), np.full(len(keys), 32, dtype=np.int64)),
            "Agent": words.AGENTS.take(chance.skewed("agent", keys, len(words.AGENTS.lengths))),
            "Address": address.with_null(chance.share("no address", keys, 50)),
        }

    return TableRows(ids[guid_order(guid(chance, "session", ids))], build)


def events(moment: Moment) -> Database:
    """The database of that day."""
    name = ("dbo", "EventLog")
    errors = View(
        "dbo",
        "RecentErrors",
        "SELECT e.EventID, e.At, e.Message\nFROM dbo.EventLog AS e\nWHERE e.Level >= 3",
        tuple((c, (bracketed(*name, c),)) for c in ("EventID", "At", "Message")),
        tuple(bracketed(*name, *part) for part in ((), ("EventID",), ("At",), ("Message",), ("Level",))),
    )
    return Database(
        Schema(tables=(EVENT_LOG, SESSION), views=(errors,), users=(User("collector"),)),
        {name: event_rows(moment, 12_000, 30, purge=True), ("dbo", "Session"): session_rows(moment, 4_000, 30)},
    )
