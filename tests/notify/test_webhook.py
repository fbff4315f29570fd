"""Webhooks against a receiver that fails, hangs, redirects and asks to be left alone."""

from __future__ import annotations

import gc
import json
import logging
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from holdfast.model.channel import SlackChannel, TeamsChannel, WebhookChannel
from holdfast.model.errors import InvalidInput
from holdfast.model.notice import Notice
from holdfast.notify import Envelope, Undelivered, deliver, signing, webhook

from .conftest import AT, Receiver

KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
URL_AT, KEY_AT = "https://v.vault.azure.net/secrets/url", "https://v.vault.azure.net/secrets/key"
CHANNELS: dict[str, Any] = {
    "webhook": WebhookChannel(kind="webhook", url_secret=URL_AT, signing_secret=KEY_AT),
    "teams": TeamsChannel(kind="teams", url_secret=URL_AT),
    "slack": SlackChannel(kind="slack", url_secret=URL_AT),
}


def send(receiver: Receiver, notice: Notice, kind: str = "webhook", at: datetime = AT) -> None:
    secrets = {URL_AT: receiver.url + "\n", KEY_AT: KEY}
    deliver(CHANNELS[kind], Envelope("id-1", notice, "holdfast", at), secrets.__getitem__)


def test_the_signature_is_that_of_the_specification() -> None:
    """Its own example."""
    key = signing.key_of("whsec_plJ3nmyCDGBKInavdOK15jsl")
    body = b'{"event_type":"ping","data":{"success":true}}'
    signed = signing.signature(key, "msg_loFOjxBNrRLzqYUf", 1731705121, body)
    assert signed == "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0="


def test_a_webhook_is_signed_and_carries_the_same_id_at_every_attempt(receiver: Receiver, notice: Notice) -> None:
    send(receiver, notice)
    send(receiver, notice, at=AT + timedelta(minutes=1))
    (first, body), (second, again) = receiver.got
    assert body == again
    assert first["idempotency-key"] == second["idempotency-key"] == first["webhook-id"] == "id-1"
    assert first["webhook-signature"] != second["webhook-signature"]
    for headers in (first, second):
        stamp = int(headers["webhook-timestamp"])
        assert headers["webhook-signature"] == signing.signature(signing.key_of(KEY), "id-1", stamp, body)
    told = json.loads(body)
    assert (told["id"], told["type"], told["data"]["session"]) == ("id-1", "holdfast.failure", "s1")
    assert told["data"]["lines"][0]["code"] == "export-blocked"


@pytest.mark.parametrize(
    ("status", "busy"), [(500, True), (503, True), (429, True), (408, True), (400, False), (401, False), (404, False)]
)
def test_a_refusal_says_whether_it_is_about_the_moment(
    receiver: Receiver, notice: Notice, status: int, busy: bool
) -> None:
    receiver.status = status
    with pytest.raises(Undelivered) as raised:
        send(receiver, notice)
    assert raised.value.busy is busy
    assert str(status) in raised.value.detail


def test_a_body_that_never_ends_is_not_waited_for_and_leaves_no_socket(receiver: Receiver, notice: Notice) -> None:
    """The answer's status is all that is wanted; pytest fails on a socket that only the collector closes."""
    receiver.status, receiver.mode = 503, "slow body"
    with pytest.raises(Undelivered) as raised:
        send(receiver, notice)
    assert raised.value.busy
    del raised
    gc.collect()


