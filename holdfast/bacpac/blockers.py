"""What of a model would make its export, or a later import, fail: the same findings as preflight on the live database."""

from __future__ import annotations

from collections.abc import Iterable

from holdfast.bacpac.model import DatabaseModel
from holdfast.bacpac.names import split_name
from holdfast.bacpac.principals import KEY_KINDS, UserKind, user_kind
from holdfast.model import blocker_rules
from holdfast.model.blocker_rules import bracketed
from holdfast.model.finding import Finding


def find(model: DatabaseModel) -> list[Finding]:
    """Every finding, by rule and then in the model's order."""
    found = [
        *outside_references(model),
        *synonyms(model),
        *users(model),
        *external_objects(model),
        *credentials_and_keys(model),
    ]
    return sorted(found, key=lambda finding: finding.id)


def outside_references(model: DatabaseModel) -> Iterable[Finding]:
    """P01"""
    for module in model.modules:
        if module.type != "SqlSynonym":
            kind = blocker_rules.kind_of(module.type)
            for target in module.outside:
                yield blocker_rules.external_reference(kind, module.name, bracketed(*target))


def synonyms(model: DatabaseModel) -> Iterable[Finding]:
    """P02"""
    for module in model.modules:
        if module.type == "SqlSynonym":
            yield blocker_rules.outside_synonym(module.name, bracketed(*module.outside[0]))


def users(model: DatabaseModel) -> Iterable[Finding]:
    """P04 to P07"""
    logins = {element.name.casefold() for element in model.of_type("SqlLogin")}
    for element in model.of_type("SqlUser"):
        kind = user_kind(element, logins)
        if kind is UserKind.WINDOWS:
            yield blocker_rules.windows_principal(element.name)
        elif kind is UserKind.CERTIFICATE:
            yield blocker_rules.key_user(element.name, "certificate")
        elif kind is UserKind.ASYMMETRIC_KEY:
            yield blocker_rules.key_user(element.name, "asymmetric key")
        elif kind is UserKind.ORPHANED:
            yield blocker_rules.orphaned_user(element.name)
        elif kind is UserKind.ENTRA:
            yield blocker_rules.entra_user(element.name)


def external_objects(model: DatabaseModel) -> Iterable[Finding]:
    """P08"""
    for element in model.of_type("SqlExternalTable"):
        yield blocker_rules.external_table(element.name)
    for element in model.of_type("SqlExternalDataSource"):
        yield blocker_rules.external_data_source(element.name)
    for element in model.of_type("SqlExternalFileFormat"):
        yield blocker_rules.external_data_source(element.name, "file format")


def credentials_and_keys(model: DatabaseModel) -> Iterable[Finding]:
    """P09 and P10"""
    for element in model.of_type("SqlDatabaseCredential"):
        yield blocker_rules.scoped_credential(element.name)
    for element in model.of_type(*KEY_KINDS):
        # `##…##` are the engine's own.
        if not split_name(element.name)[0].startswith("##"):
            yield blocker_rules.key(element.name, KEY_KINDS[element.type])
