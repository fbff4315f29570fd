"""The SDK's errors as ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError

from holdfast.model.errors import Forbidden, Rehydrating, Unavailable
from holdfast.storage.errors import ObjectMissing, WriteOnce

#: What Azure answers to the deletion of what is locked, and of what is held.
IMMUTABLE = ("BlobImmutableDueToPolicy", "BlobImmutableDueToLegalHold")


def code_of(error: HttpResponseError) -> str:
    """The service's own word for the error. Some of the SDK's operations leave it in the header where it came."""
    told = getattr(error, "error_code", None)
    if not told:
        told = getattr(error.response, "headers", {}).get("x-ms-error-code")
    return str(getattr(told, "value", told) or "")


@contextmanager
def translated(name: str) -> Iterator[None]:
    """The SDK's errors as ours. Never passes the SDK's message on: it may hold a signed URL."""
    try:
        yield
    except ClientAuthenticationError as error:
        raise Forbidden(
            f"{name}: not signed in ({code_of(error) or error.status_code or 'no token'})",
            help="Sign in first: `az login` for a person, a managed identity for a machine.",
        ) from None
    except HttpResponseError as error:
        code, status = code_of(error), error.status_code
        if code in ("BlobArchived", "BlobBeingRehydrated"):
            raise Rehydrating(name) from None
        if status == 404:
            raise ObjectMissing(f"{name} ({code})" if code and code != "BlobNotFound" else name) from None
        if code in IMMUTABLE:
            raise WriteOnce(f"{name}: the storage says that it is immutable ({code})") from None
        if status in (401, 403):
            raise Forbidden(f"{name}: {code or status}") from None
        raise Unavailable(f"{name}: the storage answered {status} {code}".rstrip()) from None
    except AzureError as error:
        raise Unavailable(f"{name}: {type(error).__name__}") from None
