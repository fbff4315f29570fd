"""What containers and queues of the state account refuse, in our words: which right is missing, and where."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from holdfast.model.errors import Forbidden, Unavailable

BLOB_ROLE = "Storage Blob Data Contributor"
QUEUE_ROLE = "Storage Queue Data Contributor"
LINK_ROLE = "Storage Blob Delegator"
#: What workers have on jobs and exports: they read and write there, and delete nothing.
WORKER_ROLE = "Holdfast Job Writer"


@contextmanager
def state_errors(place: str, role: str, *, who: str = "the app's identity") -> Iterator[None]:
    """Turns what the SDK raises inside into Forbidden, which names `role` on `place`, or Unavailable.

    The SDK's texts are left out but for the service's code: they may quote a signed address.
    """
    from azure.core.exceptions import AzureError, HttpResponseError

    try:
        yield
    except HttpResponseError as error:
        code = getattr(error, "error_code", None)
        said = str(getattr(code, "value", code) or error.status_code or type(error).__name__)
        if error.status_code in (401, 403):
            raise Forbidden(
                f"{place}: storage refused {who} ({said})",
                help=f"Give {who} the role {role} on {place} or on its account; it may take some minutes to work.",
            ) from None
        # Without a status the credential spoke: the identity endpoint gave no token.
        raise Unavailable(f"{place}: {said}") from None
    except AzureError as error:
        raise Unavailable(f"{place}: storage did not answer ({type(error).__name__})") from None
