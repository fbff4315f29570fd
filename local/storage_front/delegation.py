"""User delegation keys and the SAS that are signed with them: made and checked here, since Azurite knows an older form.

https://learn.microsoft.com/rest/api/storageservices/create-user-delegation-sas
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from holdfast.model.clock import parse_iso
from local.azure.evidence import SDK
from local.azure.tokens import TENANT
from local.storage_front.operations import BLOB_ADD, BLOB_DELETE, BLOB_READ, BLOB_TIER, BLOB_WRITE, Operation

SDK("storage-user-delegation-key", "azure-storage-blob 12.31.1 get_user_delegation_key, UserDelegationKey")
SDK(
    "storage-user-delegation-sas",
    "azure-storage-blob 12.31.1 _shared_access_signature.py, string to sign of its version",
)

_LETTERS: Mapping[str, str] = {
    BLOB_READ: "r",
    BLOB_ADD: "c",
    BLOB_WRITE: "w",
    BLOB_TIER: "w",
    BLOB_DELETE: "d",
}


class BadSas(Exception):
    """The SAS does not allow the request. Never tells which part of it was wrong."""


@dataclass(frozen=True)
class Delegation:
    """A valid SAS: in whose name, and the query without it."""

    principal_id: str
    raw_path: str


def _key(secret: str, fields: tuple[str, ...]) -> str:
    return base64.b64encode(hmac.new(secret.encode(), "\n".join(fields).encode(), hashlib.sha256).digest()).decode()


def issue_key(secret: str, principal_id: str, body: bytes, version: str) -> bytes:
    """Answers Get User Delegation Key. Raises ValueError for a body that is none."""
    try:
        root = ET.fromstring(body)  # noqa: S314 (from a client of this machine with a valid token)
    except ET.ParseError as error:
        raise ValueError("not XML") from error
    start, expiry = root.findtext("Start") or "", root.findtext("Expiry") or ""
    parse_iso(expiry)
    fields = (principal_id, TENANT, start, expiry, "b", version)
    names = ("SignedOid", "SignedTid", "SignedStart", "SignedExpiry", "SignedService", "SignedVersion")
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in zip(names, fields, strict=True))
    value = _key(secret, fields)
    return (
        f'<?xml version="1.0" encoding="utf-8"?><UserDelegationKey>{inner}<Value>{value}</Value></UserDelegationKey>'
    ).encode()


def check_sas(secret: str, operation: Operation, raw_path: str, now: datetime) -> Delegation:
    """Checks the SAS of a request. Raises BadSas."""
    path, _, query_text = raw_path.partition("?")
    query = dict(parse_qsl(query_text, keep_blank_values=True))
    try:
        key_fields = tuple(query[name] for name in ("skoid", "sktid", "skt", "ske", "sks", "skv"))
        signature, permissions, resource = query["sig"], query["sp"], query["sr"]
        for start in (query.get("st"), query["skt"]):
            if start and parse_iso(start) > now:
                raise BadSas
        if min(parse_iso(query["se"]), parse_iso(query["ske"])) <= now:
            raise BadSas
    except (KeyError, ValueError) as error:
        raise BadSas from error
    wanted = base64.b64encode(
        hmac.new(
            base64.b64decode(_key(secret, key_fields)), _text_to_sign(operation, query).encode(), hashlib.sha256
        ).digest()
    ).decode()
    if not hmac.compare_digest(wanted, signature):
        raise BadSas
    letters = {"l"} if operation.kind == "list-blobs" else {_LETTERS.get(action, "?") for action in operation.any_of}
    if resource not in "bc" or not letters & set(permissions) or (resource == "b" and not operation.item):
        raise BadSas
    rest = "&".join(p for p in query_text.split("&") if p.partition("=")[0] not in _SAS_FIELDS)
    return Delegation(key_fields[0], f"{path}?{rest}" if rest else path)


_SIGNED = (
    ("sp", "st", "se"),
    (
        *("skoid", "sktid", "skt", "ske", "sks", "skv", "saoid", "suoid", "scid", "skdutid", "sduoid"),
        *("sip", "spr", "sv", "sr", "snapshot", "ses", "srh", "srq", "rscc", "rscd", "rsce", "rscl", "rsct"),
    ),
)
"""Fields that are signed, before and after the resource, in their order."""
_SAS_FIELDS = frozenset((*_SIGNED[0], *_SIGNED[1], "sig")) - {"snapshot"}


def _text_to_sign(operation: Operation, query: Mapping[str, str]) -> str:
    """The text of versions from 2025-07-05 on; the SDK always signs in its newest version."""
    resource = f"/blob/{operation.account}/{operation.name}"
    if query["sr"] == "b":
        resource += f"/{operation.item}"
    lines = [query.get(name, "") for name in _SIGNED[0]]
    lines.append(resource)
    lines += [query.get(name, "") for name in _SIGNED[1]]
    return "\n".join(lines)


def header_overrides(raw_path: str) -> dict[str, str]:
    """Response headers that a SAS sets: `rscd` is what makes a browser save the download under a name."""
    query = dict(parse_qsl(raw_path.partition("?")[2]))
    names = {
        "rscc": "Cache-Control",
        "rscd": "Content-Disposition",
        "rsce": "Content-Encoding",
        "rscl": "Content-Language",
        "rsct": "Content-Type",
    }
    return {header: query[field] for field, header in names.items() if field in query}
