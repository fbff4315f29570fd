"""Posts JSON to an address that is a secret in itself: whoever has it may post.

The client is aiohttp, which the durable SDK brings: it has a deadline for the whole exchange, so that a peer that drips
bytes cannot hold us, and it writes no address to a log.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from contextlib import suppress
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
#: How often a socket is looked at until it is closed, a hundredth of a second apart.
_LOOKS = 100
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
    sockets = _Sockets()
    connector = aiohttp.TCPConnector(ssl=trust, socket_factory=sockets.make)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session,
            session.post(url, data=body, headers=sent, allow_redirects=False) as answer,
        ):
            status, wait = answer.status, answer.headers.get("Retry-After", "")
            if answer.connection is not None and answer.connection.transport is not None:
                # What else the receiver says is not read.
                answer.connection.transport.abort()
    except TimeoutError:
        raise Undelivered(f"the receiver did not answer within {DEADLINE:g} s") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        # The type alone: the text may hold the address.
        raise Undelivered(f"the receiver cannot be reached ({type(error).__name__})") from None
    finally:
        await sockets.close()
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


class _Sockets:
    """Those of one exchange. A peer that is deaf to TLS's goodbye would keep them open, and the loop ends before."""

    def __init__(self) -> None:
        self._made: list[socket.socket] = []

    def make(self, address: aiohttp.AddrInfoType) -> socket.socket:
        """As aiohttp makes them."""
        family, kind, protocol, _, _ = address
        made = socket.socket(family, kind, protocol)
        self._made.append(made)
        return made

    async def close(self) -> None:
        """Ends what is still open, and lets the loop notice."""
        for one in self._made:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for _ in range(_LOOKS):
            if all(one.fileno() < 0 for one in self._made):
                return
            await asyncio.sleep(0.01)


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
