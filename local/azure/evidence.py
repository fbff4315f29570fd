"""What each reply is taken from: a recording of Azure, its documentation, the SDK's source, or a guess.

Every `Reply` names a `Shape`, and every shape is registered here with its evidence, so nothing can be answered without
saying how sure we are. `python -m local.azure.marks` writes the list into docs/never-run-on-azure.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["recorded", "documented", "sdk", "ours", "guess"]

SHAPES: dict[str, Shape] = {}


@dataclass(frozen=True)
class Shape:
    """One form of reply, and why we believe that Azure answers so."""

    name: str
    kind: Kind
    source: str
    open: str = ""
    """The part of a recorded or documented shape that is nevertheless a guess; empty if there is none."""


def _register(shape: Shape) -> Shape:
    if SHAPES.get(shape.name, shape) != shape:
        raise ValueError(f"two shapes are named {shape.name!r}")
    SHAPES[shape.name] = shape
    return shape


def RECORDED(name: str, source: str, *, guessed: str = "") -> Shape:  # noqa: N802 (a mark, meant to be seen)
    """A shape read in a recorded exchange. `source`: `repository file@commit`; `guessed`: what it leaves open."""
    return _register(Shape(name, "recorded", source, guessed))


def DOCUMENTED(name: str, source: str, *, guessed: str = "") -> Shape:  # noqa: N802
    """A shape that Azure's documentation gives, and that no recording confirms."""
    return _register(Shape(name, "documented", source, guessed))


def SDK(name: str, source: str, *, guessed: str = "") -> Shape:  # noqa: N802
    """A shape that the real SDK's source needs, and that no recording confirms."""
    return _register(Shape(name, "sdk", source, guessed))


def OURS(name: str) -> Shape:  # noqa: N802
    """An endpoint of our own that Azure does not have."""
    return _register(Shape(name, "ours", "not Azure's"))


def GUESS(name: str, why: str) -> Shape:  # noqa: N802
    """A shape that nothing confirms: `why` says what it is modelled on."""
    return _register(Shape(name, "guess", why))
