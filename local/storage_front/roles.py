"""Roles on storage data: Azure's built-in ones, and the writer's, which can neither delete nor overwrite.

A role condition on a blob's path is modelled by a role assignment at that path (`…/containers/<c>/blobs/<prefix>`).
"""

from __future__ import annotations

from local.azure.rights import Rights
from local.azure.roles import Role
from local.storage_front import operations as op

BLOB_OWNER = Role(
    "Storage Blob Data Owner", (op.CONTAINER_READ, op.CONTAINER_WRITE, op.CONTAINER_DELETE, op.DELEGATE),
    (op.BLOB_READ, op.BLOB_ADD, op.BLOB_WRITE, op.BLOB_DELETE, op.BLOB_DELETE_VERSION, op.BLOB_IMMUTABLE),
)  # fmt: skip
BLOB_READER = Role("Storage Blob Data Reader", (op.CONTAINER_READ, op.DELEGATE), (op.BLOB_READ,))
QUEUE_CONTRIBUTOR = Role(
    "Storage Queue Data Contributor", (op.QUEUE_READ, op.QUEUE_WRITE, op.QUEUE_DELETE),
    (op.MESSAGE_READ, op.MESSAGE_WRITE, op.MESSAGE_DELETE, op.MESSAGE_ADD, op.MESSAGE_PROCESS),
)  # fmt: skip
#: Takes jobs from queues. Azure's own Message Processor lacks `messages/write`, without which no message that is worked
#: on for long can be kept hidden (Update Message).
QUEUE_WORKER = Role("Holdfast Queue Worker", (), (op.MESSAGE_READ, op.MESSAGE_PROCESS, op.MESSAGE_WRITE))
QUEUE_SENDER = Role("Storage Queue Data Message Sender", (), (op.MESSAGE_ADD,))
TABLE_CONTRIBUTOR = Role(
    "Storage Table Data Contributor", (op.TABLE_READ, op.TABLE_WRITE, op.TABLE_DELETE),
    (op.ENTITY_READ, op.ENTITY_WRITE, op.ENTITY_DELETE),
)  # fmt: skip
#: The worker's writer on a repository: reads, makes new blobs; no delete, no overwrite.
REPOSITORY_WRITER = Role("Holdfast Repository Writer", (op.CONTAINER_READ,), (op.BLOB_READ, op.BLOB_ADD))
#: The writer where locks lie, and nowhere else: a lease is a write.
REPOSITORY_LOCKER = Role("Holdfast Repository Locker", (), (op.BLOB_WRITE,))
#: The maintainer: removes what nothing needs, locks and holds. It makes new blobs and overwrites none, so that it cannot
#: hide what is locked.
REPOSITORY_MAINTAINER = Role(
    "Holdfast Repository Maintainer", (op.CONTAINER_READ,),
    (op.BLOB_READ, op.BLOB_ADD, op.BLOB_DELETE, op.BLOB_DELETE_VERSION, op.BLOB_IMMUTABLE),
)  # fmt: skip
#: Whoever rehydrates: `blobs/write` under a condition on the suboperation Blob.Write.Tier.
REHYDRATOR = Role("Holdfast Rehydrator", (), (op.BLOB_TIER,))
#: A worker on jobs and exports: reads and writes documents, deletes none.
JOB_WRITER = Role("Holdfast Job Writer", (op.CONTAINER_READ,), (op.BLOB_READ, op.BLOB_ADD, op.BLOB_WRITE))

ROLES = (
    BLOB_OWNER,
    BLOB_READER,
    QUEUE_CONTRIBUTOR,
    QUEUE_WORKER,
    QUEUE_SENDER,
    TABLE_CONTRIBUTOR,
    REPOSITORY_WRITER,
    REPOSITORY_LOCKER,
    REPOSITORY_MAINTAINER,
    REHYDRATOR,
    JOB_WRITER,
)


def define_roles(rights: Rights) -> None:
    """Makes the storage roles known to the emulated tenant."""
    for role in ROLES:
        rights.define(role)
