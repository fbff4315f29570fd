"""What goes wrong in a restore."""

from __future__ import annotations

from holdfast.model.errors import HoldfastError


class RestoreImpossible(HoldfastError):
    """The plan has a hindrance. The detail names each."""

    code = "restore-impossible"
    title = "The restore cannot be done as it was asked for"
    advice = "See the plan: `holdfast restore start POINT … --plan` names every hindrance and what mends it."
    exit_code = 27
    http_status = 409
    permanent = True


class TargetFailed(HoldfastError):
    code = "target-failed"
    title = "The database to restore into could not be made"
    advice = "Look at its error in Azure; the step is tried again."
    exit_code = 27
    http_status = 502


class ImportFailed(HoldfastError):
    code = "import-failed"
    title = "The import failed"
    advice = "Read what SqlPackage said; it is tried again into a new empty database."
    exit_code = 27
    http_status = 502


class ImportBlocked(HoldfastError):
    """The package holds what this target does not take. No retry can help."""

    code = "import-blocked"
    title = "The target does not take what the point holds"
    advice = "Mend what is named, or restore to another tier, server or instance."
    exit_code = 27
    http_status = 422
    permanent = True


class NotAsStored(HoldfastError):
    """Verification found a difference. The database stays under its temporary name."""

    code = "not-as-stored"
    title = "The restored database is not what the point holds"
    advice = (
        "It was not given its name. Look at it under its temporary name; restore again, or delete it with "
        "`holdfast restore discard`."
    )
    exit_code = 28
    http_status = 500
    permanent = True
