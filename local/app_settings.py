"""The settings of the Functions app on the local profile: the plan's world, with short durations."""

from __future__ import annotations

import json
import os
from typing import Any

from local.azure.seeding import SUBSCRIPTION
from local.azure.state_folder import StateFolder
from local.machines.differences import METADATA_ADDRESS
from local.plan import (
    CHANNEL,
    GROUP,
    REGIONS,
    REPOSITORIES,
    STATE,
    VAULT_KEY,
    VM_SIZE,
    WORKER_PROFILE,
    account_id,
    channel,
    subnet_id,
)
from local.profile_file import ProfileFile

#: Timers of the app, in seconds of the app's clock; Azure's are minutes.
_DURATIONS = {
    "COPY_POLL": 0.5,
    "TURN_POLL": 0.5,
    "COPY_DEADLINE": 600,
    "WORKER_POLL": 0.5,
    "WORKER_DEADLINE": 180,
    "HEARTBEAT": 1,
    "LOST_AFTER": 30,
    "JOB_DEADLINE": 7200,
    "REHYDRATE_POLL": 1,
    "RETRY_DELAY": 1,
}


def app_environment(profile: ProfileFile) -> dict[str, str]:
    """The environment of the host: what Azure gives every app, and our settings. Nothing of the caller's own."""
    azure = StateFolder(profile.state / "azure")
    identity = f"http://127.0.0.1:{profile.azure_http}/msi/token"
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    found = {
        **inherited,
        "IDENTITY_ENDPOINT": identity,
        "IDENTITY_HEADER": azure.identity_header.read_text(),
        "REQUESTS_CA_BUNDLE": str(azure.ca),
        "SSL_CERT_FILE": str(azure.ca),
        "TASKHUB_NAME": "holdfast",
        "DURABLE_TASK_SCHEDULER_CONNECTION_STRING": "",
        "HOLDFAST_STATE__queueServiceUri": storage_url(profile, "queue", STATE),
        "HOLDFAST_STATE__clientId": profile.made["app_client_id"],
    }
    settings = {**{f"HOLDFAST_{name}": value for name, value in _settings(profile).items()}, **profile.settings}
    return {
        **found,
        **{name: value if isinstance(value, str) else json.dumps(value) for name, value in settings.items()},
    }


def storage_url(profile: ProfileFile, service: str, account: str) -> str:
    """Address of one service of a storage account."""
    return f"https://127.0.0.1:{getattr(profile.storage, service)}/{account}"


def repository_url(profile: ProfileFile, name: str) -> str:
    """Address of a repository of the plan."""
    plan = next(r for r in REPOSITORIES if r.name == name)
    return f"{storage_url(profile, 'blob', plan.account)}/{plan.container}"


def vault_key_url(profile: ProfileFile) -> str:
    """Address of the key in the plan's vault."""
    return f"https://127.0.0.1:{profile.azure_https}/keys/{VAULT_KEY}"


def _settings(profile: ProfileFile) -> dict[str, Any]:
    arm, made = f"https://127.0.0.1:{profile.azure_https}", profile.made
    clock = {"CLOCK_FILE": str(profile.clock_file)} if profile.clock_file else {}
    return {
        "SUBSCRIPTIONS": [SUBSCRIPTION],
        "ARM_ENDPOINT": arm,
        "ARM_AUDIENCE": "https://management.azure.com/.default",
        "IDENTITY_CLIENT_ID": made["app_client_id"],
        "BLOB_ENDPOINT": storage_url(profile, "blob", STATE),
        "QUEUE_ENDPOINT": storage_url(profile, "queue", STATE),
        "TABLE_ENDPOINT": storage_url(profile, "table", STATE),
        "EVENTS_QUEUE": "events",
        "REPOSITORIES": {
            plan.name: {
                "url": repository_url(profile, plan.name),
                "region": plan.region,
                "password_secret": f"{arm}/secrets/{plan.secret}",
                "archive": plan.archive,
                "account": account_id(plan.account),
            }
            for plan in REPOSITORIES
        },
        "NOTIFICATION_CHANNELS": {CHANNEL: channel(arm)},
        "APP_URL": profile.url,
        "WORKER_PROFILES": {
            WORKER_PROFILE: {
                "regions": {
                    region: {"size": VM_SIZE, "resource_group": GROUP, "subnet": subnet_id(region)}
                    for region in REGIONS
                },
                "writer_identity": made["writer_id"],
                "writer_client_id": made["writer_client_id"],
                "maintainer_identity": made["maintainer_id"],
                "maintainer_client_id": made["maintainer_client_id"],
                "restorer_identity": made["restorer_id"],
                "restorer_client_id": made["restorer_client_id"],
                "parallel": 2,
                "max_workers": 2,
                "idle_minutes": 60,
            }
        },
        "WORKER_BUNDLE_URL": made["bundle_url"],
        "WORKER_BUNDLE_SHA256": made["bundle_sha256"],
        "SQLPACKAGE_URL": made["sqlpackage_url"],
        "SQLPACKAGE_SHA256": made["sqlpackage_sha256"],
        # Beside the SqlPackage stand-in, where boot unpacks it.
        "SQL_PROBE": f"/opt/holdfast/releases/{made['sqlpackage_sha256']}/sqlprobe",
        "SQL_TABLE_LOAD": f"/opt/holdfast/releases/{made['sqlpackage_sha256']}/sqltable",
        "CA_BUNDLE": str(profile.state / "azure" / "ca.pem"),
        "IDENTITY_ENDPOINT": METADATA_ADDRESS,
        "CLOCK_SCHEDULE": "*/10 * * * * *",
        "WATCH_SCHEDULE": "*/5 * * * * *",
        "JANITOR_SCHEDULE": "0 * * * * *",
        "NOTICES_SCHEDULE": "*/10 * * * * *",
        "DRILL_SCHEDULE": "*/30 * * * * *",
        **{name: f"PT{seconds}S" for name, seconds in _DURATIONS.items()},
        **clock,
    }
