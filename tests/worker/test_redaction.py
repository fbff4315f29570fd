"""No secret in a log line, a result or an exception."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.worker.redaction import redact, redact_event, shorten

TOKEN = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJodHRwczovL3N0b3JhZ2UifQ.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"Authorization: Bearer {TOKEN}", "c2lnbmF0dXJl"),
        ("Authorization: Bearer abc.DEF-123~x", "abc.DEF"),
        (f'{{"access_token": "{TOKEN}", "expires_in": 1}}', TOKEN),
        ('{"access_token":"opaque-token"}', "opaque-token"),
        ("/AccessToken:opaque123 /Action:Export", "opaque123"),
        ("Server=x;Password=hunter2;Encrypt=True", "hunter2"),
        ('Server=x;PWD="hun;ter2";Encrypt=True', "ter2"),
        ("https://a.blob.core.windows.net/c/b?sv=2021&sig=abc%2Fdef%3D&se=1", "abc%2Fdef"),
        ("AccountName=a;AccountKey=Zm9v+bar/baz==;EndpointSuffix=x", "Zm9v"),
        ("SharedAccessSignature=sv=1&sig=x", "sv=1"),
        ("client_secret=s3cr3t", "s3cr3t"),
    ],
)
def test_a_secret_is_taken_out(text: str, secret: str) -> None:
    assert secret in text
    assert secret not in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "View [dbo].[v]: refers to [Other].[dbo].[t] (SQL71562)",
        "https://vault.vault.azure.net/secrets/name could not be read",
        "Login failed for user '<token-identified principal>'.",
        "the password does not open the repository",
        "Processing Table '[dbo].[Secrets]'.",
    ],
)
def test_what_people_need_stays(text: str) -> None:
    assert redact(text) == text


@given(st.text(string.ascii_letters + string.digits + "+/", min_size=8, max_size=60), st.text(max_size=30))
def test_whatever_the_password_is_it_goes(secret: str, around: str) -> None:
    clean = redact(f"Server=x;Password={secret};{around}")
    assert f"Password={secret}" not in clean
    assert redact(clean) == clean


def test_log_events_are_cleaned() -> None:
    event = redact_event(None, "info", {"event": "x", "error": "Password=hunter2", "count": 3})
    assert event == {"event": "x", "error": "Password=[redacted]", "count": 3}


@given(st.text(max_size=50), st.integers(1, 60))
def test_a_shortened_text_fits(text: str, limit: int) -> None:
    short = shorten(text, limit)
    assert len(short) <= limit
    assert short == text or short.endswith("…")
