"""What Azure's status of a database means for a backup. Pure."""

from __future__ import annotations

from typing import NamedTuple

from holdfast.model.source import Source

#: A serverless database that sleeps is woken by the copy or the export.
_ASLEEP = ("paused", "pausing")
_USABLE = ("online", "autoclosed", "resuming", "scaling", "updating", *_ASLEEP)

_WAIT = "It is taken in the next session once it is online."
_MENDS = {
    "offline": "Bring it online, or leave it out of the policy.",
    "inaccessible": "Azure cannot open it, most often because the key of its transparent data encryption is out of "
    "reach: check the server's identity and the Key Vault key.",
    "suspect": "Ask Azure support, or restore it from a backup of Azure's own.",
    "emergencymode": "It is read-only for repair: end the emergency mode.",
    "disabled": "Azure has disabled it, often for billing: check the subscription.",
    "shutdown": "Start it again, or leave it out of the policy.",
    "stopped": "Start the instance, or leave its databases out of the policy.",
    "stopping": "Start the instance, or leave its databases out of the policy.",
    "offlinesecondary": "It is a replica that cannot be read: back up its primary.",
    "standby": "It is a replica without compute: back up its primary.",
}


class Hindrance(NamedTuple):
    """Why a database cannot be backed up now, and what to do."""

    why: str
    mend: str


def is_asleep(source: Source) -> bool:
    """Whether it is a serverless database that Azure paused."""
    return source.status.lower() in _ASLEEP


def why_unusable(source: Source) -> Hindrance | None:
    """What keeps a database from being copied and exported now; None where nothing does."""
    if source.unfit is not None:
        return Hindrance(f"is {source.unfit}", "Leave it out of the policy.")
    if source.secondary == "Standby":
        return Hindrance("is a replica without compute (Standby)", _MENDS["standby"])
    status = source.status.lower()
    if status in _USABLE:
        return None
    return Hindrance(f"is {source.status or 'without a status'}, not Online", _MENDS.get(status, _WAIT))
