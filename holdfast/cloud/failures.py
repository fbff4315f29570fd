"""What Azure's control plane refuses, in our words: permanent or not, and what to do.

The code in the answer decides, not the status: a long-running operation reports its failure with status 200, and 409
stands for a taken name as well as for a lack of capacity. Codes: docs of Azure Resource Manager and of the providers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from holdfast.model.errors import Conflict, Forbidden, HoldfastError, NameTaken, NoCapacity, NotFound, Unavailable

if TYPE_CHECKING:
    from azure.core.exceptions import AzureError


class QuotaExceeded(NoCapacity):
    """No retry helps before somebody raises the quota."""

    code = "quota-exceeded"
    title = "A quota of the subscription is used up"
    advice = "Ask Azure to raise the quota that is named, or choose another size or region in the worker profile."
    permanent = True


class AzureRefused(HoldfastError):
    """A request that Azure does not take as it is."""

    code = "azure-refused"
    title = "Azure refused the request"
    advice = "Correct what Azure names; it would refuse the same request again."
    exit_code = 9
    http_status = 502
    permanent = True


class FailureKind(StrEnum):
    """What a failure means for us."""

    RIGHTS = "rights"
    NOT_FOUND = "not-found"
    NAME_TAKEN = "name-taken"
    CAPACITY = "capacity"
    QUOTA = "quota"
    BUSY = "busy"
    UNAVAILABLE = "unavailable"
    INVALID = "invalid"


_KINDS: dict[str, FailureKind] = {
    code.lower(): kind
    for kind, codes in {
        FailureKind.RIGHTS: (
            "AuthorizationFailed",
            "LinkedAuthorizationFailed",
            "AuthenticationFailed",
            "InvalidAuthenticationToken",
            "InvalidAuthenticationTokenTenant",
            "ExpiredAuthenticationToken",
            "Forbidden",
            "RequestDisallowedByPolicy",
            "ScopeLocked",
            "ReadOnlyDisabledSubscription",
        ),
        FailureKind.NOT_FOUND: (
            "NotFound",
            "ResourceNotFound",
            "ParentResourceNotFound",
            "ResourceGroupNotFound",
            "SubscriptionNotFound",
            "SourceDatabaseNotFound",
            "TargetServerNotFound",
        ),
        FailureKind.NAME_TAKEN: (
            "AlreadyExists",
            "ResourceAlreadyExists",
            "DatabaseAlreadyExists",
            "ManagedDatabaseAlreadyExists",
            "DatabaseNameAlreadyExists",
            "PreconditionFailed",
            "ConditionNotMet",
        ),
        FailureKind.CAPACITY: (
            "SkuNotAvailable",
            "AllocationFailed",
            "ZonalAllocationFailed",
            "OverconstrainedAllocationRequest",
            "OverconstrainedZonalAllocationRequest",
            "RegionDoesNotAllowProvisioning",
            "ProvisioningDisabled",
        ),
        FailureKind.QUOTA: (
            "QuotaExceeded",
            "ResourceQuotaExceeded",
            "ServerDtuQuotaExceeded",
            "SubscriptionDtuQuotaExceeded",
            "RegionalVCoreQuotaExceeded",
            "ServerDatabaseQuotaExceeded",
            "ManagedInstanceDatabaseLimitReached",
        ),
        FailureKind.BUSY: (
            "Conflict",
            "OperationInProgress",
            "AnotherOperationInProgress",
            "ConcurrentOperationInProgress",
            "SubscriptionOperationInProgress",
            "ConflictingServerOperation",
            "ConflictingDatabaseOperation",
            "ConflictingSubscriptionOperation",
            "ConflictingConcurrentWriteNotAllowed",
            "ConcurrentUpdateError",
            "OperationNotAllowed",
            "OperationPreempted",
            "AttachDiskWhileBeingDetached",
            "SourceDatabaseNotOnline",
        ),
        FailureKind.UNAVAILABLE: (
            "TooManyRequests",
            "SubscriptionRequestsThrottled",
            "OperationTimedOut",
            "GatewayTimeout",
            "InternalServerError",
            "InternalError",
            "InternalExecutionError",
            "InternalOperationError",
            "ServiceUnavailable",
            "ServerTimeout",
            "RetryableError",
            "VMStartTimedOut",
            "OSProvisioningTimedOut",
        ),
    }.items()
    for code in codes
}
_ACTION = re.compile(r"perform action '([^']+)'(?:[^']*?over scope '([^']+)')?", re.IGNORECASE)
_LONGEST_TEXT = 1_000


@dataclass(frozen=True)
class Failure:
    """One refusal: its kind, Azure's code and words, and the HTTP status (200 inside a long-running operation)."""

    kind: FailureKind
    code: str
    message: str
    status: int


