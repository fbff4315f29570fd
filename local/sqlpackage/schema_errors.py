"""SqlPackage's errors about a schema that no BACPAC can carry, for the same things that `holdfast.bacpac.blockers` finds."""

from __future__ import annotations

from collections.abc import Iterator

from holdfast.bacpac.model import DatabaseModel
from holdfast.bacpac.names import split_name
from holdfast.bacpac.principals import KEY_KINDS, UserKind, user_kind
from holdfast.model.blocker_rules import bracketed, kind_of
from local.sqlpackage import messages


def schema_errors(model: DatabaseModel) -> list[str]:
    """The lines, `Error SQL71562: …`; none where the schema can be exported."""
    return [messages.ERROR_LINE(number=number, text=text) for number, text in _errors(model)]


def _errors(model: DatabaseModel) -> Iterator[tuple[str, str]]:
    for module in model.modules:
        kind = "Synonym" if module.type == "SqlSynonym" else kind_of(module.type)
        for target in module.outside:
            unresolved = messages.UNRESOLVED(element=f"{kind}: {module.name}", target=bracketed(*target))
            text = messages.ELEMENT(name=module.name, text=f"{unresolved} {messages.EXTERNAL()}")
            yield ("SQL71561" if kind == "View" else "SQL71562"), text
    logins = {element.name.casefold() for element in model.of_type("SqlLogin")}
    for element in model.of_type("SqlUser"):
        shown = f"User: {element.name}"
        kind_of_user = user_kind(element, logins)
        if kind_of_user is UserKind.WINDOWS:
            yield "SQL71627", messages.PLATFORM_PROPERTY(element=shown, property="AuthenticationType")
        elif kind_of_user is UserKind.ORPHANED:
            yield "SQL71564", messages.ELEMENT(name=element.name, text=messages.ORPHANED(element=shown))
        elif kind_of_user in (UserKind.CERTIFICATE, UserKind.ASYMMETRIC_KEY):
            yield "SQL71564", messages.PACKAGE_ELEMENT(element=shown)
    for element in model.of_type("SqlExternalTable"):
        yield "SQL71564", messages.PACKAGE_ELEMENT(element=f"External Table: {element.name}")
    for element in model.of_type(*KEY_KINDS):
        if not split_name(element.name)[0].startswith("##"):
            shown = f"{KEY_KINDS[element.type].title()}: {element.name}"
            yield "SQL71626", messages.PLATFORM_ELEMENT(element=shown)
