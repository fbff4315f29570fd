"""What a storage account does on its own to a container that Holdfast locks: read from Azure's control plane.

All of it is about who decides what is deletable until when. Version-level immutability stands on versioning; a default
retention locks what must stay deletable (the lock objects that every writer rewrites); a lifecycle rule moves or deletes
objects behind the repository's back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from holdfast.cloud.clients import Clients
from holdfast.cloud.failures import azure_errors
from holdfast.model.source import ResourceId

_API_VERSION = "2023-05-01"
_ACTING = ("baseBlob", "version", "snapshot")


def read_account(clients: Clients, account: str, container: str) -> dict[str, Any]:
    """The properties of account, blob service, container and lifecycle policy, by those names; empty where there are none.

    Raises Forbidden for want of `Microsoft.Storage/storageAccounts/read` and the like, NotFound, Unavailable.
    """
    client = clients.sql(ResourceId.parse(account).subscription)
    paths = {
        "account": "",
        "service": "/blobServices/default",
        "container": f"/blobServices/default/containers/{container}",
        "lifecycle": "/managementPolicies/default",
    }
    found: dict[str, Any] = {}
    for what, path in paths.items():
        url = f"{clients.settings.arm_endpoint}{account}{path}?api-version={_API_VERSION}"
        with azure_errors(f"reading {account}{path}"):
            found[what] = _properties(client, url, absent_is_fine=what == "lifecycle")
    return found


def _properties(client: Any, url: str, *, absent_is_fine: bool) -> Mapping[str, Any]:
    from azure.core.exceptions import HttpResponseError
    from azure.core.rest import HttpRequest

    response = client.send_request(HttpRequest("GET", url))
    if response.status_code == 404 and absent_is_fine:
        return {}
    if response.status_code >= 400:
        raise HttpResponseError(response=response)
    found: Mapping[str, Any] = response.json().get("properties") or {}
    return found


def objections(told: Mapping[str, Any], container: str) -> Iterator[str]:
    """What speaks against relying on locks there, one sentence each."""
    if not told["service"].get("isVersioningEnabled"):
        yield "blob versioning is off on the account"
    default = (told["account"].get("immutableStorageWithVersioning") or {}).get("immutabilityPolicy") or {}
    if default and str(default.get("state", "")).lower() != "disabled":
        yield "the account has a default retention, which locks what must stay deletable"
    own = (told["container"].get("immutabilityPolicy") or {}).get("properties") or {}
    if own.get("immutabilityPeriodSinceCreationInDays"):
        yield "the container has a default retention, which locks what must stay deletable"
    for rule in (told["lifecycle"].get("policy") or {}).get("rules") or []:
        if rule.get("enabled", True) and _acts(rule) and _concerns(rule, container):
            yield f"the lifecycle rule {rule.get('name', '')!r} moves or deletes what is in the container"


def _acts(rule: Mapping[str, Any]) -> bool:
    actions = (rule.get("definition") or {}).get("actions") or {}
    return any(actions.get(kind) for kind in _ACTING)


def _concerns(rule: Mapping[str, Any], container: str) -> bool:
    """Whether a rule reaches anything but lock objects, whose old versions it may and should drop."""
    prefixes = ((rule.get("definition") or {}).get("filters") or {}).get("prefixMatch") or [""]
    whole = f"{container}/"
    return any(
        (whole.startswith(prefix) or prefix.startswith(whole)) and not prefix.startswith(f"{whole}locks/")
        for prefix in prefixes
    )
