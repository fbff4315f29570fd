"""Requests to Azurite, signed with the account's key: the ones that pass through, and our own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from local.storage_front.config import FrontAccount, FrontConfig, Service
from local.storage_front.shared_key import signed_headers

_HOP_BY_HOP = frozenset(
    (
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "upgrade"),
        *("transfer-encoding", "host", "authorization", "expect"),
    )
)
#: Only what lies within one read is in memory at any time, in each direction.
READ_BUFFER = 1 << 18


def passed_on(headers: Mapping[str, str]) -> CIMultiDict[str]:
    """The headers that concern both ends, and not one connection."""
    return CIMultiDict((k, v) for k, v in headers.items() if k.lower() not in _HOP_BY_HOP)


class Upstream:
    """Azurite behind the front."""

    def __init__(self, config: FrontConfig) -> None:
        self._ports: dict[Service, int] = {
            "blob": config.upstream.blob,
            "queue": config.upstream.queue,
            "table": config.upstream.table,
        }
        self._session: aiohttp.ClientSession | None = None

    def url(self, service: Service) -> str:
        """Address of a service, without a slash at its end."""
        return f"http://127.0.0.1:{self._ports[service]}"

    @asynccontextmanager
    async def send(
        self,
        account: FrontAccount,
        service: Service,
        method: str,
        raw_path: str,
        headers: Mapping[str, str],
        body: aiohttp.StreamReader | bytes | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Sends one request. The body is streamed; nothing is decoded. Raises aiohttp.ClientError."""
        session = self._session
        if session is None:
            session = self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=15),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=10),
                auto_decompress=False,
                read_bufsize=READ_BUFFER,
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            )
        signed = signed_headers(account, service, method, raw_path, headers)
        async with session.request(
            method,
            URL(self.url(service) + raw_path, encoded=True),
            headers=signed,
            data=body,
            allow_redirects=False,
        ) as response:
            yield response

    async def head(self, account: FrontAccount, path: str) -> CIMultiDictProxy[str] | None:
        """The properties of a blob, or None where there is none."""
        async with self.send(account, "blob", "HEAD", path, {"x-ms-version": "2021-12-02"}) as response:
            return response.headers if response.status == 200 else None

    async def set_tier(self, account: FrontAccount, path: str, tier: str) -> None:
        """Gives a blob its tier at once."""
        headers = {"x-ms-version": "2021-12-02", "x-ms-access-tier": tier, "Content-Length": "0"}
        async with self.send(account, "blob", "PUT", f"{path}?comp=tier", headers) as response:
            await response.read()

    async def delete(self, account: FrontAccount, path: str) -> None:
        """Removes a blob; nothing where there is none."""
        async with self.send(account, "blob", "DELETE", path, {"x-ms-version": "2021-12-02"}) as response:
            await response.read()

    async def make_container(self, account: FrontAccount, name: str) -> None:
        """Makes a container where there is none."""
        headers = {"x-ms-version": "2021-12-02", "Content-Length": "0"}
        path = f"/{account.name}/{name}?restype=container"
        async with self.send(account, "blob", "PUT", path, headers) as response:
            await response.read()

    async def copy(self, account: FrontAccount, path: str, to: str) -> None:
        """Copies a blob, metadata and all. Raises aiohttp.ClientError where Azurite refuses."""
        headers = {"x-ms-version": "2021-12-02", "Content-Length": "0", "x-ms-copy-source": self.url("blob") + path}
        async with self.send(account, "blob", "PUT", to, headers) as response:
            if response.status >= 300:
                raise aiohttp.ClientPayloadError(f"Azurite does not copy: {response.status} {await response.text()}")
            await response.read()

    async def close(self) -> None:
        """Closes the connections."""
        if self._session is not None:
            await self._session.close()
