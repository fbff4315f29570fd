"""Ours or not: asked before anything in Azure is taken for ours, and before anything is removed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from holdfast.cloud.failures import FailureKind, failure_of, to_error
from holdfast.cloud.tags import PREFIX, carries, is_marked
from holdfast.model.errors import Conflict, NameTaken
from holdfast.model.source import ResourceId

_Found = TypeVar("_Found")


def found_or_none(read: Callable[[], _Found]) -> _Found | None:
    """What a GET finds; None where it, or what it lies in, does not exist. Other refusals pass through."""
    from azure.core.exceptions import AzureError

    try:
        return read()
    except AzureError as error:
        if failure_of(error).kind is FailureKind.NOT_FOUND:
            return None
        raise


def ours_or_taken(target: ResourceId, found: Mapping[str, str] | None, tags: Mapping[str, str]) -> bool:
    """True for the very thing that `tags` describe. Raises NameTaken for anything else under that name."""
    if carries(found, tags):
        return True
    raise NameTaken(f"{target} exists and does not carry the tags of this session")


def check_ours(
    target: ResourceId, found_id: str | None, found: Mapping[str, str] | None, must: Mapping[str, str]
) -> None:
    """All three or nothing is dropped: our name prefix, the id that we recorded, our mark with the tags of the session.

    Raises NameTaken, which no retry changes. On a managed instance the copy stands beside originals; this is what
    stands between cleanup and somebody's database.
    """
    reasons = []
    if not target.name.startswith(PREFIX):
        reasons.append(f"its name does not begin with {PREFIX}")
    if (found_id or "").lower() != str(target).lower():
        reasons.append("Azure knows it under another id")
    if not is_marked(found, "copy") or not must or not carries(found, must):
        reasons.append("it lacks our tags")
    if reasons:
        raise NameTaken(f"{target} is not dropped: {', '.join(reasons)}")


def start_or_find(start: Callable[[], object], find: Callable[[], bool], doing: str) -> None:
    """Starts something that may have been started before, by a call whose answer was lost.

    `find` says whether it is there and ours, and raises NameTaken where it is there and not ours. Raises Conflict, which
    is worth another try, where the name is taken and nobody can see by what.
    """
    from azure.core.exceptions import AzureError

    try:
        start()
    except AzureError as error:
        failure = failure_of(error)
        # A retry inside the SDK can meet its own first attempt, and Azure then calls the name taken or the thing busy.
        unsure = failure.kind in (FailureKind.NAME_TAKEN, FailureKind.BUSY, FailureKind.UNAVAILABLE)
        if unsure and find():
            return
        if failure.kind is FailureKind.NAME_TAKEN:
            # Taken by what cannot be seen yet, as a SQL copy for its first half minute: it may well be our own.
            raise Conflict(f"{doing}: the name is taken by something that does not show yet ({failure.code})") from None
        raise to_error(failure, doing) from None
