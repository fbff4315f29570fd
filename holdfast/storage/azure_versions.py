"""Locks, holds and versions of blobs: Azure's version-level immutability.

What Azure does (docs/explanation/immutability.md has the sources): a lock or hold belongs to one version. Delete Blob on a
protected current version is refused. Writing over it is not: the new content becomes the current version, the protected one
stays beneath it, and deleting the new one then hides the name from every listing. So nothing that is protected can be lost,
but it can be hidden: hence `reading`, `kept` and `bring_back`. And a deletion that is allowed leaves the content behind as a
previous version, which is billed for ever: hence `delete` takes the versions along.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from typing import Any, TypeVar

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceExistsError
from azure.storage.blob import BlobClient, BlobProperties, ContainerClient, ImmutabilityPolicy

from holdfast.model.clock import Clock
from holdfast.model.errors import InvalidInput
from holdfast.storage.azure_errors import IMMUTABLE, code_of, translated
from holdfast.storage.errors import AlreadyExists, NoImmutability, ObjectMissing, WriteOnce
from holdfast.storage.interface import KeptVersion, LockMode, ObjectInfo, Tier
from holdfast.storage.write_once import WriteOnceState, refusal, whole_second

#: Everything that a listing must tell of versions.
DETAILS = ["versions", "metadata", "immutabilitypolicy", "legalhold"]
Result = TypeVar("Result")


class BlobVersions:
    """Of one container. Where it has no version-level immutability, nothing here asks for versions."""

    def __init__(self, container: ContainerClient, clock: Clock) -> None:
        self._container, self._clock = container, clock
        self._enabled: bool | None = None
        self._asking = threading.Lock()

    @property
    def enabled(self) -> bool:
        """Whether the container has version-level immutability, which nobody can switch off again. Asked once."""
        with self._asking:
            if self._enabled is None:
                with translated(self._container.container_name):
                    told = self._container.get_container_properties()
                self._enabled = bool(told.immutable_storage_with_versioning_enabled)
            return self._enabled

    def reading(self, name: str, read: Callable[[BlobClient], Result]) -> Result:
        """What `read` gives for the blob, or for its protected version where the name is gone."""
        try:
            with translated(name):
                return read(self._blob(name))
        except ObjectMissing:
            kept = (
                next((one for one in self.kept(name, exact=True) if not one.replaced), None) if self.enabled else None
            )
            if kept is None or not kept.info.write_once(self._clock.now()):
                raise
        with translated(name):
            return read(self._blob(name, kept.version))

    def lock(self, name: str, until: datetime, mode: LockMode) -> ObjectInfo:
        """See ObjectStore."""
        info = self._current(name)
        before = WriteOnceState.of(info)
        after = before.locked(until, mode, self._clock.now())
        if after == before:
            return info
        policy = ImmutabilityPolicy(expiry_time=after.until, policy_mode=str(after.mode).capitalize())
        with translated(name):
            try:
                self._blob(name).set_immutability_policy(policy)
            except HttpResponseError as error:
                if error.status_code == 400:  # Azure's own clock has passed it
                    raise InvalidInput(f"{name}: Azure refuses a lock until {after.until} ({code_of(error)})") from None
                if code_of(error) not in IMMUTABLE:
                    raise
                # Somebody locked it for longer meanwhile.
                info = self._current(name)
                if info.locked_until is None or info.locked_until < whole_second(until):
                    raise
                return info
        return after.on(info)

    def hold(self, name: str, on: bool) -> ObjectInfo:
        """See ObjectStore."""
        info = self._current(name)
        if info.held is not on:
            with translated(name):
                self._blob(name).set_legal_hold(on)
        return replace(info, held=on)

    def delete(self, name: str) -> None:
        """See ObjectStore. The current version goes after the earlier ones: a refusal leaves the object readable."""
        if not self.enabled:
            with suppress(ObjectMissing), translated(name):
                self._blob(name).delete_blob()
            return
        found = [blob for blob in self._listed(name) if blob.name == name]
        # The oldest first: it is the true content, the one that was locked.
        current = [blob for blob in found if blob.is_current_version]
        for blob in (one for one in found if not one.is_current_version):
            self._delete_one(blob, blob.version_id)
        for blob in current:
            self._delete_one(blob, None)
            self._delete_one(blob, blob.version_id)

    def kept(self, prefix: str, *, exact: bool = False) -> Iterator[KeptVersion]:
        """See ObjectStore. `exact`: of that name alone."""
        if not self.enabled:
            return
        for name, group in groupby(self._listed(prefix), key=lambda blob: str(blob.name)):
            if exact and name != prefix:
                continue
            versions = list(group)
            first, last = versions[0], versions[-1]
            if first.is_current_version:
                continue
            replaced = bool(last.is_current_version)
            # What was brought back is a copy of the first content, its put id and all.
            if replaced and _content(first) == _content(last):
                continue
            yield KeptVersion(info_of(first), str(first.version_id), replaced)

    def bring_back(self, kept: KeptVersion) -> None:
        """See ObjectStore. The content goes through this machine: any identity that may read and write can do it."""
        name = kept.info.name
        options: dict[str, Any] = {}
        with translated(name):
            source = self._blob(name, kept.version)
            told = source.get_blob_properties()
            try:
                now = self._blob(name).get_blob_properties()
            except HttpResponseError as error:
                if error.status_code != 404:
                    raise
            else:
                if _content(now) == _content(told):
                    return
                if not kept.replaced:
                    raise AlreadyExists(name)
                options = {"overwrite": True, "etag": now.etag, "match_condition": MatchConditions.IfNotModified}
            data = source.download_blob().readall()
            try:
                self._blob(name).upload_blob(data, length=len(data), metadata=told.metadata, **options)
            except ResourceExistsError:
                raise AlreadyExists(name) from None

    def _current(self, name: str) -> ObjectInfo:
        if not self.enabled:
            raise NoImmutability(self._container.container_name)
        with translated(name):
            return info_of(self._blob(name).get_blob_properties())

    def _listed(self, prefix: str) -> Iterator[BlobProperties]:
        """All versions of all names that begin so: by name, the oldest first."""
        with translated(prefix):
            yield from self._container.list_blobs(name_starts_with=prefix or None, include=DETAILS)

    def _delete_one(self, blob: BlobProperties, version: str | None) -> None:
        name = str(blob.name)
        try:
            with suppress(ObjectMissing), translated(name):
                self._blob(name).delete_blob(version_id=version)
        except WriteOnce:
            raise refusal(info_of(blob)) from None

    def _blob(self, name: str, version: str | None = None) -> BlobClient:
        return self._container.get_blob_client(name, version_id=version)


def _content(blob: BlobProperties) -> tuple[Any, ...]:
    """What a copy has in common with its source, and another content hardly has: put id, size, MD5 where Azure has one."""
    return dict(blob.metadata or {}), blob.size, blob.content_settings.content_md5


def info_of(blob: BlobProperties) -> ObjectInfo:
    """What the SDK says of one version."""
    tier = str(blob.blob_tier or "Hot").lower()
    known = {one.value for one in Tier}
    policy = blob.immutability_policy
    mode = str(policy.policy_mode or "").lower().rpartition(".")[2]
    return ObjectInfo(
        str(blob.name),
        int(blob.size),
        Tier(tier) if tier in known else Tier.HOT,
        bool(blob.archive_status),
        policy.expiry_time,
        LockMode(mode) if policy.expiry_time and mode in set(LockMode) else None,
        bool(blob.has_legal_hold),
    )
