"""What a look into a repository found to differ from the catalog."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Differences:
    """Ids of points, by what a reconciliation found and mended.

    Nothing is dropped from the catalog because the repository lacks it: what is `missing` or `deleted` is marked so and
    stays until somebody forgets it.
    """

    added: tuple[str, ...] = ()
    """The catalog did not know them."""
    missing: tuple[str, ...] = ()
    """The repository does not hold them any more, and nothing in it says why: an alarm."""
    changed: tuple[str, ...] = ()
    """The catalog said something else of them."""
    deleted: tuple[str, ...] = ()
    """A removal record of the repository tells that they were deleted; not by this installation, which forgets its own."""
    returned: tuple[str, ...] = ()
    """They were missing or deleted, and are there again."""
    foreign: tuple[str, ...] = ()
    """Of those added: written by another installation, or by a person."""
    absent: tuple[str, ...] = ()
    """They were missing or deleted before and still are: nothing new, and no difference."""

    def __bool__(self) -> bool:
        return any(ids for word, ids in self.by_word() if word != "foreign")

    def __str__(self) -> str:
        return "; ".join(f"{len(ids)} {word}: {', '.join(ids)}" for word, ids in self.by_word()) or "none"

    def by_word(self) -> list[tuple[str, tuple[str, ...]]]:
        """What there is, each with its word."""
        words = ("added", "missing", "changed", "deleted", "returned", "foreign")
        return [(word, getattr(self, word)) for word in words if getattr(self, word)]
