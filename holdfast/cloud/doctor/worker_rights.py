"""What the identities of workers may do with storage, by their role assignments: enough, and not too much."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from holdfast.cloud.doctor.repositories import container_scope, storage_names
from holdfast.cloud.permissions import Assigned, Permissions
from holdfast.model.diagnosis import Diagnosis, broken, doubtful, grant, healthy
from holdfast.model.policy import Policy
from holdfast.model.rights import BLOB_WRITE, JOBS, MAINTAINER, WRITER, DataRole, missing_data
from holdfast.model.source import ResourceId
from holdfast.settings import Settings, WorkerProfile

Check = tuple[str, str, Callable[[], Iterable[Diagnosis]]]


class WorkerRights:
    """The app cannot try what a worker may do; it reads what the worker's identity was given."""

    def __init__(self, settings: Settings, permissions: Permissions) -> None:
        self._settings, self._permissions = settings, permissions

    def checks(self, policies: Sequence[Policy]) -> Iterator[Check]:
        """One check an identity."""
        for name, profile in self._settings.worker_profiles.items():
            mine = [policy for policy in policies if policy.worker == name]
            if mine:
                what = f"the writer of worker profile {name}"
                yield "writer", what, lambda p=profile, m=mine: self._writer(p, m)  # type: ignore[misc]
            if mine and not profile.maintainer_identity:
                what = f"worker profile {name}"
                yield "maintainer", what, lambda what=what: [_no_maintainer(what)]  # type: ignore[misc]
            if mine and profile.maintainer_identity:
                what = f"the maintainer of worker profile {name}"
                yield "maintainer", what, lambda p=profile, m=mine: self._maintainer(p, m)  # type: ignore[misc]

    def _writer(self, profile: WorkerProfile, policies: Sequence[Policy]) -> Iterator[Diagnosis]:
        held = self._assigned(profile.writer_identity)
        client = profile.writer_client_id
        for place in self._containers(policies):
            yield from _judged("writer", client, WRITER, place, held, WRITER.needs)
        jobs = f"{self._settings.blob_endpoint.rstrip('/')}/{self._settings.jobs_container}"
        yield from _judged("writer", client, JOBS, (jobs, ""), held, JOBS.needs)

    def _maintainer(self, profile: WorkerProfile, policies: Sequence[Policy]) -> Iterator[Diagnosis]:
        held = self._assigned(profile.maintainer_identity or "")
        for place, immutable in self._containers(policies).items():
            needs = MAINTAINER.needs + (MAINTAINER.immutable if immutable else ())
            yield from _judged("maintainer", profile.maintainer_client_id, MAINTAINER, place, held, needs)

    def _assigned(self, identity: str) -> list[Assigned]:
        """In every subscription that may hold a storage account: a role below a subscription shows only there."""
        subscriptions = {ResourceId.parse(identity).subscription, *self._settings.subscriptions}
        return [one for name in sorted(subscriptions) for one in self._permissions.of_identity(identity, name)]

    def _containers(self, policies: Sequence[Policy]) -> dict[tuple[str, str], bool]:
        """Address and account of the containers that policies use, and whether points in them are locked."""
        found: dict[tuple[str, str], bool] = {}
        for policy in policies:
            for name in (policy.repository, policy.archive):
                if name is not None and name in self._settings.repositories:
                    repository = self._settings.repositories[name]
                    place = repository.url, repository.account
                    found[place] = found.get(place, False) or policy.immutable
        return {place: locked for place, locked in found.items() if not place[0].startswith("file:")}


def _no_maintainer(what: str) -> Diagnosis:
    mend = "Set maintainer_identity and maintainer_client_id in HOLDFAST_WORKER_PROFILES."
    return broken(
        "maintainer", what, "it names no maintainer identity: nothing can be retained, pruned or locked", mend
    )


def _judged(
    check: str,
    client: str | None,
    role: DataRole,
    place: tuple[str, str],
    held: Sequence[Assigned],
    needs: Sequence[str],
) -> Iterator[Diagnosis]:
    url, account_id = place
    account, container = storage_names(url)
    here = [one for one in held if covers(one.scope, account, container)]
    plain = [grants for one in here if not one.conditional for grants in one.grants]
    every = [grants for one in here for grants in one.grants]
    give, where = (
        grant(client, role.role, container_scope(account_id, url)),
        f"{role.identity} on {account}/{container}",
    )
    lacking = missing_data(every, needs)
    beyond = [action for action in role.never if not missing_data(plain, [action])]
    if lacking:
        yield broken(check, where, f"the identity lacks {', '.join(lacking)}", give)
    elif beyond:
        yield broken(
            check,
            where,
            f"the identity may do what it must not: {', '.join(beyond)}",
            f"Take the broader role away (az role assignment list --assignee {client} --all), then: {give}",
        )
    elif role is WRITER and not missing_data(plain, [BLOB_WRITE]):
        why = f"the identity may overwrite blobs ({BLOB_WRITE}) and not only add them"
        yield doubtful(check, where, why, f"Keep that to locks/* by a condition; for the rest: {give}")
    else:
        yield healthy(check, where)


def covers(scope: str, account: str, container: str) -> bool:
    """Whether a role at that scope reaches the whole container. One above all accounts reaches every one."""
    words = [word.lower() for word in scope.strip("/").split("/")]
    if "storageaccounts" in words:
        at = words.index("storageaccounts")
        if words[at + 1 : at + 2] != [account.lower()]:
            return False
        rest = words[at + 2 :]
        return not rest or rest == ["blobservices", "default"] or rest[2:] == ["containers", container.lower()]
    return "providers" not in words
