"""A notice as a mail, and its way to the SMTP server. Standard library: `email` writes it, `smtplib` sends it."""

from __future__ import annotations

import contextlib
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

from holdfast.model.channel import EmailChannel
from holdfast.model.notice import Notice
from holdfast.notify.rendering import as_html, as_text
from holdfast.notify.undelivered import Undelivered

#: Seconds for one answer of the server, and for the whole conversation.
ANSWER, DEADLINE = 15.0, 45.0


def written(channel: EmailChannel, message_id: str, notice: Notice, at: datetime) -> EmailMessage:
    """The mail, as plain text and as HTML. `Message-ID` is the same at every attempt."""
    mail = EmailMessage()
    mail["From"] = channel.sender
    mail["To"] = ", ".join(channel.recipients)
    mail["Subject"] = f"[Holdfast] {notice.title}"
    mail["Date"] = format_datetime(at)
    mail["Message-ID"] = f"<{message_id}@{channel.sender.rpartition('@')[2]}>"
    # No out-of-office answers to us.
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(as_text(notice))
    mail.add_alternative(as_html(notice), subtype="html")
    return mail


def send(channel: EmailChannel, mail: EmailMessage, password: str) -> None:
    """Sends it once, over TLS. Raises Undelivered.

    A recipient that the server refuses keeps the others from nothing; the mail then counts as delivered.
    """
    try:
        with _connected(channel) as server:
            if channel.user:
                server.login(channel.user, password)
            server.send_message(mail)
    except smtplib.SMTPAuthenticationError as error:
        raise Undelivered(
            f"{channel.host} refused the login of {channel.user} ({error.smtp_code})",
            help="Check the channel's user and the password in its secret.",
        ) from None
    except smtplib.SMTPRecipientsRefused as error:
        codes = sorted({code for code, _ in error.recipients.values()})
        raise Undelivered(
            f"{channel.host} refused every recipient ({', '.join(map(str, codes))})", busy=_passing(min(codes))
        ) from None
    except smtplib.SMTPResponseException as error:
        raise Undelivered(f"{channel.host} answered {error.smtp_code}", busy=_passing(error.smtp_code)) from None
    except smtplib.SMTPNotSupportedError:
        raise Undelivered(
            f"{channel.host} offers no {'STARTTLS' if channel.security == 'starttls' else 'login'} on port {channel.port}",
            help="Mail is sent over TLS only: set the channel's port and security to what the server offers.",
        ) from None
    except ssl.SSLCertVerificationError as error:
        raise Undelivered(f"the certificate of {channel.host} is not trusted ({error.verify_message})") from None
    except (smtplib.SMTPException, OSError, ValueError) as error:
        raise Undelivered(f"{channel.host} cannot be reached ({type(error).__name__})") from None


class _Timed(smtplib.SMTP):
    """A connection that is cut when its time is up, from the first byte on, however busily the server drips."""

    _cut: threading.Timer | None = None

    def connect(self, host: str = "localhost", port: int = 0, source_address: Any = None) -> tuple[int, bytes]:
        self._cut = threading.Timer(DEADLINE, self._shut)
        self._cut.daemon = True
        self._cut.start()
        try:
            return super().connect(host, port, source_address)
        except BaseException:
            self._cut.cancel()
            raise

    def close(self) -> None:
        if self._cut is not None:
            self._cut.cancel()
        super().close()

    def _shut(self) -> None:
        with contextlib.suppress(OSError, AttributeError):
            self.sock.shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]


class _TimedTls(_Timed, smtplib.SMTP_SSL):
    """The same with TLS from the first byte on."""


@contextlib.contextmanager
def _connected(channel: EmailChannel) -> Iterator[smtplib.SMTP]:
    trust = ssl.create_default_context()
    server: smtplib.SMTP
    if channel.security == "tls":
        server = _TimedTls(channel.host, channel.port, timeout=ANSWER, context=trust)
    else:
        server = _Timed(channel.host, channel.port, timeout=ANSWER)
    try:
        if channel.security == "starttls":
            server.starttls(context=trust)
        yield server
        # The mail is with the server by now: a farewell that fails changes nothing.
        with contextlib.suppress(smtplib.SMTPException, OSError):
            server.quit()
    finally:
        server.close()


def _passing(code: int) -> bool:
    """A 4xx of SMTP is about the moment, a 5xx about the mail."""
    return code < 500
