"""Mails against a real SMTP server: over TLS only, readable as text and as HTML, and what the server refuses is said."""

from __future__ import annotations

import logging
import socket
import threading
import time
from email import message_from_bytes, policy
from typing import Any

import pytest

from holdfast.model.channel import EmailChannel
from holdfast.model.notice import Notice
from holdfast.notify import Envelope, Undelivered, deliver, mail

from .conftest import AT, NAME, PASSWORD, Mailbox

AT_VAULT = "https://v.vault.azure.net/secrets/smtp"


def channel(port: int, **more: Any) -> EmailChannel:
    fields = {"kind": "email", "host": "127.0.0.1", "port": port, "sender": "backup@example.org"}
    fields |= {"recipients": ["ops@example.org", "dba@example.org"], "user": NAME, "password_secret": AT_VAULT}
    return EmailChannel.model_validate({**fields, **more})


def send(to: EmailChannel, notice: Notice, password: str = PASSWORD) -> None:
    deliver(to, Envelope("20260301T030000Z-abc", notice, "holdfast", AT), {AT_VAULT: password}.__getitem__)


def test_a_mail_is_text_and_html_and_the_same_id_every_time(smtp: int, mailbox: Mailbox, notice: Notice) -> None:
    send(channel(smtp), notice)
    send(channel(smtp), notice)
    first, second = (message_from_bytes(got.content, policy=policy.default) for got in mailbox.mails)
    assert first["Message-ID"] == second["Message-ID"] == "<20260301T030000Z-abc@example.org>"
    assert first["Subject"] == "[Holdfast] Backup of policy nightly failed: srv/<b>shop</b> failed"
    assert mailbox.mails[0].rcpt_tos == ["ops@example.org", "dba@example.org"]
    text, html = (first.get_body((kind,)).get_content() for kind in ("plain", "html"))
    assert "* srv/<b>shop</b>: View [dbo].[v] is broken" in text
    assert "Mend the view & try again." in text
    assert "holdfast session show s1" in text
    assert "<script>" not in html
    assert "&lt;script&gt;alert(1)" in html
    assert "<b>" not in html
    assert f'href="{notice.link}"' in html


def test_a_name_with_line_breaks_adds_no_header(smtp: int, mailbox: Mailbox, notice: Notice) -> None:
    from holdfast.model.notice import one_line

    title = one_line("Backup failed\r\nBcc: thief@example.org\u2028x")
    send(channel(smtp), notice.model_copy(update={"title": title}))
    got = message_from_bytes(mailbox.mails[0].content, policy=policy.default)
    assert got["Bcc"] is None
    assert "Bcc: thief" in got["Subject"]


def test_a_wrong_password_is_said_and_not_shown(
    smtp: int, mailbox: Mailbox, notice: Notice, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(Undelivered, match="refused the login of holdfast") as raised:
        send(channel(smtp), notice, "wrong-password")
    assert "wrong-password" not in f"{raised.value} {raised.value.help}"
    assert mailbox.mails == []


def test_one_refused_recipient_keeps_the_others_from_nothing(smtp: int, mailbox: Mailbox, notice: Notice) -> None:
    mailbox.refused = {"ops@example.org": "550 no such user"}
    send(channel(smtp), notice)
    assert mailbox.mails[0].rcpt_tos == ["dba@example.org"]


@pytest.mark.parametrize(("answer", "busy"), [("450 later", True), ("550 no such user", False)])
def test_refused_recipients_are_a_failure(smtp: int, mailbox: Mailbox, notice: Notice, answer: str, busy: bool) -> None:
    mailbox.refused = dict.fromkeys(["ops@example.org", "dba@example.org"], answer)
    with pytest.raises(Undelivered, match=answer[:3]) as raised:
        send(channel(smtp), notice)
    assert raised.value.busy is busy


@pytest.mark.parametrize(("answer", "busy"), [("451 try later", True), ("554 looks like spam", False)])
def test_a_refused_mail_says_whether_it_is_about_the_moment(
    smtp: int, mailbox: Mailbox, notice: Notice, answer: str, busy: bool
) -> None:
    mailbox.answer = answer
    with pytest.raises(Undelivered, match=answer[:3]) as raised:
        send(channel(smtp), notice)
    assert raised.value.busy is busy


def test_no_mail_and_no_password_goes_over_an_untrusted_connection(
    smtp: int, mailbox: Mailbox, notice: Notice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(Undelivered, match="is not trusted"):
        send(channel(smtp), notice)
    assert mailbox.mails == []


def test_a_server_that_drips_is_cut_off(notice: Notice, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte in time, the whole never."""
    monkeypatch.setattr(mail, "DEADLINE", 0.6)
    with socket.create_server(("127.0.0.1", 0)) as server:
        stop = threading.Event()

        def drip() -> None:
            peer, _ = server.accept()
            with peer:
                while not stop.wait(0.05):
                    try:
                        peer.sendall(b"2")
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        begun = time.monotonic()
        with pytest.raises(Undelivered):
            send(channel(server.getsockname()[1]), notice)
        stop.set()
        thread.join(10)
    assert time.monotonic() - begun < 5


def test_nobody_listens(notice: Notice) -> None:
    with pytest.raises(Undelivered, match="cannot be reached") as raised:
        send(channel(1), notice)
    assert raised.value.busy
