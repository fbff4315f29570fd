"""Queue triggers: deleted after success, shown again after failure, moved to the poison queue at last."""

from __future__ import annotations

import asyncio
import base64
import threading
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest

from local import azurite
from local.azurite_setup import AzuriteMissing
from local.host.host_json import BadHostJsonError, HostOptions, QueueOptions, read_host_json
from local.host.index import BadAppError, index_app
from local.host.invoke import Invoker
from local.host.triggers_queue import AzureChannel, QueueTriggers

PLAIN = QueueOptions(base64=False, max_polling_interval=timedelta(seconds=0.2))


@dataclass
class FakeMessage:
    id: str
    content: str
    dequeue_count: int = 0
    inserted_on: datetime | None = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    expires_on: datetime | None = None
    next_visible_on: datetime | None = None
    pop_receipt: str | None = None
    shown_at: float = 0.0


@dataclass
class FakeQueue:
    """A queue with visibility times, as far as the trigger can tell; it may fail on demand."""

    messages: list[FakeMessage] = field(default_factory=list)
    poisoned: list[str] = field(default_factory=list)
    hidden_for: list[int] = field(default_factory=list)
    receives: int = 0
    failing: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def put(self, content: str) -> None:
        with self.lock:
            self.messages.append(FakeMessage(str(uuid.uuid4()), content))

    def receive(self, count: int, hidden_seconds: int) -> list[Any]:
        with self.lock:
            self.receives += 1
            if self.failing:
                self.failing -= 1
                raise ConnectionError("no answer")
            now = time.monotonic()
            found = [one for one in self.messages if one.shown_at <= now][:count]
            for one in found:
                one.shown_at, one.dequeue_count = now + hidden_seconds, one.dequeue_count + 1
            return found

    def hide(self, message: Any, seconds: int) -> None:
        with self.lock:
            self.hidden_for.append(seconds)
            message.shown_at = time.monotonic() + seconds

    def delete(self, message: Any) -> None:
        with self.lock:
            self.messages = [one for one in self.messages if one.id != message.id]

    def poison(self, content: str) -> None:
        self.poisoned.append(content)


@dataclass
class Seen:
    """What the function got, and how it behaves."""

    messages: list[func.QueueMessage] = field(default_factory=list)
    fails: int = 0
    together: int = 0
    most_together: int = 0


def app_for(seen: Seen, pause: float = 0.0) -> func.FunctionApp:
    app = func.FunctionApp()

    @app.queue_trigger(arg_name="message", queue_name="%SAMPLE_QUEUE%", connection="State")
    async def on_message(message: func.QueueMessage) -> None:
        seen.messages.append(message)
        seen.together += 1
        seen.most_together = max(seen.most_together, seen.together)
        await asyncio.sleep(pause)
        seen.together -= 1
        if len(seen.messages) <= seen.fails:
            raise ValueError("not this time")

    return app


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Awaitable[None]]]:
    """Runs the trigger on a channel until something is true."""
    monkeypatch.setenv("SAMPLE_QUEUE", "events")
    invoker = Invoker(HostOptions(), lambda: "")

    async def run(
        channel: Any, seen: Seen, until: Callable[[], bool], options: QueueOptions = PLAIN, pause: float = 0.0
    ) -> None:
        opened: list[tuple[str, str]] = []

        def connect(connection: str, queue: str) -> Any:
            opened.append((connection, queue))
            return channel

        triggers = QueueTriggers(index_app(app_for(seen, pause)), invoker, options, connect)
        assert opened == [("State", "events")]
        task = asyncio.create_task(triggers.run())
        async with asyncio.timeout(20):
            while not until():
                assert not task.done(), task.exception()
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    yield run
    invoker.close()


