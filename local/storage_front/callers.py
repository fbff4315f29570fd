"""Who asks, and whether they may: bearer tokens and delegation SAS, checked against role assignments."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from holdfast.model.clock import Clock
from local.azure.rights import Rights
from local.azure.tokens import BadToken, verify
from local.storage_front import errors
from local.storage_front.config import FrontAccount, FrontConfig
from local.storage_front.delegation import BadSas, check_sas
from local.storage_front.errors import Refused
from local.storage_front.operations import BLOB_READ, BLOB_WRITE, Operation, understand

AUDIENCE = "https://storage.azure.com"


@dataclass(frozen=True)
class Caller:
    """Somebody who may do what they ask for."""

    principal_id: str
    client_id: str
    raw_path: str  # path and query as Azurite is to see them: without a SAS
    only_new: bool = False  # may make the blob, but not overwrite one


class Callers:
    """Asks the tenant's rights."""

    def __init__(self, config: FrontConfig, rights: Rights, clock: Clock) -> None:
        self._config, self._rights, self._clock = config, rights, clock

    def identify(self, operation: Operation, account: FrontAccount, request: web.Request) -> Caller:
        """The caller of a request. Raises Refused."""
        caller = self._authenticate(operation, account, request)
        scope = operation.scope(account.resource_id)
        granted = [a for a in operation.any_of if self._rights.allowed(caller.principal_id, a, scope)]
        if not granted:
            raise Refused(errors.MISMATCH)
        # `add/action` makes new blobs only. With If-None-Match: * the service itself sees to that (409).
        only_new = operation.kind == "put-blob" and BLOB_WRITE not in granted and "If-None-Match" not in request.headers
        return Caller(caller.principal_id, caller.client_id, caller.raw_path, only_new)

    def _authenticate(self, operation: Operation, account: FrontAccount, request: web.Request) -> Caller:
        raw_path = request.raw_path
        given = request.headers.get("Authorization", "")
        if given.lower().startswith("bearer "):
            try:
                claims = verify(given[7:].strip(), AUDIENCE, self._config.azure_state)
            except BadToken as error:
                raise Refused(errors.BAD_TOKEN) from error
            return Caller(claims.principal_id, claims.client_id, raw_path)
        if given:
            raise Refused(errors.NO_KEYS)
        if operation.service != "blob" or "sig=" not in raw_path:
            raise Refused(errors.NO_AUTHENTICATION)
        try:
            found = check_sas(account.key, operation, raw_path, self._clock.now())
        except BadSas as error:
            raise Refused(errors.BAD_SAS) from error
        return Caller(found.principal_id, "sas", found.raw_path)

    def copy_source(self, source: str, caller: Caller) -> str:
        """Path of the source of a copy, if the same identity may read it. Raises Refused."""
        path = source.removeprefix(f"https://127.0.0.1:{self._config.ports.blob}")
        read = understand("blob", "GET", path, {})
        account = self._config.account(read.account)
        if path == source or account is None:
            raise Refused((404, "CannotVerifyCopySource", "The specified resource does not exist."))
        if not self._rights.allowed(caller.principal_id, BLOB_READ, read.scope(account.resource_id)):
            raise Refused((403, "CannotVerifyCopySource", "This request is not authorized to perform this operation."))
        return path
