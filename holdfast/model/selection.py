"""Which databases a policy protects. Pure: sources in, a decision with its reason out."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from holdfast.model.policy import Policy, Selection
from holdfast.model.source import ResourceId, Source


def glob_matches(pattern: str, text: str) -> bool:
    """A shell glob over the whole of `text`, without regard to case."""
    return fnmatchcase(text.lower(), pattern.lower())


def database_matches(pattern: str, name: str) -> bool:
    """A glob over `database`, or over `server/database` where the glob has a slash: `db1` never matches `db10`."""
    return glob_matches(pattern, name if "/" in pattern else name.rpartition("/")[2])


def selects(selection: Selection, source: Source) -> bool:
    """Whether every kind that is given matches, and nothing leaves the source out."""
    identity = ResourceId.parse(source.resource_id)
    tags = {k.lower(): v for k, v in source.tags.items()}
    checks: list[bool] = []
    if selection.subscriptions is not None:
        checks.append(identity.subscription.lower() in [s.lower() for s in selection.subscriptions])
    if selection.resource_groups is not None:
        checks.append(any(glob_matches(p, identity.resource_group) for p in selection.resource_groups))
    if selection.servers is not None:
        checks.append(any(glob_matches(p, source.server) for p in selection.servers))
    if selection.databases is not None:
        checks.append(any(database_matches(p, source.name) for p in selection.databases))
    if selection.tags is not None:
        checks.append(all(tags.get(k.lower()) == v for k, v in selection.tags.items()))
    if not all(checks):
        return False
    exclude = selection.exclude
    if any(database_matches(p, source.name) for p in exclude.databases):
        return False
    return not any(tags.get(k.lower()) == v for k, v in exclude.tags.items())


def winning_policy(source: Source, policies: Iterable[Policy]) -> Policy | None:
    """The policy with the lowest priority number that selects the source; the name decides between equals."""
    fitting = [p for p in policies if selects(p.select, source)]
    return min(fitting, key=lambda p: (p.priority, p.name)) if fitting else None
