"""Version-level immutability, which Azurite does not have: versions, policies and legal holds, refused as Azure refuses.

Only containers that have it come here. Before a write the present content is copied aside; it becomes an earlier version
once the write has succeeded. Writing over a protected version is allowed, deleting it is not.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import quote

from aiohttp import web

from holdfast.model.clock import Clock
from local.azure.evidence import DOCUMENTED, GUESS, RECORDED
from local.storage_front import errors
from local.storage_front.config import FrontAccount
from local.storage_front.errors import Refused
from local.storage_front.operations import Operation
from local.storage_front.upstream import Upstream
from local.storage_front.versions import SHADOW, Key, Version, Versions, http_date

RECORDED(
    "storage-immutability-policy",
    "azure-sdk-for-js storage-blob recordings of 2021-06-28, x-ms-request-id ada94584-101e-001b-6ee1-6b45f9000000 (set: 200 "
    "and the policy, mode in lower case), …87… (properties), …8c… (listing), …98… (legal hold: 200), …9d… (policy deleted: "
    "200)",
)
RECORDED(
    "storage-delete-current-version",
    "403 OperationNotAllowedOnRootBlob: azure-sdk-for-js recording of 2020-03-19, x-ms-request-id "
    "775e44df-b01e-0088-2bb6-fd3fcb000000",
)
DOCUMENTED(
    "storage-immutable-delete",
    "learn.microsoft.com/azure/storage/blobs/immutable-version-level-worm-policies: Delete Blob and Set Blob Metadata are "
    "prohibited on a protected version, Put Blob makes a new one; kopia's azure_storage.go meets 409 "
    "BlobImmutableDueToPolicy for Delete Blob without a version",
)
DOCUMENTED(
    "storage-immutable-container",
    "x-ms-immutable-storage-with-versioning-enabled with container properties (recorded as false), and 409 "
    "ContainerImmutableStorageWithVersioningEnabled for Delete Container: Azure/azure-sdk-for-python issue 22255",
)
GUESS(
    "storage-immutability-shorter", "409 BlobImmutableDueToPolicy for a locked policy made shorter, unlocked or deleted"
)
GUESS(
    "storage-immutability-past", "400 InvalidHeaderValue for a date that has passed (documented as not valid, no code)"
)
GUESS(
    "storage-immutability-elsewhere",
    "409 for a policy or hold in a container without version-level immutability (code and wording ours)",
)
GUESS(
    "storage-immutability-on-upload",
    "400 for a policy with the upload itself, which Azure takes and this front does not",
)


@dataclass
class Prepared:
    """What became of a request before Azurite saw it: answered already, or where to send it."""

    raw_path: str
    response: web.Response | None = None
    serves: Version | None = None  # the version that a read is of
    kept: Version | None = None  # the version that a write turns into an earlier one


class Immutability:
    """Of one front."""

    def __init__(self, versions: Versions, upstream: Upstream, clock: Clock) -> None:
        self.versions, self._upstream, self._clock = versions, upstream, clock
        self._writing: defaultdict[Key, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._shadows: set[str] = set()

    def concerns(self, operation: Operation) -> bool:
        """Whether the request is for a container with version-level immutability. Raises Refused where it asks for that of
        one without."""
        if operation.service != "blob":
            return False
        enabled = self.versions.enabled(operation.account, operation.name)
        if not enabled and operation.kind in ("immutability-policy", "legal-hold"):
            raise Refused(errors.NOT_IMMUTABLE_CONTAINER)
        return enabled

    @asynccontextmanager
    async def alone(self, operation: Operation) -> AsyncIterator[None]:
        """Writes on one blob come one after the other."""
        if operation.kind in ("put-blob", "delete-blob", "immutability-policy", "legal-hold", "set-metadata"):
            async with self._writing[_key(operation)]:
                yield
        else:
            yield

    async def prepare(
        self, operation: Operation, account: FrontAccount, request: web.Request, raw_path: str
    ) -> Prepared:
        """Looks at the request, answers what is ours to answer, and copies aside what it will replace. Raises Refused."""
        kind = operation.kind
        if kind == "delete-container":
            raise Refused(errors.IMMUTABLE_CONTAINER)
        if kind in ("immutability-policy", "legal-hold"):
            version = await self._version(operation, account)
            change = self._policy if kind == "immutability-policy" else self._hold
            changed = change(version, request.method, request.headers)
            self.versions.put(changed)
            headers = (
                {"x-ms-legal-hold": str(changed.held).lower()} if kind == "legal-hold" else changed.policy_headers()
            )
            return Prepared(raw_path, web.Response(status=200, headers={**headers, **_usual(request)}))
        if kind in ("get-blob", "head-blob") and operation.version:
            version = await self._version(operation, account)
            path = raw_path.partition("?")[0] if version.current else version.shadow
            return Prepared(path, serves=version)
        if kind in ("get-blob", "head-blob"):
            return Prepared(raw_path, serves=self.versions.current(_key(operation)))
        if kind == "delete-blob" and operation.version:
            version = await self._version(operation, account)
            if version.current:
                raise Refused(errors.ROOT_BLOB)
            self._unprotected(version)
            await self._upstream.delete(account, version.shadow)
            self.versions.remove(version)
            return Prepared(raw_path, web.Response(status=202, headers=_usual(request)))
        if kind in ("put-blob", "delete-blob", "set-metadata"):
            return await self._before_write(operation, account, request, raw_path)
        return Prepared(raw_path)

    def settle(self, operation: Operation, prepared: Prepared, status: int, headers: MutableMapping[str, str]) -> None:
        """Writes down what the answer of Azurite made true, and adds what Azure tells besides."""
        if prepared.serves is not None and status in (200, 206):
            headers.update(prepared.serves.policy_headers())
            headers["x-ms-version-id"] = prepared.serves.id
            if prepared.serves.current:
                headers["x-ms-is-current-version"] = "true"
        if operation.kind in ("put-blob", "delete-blob") and status < 300:
            if prepared.kept is not None:
                self.versions.put(prepared.kept)
            if operation.kind == "put-blob":
                headers["x-ms-version-id"] = self.versions.new(_key(operation)).id

    async def _before_write(
        self, operation: Operation, account: FrontAccount, request: web.Request, raw_path: str
    ) -> Prepared:
        if operation.kind == "put-blob" and {"x-ms-immutability-policy-until-date", "x-ms-legal-hold"} & {
            name.lower() for name in request.headers
        }:
            raise Refused(errors.BAD_HEADER)
        path = f"/{operation.account}/{operation.name}/{quote(operation.item)}"
        found = await self._upstream.head(account, path)
        if found is None:
            return Prepared(raw_path)
        current = self.versions.current(_key(operation))
        if operation.kind != "put-blob":
            self._unprotected(current)
        if operation.kind == "set-metadata" or request.headers.get("If-None-Match") == "*":
            return Prepared(raw_path)
        kept = replace(current, current=False, properties={name.lower(): value for name, value in found.items()})
        if account.name not in self._shadows:
            await self._upstream.make_container(account, SHADOW)
            self._shadows.add(account.name)
        archived = found.get("x-ms-access-tier") == "Archive"
        if archived:  # Azurite copies only what it can read, and moves between tiers at once
            await self._upstream.set_tier(account, path, "Hot")
        await self._upstream.copy(account, path, kept.shadow)
        if archived:
            await self._upstream.set_tier(account, kept.shadow, "Archive")
            await self._upstream.set_tier(account, path, "Archive")
        return Prepared(raw_path, kept=kept)

    async def _version(self, operation: Operation, account: FrontAccount) -> Version:
        """The version that is meant. Raises Refused where there is none."""
        key = _key(operation)
        path = f"/{operation.account}/{operation.name}/{quote(operation.item)}"
        current = self.versions.current(key) if await self._upstream.head(account, path) is not None else None
        if not operation.version and current is not None:
            return current
        for version in self.versions.of(key):
            if version.id == operation.version:
                return version
        raise Refused(errors.NO_BLOB)

    def _policy(self, version: Version, method: str, headers: Mapping[str, str]) -> Version:
        locked = version.mode == "locked"
        if method == "DELETE":
            if locked:
                raise Refused(errors.IMMUTABLE_BY_POLICY)
            return replace(version, until=None, mode="")
        mode = headers.get("x-ms-immutability-policy-mode", "unlocked").lower()
        try:
            until = parsedate_to_datetime(headers["x-ms-immutability-policy-until-date"]).astimezone(UTC)
        except (KeyError, ValueError, TypeError):
            raise Refused(errors.BAD_HEADER) from None
        if mode not in ("locked", "unlocked") or until <= self._clock.now():
            raise Refused(errors.BAD_HEADER)
        if locked and (mode != "locked" or (version.until is not None and until < version.until)):
            raise Refused(errors.IMMUTABLE_BY_POLICY)
        return replace(version, until=until, mode=mode)

    def _hold(self, version: Version, method: str, headers: Mapping[str, str]) -> Version:  # noqa: ARG002 (as _policy)
        return replace(version, held=headers.get("x-ms-legal-hold", "").lower() == "true")

    def _unprotected(self, version: Version) -> None:
        if version.held:
            raise Refused(errors.IMMUTABLE_BY_HOLD)
        if version.until is not None and version.until > self._now():
            raise Refused(errors.IMMUTABLE_BY_POLICY)

    def _now(self) -> datetime:
        return self._clock.now()


def _key(operation: Operation) -> Key:
    return operation.account, operation.name, operation.item


def _usual(request: web.Request) -> dict[str, str]:
    return {"x-ms-version": request.headers.get("x-ms-version", ""), "Date": http_date(datetime.now(UTC))}