def test_a_peer_that_asks_to_be_left_alone_is_heard(receiver: Receiver, notice: Notice) -> None:
    receiver.status, receiver.headers = 429, {"Retry-After": "120"}
    with pytest.raises(Undelivered) as raised:
        send(receiver, notice)
    assert raised.value.wait == timedelta(seconds=120)


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("120", 120),
        ("Sun, 01 Mar 2026 03:02:00 GMT", 120),
        ("Sun, 01 Mar 2026 02:00:00 GMT", 0),
        ("999999999", 6 * 3600),
        ("-5", None),
        ("soon", None),
        ("", None),
        ("١٢", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_has_a_limit(header: str, wait: int | None) -> None:
    assert webhook.asked_wait(header, AT) == (None if wait is None else timedelta(seconds=wait))


def test_a_redirect_is_not_followed(receiver: Receiver, notice: Notice) -> None:
    """The other address gets neither body nor signature."""
    receiver.status, receiver.headers = 307, {"Location": receiver.url + "/elsewhere"}
    with pytest.raises(Undelivered, match="redirect") as raised:
        send(receiver, notice)
    assert not raised.value.busy
    assert len(receiver.got) == 1


def test_a_peer_that_hangs_costs_no_more_than_the_deadline(
    receiver: Receiver, notice: Notice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "DEADLINE", 0.5)
    receiver.mode, begun = "hang", time.monotonic()
    with pytest.raises(Undelivered, match="did not answer"):
        send(receiver, notice)
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize("broken", ["cut", "gone", "distrusted"])
def test_no_failure_tells_the_secret_address(
    receiver: Receiver, notice: Notice, broken: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    if broken == "cut":
        receiver.mode = "cut"
    elif broken == "gone":
        receiver.url = "https://127.0.0.1:1/hook/very-secret-path"
    else:
        monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(Undelivered) as raised:
        send(receiver, notice)
    assert "very-secret" not in f"{raised.value} {raised.value.help} {caplog.text}"
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


def test_what_a_peer_says_is_not_repeated(receiver: Receiver, notice: Notice, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    receiver.status = 500
    with pytest.raises(Undelivered) as raised:
        send(receiver, notice)
    assert "sent-back" not in f"{raised.value} {caplog.text}"
    assert "very-secret" not in caplog.text


@pytest.mark.parametrize("url", ["http://hooks.example/x", "hooks.example", "", "https://", "file:///etc/passwd"])
def test_only_https_is_spoken(url: str, notice: Notice) -> None:
    with pytest.raises(InvalidInput) as raised:
        deliver(CHANNELS["slack"], Envelope("i", notice, "h", AT), lambda _: url)
    assert "hooks.example" not in str(raised.value)


@pytest.mark.parametrize("key", ["short", "whsec_not base64!"])
def test_a_weak_or_broken_key_is_refused_before_anything_is_sent(receiver: Receiver, notice: Notice, key: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        deliver(CHANNELS["webhook"], Envelope("i", notice, "h", AT), {URL_AT: receiver.url, KEY_AT: key}.__getitem__)
    assert key not in str(raised.value)
    assert receiver.got == []


def test_a_teams_card_shows_names_as_they_are(receiver: Receiver, notice: Notice) -> None:
    send(receiver, notice, "teams")
    told = json.loads(receiver.got[0][1])
    card = told["attachments"][0]["content"]
    # Only runs show text without reading markup.
    assert {block["type"] for block in card["body"]} == {"RichTextBlock"}
    texts = [run["text"] for block in card["body"] for run in block["inlines"]]
    assert any("[x](https://evil.example)" in text and "export-blocked" in text for text in texts)
    assert card["actions"][0]["url"] == notice.link


def test_a_teams_card_keeps_to_the_size_that_teams_takes(receiver: Receiver, notice: Notice) -> None:
    long = [line.model_copy(update={"text": "ü" * 500, "help": "ü" * 500}) for line in notice.lines * 20]
    send(receiver, notice.model_copy(update={"lines": long, "more": 3}), "teams")
    body = receiver.got[0][1]
    assert len(body) <= 24_000
    shown = sum("\\u00fc" in block for block in body.decode().split("RichTextBlock"))
    assert (
        f"and {20 - shown + 3} more" in json.loads(body)["attachments"][0]["content"]["body"][-1]["inlines"][0]["text"]
    )


def test_a_slack_message_mentions_nobody(receiver: Receiver, notice: Notice) -> None:
    hostile = notice.model_copy(update={"title": "srv/<!channel> & co failed"})
    send(receiver, hostile, "slack")
    told = json.loads(receiver.got[0][1])
    assert "<!channel>" not in told["text"]
    texts = [block["text"] for block in told["blocks"] if "text" in block]
    assert [t["text"] for t in texts if t["type"] == "mrkdwn"] == [f"<{notice.link}|Open the session>"]
    assert len(told["blocks"]) <= 50


def test_a_date_in_retry_after_is_compared_with_the_worlds_clock() -> None:
    soon = f"{datetime.now(UTC) + timedelta(seconds=60):%a, %d %b %Y %H:%M:%S} GMT"
    wait = webhook.asked_wait(soon)
    assert wait is not None
    assert timedelta(seconds=50) < wait <= timedelta(seconds=60)
