"""What a worker VM is told at its birth: the custom data, a cloud-config document.

It makes a user, installs the few system libraries that SqlPackage and the SQL driver need, writes `boot.json`, `boot.py`
(`boot_script.py` of this folder, word for word) and the systemd units, and starts the worker. No secret is in it: Azure
shows custom data to whoever may read the machine.

Never run on Azure: the document is checked against cloud-init's published schema, the units with systemd-analyze, and
the boot script runs for real on the local profile.
"""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import yaml

from holdfast.model.errors import InvalidInput
from holdfast.settings import Settings, WorkerProfile

Role = Literal["writer", "maintainer", "restorer"]

#: Azure's limit of custom data before base64.
MAX_CUSTOM_DATA_BYTES = 65_535

#: A machine that has had no job for this long has been forgotten, and stops by itself.
ABANDONED_AFTER = timedelta(hours=12)

#: For Ubuntu 24.04. SqlPackage is self-contained but for ICU, Kerberos and OpenSSL; mssql-python needs libltdl.
PACKAGES = ("ca-certificates", "libgssapi-krb5-2", "libicu74", "libkrb5-3", "libltdl7", "libssl3t64")

_MINUTES = ABANDONED_AFTER // timedelta(minutes=1)
_FOLDER = "/opt/holdfast"
_WORKSPACE = "/mnt/holdfast"

# `env` finds the machine's Python. boot.py runs again before every start, as root (`+`): it makes the local disk ready,
# which Azure empties at every deallocation. KillMode=mixed: the worker itself stops SqlPackage. OOMPolicy=continue: when
# memory runs out under SqlPackage the worker lives on to say so.
_WORKER_UNIT = f"""\
[Unit]
Description=Holdfast worker
Wants=network-online.target holdfast-deadline.timer
After=network-online.target
StartLimitIntervalSec=0

[Service]
User=holdfast
Environment=HOLDFAST_WORKER_WORKSPACE={_WORKSPACE}
EnvironmentFile=-{_FOLDER}/worker.env
ExecStartPre=+/usr/bin/env python3 {_FOLDER}/boot.py
ExecStart=/usr/bin/env python3 -m holdfast.worker
Restart=always
RestartSec=5
TimeoutStartSec=30min
TimeoutStopSec=60
KillMode=mixed
OOMPolicy=continue
LimitNOFILE=1048576
LimitCORE=0
NoNewPrivileges=yes
PrivateTmp=yes
ProtectHome=yes
ProtectSystem=strict
ReadWritePaths=-{_WORKSPACE}

[Install]
WantedBy=multi-user.target
"""

_DEADLINE_UNIT = f"""\
[Unit]
Description=Stops a Holdfast worker that has had no job for a long time

[Service]
Type=oneshot
ExecStart=/bin/sh -c 'find {_WORKSPACE}/alive -mmin -{_MINUTES} | grep -q . || systemctl poweroff'
"""

_DEADLINE_TIMER = f"""\
[Unit]
Description=Looks for a Holdfast worker that was forgotten

[Timer]
OnBootSec={_MINUTES}min
OnUnitActiveSec=30min
"""


