"""What was used last, up to a weight: for what is read again soon and can be read again always."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Recent(Generic[Key, Value]):
    """Values by key. Safe for threads: of several that ask for the same value at once one makes it, the others wait."""

    def __init__(self, limit: int, weight: Callable[[Value], int] = lambda _: 1) -> None:
        """Keeps values of a summed weight of up to `limit`, and the last one in any case."""
        self._limit, self._weight = limit, weight
        self._held: OrderedDict[Key, Future[Value]] = OrderedDict()
        self._weights: dict[Key, int] = {}
        self._total = 0
        self._lock = threading.Lock()

    def claim(self, key: Key) -> tuple[Future[Value], bool]:
        """The value, there or on its way; and whether the caller is the one who must bring it, by `settle` or `fail`."""
        with self._lock:
            found = self._held.get(key)
            if found is not None:
                self._held.move_to_end(key)
                return found, False
            self._held[key] = made = Future[Value]()
            return made, True

    def settle(self, key: Key, value: Value) -> None:
        """Brings the value that `claim` asked for."""
        with self._lock:
            future = self._held[key]
            self._weights[key] = self._weight(value)
            self._total += self._weights[key]
            for old in list(self._held):
                if self._total <= self._limit:
                    break
                if old in self._weights and old != key:
                    self._total -= self._weights.pop(old)
                    del self._held[old]
        future.set_result(value)

    def fail(self, key: Key, error: BaseException) -> None:
        """Tells those who wait that there is no value, and forgets the key."""
        with self._lock:
            future = self._held.pop(key)
        future.set_exception(error)

    def get(self, key: Key, make: Callable[[], Value]) -> Value:
        """The value, made where it is not there."""
        future, mine = self.claim(key)
        if mine:
            try:
                self.settle(key, make())
            except BaseException as error:
                self.fail(key, error)
                raise
        return future.result()
