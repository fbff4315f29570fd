"""`documents`: wide Unicode text with few updates, and attachments that do not compress."""

from __future__ import annotations

import numpy as np

from local.samples import words
from local.samples.chance import Ints
from local.samples.database import Database, Moment, RowValues, TableRows, guid
from local.samples.schema import ForeignKey, Index, Key, Schema, Table, User, column
from local.samples.values import Ragged, Values, concatenate, constant, digits

_DOCUMENTS = 600
LANGUAGES = Ragged.text(["en", "de", "el", "ja", "ar"])


def document_table(schema: str) -> Table:
    """Documents, clustered on a growing number."""
    return Table(
        schema,
        "Document",
        (
            column("DocumentID", "int", identity=(1, 1)),
            column("Title", "nvarchar(200)"),
            column("Language", "nchar(2)"),
            column("Body", "nvarchar(max)"),
            column("Tags", "nvarchar(400) null"),
            column("CreatedAt", "datetime2(0)"),
            column("ChangedAt", "datetime2(0) null"),
        ),
        Key("PK_Document", ("DocumentID",)),
        indexes=(Index("IX_Document_Title", ("Title",)),),
    )


_ATTACHMENT = Table(
    "Library",
    "Attachment",
    (
        column("AttachmentID", "int", identity=(1000, 5)),
        column("DocumentID", "int"),
        column("FileName", "nvarchar(120)"),
        column("Content", "varbinary(max) null"),
        column("Stamp", "uniqueidentifier"),
    ),
    Key("PK_Attachment", ("AttachmentID",)),
    foreign_keys=(ForeignKey("FK_Attachment_Document", ("DocumentID",), ("Library", "Document"), ("DocumentID",)),),
)


def document_rows(moment: Moment, at_scale_one: int, daily_per_mille: int) -> TableRows:
    """Documents: two in a thousand are rewritten every day."""
    base, daily = moment.grown(at_scale_one, daily_per_mille)
    chance = moment.chance

    def build(keys: Ints) -> RowValues:
        born = moment.born(keys, base, daily)
        version = chance.version("document rewritten", keys, born, moment.day, 2)
        made = moment.since(keys, base, born)
        title = words.prose(chance, "title", keys, 2 + chance.below("title length", keys, 6))
        return {
            "DocumentID": Values(keys),
            "Title": title,
            "Language": LANGUAGES.take(chance.skewed("language", keys, len(LANGUAGES.lengths))),
            "Body": words.prose(chance, "body", keys, 50 + chance.skewed("body length", keys, 600, version), version),
            "Tags": words.prose(chance, "tags", keys, 1 + chance.below("tag count", keys, 5)).with_null(
                chance.share("no tags", keys, 350)
            ),
            "CreatedAt": Values(made // 10_000_000 * 10_000_000),
            "ChangedAt": Values(moment.on(version, "rewritten", keys) // 10_000_000 * 10_000_000, version == born),
        }

    return TableRows(moment.ids(base, daily), build)


def _attachments(moment: Moment, documents: int) -> TableRows:
    base, daily = moment.grown(60, 20)
    chance = moment.chance

    def build(keys: Ints) -> RowValues:
        words_each = 64 + chance.skewed("attachment size", keys, 2_000)
        owners = np.repeat(keys, words_each)
        places = np.arange(len(owners)) - np.repeat(np.cumsum(words_each) - words_each, words_each)
        noise = chance.bits("attachment", owners * 4_096 + places).astype("<u8")
        name = concatenate((constant("scan-", len(keys)), digits(keys, 6), constant(".pdf", len(keys))))
        return {
            "AttachmentID": Values(1000 + 5 * (keys - 1)),
            "DocumentID": Values(1 + chance.below("attached to", keys, documents)),
            "FileName": name,
            "Content": Ragged(noise.view(np.uint8), 8 * words_each).with_null(chance.share("lost file", keys, 30)),
            "Stamp": guid(chance, "stamp", keys),
        }

    return TableRows(moment.ids(base, daily), build)


def documents(moment: Moment) -> Database:
    """The database of that day."""
    return Database(
        Schema(schemas=("Library",), tables=(document_table("Library"), _ATTACHMENT), users=(User("reader"),)),
        {
            ("Library", "Document"): document_rows(moment, _DOCUMENTS, 5),
            ("Library", "Attachment"): _attachments(moment, moment.count(_DOCUMENTS)),
        },
    )
