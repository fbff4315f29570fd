"""Users, logins, roles, memberships and permissions as elements of the model."""

from __future__ import annotations

from collections.abc import Iterable

from local.samples.schema import Grant, Role, Schema, User, bracketed
from local.samples.xml_tree import Node, built_in, element, prop, refers, script

_PERMISSIONS = {"Select": 2, "Execute": 1070}


def user_node(user: User) -> Node:
    """A user. A login that cannot be found is an empty entry: that is how an orphan shows."""
    if user.kind == "without-login":
        return element("SqlUser", bracketed(user.name), prop("IsWithoutLogin", "True"))
    login = bracketed(user.login or user.name)
    return element(
        "SqlUser",
        bracketed(user.name),
        script("LoginIdentifierScript", login),
        prop("AuthenticationType", 3 if user.kind == "windows" else 1),
        _default_schema(user.default_schema) if user.default_schema else None,
        refers("Login", login if user.kind == "login" else ""),
    )


def login_nodes(users: Iterable[User]) -> list[Node]:
    """The logins of the users that have one. The server's, not the database's; no password is ever exported."""
    return [
        element(
            "SqlLogin",
            bracketed(user.login or user.name),
            prop("Password", ""),
            Node("Annotation", (("Type", "GloballyScoped"),)),
        )
        for user in users
        if user.kind == "login"
    ]


def role_node(role: Role) -> Node:
    """A role of the database."""
    return element("SqlRole", bracketed(role.name), built_in("Authorizer", "[dbo]"))


def membership_nodes(schema: Schema) -> list[Node]:
    """Who is in which role."""
    own = [
        element("SqlRoleMembership", None, refers("Member", bracketed(member)), refers("Role", bracketed(role.name)))
        for role in schema.roles
        for member in role.members
    ]
    fixed = [
        element("SqlRoleMembership", None, refers("Member", bracketed(member)), built_in("Role", bracketed(role)))
        for role, member in schema.fixed_role_members
    ]
    return [*own, *fixed]


def grant_node(grant: Grant) -> Node:
    """A permission that was granted by dbo."""
    kind = "Schema" if len(grant.on) == 1 else "Object"
    name = bracketed(f"Grant.{grant.permission}.{kind}", grant.grantee, "dbo", *grant.on)
    return element(
        "SqlPermissionStatement",
        name,
        prop("Permission", _PERMISSIONS[grant.permission]),
        refers("Grantee", bracketed(grant.grantee)),
        refers("SecuredObject", bracketed(*grant.on)),
    )


def _default_schema(name: str) -> Node:
    return refers("DefaultSchema", bracketed(name)) if name != "dbo" else built_in("DefaultSchema", "[dbo]")
