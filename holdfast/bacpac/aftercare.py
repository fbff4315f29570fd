"""What an import cannot bring back, from a model: users and their logins, secrets of credentials. Scripts without a secret.

Passwords and login ids are never in a package: places for them stand in angle brackets.
"""

from __future__ import annotations

from collections.abc import Iterable

from holdfast.bacpac.element import Element, read_elements
from holdfast.bacpac.names import split_name
from holdfast.bacpac.principals import UserKind, user_kind
from holdfast.model.preflight.rule import bracketed
from holdfast.model.restore.report import Aftercare


def aftercare(chunks: Iterable[bytes]) -> list[Aftercare]:
    """By kind and name. `chunks` are model.xml. Raises BadBacpac where it is no model."""
    users: list[Element] = []
    logins: set[str] = set()
    found: list[Aftercare] = []

    def take(element: Element) -> None:
        if element.type == "SqlUser":
            users.append(element)
        elif element.type == "SqlLogin":
            logins.add(element.name.casefold())
            found.append(_login(split_name(element.name)[0]))
        elif element.type == "SqlDatabaseCredential":
            found.append(_credential(split_name(element.name)[0], element.properties.get("Identity")))

    read_elements(chunks, take, lambda _: None)
    found += [one for user in users if (one := _user(user, user_kind(user, logins)))]
    return sorted(found, key=lambda one: (one.kind, one.name))


def collation_of(chunks: Iterable[bytes]) -> str:
    """The collation of the database; empty where its model does not say. Raises BadBacpac where it is no model."""
    found: list[str] = []

    def take(element: Element) -> None:
        if element.type == "SqlDatabaseOptions":
            found.append(element.properties.get("Collation", ""))

    read_elements(chunks, take, lambda _: None)
    return next(iter(found), "")


def _text(value: str) -> str:
    return "N'" + value.replace("'", "''") + "'"


def _user(element: Element, kind: UserKind) -> Aftercare | None:
    name = split_name(element.name)[0]
    quoted = bracketed(name)
    if kind is UserKind.WITHOUT_LOGIN or name.casefold() == "dbo":
        return None
    if kind is UserKind.CONTAINED:
        return Aftercare(
            kind="user",
            name=name,
            why="has a password of its own, which no package holds: nobody can log in as it until it has a new one",
            script=f"ALTER USER {quoted} WITH PASSWORD = N'<new password of {_in_text(name)}>';",
        )
    if kind is UserKind.ENTRA:
        return Aftercare(
            kind="user",
            name=name,
            why="is a Microsoft Entra user: it works where the server's tenant knows it; run as its Entra administrator",
            script=f"IF USER_ID({_text(name)}) IS NULL CREATE USER {quoted} FROM EXTERNAL PROVIDER;",
        )
    if kind in (UserKind.LOGIN, UserKind.ORPHANED):
        login = element.reference("Login")
        of = split_name(login.name)[0] if login else name
        return Aftercare(
            kind="user",
            name=name,
            why=f"stands for the login {of} of its server: it works again once this server has that login",
            script=f"IF USER_ID({_text(name)}) IS NULL CREATE USER {quoted} FOR LOGIN {bracketed(of)}; "
            f"ELSE ALTER USER {quoted} WITH LOGIN = {bracketed(of)};",
        )
    return Aftercare(
        kind="user",
        name=name,
        why=f"is of a kind ({kind.value}) that Azure SQL does not bring back: give its rights to another user",
        script="",
    )


def _in_text(name: str) -> str:
    return name.replace("'", "''")


def _login(name: str) -> Aftercare:
    return Aftercare(
        kind="login",
        name=name,
        why="belongs to the server and not to the database: make it in master, with the same SID if other databases use it",
        script=f"-- in master: CREATE LOGIN {bracketed(name)} WITH PASSWORD = N'<password of {_in_text(name)}>';",
    )


def _credential(name: str, identity: str | None) -> Aftercare:
    with_identity = f"IDENTITY = {_text(identity)}, " if identity else ""
    return Aftercare(
        kind="credential",
        name=name,
        why="its secret is in no package: what reads through it fails until it is given again",
        script=f"ALTER DATABASE SCOPED CREDENTIAL {bracketed(name)} WITH {with_identity}"
        f"SECRET = N'<secret of {_in_text(name)}>';",
    )
