"""Errors of the repository that are not in `holdfast.model.errors`."""

from __future__ import annotations

from holdfast.model.errors import Conflict, Damaged, HoldfastError


class NewerFormat(HoldfastError):
    """An object of a version, or a frame of a codec, that this program does not know."""

    code = "newer-format"
    title = "The repository was written by a newer version"
    advice = "Install the newest Holdfast."
    exit_code = 15
    http_status = 501
    permanent = True


class NotIdentical(HoldfastError):
    """The very same file was asked for and cannot be made. The detail says why."""

    code = "not-identical"
    title = "The file that was backed up cannot be rebuilt bit for bit"
    advice = "Download it without --identical: every entry in it is byte-identical, only the ZIP around them differs."
    exit_code = 16
    http_status = 409
    permanent = True


class RepositoryExists(Conflict):
    """A repository is there already, or something else is in its place."""

    code = "repository-exists"
    title = "There is something at that address already"
    advice = "Open the repository that is there, or choose an empty container or folder."
    exit_code = 10
    permanent = True


class ForeignSlot(Damaged):
    """A key slot that belongs to another repository: left by an `init` that died or lost a race. It harms nobody."""

    code = "foreign-slot"
    title = "The key slot belongs to another repository"


class PointConflict(Conflict):
    """The id of a point is taken by another point."""

    code = "point-exists"
    title = "Another restore point has that id"
    exit_code = 17
    permanent = True


class NotOwned(Conflict):
    """An installation was about to remove something of a chain that is another's."""

    code = "not-owned"
    title = "The chain belongs to another installation, or to none"
    advice = (
        "Leave it to its owner. If that installation is gone (its configuration database was lost, say), take the chains "
        "over with `holdfast repository adopt`."
    )
    exit_code = 25
    permanent = True


class LastPoint(Conflict):
    """The last point of a chain was to be deleted, and nobody said that it may be."""

    code = "last-point"
    title = "The last restore point of a database is not deleted by accident"
    advice = "Say `--last-too` if the database's backups may all go."
    exit_code = 18
    permanent = True