def kind_of(code: str, message: str = "", status: int = 200) -> FailureKind:
    """The kind of a failure from Azure's code, then from the words where the code says two things, then the status."""
    if code.lower() in ("operationnotallowed", "resourceoperationfailure") and "quota" in message.lower():
        return FailureKind.QUOTA
    by_code = _KINDS.get(code.lower())
    if by_code is not None:
        return by_code
    if code.lower().endswith("alreadyexists"):
        return FailureKind.NAME_TAKEN
    if code.lower().endswith("notfound"):
        return FailureKind.NOT_FOUND
    by_status = {
        401: FailureKind.RIGHTS,
        403: FailureKind.RIGHTS,
        404: FailureKind.NOT_FOUND,
        408: FailureKind.UNAVAILABLE,
        409: FailureKind.BUSY,
        412: FailureKind.NAME_TAKEN,
        429: FailureKind.UNAVAILABLE,
    }
    if status in by_status:
        return by_status[status]
    return FailureKind.UNAVAILABLE if status >= 500 or status == 200 else FailureKind.INVALID


def failure_of(error: AzureError) -> Failure:
    """Reads what the SDK raised."""
    from azure.core.exceptions import ClientAuthenticationError, HttpResponseError

    if not isinstance(error, HttpResponseError):
        # No answer at all: connection, time-out, an answer cut short.
        return Failure(FailureKind.UNAVAILABLE, type(error).__name__, "Azure did not answer", 0)
    status = error.status_code or 0
    code, message = _said(error)
    if isinstance(error, ClientAuthenticationError) and status == 0:
        # Raised by the credential before any request: the identity endpoint gave no token.
        return Failure(FailureKind.UNAVAILABLE, type(error).__name__, "the managed identity got no token", 0)
    return Failure(kind_of(code, message, status), code, message[:_LONGEST_TEXT], status)


def to_error(failure: Failure, doing: str) -> HoldfastError:
    """The error for people; `doing` says what was asked for, such as `copying sql-a/sales`."""
    said = ": ".join(part for part in (failure.code, failure.message) if part)
    detail = f"{doing}: {said or f'status {failure.status}'}"
    if failure.kind is FailureKind.RIGHTS:
        found = _ACTION.search(failure.message)
        if found is None:
            return Forbidden(detail)
        scope = found[2] or "the resource"
        return Forbidden(detail, help=f"Give the app's identity the action {found[1]} on {scope}, then try again.")
    kinds: dict[FailureKind, type[HoldfastError]] = {
        FailureKind.NOT_FOUND: NotFound,
        FailureKind.NAME_TAKEN: NameTaken,
        FailureKind.CAPACITY: NoCapacity,
        FailureKind.QUOTA: QuotaExceeded,
        FailureKind.BUSY: Conflict,
        FailureKind.UNAVAILABLE: Unavailable,
        FailureKind.INVALID: AzureRefused,
    }
    return kinds[failure.kind](detail)


@contextmanager
def azure_errors(doing: str) -> Iterator[None]:
    """Turns what the SDK raises inside into errors for people."""
    from azure.core.exceptions import AzureError

    try:
        yield
    except AzureError as error:
        raise to_error(failure_of(error), doing) from None


def _said(error: object) -> tuple[str, str]:
    """Azure's code and message: from the parsed error, else from the body, else nothing."""
    parsed = getattr(error, "error", None)
    code, message = getattr(parsed, "code", None), getattr(parsed, "message", None)
    if code:
        return str(code), str(message or "")
    response = getattr(error, "response", None)
    try:
        body = json.loads(response.text()) if response is not None else {}
    except Exception:  # noqa: BLE001 (a body that cannot be read says nothing; the status still does)
        body = {}
    inner = body.get("error", body) if isinstance(body, dict) else {}
    if isinstance(inner, dict) and inner.get("code"):
        return str(inner["code"]), str(inner.get("message") or "")
    return "", ""
