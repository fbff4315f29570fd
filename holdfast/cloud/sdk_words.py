"""What the SDK's models hold, as plain text."""

from __future__ import annotations

from enum import Enum


def word(value: object) -> str:
    """A status as Azure wrote it. The SDK turns the ones that it knows into an enum, whose `str` names the class."""
    return str(value.value if isinstance(value, Enum) else value or "")
