"""What an account does on its own to a container that is to be locked."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.cloud.account_rules import objections

READY: dict[str, Any] = {
    "account": {},
    "service": {"isVersioningEnabled": True},
    "container": {"immutableStorageWithVersioning": {"enabled": True}},
    "lifecycle": {},
}


def lifecycle(*prefixes: str, enabled: bool = True, kind: str = "baseBlob") -> dict[str, Any]:
    definition = {"filters": {"prefixMatch": list(prefixes)}, "actions": {kind: {"delete": {"days": 7}}}}
    if not prefixes:
        del definition["filters"]
    return {"policy": {"rules": [{"name": "r", "enabled": enabled, "definition": definition}]}}


def found(**told: Any) -> list[str]:
    return list(objections({**READY, **told}, "backups"))


def test_an_account_that_is_ready_has_nothing_against_it() -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"service": {}}, "versioning is off"),
        (
            {"account": {"immutableStorageWithVersioning": {"immutabilityPolicy": {"state": "Unlocked"}}}},
            "the account has a default retention",
        ),
        (
            {"container": {"immutabilityPolicy": {"properties": {"immutabilityPeriodSinceCreationInDays": 3}}}},
            "the container has a default retention",
        ),
        ({"lifecycle": lifecycle()}, "lifecycle rule 'r'"),
        ({"lifecycle": lifecycle("backups")}, "lifecycle rule 'r'"),
        ({"lifecycle": lifecycle("backups/chains/")}, "lifecycle rule 'r'"),
        ({"lifecycle": lifecycle("backups/", kind="version")}, "lifecycle rule 'r'"),
        ({"lifecycle": lifecycle("backups/locks/", "backups/chains/")}, "lifecycle rule 'r'"),
    ],
)
def test_each_thing_that_acts_on_the_data_is_named(told: dict[str, Any], words: str) -> None:
    (said,) = found(**told)
    assert words in said


@pytest.mark.parametrize(
    "rule",
    [
        lifecycle("backups/locks/", kind="version"),
        lifecycle("other/"),
        lifecycle("backups2/"),
        lifecycle("backups/", enabled=False),
        lifecycle("backups/", kind="nothing"),
    ],
)
def test_rules_about_other_things_are_let_be(rule: dict[str, Any]) -> None:
    assert found(lifecycle=rule) == []
