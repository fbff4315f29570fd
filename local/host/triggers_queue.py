"""Queue triggers: polls real Azure storage queues as the Functions queue listener does.

A message is hidden while its function runs (and kept hidden), deleted after it succeeded, shown again after it failed,
and moved to `<queue>-poison` after the last allowed attempt.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final, Protocol, TypeVar

from local.host.host_json import QueueOptions
from local.host.index import QUEUE, BadAppError, Function, Index
from local.host.invoke import Invoker, decode

_log = logging.getLogger(__name__)

T = TypeVar("T")

LEASE_SECONDS: Final = 600
"""How long a received message stays hidden; renewed at half of it, as the real listener does."""
_SHORTEST_POLL: Final = 0.1
_AFTER_ERROR: Final = 1.0


class ReceivedMessage(Protocol):
    """What of the storage SDK's `QueueMessage` is used here."""

    id: str
    content: Any
    dequeue_count: int | None
    inserted_on: datetime | None
    expires_on: datetime | None
    next_visible_on: datetime | None
    pop_receipt: str | None


class Channel(Protocol):
    """A queue and its poison queue. Calls block; any of them may raise when the service does not answer."""

    def receive(self, count: int, hidden_seconds: int) -> list[ReceivedMessage]:
        """Takes up to `count` messages and hides them; an absent queue is an empty one."""
        ...

    def hide(self, message: ReceivedMessage, seconds: int) -> None:
        """Hides a message for that long from now; 0 shows it at once. The message carries its new receipt after."""
        ...

    def delete(self, message: ReceivedMessage) -> None:
        """Removes a message; one that is gone, or somebody else's by now, is left alone."""
        ...

    def poison(self, content: str) -> None:
        """Puts a message into the poison queue, which is made if it is absent."""
        ...


class AzureChannel:
    """A queue in Azure Storage (or an emulator of it)."""

    def __init__(self, queue: Any, poison_queue: Any) -> None:
        self._queue, self._poison = queue, poison_queue

    @classmethod
    def connect(cls, connection: str, queue: str, environment: Mapping[str, str] | None = None) -> AzureChannel:
        """Opens a queue by an identity-based connection: `<connection>__queueServiceUri` and, for a user-assigned
        identity, `<connection>__clientId`. Raises BadAppError where the setting is absent.
        """
        from azure.identity import ManagedIdentityCredential
        from azure.storage.queue import QueueServiceClient

        settings = os.environ if environment is None else environment
        address = settings.get(f"{connection}__queueServiceUri")
        if not address:
            raise BadAppError(
                f"the queue connection {connection!r} needs the app setting {connection}__queueServiceUri"
            )
        client_id = settings.get(f"{connection}__clientId") or None
        credential = ManagedIdentityCredential(client_id=client_id)
        service = QueueServiceClient(address, credential=credential)
        return cls(service.get_queue_client(queue), service.get_queue_client(f"{queue}-poison"))

    def receive(self, count: int, hidden_seconds: int) -> list[ReceivedMessage]:
        """As the protocol says."""
        from azure.core.exceptions import ResourceNotFoundError

        try:
            found = self._queue.receive_messages(
                messages_per_page=count, max_messages=count, visibility_timeout=hidden_seconds
            )
            return list(found)
        except ResourceNotFoundError:
            return []

    def hide(self, message: ReceivedMessage, seconds: int) -> None:
        """As the protocol says."""
        with _unless_gone():
            message.pop_receipt = self._queue.update_message(message, visibility_timeout=seconds).pop_receipt

    def delete(self, message: ReceivedMessage) -> None:
        """As the protocol says."""
        with _unless_gone():
            self._queue.delete_message(message)

    def poison(self, content: str) -> None:
        """As the protocol says."""
        from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError

        try:
            self._poison.send_message(content)
        except ResourceNotFoundError:
            with contextlib.suppress(ResourceExistsError):  # another host was faster
                self._poison.create_queue()
            self._poison.send_message(content)


@contextlib.contextmanager
def _unless_gone() -> Iterator[None]:
    """Lets pass that a message is gone, or that its receipt is old because somebody else took it since."""
    from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

    try:
        yield
    except ResourceNotFoundError:
        return
    except HttpResponseError as error:
        if getattr(error, "error_code", None) != "PopReceiptMismatch":
            raise


Connect = Callable[[str, str], Channel]
"""Opens a queue: connection setting, queue name."""


@dataclass(slots=True)
class _Listener:
    function: Function
    name: str
    channel: Channel


