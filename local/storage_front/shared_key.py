"""Signs requests with an account key, as Azurite wants them: SharedKey for Blob and Queue, SharedKeyLite for Table.

Rules: https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from email.utils import formatdate
from urllib.parse import unquote

from local.storage_front.config import FrontAccount, Service

_SIGNED = (
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
)


def signed_headers(
    account: FrontAccount, service: Service, method: str, raw_path: str, headers: Mapping[str, str]
) -> dict[str, str]:
    """The headers with `x-ms-date` and `Authorization` added. `raw_path` is path and query, encoded as sent."""
    out = {k: v for k, v in headers.items() if k.lower() not in ("authorization", "date")}
    by_name = {k.lower(): v for k, v in out.items()}
    if "x-ms-date" not in by_name:
        out["x-ms-date"] = by_name["x-ms-date"] = formatdate(usegmt=True)
    path, _, query = raw_path.partition("?")
    if service == "table":
        scheme = "SharedKeyLite"
        text = f"{by_name['x-ms-date']}\n/{account.name}{path}{_comp(query)}"
    else:
        scheme = "SharedKey"
        text = _text_to_sign(account.name, method, path, query, by_name)
    out["Authorization"] = f"{scheme} {account.name}:{sign(account.key, text)}"
    return out


def sign(key: str, text: str) -> str:
    """HMAC-SHA256 of the text under a base64 key, in base64."""
    return base64.b64encode(hmac.new(base64.b64decode(key), text.encode(), hashlib.sha256).digest()).decode()


def _text_to_sign(account: str, method: str, path: str, query: str, headers: Mapping[str, str]) -> str:
    values = [headers.get(name, "") for name in _SIGNED]
    if values[2] == "0":
        values[2] = ""
    own = sorted((name, value) for name, value in headers.items() if name.startswith("x-ms-"))
    lines = [method.upper(), *values, *(f"{name}:{value.strip()}" for name, value in own), f"/{account}{path}"]
    lines += [f"{name}:{value}" for name, value in sorted(_decoded(query).items())]
    return "\n".join(lines)


def _decoded(query: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in query.split("&"):
        if pair:
            name, _, value = pair.partition("=")
            found[unquote(name).lower()] = unquote(value.replace("+", "%20"))
    return found


def _comp(query: str) -> str:
    comp = _decoded(query).get("comp")
    return f"?comp={comp}" if comp is not None else ""
