"""The emulated world: everything that handlers share, and the passing of its time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from holdfast.model.clock import Clock, SystemClock
from local.azure import tokens
from local.azure.addresses import Address
from local.azure.certificates import ensure_certificates
from local.azure.faults import Fault, Faults
from local.azure.machines import MachineRoom, MachineRunner, NoMachines
from local.azure.operation_kinds import OperationKind
from local.azure.operations import Operation, Operations
from local.azure.replies import Reply
from local.azure.rights import Rights
from local.azure.state_folder import StateFolder
from local.azure.store import Json, Store

Effect = Callable[["World", Operation], None]
EFFECTS: dict[str, Effect] = {}
"""What operations do at their end, by name: names and not functions are kept, so that effects outlive a restart."""


def effect(name: str) -> Callable[[Effect], Effect]:
    """Registers what an operation does at its end, whether it failed (`operation.error`) or not."""

    def register(function: Effect) -> Effect:
        EFFECTS[name] = function
        return function

    return register


@dataclass
class Ask:
    """One request to Resource Manager, authenticated."""

    method: str
    address: Address
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Json
    claims: tokens.Claims
    origin: str
    """`https://127.0.0.1:PORT`, as the client wrote it: addresses in replies begin so."""
    fault: Fault | None = None
    """A fault that lets the operation of this request fail at its end."""

    @property
    def path(self) -> str:
        """The path without a slash at its end."""
        return self.address.path

    @property
    def api_version(self) -> str:
        """`api-version` of the request."""
        return self.query.get("api-version", "")


@dataclass
class World:
    """State, clock and settings of one emulator."""

    folder: StateFolder
    clock: Clock = field(default_factory=SystemClock)
    pace: float = 1.0
    """Durations are Azure's times this."""
    token_lifetime: float = 86400.0
    """Seconds of the machine's clock. Managed identities get a day."""
    page_size: int = 100
    runner: MachineRunner = field(default_factory=NoMachines)
    imds_origin: str = "http://127.0.0.1:0"
    store: Store = field(init=False)
    rights: Rights = field(init=False)
    operations: Operations = field(init=False)
    faults: Faults = field(init=False)
    machines: MachineRoom = field(init=False)

    def __post_init__(self) -> None:
        self.folder.prepare()
        ensure_certificates(self.folder)
        tokens.ensure_signing_key(self.folder)
        self.store = Store(self.folder)
        self.rights = Rights(self.folder.root)
        self.operations = Operations(self.store, self.folder, self.pace)
        self.faults = Faults(self.store)
        self.machines = MachineRoom(self.runner, lambda name: f"{self.imds_origin}/vm/{name}")

    def now(self) -> float:
        """Seconds since 1970 by the emulated clock."""
        return self.clock.now().timestamp()

    def later(self, seconds: float, since: float | None = None) -> float:
        """The moment `seconds` of Azure's own after `since` (now)."""
        return (self.now() if since is None else since) + seconds * self.pace

    def settle(self) -> None:
        """Lets everything happen that is due. Before every request and a few times a second."""
        for operation in self.operations.due(self.now()):
            with self.store.transaction():
                EFFECTS[operation.effect](self, operation)
                self.operations.settle(operation)

    def begin(
        self,
        ask: Ask,
        kind: OperationKind,
        target: str,
        region: str,
        effect_name: str,
        *,
        arguments: Json | None = None,
        seconds: float | None = None,
    ) -> Operation:
        """Starts an operation for a request; a fault of mode `operation` makes it fail at its end."""
        error = {"code": ask.fault.code, "message": ask.fault.message} if ask.fault else None
        given = {**(arguments or {}), **({"leaves": ask.fault.leaves} if ask.fault else {})}
        return self.operations.start(
            kind,
            target,
            region,
            self.now(),
            effect=effect_name,
            api_version=ask.api_version,
            arguments=given,
            seconds=seconds,
            error=error,
        )

    def begin_deletion(
        self, ask: Ask, kind: OperationKind, target: str, region: str, effect_name: str, *, code: str, why: str
    ) -> Operation:
        """Starts a deletion, which cuts short whatever else is under way; asked for again, the one under way goes on.

        A deletion that began anew with each request would never end for a caller who asks until the thing is gone.
        """
        for running in self.operations.open_on(target):
            if running.kind is kind and not ask.fault:
                return running
            self.operations.cut_short(running, code, why, self.now())
        return self.begin(ask, kind, target, region, effect_name)

    def accepted(self, ask: Ask, operation: Operation, body: Any = None, status: int = 202) -> Reply:
        """The first reply of an operation."""
        return self.operations.accepted(operation, ask.origin, body, status)

    def close(self) -> None:
        """Lets go of files and threads; machines go on."""
        self.machines.close()
        self.store.close()


Handler = Callable[[World, Ask], Reply]
ROUTES: dict[tuple[str, str], Handler] = {}
"""Handlers by method and lower-case pattern of types, such as `("GET", "microsoft.sql/servers/databases")`."""


def route(method: str, pattern: str) -> Callable[[Handler], Handler]:
    """Registers a handler. The pattern is the type; for a collection it ends in `/*`, for an action in `/:action`."""

    def register(handler: Handler) -> Handler:
        ROUTES[method, pattern.lower()] = handler
        return handler

    return register


def find_route(method: str, address: Address) -> tuple[Handler | None, bool]:
    """The handler of a request, and whether it lists (a list asks for rights item by item)."""
    if address.is_resource or not address.words:
        return ROUTES.get((method, address.type)), False
    if method == "POST":
        return ROUTES.get((method, f"{address.parent.type}/:{address.name.lower()}")), False
    if (lister := ROUTES.get((method, f"{address.type}/*"))) is not None:
        return lister, True
    return ROUTES.get((method, address.type)), False


def action_of(method: str, address: Address) -> str:
    """The right that a request needs, such as `Microsoft.Sql/servers/databases/read`."""
    provider = address.provider or "Microsoft.Resources"
    if method == "POST":
        return f"{address.provider}/{'/'.join(address.parent.words[0::2])}/{address.name}/action"
    verb = {"GET": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete"}[method]
    return "/".join((provider, *address.words[0::2], verb))
