"""The templates and the code agree: on settings, and on roles, which the emulator enforces in every end-to-end test."""

from __future__ import annotations

import json
import re

from holdfast.settings import Settings
from local.azure.roles import APP, Role
from local.storage_front import roles
from tests.infra.bicep_reading import INFRA
from triggers import visitors

_ROLES: dict[str, Role] = {
    "app": APP,
    "jobWriter": roles.JOB_WRITER,
    "queueWorker": roles.QUEUE_WORKER,
    "repositoryWriter": roles.REPOSITORY_WRITER,
    "repositoryLocker": roles.REPOSITORY_LOCKER,
    "repositoryMaintainer": roles.REPOSITORY_MAINTAINER,
    "rehydrator": roles.REHYDRATOR,
}
#: Settings that are empty unless somebody wants what they are for.
_OPTIONAL = {
    "ca_bundle": "an own certificate authority",
    "clock_file": "tests",
    "identity_endpoint": "tests: Azure has its own",
    "notification_channels": "set with appSettings",
    "prices": "set with appSettings",
    "telemetry_connection": "APPLICATIONINSIGHTS_CONNECTION_STRING, which the host wants as well",
    "sql_table_load": "tests: the worker has its own",
    "sql_probe": "tests: the worker has its own",
    "storage_api_version": "emulators",
    "app_url": "the platform tells it",
}


def _templates() -> str:
    return "\n".join(path.read_text() for path in (INFRA / "main.bicep", INFRA / "modules" / "function-app.bicep"))


def _told() -> set[str]:
    return set(re.findall(r"\bHOLDFAST_([A-Z0-9_]+): ", _templates())) | set(
        re.findall(r'"HOLDFAST_([A-Z0-9_]+)=', (INFRA / "after-provision.sh").read_text())
    )


def test_every_setting_that_is_given_is_known() -> None:
    assert {name.lower() for name in _told()} <= Settings.model_fields.keys()


def test_every_setting_that_has_no_useful_default_is_given() -> None:
    empty = {
        name
        for name, field in Settings.model_fields.items()
        if field.is_required() or field.get_default(call_default_factory=True) in ("", None, [], {})
    }
    assert empty - _OPTIONAL.keys() <= {name.lower() for name in _told()}


def test_the_connection_of_the_queue_trigger_is_given() -> None:
    for name in ("HOLDFAST_STATE__queueServiceUri", "HOLDFAST_STATE__clientId", "TASKHUB_NAME"):
        assert name in _templates()


def test_app_roles_of_the_sign_in_are_those_that_the_pages_know() -> None:
    offered = json.loads((INFRA / "app-roles.json").read_text())
    assert [role["value"] for role in offered] == list(visitors.ROLES)
    assert len({role["id"] for role in offered}) == len(offered)
    assert all(role["isEnabled"] and role["allowedMemberTypes"] == ["User"] for role in offered)


def test_the_platform_signs_in_without_a_secret_and_only_where_it_was_asked_for() -> None:
    app = (INFRA / "modules" / "function-app.bicep").read_text()
    assert app.count("OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID") == 2, "set as a setting, and named as where the proof is"
    assert "enabled: !empty(signInClientId)" in app
    # Keys and the workers' events go on: the platform lets everybody through, and the pages refuse.
    assert "requireAuthentication: false, unauthenticatedClientAction: 'AllowAnonymous'" in app


def test_roles_are_those_that_the_emulator_enforces() -> None:
    deployed = json.loads((INFRA / "roles.json").read_text())
    assert deployed.keys() == _ROLES.keys()
    for name, role in _ROLES.items():
        own = deployed[name]
        assert own["name"] == role.name
        assert own["actions"] == list(role.actions), name
        # A suboperation stands behind a colon here, and in a role condition there.
        assert own["dataActions"] == list(dict.fromkeys(one.partition(":")[0] for one in role.data_actions)), name


def test_no_role_has_a_wildcard_but_for_reading_places() -> None:
    for name, role in json.loads((INFRA / "roles.json").read_text()).items():
        wide = [action for action in (*role["actions"], *role["dataActions"]) if "*" in action]
        assert all(action.endswith("/locations/*/read") for action in wide), name