@pytest.fixture(scope="module")
def azurite_connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An Azurite of our own, in memory."""
    account = azurite.StorageAccount.make("sample")
    try:
        running = azurite.start([account], folder=None, log=tmp_path_factory.mktemp("azurite") / "azurite.log")
    except AzuriteMissing:
        pytest.skip("Azurite is not installed (`make setup` does it)")
    yield running.connection_string(account)
    running.stop()


@pytest.mark.asyncio
async def test_a_message_is_handed_over_and_deleted(serve: Any) -> None:
    queue, seen = FakeQueue(), Seen()
    queue.put('{"job": "ä"}')
    await serve(queue, seen, lambda: not queue.messages)
    [message] = seen.messages
    assert message.get_body() == '{"job": "ä"}'.encode()
    assert message.get_json() == {"job": "ä"}
    assert message.dequeue_count == 1
    assert message.id
    assert message.insertion_time == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.asyncio
async def test_a_message_whose_function_fails_is_tried_again(serve: Any) -> None:
    queue, seen = FakeQueue(), Seen(fails=2)
    queue.put("x")
    await serve(queue, seen, lambda: not queue.messages)
    assert [one.dequeue_count for one in seen.messages] == [1, 2, 3]
    assert queue.hidden_for == [0, 0]
    assert not queue.poisoned


@pytest.mark.asyncio
async def test_a_message_that_always_fails_goes_to_the_poison_queue_after_the_fifth_time(serve: Any) -> None:
    queue, seen = FakeQueue(), Seen(fails=99)
    queue.put("x")
    await serve(queue, seen, lambda: not queue.messages)
    assert len(seen.messages) == 5
    assert queue.hidden_for == [0] * 4, "after the fifth it is not shown once more"
    assert queue.poisoned == ["x"]


@pytest.mark.asyncio
async def test_a_message_that_was_tried_too_often_already_is_not_handed_over(serve: Any) -> None:
    """Its host was killed within the last attempt."""
    queue, seen = FakeQueue(), Seen()
    queue.put("x")
    queue.messages[0].dequeue_count = 5
    await serve(queue, seen, lambda: not queue.messages)
    assert not seen.messages
    assert queue.poisoned == ["x"]


@pytest.mark.asyncio
async def test_the_visibility_timeout_of_host_json_is_the_pause_after_a_failure(serve: Any) -> None:
    queue, seen = FakeQueue(), Seen(fails=1)
    queue.put("x")
    options = QueueOptions(base64=False, visibility_timeout=timedelta(seconds=30))
    await serve(queue, seen, lambda: bool(queue.hidden_for), options)
    assert queue.hidden_for == [30]
    assert len(seen.messages) == 1


@pytest.mark.asyncio
async def test_base64_messages_are_decoded_and_others_are_poison(serve: Any) -> None:
    queue, seen = FakeQueue(), Seen()
    queue.put(base64.b64encode(b"hello").decode())
    queue.put("{not base64}")
    await serve(queue, seen, lambda: not queue.messages, QueueOptions())
    assert [one.get_body() for one in seen.messages] == [b"hello"]
    assert queue.poisoned == ["{not base64}"]


@pytest.mark.asyncio
async def test_a_batch_runs_side_by_side_and_no_more_than_allowed(serve: Any) -> None:
    queue, seen = FakeQueue(), Seen()
    for number in range(30):
        queue.put(str(number))
    options = QueueOptions(base64=False, batch_size=4, new_batch_threshold=2)
    await serve(queue, seen, lambda: not queue.messages, options, pause=0.02)
    assert 2 <= seen.most_together <= 6
    assert sorted(int(one.get_body()) for one in seen.messages) == list(range(30))


@pytest.mark.asyncio
async def test_an_empty_queue_is_asked_less_and_less_often(serve: Any) -> None:
    queue, seen = FakeQueue(), Seen()
    began = asyncio.get_running_loop().time()
    await serve(queue, seen, lambda: asyncio.get_running_loop().time() > began + 1)
    assert 3 <= queue.receives <= 9, "0.1 s at first, 0.2 s at last"


@pytest.mark.asyncio
async def test_a_queue_that_does_not_answer_is_asked_again(serve: Any) -> None:
    queue, seen = FakeQueue(failing=1), Seen()
    queue.put("x")
    await serve(queue, seen, lambda: not queue.messages)
    assert len(seen.messages) == 1


def test_a_connection_without_an_address_is_named() -> None:
    with pytest.raises(BadAppError, match="needs the app setting State__queueServiceUri"):
        AzureChannel.connect("State", "events", {})


def test_host_json_says_how_queues_are_served(tmp_path: Path) -> None:
    (tmp_path / "host.json").write_text(
        '{"extensions": {"queues": {"messageEncoding": "none", "visibilityTimeout": "00:00:30", "batchSize": 4,'
        ' "maxDequeueCount": 3}, "http": {"routePrefix": ""}, "durableTask": {"maxConcurrentActivityFunctions": 3}}}'
    )
    options = read_host_json(tmp_path)
    assert options.queues == QueueOptions(False, timedelta(seconds=30), 3, 4, 2, timedelta(seconds=1))
    assert options.route_prefix == ""
    assert options.activities == 3
    (tmp_path / "host.json").write_text('{"extensions": {"queues": {"messageEncoding": "utf-16"}}}')
    with pytest.raises(BadHostJsonError, match="messageEncoding"):
        read_host_json(tmp_path)
    (tmp_path / "host.json").write_text("{")
    with pytest.raises(BadHostJsonError, match="not JSON"):
        read_host_json(tmp_path)


@pytest.mark.asyncio
async def test_a_real_queue_service_is_served(serve: Any, azurite_connection: str) -> None:
    """Azurite behind the real SDK: success, failure, poison queue that is made when it is needed."""
    from azure.storage.queue import QueueServiceClient

    service = QueueServiceClient.from_connection_string(azurite_connection)
    name = f"events-{uuid.uuid4().hex[:8]}"
    with service, service.get_queue_client(name) as queue, service.get_queue_client(f"{name}-poison") as poison:

        def empty() -> bool:
            return bool(queue.get_queue_properties().approximate_message_count == 0)

        channel, seen = AzureChannel(queue, poison), Seen(fails=1)
        assert channel.receive(1, 30) == [], "an absent queue is an empty one"
        queue.create_queue()
        queue.send_message('{"n": 1} <&>')
        options = QueueOptions(base64=False, max_dequeue_count=2)
        await serve(channel, seen, lambda: len(seen.messages) == 2 and empty(), options)
        assert seen.messages[0].get_body() == b'{"n": 1} <&>'
        assert seen.messages[1].dequeue_count == 2
        queue.send_message("bad")
        seen.fails = 99
        await serve(channel, seen, lambda: len(seen.messages) == 4 and empty(), options)
        assert [one.content for one in poison.receive_messages()] == ["bad"]
        queue.send_message("twice")
        [stale] = channel.receive(1, 1)
        await asyncio.sleep(1.2)
        [fresh] = channel.receive(1, 30)
        channel.delete(stale)
        channel.hide(stale, 5)
        assert not empty(), "somebody else has it by now"
        channel.hide(fresh, 30)
        channel.delete(fresh)
        assert empty()
        channel.delete(fresh)
        channel.hide(fresh, 5)