class QueueTriggers:
    """The app's queue functions."""

    def __init__(
        self, index: Index, invoker: Invoker, options: QueueOptions, connect: Connect = AzureChannel.connect
    ) -> None:
        self._invoker, self._options = invoker, options
        self._listeners = [
            _Listener(function, name, connect(function.setting("connection"), name))
            for function in index.of_kind(QUEUE)
            for name in [function.setting("queue_name")]
        ]
        self._threads = ThreadPoolExecutor(max(2, 2 * len(self._listeners)), "queues")

    def described(self) -> list[dict[str, str]]:
        """The queues, for the list of functions."""
        return [{"name": listener.function.name, "queue": listener.name} for listener in self._listeners]

    async def run(self) -> None:
        """Serves all queues until it is cancelled; messages in hand show up again after their lease."""
        try:
            async with asyncio.TaskGroup() as group:
                for listener in self._listeners:
                    group.create_task(self._listen(listener))
        finally:
            self._threads.shutdown(wait=False, cancel_futures=True)

    async def _in_thread(self, call: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, partial(call, *arguments))

    async def _listen(self, listener: _Listener) -> None:
        """Polls; pauses longer and longer while the queue is empty, up to the configured interval."""
        longest, options = self._options.max_polling_interval.total_seconds(), self._options
        pause, failing = _SHORTEST_POLL, False
        running: set[asyncio.Task[None]] = set()
        async with asyncio.TaskGroup() as group:
            while True:
                if len(running) > options.new_batch_threshold:
                    await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                    continue
                try:
                    found = await self._in_thread(listener.channel.receive, options.batch_size, LEASE_SECONDS)
                    failing = False
                except Exception as error:  # noqa: BLE001 (a queue that does not answer is asked again)
                    if not failing:
                        _log.warning("queue does not answer", exc_info=error, extra={"queue": listener.name})
                    failing = True
                    await asyncio.sleep(_AFTER_ERROR)
                    continue
                for message in found:
                    task = group.create_task(self._serve(listener, message))
                    running.add(task)
                    task.add_done_callback(running.discard)
                pause = _SHORTEST_POLL if found else min(longest, pause * 1.5)
                if not found:
                    await asyncio.sleep(pause)

    async def _serve(self, listener: _Listener, message: ReceivedMessage) -> None:
        """One message, from its receipt to its end. A service that fails on the way only means: once more."""
        told = {"queue": listener.name, "message_id": message.id, "attempt": message.dequeue_count}
        try:
            await self._process(listener, message, told)
        except Exception as error:  # noqa: BLE001 (the message shows up again by itself)
            _log.warning("queue message could not be settled", exc_info=error, extra=told)

    async def _process(self, listener: _Listener, message: ReceivedMessage, told: dict[str, Any]) -> None:
        attempts = message.dequeue_count or 1
        body = self._body(message)
        if body is None or attempts > self._options.max_dequeue_count:
            await self._give_up(listener, message, told)
            return
        renewal = asyncio.create_task(self._keep_hidden(listener, message))
        try:
            await self._invoker.call(listener.function, decode(QUEUE, body, "string", _metadata(message, attempts)))
        except Exception as error:  # noqa: BLE001 (whatever the app raises means: try again)
            await _stop(renewal)
            _log.error("function failed", exc_info=error, extra=told)
            if attempts >= self._options.max_dequeue_count:
                await self._give_up(listener, message, told)
            else:
                seconds = int(self._options.visibility_timeout.total_seconds())
                await self._in_thread(listener.channel.hide, message, seconds)
            return
        finally:
            await _stop(renewal)
        await self._in_thread(listener.channel.delete, message)

    def _body(self, message: ReceivedMessage) -> str | None:
        """The message's text, or None where it is not encoded as host.json says."""
        content = message.content if isinstance(message.content, str) else bytes(message.content).decode()
        if not self._options.base64:
            return content
        try:
            return base64.b64decode(content, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return None

    async def _give_up(self, listener: _Listener, message: ReceivedMessage, told: dict[str, Any]) -> None:
        _log.error("queue message moved to the poison queue", extra=told)
        content = message.content if isinstance(message.content, str) else bytes(message.content).decode()
        await self._in_thread(listener.channel.poison, content)
        await self._in_thread(listener.channel.delete, message)

    async def _keep_hidden(self, listener: _Listener, message: ReceivedMessage) -> None:
        while True:
            await asyncio.sleep(LEASE_SECONDS / 2)
            await self._in_thread(listener.channel.hide, message, LEASE_SECONDS)


async def _stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled() and task.exception():
        _log.warning("queue message could not be kept hidden", exc_info=task.exception())


def _metadata(message: ReceivedMessage, attempts: int) -> dict[str, Any]:
    """What the real host tells the worker beside the body; times are JSON texts."""
    from azure.functions.meta import Datum

    times = {
        "InsertionTime": message.inserted_on,
        "ExpirationTime": message.expires_on,
        "NextVisibleTime": message.next_visible_on,
    }
    return {
        "Id": Datum(message.id, "string"),
        "DequeueCount": Datum(str(attempts), "string"),
        "PopReceipt": Datum(message.pop_receipt or "", "string"),
    } | {
        name: Datum(json.dumps(moment.strftime("%Y-%m-%dT%H:%M:%S+00:00")), "json")
        for name, moment in times.items()
        if moment is not None
    }
