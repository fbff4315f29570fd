"""What turns an emulated VM into something that runs. `local/machines` does it with processes."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
from collections.abc import Callable
from typing import Any, Protocol

log = logging.getLogger(__name__)


class MachineRunner(Protocol):
    """Runs machines. Called from one thread, one call at a time; calls must return soon (start does not wait for a boot)."""

    def start(self, vm_resource: dict[str, Any], custom_data: str, imds_url: str) -> None:
        """Boots the machine. `vm_resource` is what GET shows (id, name, properties.vmId, tags, identity, …).

        `custom_data` is the decoded cloud-config, empty if none was given. `imds_url` is what the machine's
        `http://169.254.169.254` is. After `stop` the same disk boots again; a machine that already runs is left alone.
        """
        ...

    def stop(self, vm_id: str) -> None:
        """Cuts the power (`vm_id` is properties.vmId). Its disk stays. Unknown or stopped machines are no error."""
        ...

    def alive(self, vm_id: str) -> bool:
        """Whether the machine runs."""
        ...

    def discard(self, vm_id: str) -> None:
        """Stops the machine for good and removes its disk."""
        ...


class NoMachines:
    """VMs that are resources and nothing more."""

    def start(self, vm_resource: dict[str, Any], custom_data: str, imds_url: str) -> None:
        """Does nothing."""

    def stop(self, vm_id: str) -> None:
        """Does nothing."""

    def alive(self, vm_id: str) -> bool:  # noqa: ARG002 (the protocol's)
        """Never."""
        return False

    def discard(self, vm_id: str) -> None:
        """Does nothing."""


class MachineRoom:
    """Passes what happens to VMs on to the runner, in order, on a thread of its own: requests never wait for it."""

    def __init__(self, runner: MachineRunner, imds_url: Callable[[str], str]) -> None:
        self._runner = runner
        self._imds_url = imds_url
        self._thread = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="machines")

    def start(self, vm: dict[str, Any], custom_data: str) -> None:
        """Boots a machine, unless it runs."""
        self._do(f"start {vm['name']}", self._runner.start, vm, custom_data, self._imds_url(vm["name"]))

    def stop(self, vm_id: str) -> None:
        """Cuts the power."""
        self._do(f"stop {vm_id}", self._runner.stop, vm_id)

    def discard(self, vm_id: str) -> None:
        """Removes the machine and its disk."""
        self._do(f"discard {vm_id}", self._runner.discard, vm_id)

    def alive(self, vm_id: str) -> bool:
        """Asks the runner; waits for what is under way."""
        return self._thread.submit(self._runner.alive, vm_id).result()

    async def settled(self) -> None:
        """Waits until everything asked for so far has been passed on."""
        await asyncio.wrap_future(self._thread.submit(lambda: None))

    def close(self) -> None:
        """Waits for what is under way. Machines go on running: the emulator finds them again."""
        self._thread.shutdown(wait=True)

    def _do(self, what: str, call: Callable[..., None], *arguments: Any) -> None:
        def run() -> None:
            try:
                call(*arguments)
            except Exception:
                log.exception("The machine runner could not %s", what)
                raise

        self._thread.submit(run)
