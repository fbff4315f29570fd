"""What the SDKs of table and blob storage raise, in our words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from holdfast.model.errors import Forbidden, HoldfastError, InvalidInput, Unavailable


class RowChanged(Exception):
    """The row is not the one that was read: somebody else replaced or removed it. Inside the catalog only."""


class RowExists(Exception):
    """The key is taken. Inside the catalog only."""


class CatalogTooNew(HoldfastError):
    """A newer version wrote the configuration database."""

    code = "catalog-too-new"
    title = "The configuration database was written by a newer version of Holdfast"
    advice = "Deploy that version or a later one; this one would misread it."
    exit_code = 8
    http_status = 500
    permanent = True


def codes_of(error: BaseException) -> str:
    """The service's own error code, as text; empty where it gave none."""
    code = getattr(error, "error_code", None)
    return str(getattr(code, "value", code) or "")


@contextmanager
def storage_errors(what: str) -> Iterator[None]:
    """Turns what the SDK raises inside into RowExists, RowChanged, Forbidden or Unavailable; says what it was about.

    The texts of the SDK are left out but for the service's code: they may quote a signed address.
    """
    from azure.core.exceptions import (
        AzureError,
        ClientAuthenticationError,
        HttpResponseError,
        ResourceExistsError,
        ResourceModifiedError,
        ResourceNotFoundError,
    )

    try:
        yield
    except ClientAuthenticationError as error:
        raise Forbidden(f"{what}: the identity was not accepted ({codes_of(error) or type(error).__name__})") from None
    except HttpResponseError as error:
        code, status = codes_of(error), error.status_code or 0
        if isinstance(error, ResourceExistsError) or code == "EntityAlreadyExists":
            raise RowExists(what) from None
        if isinstance(error, ResourceModifiedError | ResourceNotFoundError) or status in (404, 412):
            raise RowChanged(what) from None
        if status in (401, 403):
            raise Forbidden(
                f"{what}: storage refused ({code or status})",
                help="Give the app's identity Storage Table Data Contributor and Storage Blob Data Contributor on the "
                "state account.",
            ) from None
        if status == 400 or status == 413:
            raise InvalidInput(f"{what}: storage does not take the row ({code or status})") from None
        raise Unavailable(f"{what}: storage answered {status} {code}".rstrip()) from None
    except AzureError as error:
        raise Unavailable(f"{what}: storage did not answer ({type(error).__name__})") from None
