"""What a request asks for: the data action that Azure wants for it, and where.

Blob actions: https://learn.microsoft.com/rest/api/storageservices/authorize-with-azure-active-directory and
https://learn.microsoft.com/azure/role-based-access-control/permissions/storage
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl, unquote

from local.azure.evidence import DOCUMENTED, GUESS
from local.storage_front.config import Service

_BLOB = "Microsoft.Storage/storageAccounts/blobServices"
_QUEUE = "Microsoft.Storage/storageAccounts/queueServices"
_TABLE = "Microsoft.Storage/storageAccounts/tableServices"

BLOB_READ = f"{_BLOB}/containers/blobs/read"
BLOB_ADD = f"{_BLOB}/containers/blobs/add/action"
BLOB_WRITE = f"{_BLOB}/containers/blobs/write"
BLOB_DELETE = f"{_BLOB}/containers/blobs/delete"
BLOB_TIER = f"{_BLOB}/containers/blobs/write:Blob.Write.Tier"
"""Ours: stands for `blobs/write` under a role condition on the suboperation Blob.Write.Tier."""
BLOB_DELETE_VERSION = f"{_BLOB}/containers/blobs/deleteBlobVersion/action"
BLOB_IMMUTABLE = f"{_BLOB}/containers/blobs/immutableStorage/runAsSuperUser/action"
CONTAINER_READ = f"{_BLOB}/containers/read"
CONTAINER_WRITE = f"{_BLOB}/containers/write"
CONTAINER_DELETE = f"{_BLOB}/containers/delete"
DELEGATE = f"{_BLOB}/generateUserDelegationKey/action"
QUEUE_READ = f"{_QUEUE}/queues/read"
QUEUE_WRITE = f"{_QUEUE}/queues/write"
QUEUE_DELETE = f"{_QUEUE}/queues/delete"
MESSAGE_READ = f"{_QUEUE}/queues/messages/read"
MESSAGE_WRITE = f"{_QUEUE}/queues/messages/write"
MESSAGE_DELETE = f"{_QUEUE}/queues/messages/delete"
MESSAGE_ADD = f"{_QUEUE}/queues/messages/add/action"
MESSAGE_PROCESS = f"{_QUEUE}/queues/messages/process/action"
TABLE_READ = f"{_TABLE}/tables/read"
TABLE_WRITE = f"{_TABLE}/tables/write"
TABLE_DELETE = f"{_TABLE}/tables/delete"
ENTITY_READ = f"{_TABLE}/tables/entities/read"
ENTITY_WRITE = f"{_TABLE}/tables/entities/write"
ENTITY_DELETE = f"{_TABLE}/tables/entities/delete"

DOCUMENTED(
    "storage-data-actions",
    "learn.microsoft.com/rest/api/storageservices/authorize-with-azure-active-directory; that Put Blob and Put Block List "
    "go with add/action, and Set Blob Tier with its own suboperation: MicrosoftDocs storage-auth-abac-attributes.md",
)
DOCUMENTED(
    "storage-immutability-actions",
    "authorize-with-azure-active-directory: blobs/immutableStorage/runAsSuperUser/action sets and deletes policies, "
    "blobs/deleteBlobVersion/action deletes versions",
    guessed="that legal holds take the same action (so says storage-auth-abac-attributes.md); the other page names "
    "containers/write",
)
GUESS(
    "storage-put-block-with-add", "Put Block goes with add/action, as Put Block List does; leases go with blobs/write"
)

Kind = Literal[
    "plain",
    "put-blob",
    "set-tier",
    "get-blob",
    "head-blob",
    "list-blobs",
    "delegation-key",
    "delete-blob",
    "immutability-policy",
    "legal-hold",
    "set-metadata",
    "container-properties",
    "delete-container",
]
#: Operations on a blob that `comp` names and that the front treats apart.
_BY_COMP: dict[str, tuple[Kind, tuple[str, ...]]] = {
    "immutabilitypolicies": ("immutability-policy", (BLOB_IMMUTABLE,)),
    "legalhold": ("legal-hold", (BLOB_IMMUTABLE,)),
    "metadata": ("set-metadata", (BLOB_WRITE,)),
    "tier": ("set-tier", (BLOB_WRITE, BLOB_TIER)),
    "snapshot": ("plain", (BLOB_WRITE, BLOB_ADD)),
    "block": ("plain", (BLOB_WRITE, BLOB_ADD)),
    "blocklist": ("put-blob", (BLOB_WRITE, BLOB_ADD)),
}


@dataclass(frozen=True)
class Operation:
    """One request, understood. `any_of`: each of these actions is enough; all of `and_also` are needed besides."""

    service: Service
    account: str
    name: str  # of the container, queue or table; empty for the account itself
    item: str  # of the blob, decoded; empty otherwise
    any_of: tuple[str, ...]
    kind: Kind = "plain"
    version: str = ""  # of the blob; empty for the current one

    def scope(self, account_id: str) -> str:
        """The resource that rights are asked for: down to the blob, which stands for a role condition on its path."""
        plural = {"blob": "containers", "queue": "queues", "table": "tables"}[self.service]
        scope = f"{account_id}/{self.service}Services/default"
        if self.name:
            scope += f"/{plural}/{self.name}"
        return f"{scope}/blobs/{self.item}" if self.item else scope


def understand(service: Service, method: str, raw_path: str, headers: Mapping[str, str]) -> Operation:
    """Takes a request apart. `headers` is case-insensitive; `raw_path` is path and query as sent."""
    path, _, query_text = raw_path.partition("?")
    query = {k.lower(): v for k, v in parse_qsl(query_text, keep_blank_values=True)}
    account, _, rest = path.lstrip("/").partition("/")
    name, _, item = rest.partition("/")
    parts = (unquote(account), unquote(name), unquote(item))
    if service == "blob":
        return _blob(method, query, headers, parts)
    if service == "queue":
        return _queue(method, query, parts)
    return _table(method, parts, headers)


def _blob(method: str, query: Mapping[str, str], headers: Mapping[str, str], parts: tuple[str, str, str]) -> Operation:
    account, container, blob = parts
    comp = query.get("comp", "").lower()

    def operation(*any_of: str, kind: Kind = "plain") -> Operation:
        return Operation("blob", account, container, blob, any_of, kind, query.get("versionid", "") if blob else "")

    if not container:
        if comp == "userdelegationkey":
            return operation(DELEGATE, kind="delegation-key")
        return operation(BLOB_WRITE) if comp == "batch" else operation(CONTAINER_READ)
    if not blob:
        if method in ("GET", "HEAD"):
            if comp == "list":
                return operation(BLOB_READ, kind="list-blobs")
            return operation(CONTAINER_READ, kind="plain" if comp else "container-properties")
        if method == "DELETE":
            return operation(CONTAINER_DELETE, kind="delete-container")
        return operation(CONTAINER_WRITE)
    if method == "DELETE" and not comp:
        return operation(BLOB_DELETE_VERSION if "versionid" in query else BLOB_DELETE, kind="delete-blob")
    if method in ("GET", "HEAD"):
        kind: Kind = "plain" if comp else ("get-blob" if method == "GET" else "head-blob")
        return operation(BLOB_READ, kind=kind)
    if comp in _BY_COMP:
        kind, actions = _BY_COMP[comp]
        return operation(*actions, kind=kind)
    if comp or ("x-ms-blob-type" not in headers and "x-ms-copy-source" not in headers):
        return operation(BLOB_WRITE)
    return operation(BLOB_WRITE, BLOB_ADD, kind="put-blob")


def _queue(method: str, query: Mapping[str, str], parts: tuple[str, str, str]) -> Operation:
    account, queue, item = parts

    def operation(*any_of: str) -> Operation:
        return Operation("queue", account, queue, "", any_of)

    if not item:
        if method in ("GET", "HEAD"):
            return operation(QUEUE_READ)
        return operation(QUEUE_DELETE if method == "DELETE" else QUEUE_WRITE)
    if item == "messages":
        if method == "GET":
            return operation(MESSAGE_READ if query.get("peekonly") == "true" else MESSAGE_PROCESS)
        return operation(MESSAGE_ADD, MESSAGE_WRITE) if method == "POST" else operation(MESSAGE_DELETE)
    # One message: deleting a received one is part of processing it.
    return operation(MESSAGE_PROCESS, MESSAGE_DELETE) if method == "DELETE" else operation(MESSAGE_WRITE)


def _table(method: str, parts: tuple[str, str, str], headers: Mapping[str, str]) -> Operation:
    account, resource, item = parts
    table = resource.partition("(")[0]
    verb = headers.get("x-http-method", method).upper()
    if table.lower() == "tables":
        target = resource.partition("('")[2].rstrip("')")
        action = {"GET": TABLE_READ, "DELETE": TABLE_DELETE}.get(verb, TABLE_WRITE)
        return Operation("table", account, target, item, (action,))
    # A transaction may delete; who may write entities here may delete them too, as in Azure's contributor role.
    action = {"GET": ENTITY_READ, "HEAD": ENTITY_READ, "DELETE": ENTITY_DELETE}.get(verb, ENTITY_WRITE)
    return Operation("table", account, "" if table == "$batch" else table, "", (action,))
