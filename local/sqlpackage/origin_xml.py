"""The two XML parts that are new at each export: Origin.xml and the relationships of the data parts."""

from __future__ import annotations

import random
import re
import uuid
from collections.abc import Iterable
from datetime import datetime
from xml.sax.saxutils import quoteattr

from local.sqlpackage.ranges import Part

_BOM = "﻿"


def new_origin(original: bytes, *, started: datetime, rows: int | None, chance: random.Random) -> bytes:
    """The database's Origin.xml with a new operation id, a new start and the rows that were counted."""
    text = original.decode("utf-8-sig")
    identity = str(uuid.UUID(int=chance.getrandbits(128), version=4))
    text = re.sub(r"(<Identity>)[^<]*(</Identity>)", rf"\g<1>{identity}\g<2>", text, count=1)
    text = re.sub(r"(<Start>)[^<]*(</Start>)", rf"\g<1>{_time(started)}\g<2>", text, count=1)
    if rows is not None:
        tag = "TableRowCountTotalTag"
        text = re.sub(rf"(<{tag}>)[^<]*(</{tag}>)", rf"\g<1>{rows}\g<2>", text, count=1)
    return (_BOM + text).encode()


def relationships(parts: Iterable[Part], chance: random.Random) -> bytes:
    """`_rels/.rels`: two relationships a part, with random ids, in the order of the package."""
    lines = "".join(_relationship(part, kind, chance) for part in parts for kind in ("table", "schema"))
    head = '<?xml version="1.0" encoding="utf-8"?>'
    space = "http://schemas.openxmlformats.org/package/2006/relationships"
    return f'{_BOM}{head}<Relationships xmlns="{space}">{lines}</Relationships>'.encode()


def _relationship(part: Part, kind: str, chance: random.Random) -> str:
    value = part.table.name if kind == "table" else part.table.schema
    target, identity = quoteattr(f"/{part.name}"), f"R{chance.getrandbits(64):016x}"
    return f'<Relationship Type={quoteattr(f"{kind}={value}")} Target={target} Id="{identity}" />'


def _time(moment: datetime) -> str:
    """As .NET writes it: seven digits of the second, offset with a colon."""
    offset = moment.strftime("%z")
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond:06}0{offset[:3]}:{offset[3:5]}"
