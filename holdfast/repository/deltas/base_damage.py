"""Damage of the point before, told from all other: it must not stop the next point."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from holdfast.model.errors import Damaged, HoldfastError
from holdfast.repository.deltas.trees import StreamRef


class BaseDamaged(Exception):
    """A stream of the point before cannot be read, so nothing can be a delta of it: the rest must be stored without it."""

    def __init__(self, root: bytes, error: HoldfastError) -> None:
        super().__init__(root.hex())
        self.root, self.error = root, error


@contextmanager
def named_base(base: StreamRef) -> Iterator[None]:
    """Damage that is met within becomes BaseDamaged of that stream."""
    try:
        yield
    except Damaged as error:
        raise BaseDamaged(base.root, error) from error
