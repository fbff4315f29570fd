"""Takes the path of a request to Resource Manager apart. Azure compares ids without regard to case; so do we."""

from __future__ import annotations

import re
from dataclasses import dataclass

_PATH = re.compile(
    r"/subscriptions/(?P<sub>[^/]+)(?:/resourceGroups/(?P<group>[^/]+))?(?:/providers/(?P<ns>[^/]+)(?P<rest>(?:/[^/]+)*))?/?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Address:
    """A path of Resource Manager.

    `words` are the segments after the provider: `servers, s1, databases, d1` is a resource (even), one more word is a
    collection, a singleton such as `instanceView`, or the action of a POST (odd).
    """

    path: str
    subscription: str
    group: str
    provider: str
    words: tuple[str, ...]

    @classmethod
    def parse(cls, path: str) -> Address | None:
        """None where the path is no resource's, collection's or action's."""
        match = _PATH.fullmatch(path)
        if match is None:
            return None
        words = tuple((match["rest"] or "").strip("/").split("/")) if match["rest"] else ()
        return cls(path.rstrip("/"), match["sub"], match["group"] or "", match["ns"] or "", words)

    @property
    def is_resource(self) -> bool:
        """Whether the path names one resource."""
        return bool(self.words) and len(self.words) % 2 == 0

    @property
    def type(self) -> str:
        """`microsoft.sql/servers/databases` of a resource or a collection, in lower case."""
        return "/".join((self.provider, *self.words[0::2])).lower()

    @property
    def name(self) -> str:
        """The last word."""
        return self.words[-1]

    @property
    def parent(self) -> Address:
        """The path without its last word (collection, action) or its last two (resource)."""
        drop = 2 if self.is_resource else 1
        return Address(self.path.rsplit("/", drop)[0], self.subscription, self.group, self.provider, self.words[:-drop])

    @property
    def container(self) -> str:
        """Of a collection: the id of what it lists the children of, a subscription or group for a list of resources."""
        return self.scope if len(self.words) == 1 else self.parent.path

    @property
    def scope(self) -> str:
        """`/subscriptions/S[/resourceGroups/G]`, as it was written."""
        return f"/subscriptions/{self.subscription}" + (f"/resourceGroups/{self.group}" if self.group else "")


def parse_resource(resource_id: str) -> Address | None:
    """The address of a resource id; None if the text is none."""
    found = Address.parse(resource_id)
    return found if found and found.is_resource else None
