"""Long-running operations: they end when the clock says so, not after a number of polls.

Addresses of operations are long and signed, as Azure's have been since 2024: a client must poll them as they were sent.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import uuid
from dataclasses import dataclass, field
from typing import Any

from local.azure import operation_kinds as kinds
from local.azure.evidence import GUESS
from local.azure.operation_kinds import KINDS, OperationKind
from local.azure.replies import Refusal, Reply, compute_time, sql_time
from local.azure.state_folder import StateFolder
from local.azure.store import Json, Store

_BAD_ADDRESS = GUESS("operation: address changed by the client", "no recording; 403 for a signature that does not fit")
_GONE = GUESS("operation: unknown id", "no recording; 404")


@dataclass
class Operation:
    """One operation on one resource. `effect` names what happens at its end; `error` is set if it will fail."""

    id: str
    kind: OperationKind
    target: str
    started: float
    ends: float
    effect: str
    arguments: Json = field(default_factory=dict)
    error: Json | None = None
    root: str = ""
    """`/subscriptions/S[/resourceGroups/G]/providers/P/locations/L`"""
    api_version: str = ""
    correlation: str = ""
    settled: bool = False

    def row(self) -> tuple[str, str, str, float, float, str, str, int]:
        """As the store keeps it."""
        document = {
            "target": self.target,
            "arguments": self.arguments,
            "error": self.error,
            "root": self.root,
            "api_version": self.api_version,
            "correlation": self.correlation,
        }
        return (
            self.id,
            self.kind.key,
            self.target.lower(),
            self.started,
            self.ends,
            self.effect,
            json.dumps(document),
            int(self.settled),
        )

    @classmethod
    def of_row(cls, row: tuple[Any, ...]) -> Operation:
        """The reverse of `row`."""
        document = json.loads(row[6])
        target = document.pop("target")
        return cls(row[0], KINDS[row[1]], target, row[3], row[4], row[5], settled=bool(row[7]), **document)


class Operations:
    """Starts operations and shows their progress."""

    def __init__(self, store: Store, folder: StateFolder, pace: float) -> None:
        self._store = store
        self._pace = pace
        self._key = folder.url_key.read_bytes()
        # A certificate of the recorded length, always the same: what matters is how long the address gets.
        self._certificate = _words(b"certificate" + self._key, 1950)

    def start(
        self,
        kind: OperationKind,
        target: str,
        region: str,
        now: float,
        *,
        effect: str,
        api_version: str,
        arguments: Json | None = None,
        seconds: float | None = None,
        error: Json | None = None,
    ) -> Operation:
        """Starts an operation that ends after the kind's seconds (or `seconds`), scaled by the pace."""
        scope, provider = _scope_and_provider(target, with_group=kind.style == "sql")
        operation = Operation(
            id=str(uuid.uuid4()),
            kind=kind,
            target=target,
            started=now,
            ends=now + (kind.seconds if seconds is None else seconds) * self._pace,
            effect=effect,
            arguments=arguments or {},
            error=error,
            root=f"{scope}/providers/{provider}/locations/{region}",
            api_version=api_version,
            correlation=str(uuid.uuid4()),
        )
        self._store.save_operation(operation.row())
        return operation

    def get(self, operation_id: str) -> Operation | None:
        """The operation of an id."""
        row = self._store.operation(operation_id)
        return Operation.of_row(row) if row else None

    def due(self, now: float) -> list[Operation]:
        """Operations that have ended and whose effect is still to come, in the order of their ends."""
        return [Operation.of_row(row) for row in self._store.open_operations(ends_by=now)]

    def open_on(self, target: str) -> list[Operation]:
        """Operations on a resource that have not ended."""
        return [Operation.of_row(row) for row in self._store.open_operations(target=target)]

    def all_on(self, target: str) -> list[Operation]:
        """Every operation on a resource, oldest first."""
        return [Operation.of_row(row) for row in self._store.operations_on(target)]

    def settle(self, operation: Operation) -> None:
        """Marks that the effect has happened."""
        operation.settled = True
        self._store.save_operation(operation.row())

    def cut_short(self, operation: Operation, code: str, why: str, now: float) -> None:
        """Ends an operation before its time, as failed and without its effect."""
        operation.error, operation.ends = {"code": code, "message": why}, min(now, operation.ends)
        self.settle(operation)

    # --- on the wire ---

    def headers(self, operation: Operation, origin: str) -> dict[str, str]:
        """Headers of the first reply."""
        kind = operation.kind
        found = {
            "Azure-AsyncOperation": self._address(operation, origin, kind.poll_word),
            "x-ms-request-id": operation.id,
            **self._retry_after(kind.retry_after),
        }
        if kind.result_word:
            found["Location"] = self._address(operation, origin, kind.result_word)
        if kind.style in ("vm", "nic") and not kind.key.startswith(("vm-start", "vm-deallocate", "vm-power")):
            found["Azure-AsyncNotification"] = "Enabled"
        return found

    def accepted(self, operation: Operation, origin: str, body: Any = None, status: int = 202) -> Reply:
        """The first reply: for the SQL provider its own body, elsewhere `body`."""
        headers = self.headers(operation, origin)
        if operation.kind.style == "sql":
            body = {"operation": operation.kind.name, "startTime": sql_time(operation.started)}
            return Reply(operation.kind.accepted, 202, body, headers)
        return Reply(operation.kind.accepted, status, body, headers, pretty=True)

    def poll(self, operation: Operation, now: float) -> Reply:
        """What GET of Azure-AsyncOperation shows."""
        kind, done = operation.kind, operation.ends <= now and operation.settled
        status = ("Failed" if operation.error else "Succeeded") if done else "InProgress"
        retry = self._retry_after(kind.retry_after_done if done else kind.retry_after_poll)
        shape = kinds.FAILED_POLL if status == "Failed" else _POLLS[kind.style]
        if kind.style == "nic":
            body: Json = {"status": status}
        elif kind.style == "sql":
            body = {"name": operation.id, "status": status, "startTime": sql_time(operation.started)}
        else:
            body = {"startTime": compute_time(operation.started)}
            if done:
                body["endTime"] = compute_time(operation.ends)
            body |= {"status": status, "name": operation.id}
            if done and kind.style == "disk" and "output" in operation.arguments:
                body["properties"] = {"output": operation.arguments["output"]}
        if status == "Failed":
            body["error"] = operation.error
        return Reply(shape, 200, body, retry, pretty=kind.style != "sql")

    def result(self, operation: Operation, now: float, origin: str, body: Any) -> Reply:
        """What GET of Location shows; `body` is the resource, None where it is gone or there is nothing to show."""
        kind = operation.kind
        if operation.ends > now or not operation.settled:
            address = self._address(operation, origin, kind.result_word)
            retry = self._retry_after(kind.retry_after_poll or 1)
            return Reply(kinds.RESULT_PENDING, 202, None, {"Location": address, **retry})
        if operation.error:
            raise Refusal(kinds.FAILED_POLL, 409, operation.error["code"], operation.error["message"])
        if kind.style == "sql":
            return Reply(kinds.SQL_RESULT, 204 if body is None else 200, body)
        return Reply(kinds.NIC_RESULT if kind.style == "nic" else kinds.VM_RESULT, 200, None)

    def found_by(self, operation_id: str, path: str, query: dict[str, str]) -> Operation:
        """The operation that an address names. Raises Refusal where it is unknown or the address was changed."""
        operation = self.get(operation_id)
        if operation is None:
            raise Refusal(_GONE, 404, "NotFound", f"The operation '{operation_id}' was not found.")
        if operation.kind.style != "nic" and query.get("s") != self._sign(path, query.get("t", "")):
            raise Refusal(_BAD_ADDRESS, 403, "AuthorizationFailed", "The signature of the address does not fit.")
        return operation

    def _address(self, operation: Operation, origin: str, word: str) -> str:
        kind = operation.kind
        monitor = word == "monitor"
        path = f"{operation.root}/{kind.poll_word if monitor else word}/{operation.id}"
        if kind.style == "nic":
            return f"{origin}{path}?api-version={operation.api_version}"
        ticks = str(621355968000000000 + int(operation.started * 10_000_000) + (1 if monitor else 0))
        query = f"api-version={operation.api_version}&t={ticks}&c={self._certificate}&s={self._sign(path, ticks)}"
        query += f"&h={_words(path.encode() + ticks.encode(), 32)}"
        if kind.style in ("vm", "disk"):
            query = f"p={operation.correlation}{'&monitor=true' if monitor else ''}&{query}"
        return f"{origin}{path}?{query}"

    def _sign(self, path: str, ticks: str) -> str:
        return _words(self._key + path.lower().encode() + ticks.encode(), 256)

    def _retry_after(self, seconds: int | None) -> dict[str, str]:
        # Never 0: azure-core takes 0 for "not given" and then sleeps 30 s.
        return {} if seconds is None else {"Retry-After": str(max(1, math.ceil(seconds * self._pace)))}


_POLLS = {"sql": kinds.SQL_POLL, "vm": kinds.VM_POLL, "disk": kinds.DISK_POLL, "nic": kinds.NIC_POLL}


def _words(seed: bytes, length: int) -> str:
    return base64.urlsafe_b64encode(hashlib.shake_256(seed).digest(length)).rstrip(b"=").decode()


def _scope_and_provider(target: str, *, with_group: bool) -> tuple[str, str]:
    parts = target.split("/")
    return "/".join(parts[: 5 if with_group else 3]), parts[6]
