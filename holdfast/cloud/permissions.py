"""What identities may do, as Azure itself tells it: the app's own permissions at a place, roles of others.

`Microsoft.Authorization/permissions` answers for whoever asks, with all that reaches them by groups and by scopes above.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from holdfast.cloud.clients import Clients
from holdfast.cloud.failures import azure_errors
from holdfast.model.rights import Grants
from holdfast.model.source import ResourceId

if TYPE_CHECKING:
    from azure.mgmt.authorization import AuthorizationManagementClient

_IDENTITY_VERSION = "2023-01-31"


class Assigned(NamedTuple):
    """A role that an identity has at a scope; `conditional` where it holds only under a condition."""

    scope: str
    grants: tuple[Grants, ...]
    conditional: bool


class Permissions:
    """Reads rights. Every method may raise Forbidden, NotFound, Unavailable."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._roles: dict[str, tuple[Grants, ...]] = {}

    def own_in_group(self, subscription: str, resource_group: str) -> list[Grants]:
        """What the app may do in a resource group."""
        with azure_errors(f"reading the app's own permissions in {resource_group}"):
            client = self._client(subscription).permissions
            return [_grants(p) for p in client.list_for_resource_group(resource_group)]

    def own_at(self, resource: ResourceId) -> list[Grants]:
        """What the app may do with a resource."""
        parents = [f"{t}/{n}" for t, n in zip(resource.types[:-1], resource.names[:-1], strict=True)]
        with azure_errors(f"reading the app's own permissions on {resource.name}"):
            found = self._client(resource.subscription).permissions.list_for_resource(
                resource.resource_group, resource.provider, "/".join(parents), resource.types[-1], resource.name
            )
            return [_grants(p) for p in found]

    def of_identity(self, identity: str, subscription: str) -> list[Assigned]:
        """Every role that a managed identity has at, above or below a subscription; `identity` is its resource id."""
        principal = self._principal(ResourceId.parse(identity))
        client = self._client(subscription)
        with azure_errors(f"listing the roles of {ResourceId.parse(identity).name}"):
            found = list(client.role_assignments.list_for_subscription(filter=f"principalId eq '{principal}'"))
        return [
            Assigned(
                str(one.scope or ""),
                self._role(client, str(one.role_definition_id)),
                bool(getattr(one, "condition", None)),
            )
            for one in found
        ]

    def _role(self, client: AuthorizationManagementClient, role_id: str) -> tuple[Grants, ...]:
        if role_id not in self._roles:
            with azure_errors("reading a role definition"):
                role = client.role_definitions.get_by_id(role_id)
            self._roles[role_id] = tuple(_grants(p) for p in role.permissions or [])
        return self._roles[role_id]

    def _principal(self, identity: ResourceId) -> str:
        from azure.core.rest import HttpRequest

        # One GET is no reason for another SDK: the pipeline of this one signs it in and retries it.
        url = f"{self._clients.settings.arm_endpoint.rstrip('/')}{identity}?api-version={_IDENTITY_VERSION}"
        with azure_errors(f"reading the identity {identity.name}"):
            response = self._clients.sql(identity.subscription).send_request(HttpRequest("GET", url))
            response.raise_for_status()
            return str(response.json()["properties"]["principalId"])

    def _client(self, subscription: str) -> AuthorizationManagementClient:
        return self._clients.authorization(subscription)


def _grants(permission: Any) -> Grants:
    return Grants(
        actions=tuple(permission.actions or ()),
        not_actions=tuple(permission.not_actions or ()),
        data_actions=tuple(permission.data_actions or ()),
        not_data_actions=tuple(permission.not_data_actions or ()),
    )
