"""What Azure's refusals mean."""

from __future__ import annotations

import json
from types import MappingProxyType

import pytest
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ODataV4Format,
    ResourceExistsError,
    ServiceRequestError,
    ServiceResponseError,
)

from holdfast.cloud.failures import (
    AzureRefused,
    FailureKind,
    QuotaExceeded,
    azure_errors,
    failure_of,
    kind_of,
    to_error,
)
from holdfast.model.errors import Conflict, Forbidden, HoldfastError, NameTaken, NoCapacity, NotFound, Unavailable

QUOTA_TEXT = "Operation could not be completed as it results in exceeding approved Total Regional Cores quota."


def refusal(
    status: int, code: str, message: str = "", kind: type[HttpResponseError] = HttpResponseError
) -> HttpResponseError:
    """What the SDK raises for an answer like this."""
    error = kind(message)
    error.status_code = status
    error.error = ODataV4Format({"code": code, "message": message}) if code else None
    return error


@pytest.mark.parametrize(
    ("status", "code", "message", "expected", "permanent"),
    [
        (403, "AuthorizationFailed", "", Forbidden, True),
        (403, "LinkedAuthorizationFailed", "", Forbidden, True),
        (401, "InvalidAuthenticationToken", "", Forbidden, True),
        (403, "", "", Forbidden, True),
        (404, "ResourceNotFound", "", NotFound, True),
        (404, "ParentResourceNotFound", "", NotFound, True),
        (404, "", "", NotFound, True),
        (409, "DatabaseAlreadyExists", "", NameTaken, True),
        (409, "SomethingElseAlreadyExists", "", NameTaken, True),
        (412, "PreconditionFailed", "", NameTaken, True),
        (409, "SkuNotAvailable", "", NoCapacity, False),
        (200, "AllocationFailed", "", NoCapacity, False),
        (200, "ZonalAllocationFailed", "", NoCapacity, False),
        (409, "QuotaExceeded", "", QuotaExceeded, True),
        (409, "OperationNotAllowed", QUOTA_TEXT, QuotaExceeded, True),
        (409, "OperationNotAllowed", "the VM is being deallocated", Conflict, False),
        (409, "ConflictingDatabaseOperation", "", Conflict, False),
        (409, "NeverHeardOf", "", Conflict, False),
        (429, "TooManyRequests", "", Unavailable, False),
        (429, "", "", Unavailable, False),
        (503, "ServerTimeout", "", Unavailable, False),
        (500, "", "", Unavailable, False),
        (200, "InternalServerError", "", Unavailable, False),
        (200, "NeverHeardOf", "", Unavailable, False),
        (400, "InvalidParameter", "customData", AzureRefused, True),
        (400, "", "", AzureRefused, True),
    ],
)
def test_the_code_decides_what_a_refusal_is(
    status: int, code: str, message: str, expected: type[HoldfastError], permanent: bool
) -> None:
    """Then the words, where one code says two things; then the status."""
    found = to_error(failure_of(refusal(status, code, message)), "copying a/b")
    assert type(found) is expected
    assert found.permanent is permanent
    assert found.detail.startswith("copying a/b: ")


def test_a_lack_of_capacity_is_no_taken_name_whatever_class_the_sdk_gives_it() -> None:
    """Every 409 is a ResourceExistsError to the SDK."""
    assert failure_of(refusal(409, "SkuNotAvailable", kind=ResourceExistsError)).kind is FailureKind.CAPACITY
    assert failure_of(refusal(409, "OperationNotAllowed", QUOTA_TEXT, ResourceExistsError)).kind is FailureKind.QUOTA


def test_a_missing_right_names_the_action_and_the_scope() -> None:
    """So that somebody can give it."""
    text = (
        "The client 'x' with object id 'y' does not have authorization to perform action "
        "'Microsoft.Sql/servers/databases/write' over scope '/subscriptions/s/resourceGroups/g' or the scope is invalid."
    )
    found = to_error(failure_of(refusal(403, "AuthorizationFailed", text)), "copying")
    assert "Microsoft.Sql/servers/databases/write" in found.help
    assert "/subscriptions/s/resourceGroups/g" in found.help


@pytest.mark.parametrize("error", [ServiceRequestError("refused"), ServiceResponseError("cut"), AzureError("what")])
def test_no_answer_is_no_verdict(error: AzureError) -> None:
    """A retry may help."""
    assert type(to_error(failure_of(error), "listing")) is Unavailable


def test_an_identity_endpoint_that_gives_no_token_may_do_so_later() -> None:
    """The credential raises before there is any answer of Azure's."""
    assert failure_of(ClientAuthenticationError("no endpoint")).kind is FailureKind.UNAVAILABLE


def test_the_reason_is_found_in_the_body_where_the_sdk_did_not_parse_it() -> None:
    """Key Vault's and some providers' errors."""

    class Answer:
        status_code = 403
        reason = "Forbidden"
        headers = MappingProxyType[str, str]({})

        def text(self) -> str:
            return json.dumps({"error": {"code": "RequestDisallowedByPolicy", "message": "not here"}})

    error = refusal(403, "")
    error.response = Answer()  # type: ignore[assignment]
    found = failure_of(error)
    assert (found.kind, found.code, found.message) == (FailureKind.RIGHTS, "RequestDisallowedByPolicy", "not here")


def test_errors_of_the_sdk_do_not_come_through() -> None:
    """Neither they nor their chains: they may quote addresses and headers."""
    with pytest.raises(Unavailable) as raised, azure_errors("listing"):
        raise ServiceRequestError("https://x/?sig=SECRET")
    assert raised.value.__cause__ is None
    assert "SECRET" not in str(raised.value)


def test_our_own_errors_pass_as_they_are() -> None:
    """A context must not eat what it was not made for."""
    with pytest.raises(NameTaken), azure_errors("dropping"):
        raise NameTaken("x")


def test_codes_are_compared_without_regard_to_case() -> None:
    """Providers disagree."""
    assert kind_of("skunotavailable") is FailureKind.CAPACITY
