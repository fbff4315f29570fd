"""Error replies that several providers give. Codes matter; wording is near Azure's and nothing may depend on it."""

from __future__ import annotations

from local.azure.addresses import Address
from local.azure.evidence import DOCUMENTED, GUESS, RECORDED
from local.azure.replies import Refusal

_SQL_404 = RECORDED("404 of the SQL provider", "azure-cli sql/test_sql_managed_db_mgmt.yaml@06b523ce")
_ARM_404 = RECORDED("404 of the front end", "azure-powershell TestRestoreManagedDatabase.json@25859275 (2019)")
_PARENT = GUESS("404 for a resource whose parent is missing", "code seen in public issues, wording approximate")
_CONFLICT = GUESS("409 for a name that is taken", "no recording of a SQL 409; code from public code")
_INVALID = GUESS("400 for a body that cannot be", "no recording; codes from public code")
_ABSENT_METHOD = GUESS("405 for what the emulator or Azure does not do", "no recording")
_PRECONDITION = GUESS("412 for If-None-Match: * on something that exists", "RFC 9110; Azure's reply was not observed")
_RIGHTS = DOCUMENTED(
    "403 for a missing right", "Azure RBAC troubleshooting: AuthorizationFailed", guessed="exact wording"
)
_LINKED = DOCUMENTED(
    "403 for a missing right on something referred to",
    "ARM common errors: LinkedAuthorizationFailed",
    guessed="wording",
)


def provider_404(type_: str, name: str) -> Refusal:
    """What the SQL provider says of a database that is not there."""
    text = f"The requested resource of type '{type_}' with name '{name}' was not found."
    return Refusal(_SQL_404, 404, "ResourceNotFound", text)


def front_404(address: Address) -> Refusal:
    """What Resource Manager's front end says of a resource that it never heard of."""
    what = f"{address.provider}/{'/'.join(address.words)}"
    text = f"The Resource '{what}' under resource group '{address.group}' was not found."
    return Refusal(_ARM_404, 404, "ResourceNotFound", text, headers={"x-ms-failure-cause": "gateway"})


def parent_404(address: Address) -> Refusal:
    """A write below something that does not exist."""
    text = f"Can not perform requested operation on nested resource. Parent resource '{address.parent.name}' not found."
    return Refusal(_PARENT, 404, "ParentResourceNotFound", text)


def conflict(code: str, text: str) -> Refusal:
    """A name that is taken, or a state that forbids it."""
    return Refusal(_CONFLICT, 409, code, text)


def invalid(code: str, text: str) -> Refusal:
    """A body that cannot be."""
    return Refusal(_INVALID, 400, code, text)


def not_allowed(method: str, path: str) -> Refusal:
    """A method that is not there."""
    return Refusal(_ABSENT_METHOD, 405, "MethodNotAllowed", f"{method} is not supported for '{path}'.")


def precondition_failed(what: str) -> Refusal:
    """If-None-Match: * on something that exists."""
    return Refusal(_PRECONDITION, 412, "PreconditionFailed", f"The resource '{what}' exists already.")


def missing_right(principal: str, action: str, scope: str) -> Refusal:
    """The identity lacks a right at a scope."""
    text = (
        f"The client '{principal}' with object id '{principal}' does not have authorization to perform action "
        f"'{action}' over scope '{scope}' or the scope is invalid."
    )
    return Refusal(_RIGHTS, 403, "AuthorizationFailed", text)


def missing_linked_right(principal: str, action: str, linked: str) -> Refusal:
    """The identity may do it, but not on something that the body refers to."""
    text = (
        f"The client '{principal}' does not have permission to perform action '{action}' on the linked scope(s) "
        f"'{linked}' or the linked scope(s) are invalid."
    )
    return Refusal(_LINKED, 403, "LinkedAuthorizationFailed", text)
