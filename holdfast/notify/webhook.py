"""Posts JSON to an address that is a secret in itself: whoever has it may post.

The client is aiohttp, which the durable SDK brings: it has a deadline for the whole exchange, so that a peer that drips
bytes cannot hold us, and it writes no address to a log.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import aiohttp

from holdfast import __version__
from holdfast.model.errors import InvalidInput
from holdfast.notify.undelivered import Undelivered

#: Seconds for the whole exchange.
DEADLINE = 20.0
#: No peer is left alone for longer, whatever it asks for.
_LONGEST_WAIT = timedelta(hours=6)
#: Answers that are about the moment and not about the message.
_PASSING = frozenset({408, 425, 429})


def post(url: str, body: bytes, headers: dict[str, str]) -> None:
    """Posts once. Raises Undelivered; InvalidInput for an address that is not https.

    Redirects are not followed: the address and the signature are meant for one receiver.
    """
    parts = urlsplit(url.strip())
    if parts.scheme != "https" or not parts.hostname:
        raise InvalidInput("the address in the channel's secret is not an https address")
    asyncio.run(_post(url.strip(), body, headers))


async def _post(url: str, body: bytes, headers: dict[str, str]) -> None:
    sent = {"Content-Type": "application/json", "User-Agent": f"holdfast/{__version__}", **headers}
    timeout, trust = aiohttp.ClientTimeout(total=DEADLINE), ssl.create_default_context()
    try:
        async with (
            aiohttp.ClientSession(
                timeout=timeout, connector=aiohttp.TCPConnector(ssl=trust), cookie_jar=aiohttp.DummyCookieJar()
            ) as session,
            session.post(url, data=body, headers=sent, allow_redirects=False) as answer,
        ):
            status, wait = answer.status, answer.headers.get("Retry-After", "")
            if answer.connection is not None and answer.connection.transport is not None:
                # What else the receiver says is not read; a goodbye over TLS would outlive this loop and leak the socket.
                answer.connection.transport.abort()
    except TimeoutError:
        raise Undelivered(f"the receiver did not answer within {DEADLINE:g} s") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        # The type alone: the text may hold the address.
        raise Undelivered(f"the receiver cannot be reached ({type(error).__name__})") from None
    if 200 <= status < 300:
        return
    if 300 <= status < 400:
        raise Undelivered(
            f"the receiver answered {status}, a redirect, which is not followed",
            help="Put the address that it leads to into the channel's secret.",
            busy=False,
        )
    passing = status >= 500 or status in _PASSING
    raise Undelivered(f"the receiver answered {status}", busy=passing, wait=asked_wait(wait) if passing else None)


def asked_wait(header: str, now: datetime | None = None) -> timedelta | None:
    """What a `Retry-After` asks for: seconds or a date. None where it asks for nothing that makes sense."""
    text = header.strip()
    if re.fullmatch(r"\d{1,9}", text, re.ASCII):
        wait = timedelta(seconds=int(text))
    else:
        try:
            # Peers have no other clock than the world's.
            wait = parsedate_to_datetime(text).astimezone(UTC) - (now or datetime.now(UTC))
        except (ValueError, TypeError, OverflowError):
            return None
    return min(max(wait, timedelta(0)), _LONGEST_WAIT)
