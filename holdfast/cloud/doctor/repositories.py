"""Repositories as far as the app may look: the container answers, a repository is in it, what opens it is in the vault."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from holdfast.cloud.clients import Clients
from holdfast.cloud.containers import Containers
from holdfast.cloud.failures import azure_errors
from holdfast.cloud.state_account import state_errors
from holdfast.model.diagnosis import Diagnosis, broken, doubtful, grant, healthy
from holdfast.model.errors import Forbidden, HoldfastError, NotFound
from holdfast.model.policy import Policy
from holdfast.settings import RepositorySettings

Check = tuple[str, str, Callable[[], Iterable[Diagnosis]]]

#: The object that makes a container a repository (docs/repository-format.md). The app reads no repository, it only looks.
DESCRIPTION = "repository.json"
_READER = "Storage Blob Data Reader"
_SECRETS = "Key Vault Secrets User"
_KEYS = "Key Vault Crypto Service Encryption User"


class Repositories:
    """The repositories that policies name."""

    def __init__(self, clients: Clients) -> None:
        self._settings, self._credential = clients.settings, clients.identity
        self._containers = Containers(clients)

    def checks(self, policies: Sequence[Policy]) -> Iterator[Check]:
        """One check a repository."""
        wanted: dict[str, bool] = {}
        for policy in policies:
            for name in (policy.repository, policy.archive):
                if name is not None:
                    wanted[name] = wanted.get(name, False) or policy.immutable
        for name, immutable in sorted(wanted.items()):
            what = f"repository {name}"
            found = self._settings.repositories.get(name)
            if found is None:
                yield "repository", what, lambda what=what: [_unknown(what)]  # type: ignore[misc]
                continue
            yield "repository", what, lambda n=name, f=found, i=immutable: self._container(n, f, i)  # type: ignore[misc]
            if found.password_secret:
                yield "vault", what, lambda w=what, f=found: self._secret(w, f.password_secret)  # type: ignore[misc]
            else:
                yield "vault", what, lambda w=what, f=found: self._key(w, f.vault_key)  # type: ignore[misc]

    def _container(self, name: str, repository: RepositorySettings, immutable: bool) -> Iterator[Diagnosis]:
        what = f"repository {name}"
        from azure.core.exceptions import ResourceNotFoundError
        from azure.storage.blob import ContainerClient

        version: dict[str, Any] = (
            {"api_version": self._settings.storage_api_version} if self._settings.storage_api_version else {}
        )
        with ContainerClient.from_container_url(repository.url, credential=self._credential, **version) as client:
            try:
                with state_errors(repository.url, _READER):
                    try:
                        client.get_container_properties()
                        there = next(iter(client.list_blobs(name_starts_with=DESCRIPTION)), None)
                    except ResourceNotFoundError:
                        mend = f"holdfast repository init {repository.url}"
                        yield broken("repository", what, f"there is no container {repository.url}", mend)
                        return
            except Forbidden as error:
                scope = container_scope(repository.account, repository.url)
                yield broken("repository", what, error.detail, grant(self._settings.identity_client_id, _READER, scope))
                return
        if there is None:
            mend = f"holdfast repository init {repository.url}" + (" --archive" if repository.archive else "")
            yield broken("repository", what, f"{repository.url} holds no repository", mend)
            return
        if immutable:
            # Raises what an immutable policy is refused with; the doctor tells it like every error of a check.
            self._containers.require_immutability(name, repository)
        yield healthy("repository", what, "the container answers and holds a repository")

    def _secret(self, what: str, url: str) -> Iterator[Diagnosis]:
        from azure.keyvault.secrets import SecretClient

        vault, name = _vault_and_name(url)
        try:
            with (
                SecretClient(vault, self._credential) as client,
                azure_errors(f"looking for the secret {name} of {vault}"),
            ):
                # Its versions and whether one is enabled, never its value.
                enabled = [v for v in client.list_properties_of_secret_versions(name) if v.enabled is not False]
        except Forbidden as error:
            give = grant(self._settings.identity_client_id, _SECRETS, f"{_vault_scope(vault)}/secrets/{name}")
            yield broken("vault", what, error.detail, give)
            return
        except NotFound:
            enabled = []
        if not enabled:
            yield broken("vault", what, f"{url} is not there or disabled", f"Make or enable the secret {name}.")
        else:
            yield healthy("vault", what, f"secret {name}")

    def _key(self, what: str, url: str) -> Iterator[Diagnosis]:
        from azure.keyvault.keys import KeyClient

        vault, name = _vault_and_name(url)
        try:
            with KeyClient(vault, self._credential) as client, azure_errors(f"looking for the key {name} of {vault}"):
                found = client.get_key(name)
        except Forbidden:
            give = grant("CLIENT_ID_OF_THE_WORKER", _KEYS, f"{_vault_scope(vault)}/keys/{name}")
            why = "the app may not look at the key, and need not: workers use it"
            yield doubtful("vault", what, why, f"Check that both worker identities have the role: {give}")
        except HoldfastError as error:
            yield broken("vault", what, error.detail, f"Make or recover the key {name} of {vault}.")
        else:
            if found.properties.enabled is False:
                yield broken("vault", what, f"the key {name} is disabled", f"Enable the key {name} of {vault}.")
            else:
                yield healthy("vault", what, f"key {name}")


def _unknown(what: str) -> Diagnosis:
    return broken("repository", what, "a policy names it, and it is not configured", "Add it to HOLDFAST_REPOSITORIES.")


def _vault_and_name(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}", parts.path.strip("/").split("/")[1]


def _vault_scope(vault: str) -> str:
    return f"VAULT_ID_OF_{urlsplit(vault).netloc.partition('.')[0]}"


def container_scope(account: str, url: str) -> str:
    """The scope of a role on a container; where the account's resource id is not configured, with a word in its place."""
    name, container = storage_names(url)
    return f"{account or f'STORAGE_ACCOUNT_ID_OF_{name}'}/blobServices/default/containers/{container}"


def storage_names(url: str) -> tuple[str, str]:
    """Account and container of a container's address. One by number has the account in its path."""
    parts = urlsplit(url)
    path = parts.path.strip("/").split("/")
    return (path[0] if len(path) > 1 else (parts.hostname or "").partition(".")[0]), path[-1]
