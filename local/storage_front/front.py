"""One request through the front: what Azure does that Azurite does not, and the streaming in both directions."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from urllib.parse import quote

import aiohttp
from aiohttp import web

from holdfast.clock_file import clock_from
from local.azure.rights import Rights
from local.storage_front import errors
from local.storage_front.admin import Admin, Seen
from local.storage_front.archive_listing import with_archive_status
from local.storage_front.callers import Caller, Callers
from local.storage_front.config import FrontAccount, FrontConfig, Service
from local.storage_front.delegation import header_overrides, issue_key
from local.storage_front.errors import Refused, refuse
from local.storage_front.faults import Fault, Faults
from local.storage_front.immutability import Immutability, Prepared
from local.storage_front.operations import Operation, understand
from local.storage_front.rehydration import ONLINE_TIERS, Priority, Rehydrations
from local.storage_front.roles import define_roles
from local.storage_front.upstream import Upstream, passed_on
from local.storage_front.version_listing import with_versions, without_ours
from local.storage_front.versions import Versions

_REMEMBERED_REQUESTS = 20_000
_BEGUN = "the answer has begun"


class Front:
    """State of one storage front."""

    def __init__(self, config: FrontConfig) -> None:
        self._config = config
        clock = clock_from(config.clock_file)
        rights = Rights(config.azure_state)
        define_roles(rights)
        self._callers = Callers(config, rights, clock)
        self._upstream = Upstream(config)
        self._faults = Faults()
        self._seen: deque[Seen] = deque(maxlen=_REMEMBERED_REQUESTS)
        self._versions = Versions(config.versions_file, clock)
        for place in config.immutable_containers:
            self._versions.enable(*place.split("/"))
        self._immutability = Immutability(self._versions, self._upstream, clock)
        self.admin = Admin(config.admin_key, self._faults, self._seen, self._versions)
        self._rehydrations = Rehydrations(
            config.pending_file, clock, {"Standard": config.rehydrate_standard, "High": config.rehydrate_high}
        )

    async def close(self) -> None:
        """Closes connections and files."""
        await self._upstream.close()
        self._rehydrations.close()
        self._versions.close()

    async def handle(self, service: Service, request: web.Request) -> web.StreamResponse:
        """Answers one request of a service."""
        raw_path = request.raw_path
        seen = Seen(service, request.method, raw_path.partition("?")[0], time.time())
        seen.bytes_in = request.content_length or 0
        fault = self._faults.take(f"{request.method} {service} {raw_path}")
        try:
            if fault is not None:
                await asyncio.sleep(fault.delay)
                if fault.status is not None or fault.drop == "before":
                    return _struck(service, request, fault)
            response = await self._answer(service, request, seen, fault)
            seen.status = response.status
            return response
        except Refused as refused:
            seen.status = refused.refusal[0]
            return refuse(service, refused.refusal, head=request.method == "HEAD")
        except aiohttp.ClientError:
            seen.status = errors.BUSY[0]
            if _BEGUN in request:  # half an answer is out: a second one behind it would be read as its end
                return _cut(request)
            return refuse(service, errors.BUSY, head=request.method == "HEAD")
        except ConnectionError:
            return _cut(request)
        finally:
            self._seen.append(seen)

    async def _answer(
        self, service: Service, request: web.Request, seen: Seen, fault: Fault | None
    ) -> web.StreamResponse:
        operation = understand(service, request.method, request.raw_path, request.headers)
        account = self._config.account(operation.account)
        if account is None:
            raise Refused(errors.NO_ACCOUNT)
        caller = self._callers.identify(operation, account, request)
        seen.client_id = caller.client_id
        if operation.kind == "delegation-key":
            return await _delegation_key(request, account, caller)
        path = request.raw_path.partition("?")[0]
        if caller.only_new and await self._upstream.head(account, path) is not None:
            raise Refused(errors.OVERWRITE)
        if operation.service == "blob" and operation.name:
            await self._settle(operation, account)
        if operation.kind == "set-tier" and await self._rehydrate(operation, account, request):
            return web.Response(status=202, headers={"x-ms-version": request.headers.get("x-ms-version", "")})
        headers = passed_on(request.headers)
        if "x-ms-copy-source" in headers:
            source = self._callers.copy_source(headers["x-ms-copy-source"], caller)
            headers["x-ms-copy-source"] = self._upstream.url("blob") + source
        body = request.content if request.body_exists else None
        if not self._immutability.concerns(operation):
            async with self._upstream.send(account, service, request.method, caller.raw_path, headers, body) as answer:
                return await self._pass_back(operation, request, answer, seen, fault, None)
        async with self._immutability.alone(operation):
            prepared = await self._immutability.prepare(operation, account, request, caller.raw_path)
            if prepared.response is not None:
                return prepared.response
            path = prepared.raw_path
            if operation.kind == "list-blobs":
                path = without_ours(path)[0]
            async with self._upstream.send(account, service, request.method, path, headers, body) as answer:
                return await self._pass_back(operation, request, answer, seen, fault, prepared)

    async def _pass_back(
        self,
        operation: Operation,
        request: web.Request,
        answer: aiohttp.ClientResponse,
        seen: Seen,
        fault: Fault | None,
        prepared: Prepared | None,
    ) -> web.StreamResponse:
        headers = passed_on(answer.headers)
        if prepared is not None:
            self._immutability.settle(operation, prepared, answer.status, headers)
        if operation.kind == "container-properties" and answer.status == 200:
            headers["x-ms-immutable-storage-with-versioning-enabled"] = str(prepared is not None).lower()
        key = (operation.account, operation.name, operation.item)
        if answer.status < 300 and operation.kind in ("put-blob", "delete-blob"):
            self._rehydrations.forget(key)
        pending = self._rehydrations.get(key)
        if pending is not None and answer.status == 200 and operation.kind == "head-blob":
            headers["x-ms-archive-status"] = pending.status
            headers["x-ms-rehydrate-priority"] = pending.priority
        if "sig=" in request.raw_path and answer.status in (200, 206):
            headers.update(header_overrides(request.raw_path))
        within = self._rehydrations.within(*key[:2]) if operation.kind == "list-blobs" else {}
        if (within or prepared is not None) and operation.kind == "list-blobs" and answer.status == 200:
            headers.pop("Content-Length", None)
            listing = await answer.read()
            if within:
                listing = with_archive_status(listing, within)
            if prepared is not None:
                _, asked, parameters = without_ours(prepared.raw_path)
                listing = with_versions(listing, self._versions, key[:2], asked, parameters)
            return web.Response(body=listing, headers=headers)
        if fault is not None and fault.drop == "after":
            await answer.read()
            raise _Dropped
        response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=headers)
        if "Content-Length" not in headers and answer.status not in (204, 304) and request.method != "HEAD":
            response.enable_chunked_encoding()
        request[_BEGUN] = True
        await response.prepare(request)
        left = fault.after_bytes if fault is not None and fault.drop == "middle" else None
        async for chunk in answer.content.iter_any():
            if left is not None and len(chunk) > left:
                await response.write(chunk[:left])
                raise _Dropped
            await response.write(chunk)
            seen.bytes_out += len(chunk)
            left = None if left is None else left - len(chunk)
        await response.write_eof()
        return response

    async def _settle(self, operation: Operation, account: FrontAccount) -> None:
        """Brings online what is due, so that Azurite answers as it should from now on."""
        for key, pending in self._rehydrations.due(operation.account, operation.name):
            await self._upstream.set_tier(account, f"/{key[0]}/{key[1]}/{quote(key[2])}", pending.tier)
            self._rehydrations.forget(key)

    async def _rehydrate(self, operation: Operation, account: FrontAccount, request: web.Request) -> bool:
        """Whether this Set Blob Tier starts or hastens a rehydration; Azurite must not see it then. Raises Refused."""
        key = (operation.account, operation.name, operation.item)
        tier = request.headers.get("x-ms-access-tier", "").capitalize()
        high = request.headers.get("x-ms-rehydrate-priority", "").lower() == "high"
        priority: Priority = "High" if high else "Standard"
        if self._rehydrations.get(key) is not None:
            if not self._rehydrations.raise_priority(key, tier, priority):
                raise Refused(errors.REHYDRATING)
            return True
        if tier not in ONLINE_TIERS:
            return False
        properties = await self._upstream.head(account, request.raw_path.partition("?")[0])
        if properties is None or properties.get("x-ms-access-tier") != "Archive":
            return False
        self._rehydrations.start(key, tier, priority)
        return True


async def _delegation_key(request: web.Request, account: FrontAccount, caller: Caller) -> web.Response:
    version = request.headers.get("x-ms-version", "2026-10-06")
    try:
        body = issue_key(account.key, caller.principal_id, await request.read(), version)
    except ValueError as error:
        raise Refused((400, "InvalidXmlDocument", "XML specified is not syntactically valid.")) from error
    return web.Response(body=body, content_type="application/xml", headers={"x-ms-version": version})


def _struck(service: Service, request: web.Request, fault: Fault) -> web.Response:
    if fault.drop == "before":
        raise _Dropped
    refusal = (fault.status or 500, fault.code, "A test asked for this fault.")
    response = refuse(service, refusal, head=request.method == "HEAD")
    if fault.retry_after is not None:
        response.headers["Retry-After"] = str(fault.retry_after)
    return response


class _Dropped(ConnectionResetError):
    """The connection is lost because a test asked for it."""


def _cut(request: web.Request) -> web.Response:
    """Ends the connection; what is returned reaches nobody."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
