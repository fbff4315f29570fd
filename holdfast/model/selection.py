"""Which databases a policy protects. Pure: sources in, a decision with its reason out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from holdfast.model.globs import database_matches as database_matches
from holdfast.model.globs import glob_matches as glob_matches
from holdfast.model.policy import Policy, Selection
from holdfast.model.source import ResourceId, Source


def selects(selection: Selection, source: Source) -> bool:
    """Whether every kind that is given matches, and nothing leaves the source out."""
    return is_meant(selection, source) and left_out(selection, source) is None


def is_meant(selection: Selection, source: Source) -> bool:
    """Whether every kind that is given matches; what leaves a source out again is `left_out`."""
    return all(_kinds(selection, source))


def left_out(selection: Selection, source: Source) -> str | None:
    """The rule that leaves out a source that is meant, in the words of the policy; None where none does."""
    tags = _lower(source.tags)
    for pattern in selection.exclude.databases:
        if database_matches(pattern, source.name):
            return f"exclude.databases: {pattern}"
    for name, value in selection.exclude.tags.items():
        if tags.get(name.lower()) == value:
            return f"exclude.tags: {name}={value}"
    return not_backed_up(selection, source)


def not_backed_up(selection: Selection, source: Source) -> str | None:
    """Why a source is left out that nobody excluded: what people would not expect, and are told once."""
    if source.unfit is not None:
        return source.unfit
    if source.secondary is not None and not selection.replicas:
        return f"a replica ({source.secondary}); only its primary is backed up unless select.replicas is true"
    return None


def winning_policy(source: Source, policies: Iterable[Policy]) -> Policy | None:
    """The policy with the lowest priority number that selects the source; the name decides between equals."""
    fitting = [p for p in policies if selects(p.select, source)]
    return min(fitting, key=lambda p: (p.priority, p.name)) if fitting else None


def _kinds(selection: Selection, source: Source) -> Iterator[bool]:
    identity = ResourceId.parse(source.resource_id)
    tags = _lower(source.tags)
    if selection.subscriptions is not None:
        yield identity.subscription.lower() in [s.lower() for s in selection.subscriptions]
    if selection.resource_groups is not None:
        yield any(glob_matches(p, identity.resource_group) for p in selection.resource_groups)
    if selection.servers is not None:
        yield any(glob_matches(p, source.server) for p in selection.servers)
    if selection.databases is not None:
        yield any(database_matches(p, source.name) for p in selection.databases)
    if selection.tags is not None:
        yield all(tags.get(k.lower()) == v for k, v in selection.tags.items())


def _lower(tags: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in tags.items()}
