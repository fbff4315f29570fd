"""Survey: reads every chain of a repository, or adopts them, or both."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from holdfast.cloud.state_account import WORKER_ROLE, state_errors
from holdfast.model.globs import database_matches
from holdfast.model.job import SurveyedChain, SurveySpec
from holdfast.worker.assignment import Assignment
from holdfast.worker.patience import once_unlocked
from holdfast.worker.synchronise import read_chain

if TYPE_CHECKING:
    from holdfast.repository import Repository


def work(assignment: Assignment) -> dict[str, Any]:
    """Output: `chains`, a `SurveyedChain` each; what was read of one lies in the exports container, a blob a chain.

    Done again, it writes the same blobs again and adopts nothing twice. Raises NotFound where no chain fits, what reading
    and locking raise, Forbidden and Unavailable for the container.
    """
    spec = assignment.spec(SurveySpec)
    assignment.progress.update(phase="opening the repository")
    repository = assignment.repositories.open(spec.repository)
    found: list[SurveyedChain] = []
    for chain in repository.chains():
        assignment.stop.check()
        assignment.progress.update(phase=f"reading chain {chain}", tables_done=len(found))
        surveyed = _survey(assignment, spec, repository, chain)
        if surveyed is not None:
            found.append(surveyed)
    return {"chains": [chain.model_dump(mode="json") for chain in found]}


def _survey(assignment: Assignment, spec: SurveySpec, repository: Repository, chain: str) -> SurveyedChain | None:
    """None for a chain that nobody asked for, and for one without any number: a lock that a dead writer left."""
    manifests, problems = repository.manifests(chain)
    owner = repository.owner(chain)
    if not manifests and not problems and owner is None:
        return None
    source = manifests[-1].manifest.point.source if manifests else chain
    if spec.databases and not any(database_matches(glob, source) for glob in spec.databases):
        return None
    ours = repository.installation
    surveyed = SurveyedChain(
        chain=chain,
        source=source,
        points=len(manifests),
        owner=owner.who if owner else None,
        adopted=spec.adopt and ours is not None and (owner is None or owner.installation != ours.id),
    )
    if surveyed.adopted and not spec.dry_run:
        once_unlocked(assignment, lambda: repository.adopt(chain, owner=assignment.owner))
    if spec.read:
        surveyed = surveyed.model_copy(update={"blob": f"{spec.folder}/{chain}.json"})
        _put(assignment, spec, surveyed.blob, read_chain(repository, chain))
    return surveyed


def _put(assignment: Assignment, spec: SurveySpec, name: str, read: dict[str, Any]) -> None:
    from azure.storage.blob import BlobClient

    options: dict[str, Any] = {}
    if assignment.settings.storage_api_version:
        options["api_version"] = assignment.settings.storage_api_version
    address = f"{spec.container_url.rstrip('/')}/{name}"
    credential = assignment.equipment.credential
    container = f"the container {spec.container_url.rstrip('/').rpartition('/')[2]}"
    with (
        BlobClient.from_blob_url(address, credential=credential, **options) as blob,
        state_errors(container, WORKER_ROLE, who="the worker's identity"),
    ):
        blob.upload_blob(json.dumps(read).encode(), overwrite=True)
