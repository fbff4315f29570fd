"""The operation behind a copy: asked only for the reason where the copy itself does not come to anything.

A copy that fails late may vanish without a trace, and then only its operation still says why.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from holdfast.cloud.failures import Failure, kind_of

if TYPE_CHECKING:
    from azure.mgmt.sql import SqlManagementClient

_ENDED_BADLY = {"failed", "canceled", "cancelled"}


class OperationAddress:
    """Takes down the address of the operation that a request starts: pass it as `raw_response_hook`."""

    def __init__(self) -> None:
        self.url = ""

    def __call__(self, response: Any) -> None:
        """Called by the SDK with its answer."""
        self.url = response.http_response.headers.get("Azure-AsyncOperation", "")


def failure_behind(client: SqlManagementClient, url: str, arm_endpoint: str) -> Failure | None:
    """How the operation failed; None where it did not, is still under way, or is no longer known.

    The address comes back from where it was kept, so it is asked only on the endpoint that our token is meant for.
    """
    if not url or urlsplit(url).netloc.lower() != urlsplit(arm_endpoint).netloc.lower():
        return None
    found = _read(lambda: _get(client, url))
    if str(found.get("status", "")).lower() not in _ENDED_BADLY:
        return None
    error = found.get("error") or {}
    code, message = str(error.get("code") or "OperationFailed"), str(error.get("message") or "")
    return Failure(kind_of(code, message), code, message, 200)


def _get(client: SqlManagementClient, url: str) -> Any:
    from azure.core.rest import HttpRequest

    response = client.send_request(HttpRequest("GET", url))
    response.raise_for_status()
    return response.json()


def _read(get: Callable[[], Any]) -> dict[str, Any]:
    from azure.core.exceptions import AzureError

    try:
        found = get()
    except (AzureError, ValueError):
        return {}  # it would only have said more; the copy itself is looked at in any case
    return found if isinstance(found, dict) else {}
