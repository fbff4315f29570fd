"""A look at a BACPAC that lies far away: the same facts as opening it, from a few small reads."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.bacpac.package import Bacpac
from holdfast.bacpac.peek import peek
from holdfast.model.errors import BadBacpac

TABLE = ("dbo", "T")


def _package(make: Any, parts: int = 1, **origin: Any) -> Path:
    columns = [make.column(TABLE, "id", "[int]", nullable=False)]
    rows = [struct.pack("<2000i", *range(n, n + 2000)) for n in range(parts)]
    made: Path = make.write(make.entries(make.model(make.table(TABLE, columns)), {TABLE: rows}, **origin))
    return made


class Far:
    """A file that counts what is read of it."""

    def __init__(self, data: bytes) -> None:
        self.data, self.reads = data, 0

    def read_at(self, offset: int, length: int) -> bytes:
        self.reads += 1
        return self.data[offset : offset + length]


def test_it_says_what_the_file_says(make: Any) -> None:
    path = _package(make)
    far = Far(path.read_bytes())
    found = peek(far.read_at, len(far.data))
    with Bacpac.open(path) as package:
        assert found.origin == package.origin()
        assert found.inflated_bytes == sum(entry.bytes for entry in package.entries)
    assert found.origin.started.startswith("2021-09-16T10:50:13")


def test_reads_do_not_grow_with_the_file(make: Any) -> None:
    """A part more is no read more: a container may hold files of ten thousand parts."""
    few, many = (Far(_package(make, parts).read_bytes()) for parts in (1, 300))
    for far in (few, many):
        peek(far.read_at, len(far.data))
    assert many.reads <= few.reads + 2


def test_real_files_are_looked_at(real_bacpacs: dict[str, Path], real_dacpac: Path) -> None:
    for path in real_bacpacs.values():
        data = path.read_bytes()
        with Bacpac.open(path) as package:
            assert peek(Far(data).read_at, len(data)).origin == package.origin()
    data = real_dacpac.read_bytes()
    with pytest.raises(BadBacpac, match="dacpac"):
        peek(Far(data).read_at, len(data))


@pytest.mark.parametrize("data", [b"", b"not a zip", b"PK\x05\x06" + bytes(18)], ids=["empty", "text", "empty zip"])
def test_what_is_no_bacpac_is_refused(data: bytes) -> None:
    with pytest.raises(BadBacpac):
        peek(Far(data).read_at, len(data))


def test_a_file_that_cannot_be_read_is_not_called_damaged() -> None:
    def refused(offset: int, length: int) -> bytes:
        raise PermissionError(13, "refused")

    with pytest.raises(PermissionError):
        peek(refused, 1000)


def test_a_schema_without_data_is_refused(make: Any) -> None:
    data = _package(make, contains_data=False).read_bytes()
    with pytest.raises(BadBacpac, match="dacpac"):
        peek(Far(data).read_at, len(data))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.data())
def test_damage_is_a_refusal_or_goes_unseen_but_never_another_error(make: Any, data: st.DataObject) -> None:
    whole = _package(make).read_bytes()
    hurt = bytearray(whole)
    if data.draw(st.booleans()):
        del hurt[data.draw(st.integers(0, len(whole) - 1)) :]
    else:
        hurt[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        peek(Far(bytes(hurt)).read_at, len(hurt))
    except BadBacpac:
        return
    assert len(hurt) == len(whole), "a file that is cut short is always seen"
