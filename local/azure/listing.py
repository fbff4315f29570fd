"""Lists: pages with nextLink, cut down to what the identity may read."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from local.azure.evidence import DOCUMENTED, RECORDED, Shape
from local.azure.refusals import invalid, missing_right
from local.azure.replies import Reply
from local.azure.store import Resource
from local.azure.world import Ask, World, action_of

LIST = RECORDED("list on one page: value without nextLink", "azure-cli sql/test_sql_managed_db_mgmt.yaml@06b523ce")
PAGED = DOCUMENTED("list on several pages: nextLink", "ARM paging guidelines", guessed="page size and token")


def readable(world: World, ask: Ask, resources: list[Resource]) -> list[Resource]:
    """Those that the identity may read: a list at a subscription holds no more than rights below it allow.

    What lies in a resource is listed with the right at that resource, or not at all.
    """
    action = action_of("GET", ask.address)
    oid = ask.claims.principal_id
    if world.rights.allowed(oid, action, ask.address.container):
        return resources
    in_a_resource = ask.address.container != ask.address.scope
    if in_a_resource or not world.rights.anywhere_below(oid, ask.address.container):
        raise missing_right(oid, action, ask.address.container)
    return [r for r in resources if world.rights.allowed(oid, action, r.id)]


def page(world: World, ask: Ask, values: list[Any], *, one_page: Shape = LIST, pretty: bool = False) -> Reply:
    """One page of a list, from the `$skipToken` on."""
    start = 0
    if token := ask.query.get("$skipToken") or ask.query.get("$skiptoken"):
        try:
            start = int(base64.urlsafe_b64decode(token))
        except (ValueError, binascii.Error) as error:
            raise invalid("InvalidSkipToken", "The skip token is not valid.") from error
    end = start + world.page_size
    body: dict[str, Any] = {"value": values[start:end]}
    if end < len(values):
        token = base64.urlsafe_b64encode(str(end).encode()).decode()
        body["nextLink"] = f"{ask.origin}{ask.path}?api-version={ask.api_version}&$skipToken={token}"
    return Reply(PAGED if "nextLink" in body or start else one_page, 200, body, pretty=pretty)
