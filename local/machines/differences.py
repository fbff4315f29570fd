"""Everything in which an emulated machine differs from an Ubuntu VM in Azure, and nothing else. The one list.

What custom data may hold is either emulated (the code of this folder) or named here with the reason why leaving it out
changes nothing for the worker. Any other key is refused when the machine boots, so a new one cannot go untested unseen.
"""

from __future__ import annotations

from collections.abc import Mapping

#: Folders of the VM's file system that lie below the machine's own root folder. Every mention in custom data is moved.
RELOCATED = ("/opt/holdfast", "/etc/systemd", "/mnt/holdfast", "/var/lib/holdfast")

#: The temporary disk: empty after every deallocation.
TEMPORARY_DISK = "/mnt/holdfast"

#: Azure's link-local metadata address; every mention leads to the emulator's metadata of this very machine.
METADATA_ADDRESS = "http://169.254.169.254"

#: Behaviour of the machine as a whole.
MACHINE: Mapping[str, str] = {
    "root folder": "the folders in RELOCATED lie below the machine's own root; the rest is this machine's file system",
    "metadata address": "169.254.169.254 leads to the emulator's metadata endpoint of this VM",
    "python3": "the image's Python is the one that runs the profile, without its installed packages",
    "lsblk": "shows no disks, so that boot never formats one of this machine",
    "systemd": "emulated: services, timers, enable, start order by Wants; no cgroups, so limits and sandboxes are absent",
    "user": "everything runs as the user who started the profile",
    "environment": "HOLDFAST_LOCAL_MACHINE and HOLDFAST_LOCAL_CONTROL are added, and TMPDIR is a folder of the machine",
}

#: Keys of cloud-config that are read and then left out.
CLOUD_CONFIG: Mapping[str, str] = {
    "package_update": "packages are not installed",
    "packages": "packages are not installed: the stand-ins need none of them",
    "mounts": "mounts are not made: the temporary disk is a folder",
    "users": "users are not made: everything runs as the user who started the profile",
}

#: Keys of a `write_files` entry that are left out.
WRITE_FILES: Mapping[str, str] = {"owner": "everything belongs to the user who started the profile"}

#: Keys of unit files that are left out, by section.
UNITS: Mapping[str, Mapping[str, str]] = {
    "Unit": {"Description": "for people", "After": "what is wanted is started first anyway"},
    "Service": {
        "User": "everything runs as the user who started the profile",
        "LimitNOFILE": "no cgroups or limits",
        "LimitCORE": "no cgroups or limits",
        "OOMPolicy": "no cgroups or limits",
        "NoNewPrivileges": "no sandbox",
        "PrivateTmp": "no sandbox: TMPDIR names a folder of the machine",
        "ProtectHome": "no sandbox",
        "ProtectSystem": "no sandbox",
        "ReadWritePaths": "no sandbox",
        "TimeoutStartSec": "a start takes as long as it takes",
    },
    "Timer": {},
    "Install": {},
}


class NotEmulated(Exception):
    """Custom data asks for something that is neither emulated nor a listed difference. The text names it."""
