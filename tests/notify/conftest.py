"""Real peers on this machine: an https receiver that behaves as it is told, and an SMTP server."""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from holdfast.model.notice import Notice, NoticeLine
from local.azure.certificates import ensure_certificates
from local.azure.state_folder import StateFolder

AT = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
NAME, PASSWORD = "holdfast", "correct-horse-battery"


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> StateFolder:
    """An authority, and a certificate of 127.0.0.1 and localhost."""
    folder = StateFolder(tmp_path_factory.mktemp("certificates"))
    ensure_certificates(folder)
    return folder


@pytest.fixture
def trusted(certificates: StateFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """The authority is one of the machine's."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.ca))


def server_context(certificates: StateFolder) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates.server_certificate, certificates.server_key)
    return context


@dataclass
class Receiver:
    """Keeps what it got; answers `status` with `headers`, or drips, or hangs before its answer or in the midst of it."""

    url: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    mode: str = "answer"
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.got.append(({k.lower(): v for k, v in request.headers.items()}, await request.read()))
        if self.mode == "hang":
            await asyncio.sleep(30)
        if self.mode == "cut" and request.transport is not None:
            request.transport.abort()
        if self.mode == "slow body":
            begun = web.StreamResponse(status=self.status, headers=self.headers)
            await begun.prepare(request)
            await begun.write(b"sent-back")
            time.sleep(1)  # noqa: ASYNC251 - deaf, to a goodbye as well
        return web.Response(status=self.status, headers=self.headers, text="sent-back-secret")


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop that runs in a thread of its own."""
    made = asyncio.new_event_loop()
    thread = threading.Thread(target=made.run_forever)
    thread.start()
    yield made

    async def settle() -> None:
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0.05)

    asyncio.run_coroutine_threadsafe(settle(), made).result(10)
    made.call_soon_threadsafe(made.stop)
    thread.join(10)
    made.close()


@pytest.fixture
def receiver(certificates: StateFolder, trusted: None, loop: asyncio.AbstractEventLoop) -> Iterator[Receiver]:
    """An https receiver."""
    made = Receiver()
    app = web.Application()
    app.router.add_post("/{rest:.*}", made.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)

    async def start() -> None:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server_context(certificates)).start()

    async def stop() -> None:
        held = [c.transport for c in runner.server.connections if c.transport] if runner.server else []
        await runner.cleanup()
        for transport in held:
            transport.abort()

    asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    made.url = f"https://127.0.0.1:{runner.addresses[0][1]}/hook/very-secret-path"
    yield made
    asyncio.run_coroutine_threadsafe(stop(), loop).result(10)


@dataclass
class Mailbox:
    """Keeps mails; refuses recipients and mails as it is told."""

    refused: dict[str, str] = field(default_factory=dict)
    answer: str = "250 OK"
    mails: list[Any] = field(default_factory=list)

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if self.answer.startswith("250"):
            self.mails.append(envelope)
        return self.answer


def _login(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (NAME.encode(), PASSWORD.encode())
    return AuthResult(success=good, handled=False)


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def smtp(mailbox: Mailbox, certificates: StateFolder, trusted: None, loop: asyncio.AbstractEventLoop) -> Iterator[int]:
    """The port of an SMTP server that wants STARTTLS and a login."""

    def protocol() -> SMTP:
        return SMTP(
            mailbox,
            hostname="127.0.0.1",
            tls_context=server_context(certificates),
            require_starttls=True,
            auth_required=True,
            authenticator=_login,
            loop=loop,
        )

    async def start() -> asyncio.Server:
        return await loop.create_server(protocol, "127.0.0.1", 0)

    server = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    yield server.sockets[0].getsockname()[1]
    loop.call_soon_threadsafe(server.close)


@pytest.fixture
def notice() -> Notice:
    """A failed session of a database with an unpleasant name."""
    return Notice(
        event="failure",
        occasion="session s1",
        tone="bad",
        title="Backup of policy nightly failed: srv/<b>shop</b> failed",
        at=AT,
        policy="nightly",
        session="s1",
        link="https://app.example/api/sessions/s1",
        facts={"Session": "s1", "Databases": "0 of 1 succeeded"},
        lines=[
            NoticeLine(
                source="srv/<b>shop</b>",
                code="export-blocked",
                text="View [dbo].[v] is broken <script>alert(1)</script> [x](https://evil.example)",
                help="Mend the view & try again.",
            )
        ],
    )
