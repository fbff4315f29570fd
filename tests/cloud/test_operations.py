"""The operation behind a copy: the reason, and where it may be asked for."""

from __future__ import annotations

from typing import Any

import pytest
from azure.core.exceptions import ServiceRequestError

from holdfast.cloud.failures import FailureKind
from holdfast.cloud.operations import failure_behind

ARM = "https://management.azure.com"
URL = f"{ARM}/subscriptions/s/operations/1?t=1&s=signature"


class Answer:
    """What an operation's address says."""

    def __init__(self, body: Any) -> None:
        self.body = body

    def raise_for_status(self) -> None:
        """Never."""

    def json(self) -> Any:
        """The body."""
        return self.body


class Client:
    """Answers once with a body, or fails."""

    def __init__(self, body: Any = None, error: Exception | None = None) -> None:
        self.body, self.error, self.asked = body, error, list[str]()

    def send_request(self, request: Any) -> Answer:
        """As the SDK's clients do."""
        self.asked.append(request.url)
        if self.error is not None:
            raise self.error
        return Answer(self.body)


def test_a_failed_operation_gives_its_code_and_words() -> None:
    """Its address is asked for as it was given, signature and all."""
    client = Client({"status": "Failed", "error": {"code": "ServerDtuQuotaExceeded", "message": "no more"}})
    found = failure_behind(client, URL, ARM)  # type: ignore[arg-type]
    assert found is not None
    assert (found.kind, found.code, found.message) == (FailureKind.QUOTA, "ServerDtuQuotaExceeded", "no more")
    assert client.asked == [URL]


@pytest.mark.parametrize("status", ["Canceled", "failed"])
def test_a_failure_without_a_reason_is_still_a_failure(status: str) -> None:
    """And may be tried again."""
    found = failure_behind(Client({"status": status}), URL, ARM)  # type: ignore[arg-type]
    assert found is not None
    assert found.kind is FailureKind.UNAVAILABLE


@pytest.mark.parametrize("body", [{"status": "InProgress"}, {"status": "Succeeded"}, {}, [], None, "text"])
def test_anything_else_is_no_failure(body: Any) -> None:
    """The copy itself is what is looked at."""
    assert failure_behind(Client(body), URL, ARM) is None  # type: ignore[arg-type]


def test_an_operation_that_nobody_remembers_is_no_failure() -> None:
    """Azure forgets them after a day."""
    assert failure_behind(Client(error=ServiceRequestError("gone")), URL, ARM) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "url", ["", "https://example.org/operations/1", "https://management.azure.com.example.org/1", "file:///etc/passwd"]
)
def test_our_token_goes_to_no_other_host_than_azures(url: str) -> None:
    """The address comes back from where it was kept."""
    client = Client({"status": "Failed"})
    assert failure_behind(client, url, ARM) is None  # type: ignore[arg-type]
    assert client.asked == []
