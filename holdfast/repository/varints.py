"""Numbers of as many bytes as they need: seven bits a byte, the lowest first; the top bit says that more follow."""

from __future__ import annotations

from holdfast.model.errors import Damaged

_SHORT = [bytes((value,)) for value in range(128)]


def varint(value: int) -> bytes:
    """A number from 0."""
    if value < 128:
        return _SHORT[value]
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


class VarintReader:
    """Reads what stands in a head, from its beginning to its end. Everything raises Damaged where that is not there."""

    def __init__(self, data: bytes | memoryview, name: str) -> None:
        self._data, self._name = data, name
        self._at = 0

    @property
    def done(self) -> bool:
        """Nothing is left."""
        return self._at == len(self._data)

    @property
    def at(self) -> int:
        """Bytes read so far."""
        return self._at

    def byte(self) -> int:
        """The next byte."""
        at = self._at
        if at >= len(self._data):
            raise Damaged(f"{self._name}: a typed frame is cut short")
        self._at = at + 1
        return self._data[at]

    def take(self, length: int) -> bytes:
        """The next bytes."""
        taken = self._data[self._at : self._at + length]
        if len(taken) != length:
            raise Damaged(f"{self._name}: a typed frame is cut short")
        self._at += length
        return bytes(taken)

    def varint(self, most: int) -> int:
        """A number that may be `most`."""
        value = shift = 0
        data, at = self._data, self._at
        try:
            while data[at] > 127:
                value |= (data[at] & 127) << shift
                shift += 7
                at += 1
            value |= data[at] << shift
        except IndexError:
            raise Damaged(f"{self._name}: a typed frame is cut short") from None
        if value > most:
            raise Damaged(f"{self._name}: a typed frame has a number that cannot be")
        self._at = at + 1
        return value
