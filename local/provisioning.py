"""Makes the plan's world once everything but the app runs: resources, identities, roles, secrets, software, repositories.

Every step may run again: `up` after `down`, or after a crash half-way.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import ssl
from typing import Any

import httpx
from azure.core.exceptions import ResourceExistsError
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from holdfast.clock_file import clock_from
from holdfast.model.errors import ErrorInfo, HoldfastError, NoRepository, ReportedError
from holdfast.repository import Repository
from holdfast.storage import open_store
from local import plan
from local.app_settings import repository_url, storage_url
from local.azure import notice_board
from local.azure.state_folder import StateFolder
from local.bundle import Archive
from local.owner import OwnerCredential
from local.profile_file import ProfileFile
from local.service import ServiceFailed
from local.sqlpackage import delivery


def _refusal(method: str, path: str, answer: httpx.Response) -> HoldfastError:
    """What the emulator said went wrong, in its own words where it said so in ours."""
    try:
        return ReportedError(ErrorInfo.model_validate(answer.json()))
    except ValueError:
        return ServiceFailed(f"{method} {path}: {answer.status_code} {answer.text[:500]}")


class Provisioning:
    """One state folder's world."""

    def __init__(self, profile: ProfileFile) -> None:
        self._profile = profile
        self._folder = StateFolder(profile.state / "azure")
        self.owner = OwnerCredential(self._folder)
        self._address = f"https://127.0.0.1:{profile.azure_https}"
        self._options: dict[str, Any] = {"credential": self.owner, "connection_verify": str(self._folder.ca)}

    def all(self, bundle: Archive) -> None:
        """Makes everything that is missing. Raises ServiceFailed, AzureError, HoldfastError."""
        self.owner.grant()
        self._resources()
        self._identities()
        self._containers()
        self._software(bundle)
        self.admin("PUT", f"keys/{plan.VAULT_KEY}")
        for repository in plan.REPOSITORIES:
            self._repository(repository)
        self._notice_board()

    def admin(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """Asks the Azure emulator's admin endpoint. Raises ServiceFailed."""
        headers = {"x-local-key": self._folder.admin_key.read_text()}
        trust = ssl.create_default_context(cafile=self._folder.ca)
        with httpx.Client(verify=trust, headers=headers, timeout=600, trust_env=False) as client:
            answer = client.request(method, f"{self._address}/_local/{path}", json=body, params=query)
        if answer.is_error:
            raise _refusal(method, path, answer)
        return answer.json()

    def _resources(self) -> None:
        for region in plan.REGIONS:
            subnets = [{"name": "workers", "properties": {"addressPrefix": "10.0.0.0/24"}}]
            self._place(plan.network_id(region), region, {"subnets": subnets})
        for name, region in plan.ACCOUNTS.items():
            self._place(plan.account_id(name), region, {})
        for name in plan.ACCOUNTS:
            self._place(
                f"{plan.account_id(name)}/blobServices/default", plan.ACCOUNTS[name], {"isVersioningEnabled": True}
            )
        for repository in plan.REPOSITORIES:
            where = plan.container_id(repository.account, repository.container)
            self._place(where, repository.region, {"immutableStorageWithVersioning": {"enabled": True}})
        self._place(plan.STAGING_SERVER_ID, "westeurope", {})
        self._place(plan.STAGING_INSTANCE_ID, "westeurope", {})

    def _place(self, resource_id: str, region: str, properties: dict[str, Any]) -> None:
        self.admin("PUT", "resources", {"id": resource_id, "location": region, "properties": properties})

    def _identities(self) -> None:
        made = self._profile.made
        for name, roles in (
            ("app", plan.app_roles()),
            ("writer", plan.writer_roles()),
            ("maintainer", plan.maintainer_roles()),
            ("restorer", plan.restorer_roles()),
            ("operator", plan.operator_roles()),
        ):
            # The app and the person get their tokens from the endpoint of the app's platform, workers from their VM's.
            body = {"name": f"holdfast-{name}", "app": name in ("app", "operator"), "roles": roles}
            found = self.admin("POST", "identities", body)
            made[f"{name}_id"], made[f"{name}_client_id"] = found["id"], found["client_id"]

    def _containers(self) -> None:
        for account, container in plan.CONTAINERS:
            try:
                self._blobs(account).create_container(container)
            except ResourceExistsError:
                continue
        queues = QueueServiceClient(storage_url(self._profile, "queue", plan.STATE), **self._options)
        try:
            queues.create_queue(plan.EVENTS)
        except ResourceExistsError:
            return

    def _software(self, bundle: Archive) -> None:
        address = f"https://127.0.0.1:{self._profile.azure_https}"
        stand_in = delivery.archive(address, self._folder.ca)
        for name, suffix, content in (("bundle", "tar.gz", bundle.content), ("sqlpackage", "zip", stand_in)):
            digest = hashlib.sha256(content).hexdigest()
            # Named by content: workers that boot from an older one still find it.
            blob = self._blobs(plan.STATE).get_blob_client(plan.SOFTWARE, f"{name}-{digest[:16]}.{suffix}")
            if not blob.exists():
                blob.upload_blob(content, overwrite=True)
            self._profile.made[f"{name}_url"], self._profile.made[f"{name}_sha256"] = blob.url, digest

    def _blobs(self, account: str) -> BlobServiceClient:
        return BlobServiceClient(storage_url(self._profile, "blob", account), **self._options)

    def password(self, repository: plan.RepositoryPlan) -> str | None:
        """The repository's password, from the vault; None where there is none yet."""
        return self.secret(repository.secret)

    def secret(self, name: str) -> str | None:
        """A secret of the vault; None where there is none of that name."""
        from azure.core.exceptions import ResourceNotFoundError
        from azure.keyvault.secrets import SecretClient

        with SecretClient(self._address, verify_challenge_resource=False, **self._options) as vault:
            try:
                return vault.get_secret(name).value
            except ResourceNotFoundError:
                return None

    def open_repository(self, repository: plan.RepositoryPlan, *, make: bool = False) -> Repository:
        """The repository itself, directly in storage. Raises NoRepository unless `make`."""
        url = repository_url(self._profile, repository.name)
        store = open_store(url, **self._options)
        clock, password = clock_from(self._profile.clock_file), self.password(repository) or ""
        try:
            return Repository.open(store, password, clock=clock, name=repository.name)
        except NoRepository:
            if not make:
                raise
            return Repository.init(store, password, clock=clock, name=repository.name, archive=repository.archive)

    def _notice_board(self) -> None:
        """The address and the signing key of the profile's notification channel."""
        board = f"{self._address}{notice_board.PATH}/{secrets.token_urlsafe(24)}"
        key = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
        for name, value in ((notice_board.URL_SECRET, board), (notice_board.KEY_SECRET, key)):
            if self.secret(name) is None:
                self.admin("PUT", f"secrets/{name}", {"value": value})

    def _repository(self, repository: plan.RepositoryPlan) -> None:
        if self.password(repository) is None:
            self.admin("PUT", f"secrets/{repository.secret}", {"value": secrets.token_urlsafe(32)})
        self.open_repository(repository, make=True)
