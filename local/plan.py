"""What the ready world of `holdfast local up` consists of: names, places, and who may do what."""

from __future__ import annotations

from dataclasses import dataclass

from holdfast.model.channel import WebhookChannel
from local.azure.notice_board import KEY_SECRET, URL_SECRET
from local.azure.roles import APP
from local.azure.seeding import SUBSCRIPTION
from local.storage_front import roles

GROUP = "holdfast"
GROUP_ID = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}"
REGIONS = ("westeurope", "northeurope")
STATE, BACKUP, ARCHIVE = "hfstate", "hfbackup", "hfarchive"
#: Storage accounts and their regions. The archive lies in another region than the backups.
ACCOUNTS = {STATE: "westeurope", BACKUP: "westeurope", ARCHIVE: "northeurope"}
STAGING_SERVER_ID = f"{GROUP_ID}/providers/Microsoft.Sql/servers/sql-staging"
STAGING_INSTANCE_ID = f"{GROUP_ID}/providers/Microsoft.Sql/managedInstances/mi-staging"
VM_SIZE = "Standard_D4ds_v5"
WORKER_PROFILE = "standard"
VAULT_SCOPE = "/vault/secrets"
#: The notification channel that leads to the profile's notice board.
CHANNEL = "local"
#: A key for slots of repositories, and where roles on it are assigned.
VAULT_KEY, KEYS_SCOPE = "repositories", "/vault/keys"
KEY_USER = "Key Vault Crypto Service Encryption User"
SOFTWARE, JOBS, EXPORTS, DETAILS, EVENTS = "software", "jobs", "exports", "catalog", "events"


@dataclass(frozen=True)
class RepositoryPlan:
    """A repository of the world."""

    name: str
    account: str
    container: str
    archive: bool

    @property
    def secret(self) -> str:
        """Name of the Key Vault secret that holds its password."""
        return f"repository-{self.name}"

    @property
    def region(self) -> str:
        """Region of its account."""
        return ACCOUNTS[self.account]


REPOSITORIES = (
    RepositoryPlan("default", BACKUP, "backups", archive=False),
    RepositoryPlan("archive", ARCHIVE, "archive", archive=True),
)
CONTAINERS = (
    *((STATE, name) for name in (SOFTWARE, JOBS, EXPORTS, DETAILS)),
    *((repository.account, repository.container) for repository in REPOSITORIES),
)


def account_id(name: str) -> str:
    """Resource id of a storage account."""
    return f"{GROUP_ID}/providers/Microsoft.Storage/storageAccounts/{name}"


def container_id(account: str, container: str) -> str:
    """Scope of roles on one container."""
    return f"{account_id(account)}/blobServices/default/containers/{container}"


def network_id(region: str) -> str:
    """Resource id of the virtual network of a region."""
    return f"{GROUP_ID}/providers/Microsoft.Network/virtualNetworks/vnet-{region}"


def subnet_id(region: str) -> str:
    """Resource id of the subnet that workers of a region are in."""
    return f"{network_id(region)}/subnets/workers"


Assignments = list[tuple[str, str]]


def app_roles() -> Assignments:
    """The Functions app: everything on the state account, reads repositories, makes copies and machines."""
    return [
        (APP.name, f"/subscriptions/{SUBSCRIPTION}"),
        ("Key Vault Secrets User", VAULT_SCOPE),
        (roles.BLOB_OWNER.name, account_id(STATE)),
        (roles.QUEUE_CONTRIBUTOR.name, account_id(STATE)),
        (roles.TABLE_CONTRIBUTOR.name, account_id(STATE)),
        *((roles.BLOB_READER.name, container_id(r.account, r.container)) for r in REPOSITORIES),
    ]


def _worker_roles() -> Assignments:
    """What every worker may: fetch its software, do jobs, announce, read passwords and unwrap, connect to databases."""
    return [
        (roles.BLOB_READER.name, container_id(STATE, SOFTWARE)),
        (roles.JOB_WRITER.name, container_id(STATE, JOBS)),
        (roles.JOB_WRITER.name, container_id(STATE, EXPORTS)),
        (roles.QUEUE_WORKER.name, account_id(STATE)),
        (roles.QUEUE_SENDER.name, f"{account_id(STATE)}/queueServices/default/queues/{EVENTS}"),
        ("Key Vault Secrets User", VAULT_SCOPE),
        (KEY_USER, KEYS_SCOPE),
        ("SQL owner", f"/subscriptions/{SUBSCRIPTION}"),
    ]


def writer_roles() -> Assignments:
    """The writer: makes and reads what repositories hold, leases locks, rehydrates; deletes and overwrites nothing."""
    found = _worker_roles()
    for repository in REPOSITORIES:
        place = container_id(repository.account, repository.container)
        found += [
            (roles.REPOSITORY_WRITER.name, place),
            (roles.REPOSITORY_LOCKER.name, f"{place}/blobs/locks"),
            (roles.REHYDRATOR.name, place),
        ]
    return found


def maintainer_roles() -> Assignments:
    """The maintainer: deletes, locks and holds in repositories, makes new blobs; overwrites nothing but lock objects."""
    found = _worker_roles()
    for repository in REPOSITORIES:
        place = container_id(repository.account, repository.container)
        found += [
            (roles.REPOSITORY_MAINTAINER.name, place),
            (roles.REPOSITORY_LOCKER.name, f"{place}/blobs/locks"),
            (roles.REHYDRATOR.name, place),
        ]
    return found


def restorer_roles() -> Assignments:
    """The restorer: reads repositories and rehydrates, fills databases; writes to no repository."""
    found = [*_worker_roles(), ("SQL importer", f"/subscriptions/{SUBSCRIPTION}")]
    for repository in REPOSITORIES:
        place = container_id(repository.account, repository.container)
        found += [(roles.BLOB_READER.name, place), (roles.REHYDRATOR.name, place)]
    return found


def operator_roles() -> Assignments:
    """The person at this machine, for commands that work on a repository without the app."""
    return [*((roles.BLOB_OWNER.name, account_id(name)) for name in (BACKUP, ARCHIVE)), (KEY_USER, KEYS_SCOPE)]


def channel(vault: str) -> dict[str, object]:
    """The channel as the setting has it: everything is told, success too."""
    secrets = f"{vault}/secrets"
    events = ["failure", "warning", "success", "overdue", "summary"]
    made = WebhookChannel(
        kind="webhook", url_secret=f"{secrets}/{URL_SECRET}", signing_secret=f"{secrets}/{KEY_SECRET}", events=events
    )
    return made.model_dump(mode="json")


def default_policy() -> dict[str, object]:
    """Policy `default`: everything, over staging copies; point of the day kept a week, of the month archived."""
    return {
        "name": "default",
        "staging": {"sql_server": STAGING_SERVER_ID, "managed_instance": STAGING_INSTANCE_ID},
        "schedules": {
            "daily": {"at": ["03:00"], "keep_days": 7},
            "monthly": {"day": 1, "keep_months": 12, "archive": True},
        },
        "repository": "default",
        "archive": "archive",
        "worker": WORKER_PROFILE,
        "notify": [CHANNEL],
    }
