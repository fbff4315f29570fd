"""Refusals in the form that each service gives them."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from xml.sax.saxutils import escape

from aiohttp import web

from local.azure.evidence import DOCUMENTED, GUESS
from local.storage_front.config import Service

DOCUMENTED(
    "storage-error",
    "learn.microsoft.com/rest/api/storageservices/status-and-error-codes2 and blob-service-error-codes",
    guessed="the wording of messages",
)
GUESS("storage-refused-token", "401 InvalidAuthenticationInfo with a WWW-Authenticate challenge for a bad bearer token")

MISMATCH = (
    403,
    "AuthorizationPermissionMismatch",
    "This request is not authorized to perform this operation using this permission.",
)
OVERWRITE = (403, "UnauthorizedBlobOverwrite", "This request is not authorized to perform blob overwrites.")
NO_KEYS = (
    403,
    "KeyBasedAuthenticationNotPermitted",
    "Key based authentication is not permitted on this storage account.",
)
NO_AUTHENTICATION = (
    401,
    "NoAuthenticationInformation",
    "Server failed to authenticate the request. Please refer to the information in the www-authenticate header.",
)
BAD_TOKEN = (
    401,
    "InvalidAuthenticationInfo",
    "Server failed to authenticate the request. Please refer to the information in the www-authenticate header.",
)
BAD_SAS = (
    403,
    "AuthenticationFailed",
    "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly "
    "including the signature.",
)
ARCHIVED = (409, "BlobArchived", "This operation is not permitted on an archived blob.")
REHYDRATING = (
    409,
    "BlobBeingRehydrated",
    "This operation is not permitted because the blob is being rehydrated.",
)
IMMUTABLE_BY_POLICY = (
    409,
    "BlobImmutableDueToPolicy",
    "This operation is not permitted as the blob is immutable due to a policy.",
)
IMMUTABLE_BY_HOLD = (
    409,
    "BlobImmutableDueToLegalHold",
    "This operation is not permitted as the blob is immutable due to one or more legal holds.",
)
ROOT_BLOB = (403, "OperationNotAllowedOnRootBlob", "The specified operation is not allowed on root blob.")
IMMUTABLE_CONTAINER = (
    409,
    "ContainerImmutableStorageWithVersioningEnabled",
    "The requested operation is not allowed as the container has a immutable storage with versioning enabled.",
)
NOT_IMMUTABLE_CONTAINER = (
    409,
    "ContainerImmutableStorageWithVersioningDisabled",
    "The requested operation is not allowed as the container has no immutable storage with versioning.",
)
BAD_HEADER = (400, "InvalidHeaderValue", "The value for one of the HTTP headers is not in the correct format.")
NO_BLOB = (404, "BlobNotFound", "The specified blob does not exist.")
NO_ACCOUNT = (404, "ResourceNotFound", "The specified resource does not exist.")
BUSY = (503, "ServerBusy", "The server is currently unable to receive requests. Please retry your request.")

Refusal = tuple[int, str, str]


def refuse(service: Service, refusal: Refusal, *, head: bool = False) -> web.Response:
    """The answer to a request that goes no further."""
    status, code, message = refusal
    request_id = str(uuid.uuid4())
    headers = {"x-ms-error-code": code, "x-ms-request-id": request_id, "x-ms-version": "2026-10-06"}
    if status == 401:
        headers["WWW-Authenticate"] = (
            "Bearer authorization_uri=https://login.microsoftonline.com/common/oauth2/authorize "
            "resource_id=https://storage.azure.com"
        )
    text = f"{message}\nRequestId:{request_id}\nTime:{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}0Z"
    if head:
        return web.Response(status=status, headers=headers)
    if service == "table":
        body = json.dumps({"odata.error": {"code": code, "message": {"lang": "en-US", "value": text}}})
        return web.Response(status=status, headers=headers, text=body, content_type="application/json")
    body = f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>{escape(text)}</Message></Error>'
    return web.Response(status=status, headers=headers, body=body.encode(), content_type="application/xml")


class Refused(Exception):
    """A request goes no further."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal[1])
        self.refusal = refusal
