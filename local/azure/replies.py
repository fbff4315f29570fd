"""Replies on the wire: bodies, errors, headers and the ways in which Azure's providers write times and JSON."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from local.azure.evidence import Shape


@dataclass
class Reply:
    """What is answered: its shape names the evidence. `pretty` is how Compute writes JSON."""

    shape: Shape
    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    pretty: bool = False

    def content(self) -> bytes:
        """The body's bytes; empty for none."""
        if self.body is None:
            return b""
        if self.pretty:
            return json.dumps(self.body, indent=2).replace("\n", "\r\n").encode()
        return json.dumps(self.body, separators=(",", ":")).encode()


class Refusal(Exception):
    """An error reply. Messages are near to Azure's wording and nothing may depend on them; codes are what counts."""

    def __init__(
        self, shape: Shape, status: int, code: str, message: str, *, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.reply = Reply(shape, status, {"error": {"code": code, "message": message}}, headers or {})


def moment(stamp: float) -> datetime:
    """The aware time of seconds since 1970."""
    return datetime.fromtimestamp(stamp, UTC)


def sql_time(stamp: float) -> str:
    """As the SQL provider writes a time: milliseconds, zeros at the end cut off (recordings: `.51Z`, `.783Z`)."""
    text = moment(stamp).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
    return text.rstrip("0").rstrip(".") + "Z"


def compute_time(stamp: float) -> str:
    """As Compute writes a time: seven digits and an offset (recordings: `…23.3764287-05:00`, elsewhere `+00:00`)."""
    return moment(stamp).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0+00:00"


def common_headers(provider: str, region: str, now: datetime) -> dict[str, str]:
    """Headers that every reply of Resource Manager carries (recordings.md 0)."""
    correlation = str(uuid.uuid4())
    return {
        "cache-control": "no-cache",
        "pragma": "no-cache",
        "expires": "-1",
        "strict-transport-security": "max-age=31536000; includeSubDomains",
        "x-content-type-options": "nosniff",
        "x-cache": "CONFIG_NOCACHE",
        "x-ms-request-id": str(uuid.uuid4()),
        "x-ms-correlation-request-id": correlation,
        "x-ms-routing-request-id": f"{(region or 'WESTEUROPE').upper()}:{now.strftime('%Y%m%dT%H%M%SZ')}:{correlation}",
        **(
            {"x-ms-ratelimit-remaining-resource": "Microsoft.Compute/LowCostGet;3999"}
            if provider.lower() == "microsoft.compute"
            else {}
        ),
    }