class _Text(str):
    """A text that the document shows as a block, line by line."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    pass


def _as_block(dumper: yaml.SafeDumper, text: _Text) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style="|")


_Dumper.add_representer(_Text, _as_block)


def boot_script() -> str:
    """The text of the script that boots the machine."""
    return Path(__file__).with_name("boot_script.py").read_text(encoding="utf-8")


def boot_document(settings: Settings, name: str, profile: WorkerProfile, role: Role = "writer") -> dict[str, Any]:
    """`boot.json`: what the boot script fetches, and the environment that it writes for the worker.

    Raises InvalidInput where the profile lacks the identity of that role or the settings name no worker bundle.
    """
    client_ids: dict[Role, str | None] = {
        "writer": profile.writer_client_id,
        "maintainer": profile.maintainer_client_id,
        "restorer": profile.restorer_client_id,
    }
    client_id = client_ids[role]
    if client_id is None:
        raise InvalidInput(
            f"the worker profile names no {role} identity",
            help=f"Set {role}_identity and {role}_client_id in HOLDFAST_WORKER_PROFILES.",
        )
    if not settings.worker_bundle_url or not settings.worker_bundle_sha256:
        raise InvalidInput(
            "no worker bundle is configured",
            help="Set HOLDFAST_WORKER_BUNDLE_URL and HOLDFAST_WORKER_BUNDLE_SHA256.",
        )
    environment = {
        "NAME": name,
        "CLIENT_ID": client_id,
        "BLOB_ENDPOINT": settings.blob_endpoint,
        "QUEUE_ENDPOINT": settings.queue_endpoint,
        "STORAGE_API_VERSION": settings.storage_api_version,
        "EVENTS_QUEUE": settings.events_queue,
        "JOBS_CONTAINER": settings.jobs_container,
        "SQL_PROBE": settings.sql_probe,
        "SQL_TABLE_LOAD": settings.sql_table_load,
        "PARALLEL": str(profile.parallel),
        "HEARTBEAT": f"PT{settings.heartbeat.total_seconds()}S",
        "TELEMETRY": settings.telemetry,
        "TELEMETRY_CONNECTION": settings.telemetry_connection,
        "CLOCK_FILE": str(settings.clock_file) if settings.clock_file else None,
    }
    document: dict[str, Any] = {
        "client_id": client_id,
        "identity_endpoint": settings.identity_endpoint,
        "storage_api_version": settings.storage_api_version,
        "bundle": {"url": settings.worker_bundle_url, "sha256": settings.worker_bundle_sha256},
        "environment": {f"HOLDFAST_WORKER_{key}": value for key, value in environment.items() if value},
    }
    if settings.sqlpackage_url:
        if not settings.sqlpackage_sha256:
            raise InvalidInput("SqlPackage has no SHA-256 to check it by", help="Set HOLDFAST_SQLPACKAGE_SHA256.")
        document["sqlpackage"] = {"url": settings.sqlpackage_url, "sha256": settings.sqlpackage_sha256}
    return document


def custom_data(settings: Settings, name: str, profile: WorkerProfile, role: Role = "writer") -> str:
    """The cloud-config of a worker VM, as text: the caller encodes it in base64.

    Raises InvalidInput for missing settings, or where the document is larger than Azure takes.
    """
    files = [
        _file(f"{_FOLDER}/boot.json", json.dumps(boot_document(settings, name, profile, role), indent=2) + "\n"),
        _file(f"{_FOLDER}/boot.py", boot_script()),
        _file("/etc/systemd/system/holdfast-worker.service", _WORKER_UNIT),
        _file("/etc/systemd/system/holdfast-deadline.service", _DEADLINE_UNIT),
        _file("/etc/systemd/system/holdfast-deadline.timer", _DEADLINE_TIMER),
    ]
    if settings.ca_bundle:
        files.append(_file(f"{_FOLDER}/ca.pem", Path(settings.ca_bundle).read_text(encoding="utf-8")))
    document = {
        "package_update": True,
        "packages": list(PACKAGES),
        "users": [
            "default",
            {
                "name": "holdfast",
                "system": True,
                "shell": "/usr/sbin/nologin",
                "lock_passwd": True,
                "no_create_home": True,
            },
        ],
        # The local disk: fast, part of the price, and gone with the machine, as exports should be.
        "mounts": [["ephemeral0", _WORKSPACE, "auto", "defaults,nofail,noatime", "0", "2"]],
        "write_files": files,
        "runcmd": [
            ["python3", f"{_FOLDER}/boot.py"],
            ["systemctl", "daemon-reload"],
            ["systemctl", "enable", "--now", "holdfast-worker.service"],
        ],
    }
    text = "#cloud-config\n" + yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=10_000, allow_unicode=True)
    size = len(text.encode())
    if size > MAX_CUSTOM_DATA_BYTES:
        raise InvalidInput(
            f"the custom data of a worker has {size:,} bytes, more than the {MAX_CUSTOM_DATA_BYTES:,} that Azure takes",
            help="Shorten the authority file that HOLDFAST_CA_BUNDLE names: only the root certificate is needed.",
        )
    return text


def _file(path: str, content: str) -> dict[str, str]:
    return {"path": path, "owner": "root:root", "permissions": "0644", "content": _Text(content)}
