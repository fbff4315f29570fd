"""The repository: what workers and the CLI see of it."""

from __future__ import annotations

from typing import Self

from holdfast.model.clock import Clock
from holdfast.model.installation import Installation
from holdfast.repository.keys.credentials import Credential, Password
from holdfast.repository.keys.key_slots import KeySlots
from holdfast.repository.keys.keys import PasswordCost
from holdfast.repository.objects import description as descriptions
from holdfast.repository.point_work import PointWork
from holdfast.repository.upkeep_work import UpkeepWork
from holdfast.storage import ObjectStore


class Repository(PointWork, UpkeepWork):
    """An open repository. Several may be open on one place, in one process or many."""

    @classmethod
    def init(
        cls,
        store: ObjectStore,
        credential: str | Credential,
        *,
        clock: Clock,
        name: str = "",
        archive: bool = False,
        cost: PasswordCost | None = None,
    ) -> Self:
        """Makes a repository in an empty place. A text is a password; `cost`: what trying it costs.

        Raises RepositoryExists where there is anything already, InvalidInput for an empty password, and what a
        KeyWrapper raises.
        """
        if isinstance(credential, str):
            credential = Password(credential, cost or PasswordCost())
        return cls(store, *descriptions.create(store, credential, archive=archive, at=clock.now()), clock, name)

    @classmethod
    def open(
        cls,
        store: ObjectStore,
        credential: str | Credential,
        *,
        clock: Clock,
        name: str = "",
        installation: Installation | None = None,
    ) -> Self:
        """A text is a password. `name` is what points say they lie in; `installation` who works here.

        Raises NoRepository, WrongKey, Damaged, NewerFormat, and what a KeyWrapper raises.
        """
        if isinstance(credential, str):
            credential = Password(credential)
        return cls(store, *descriptions.open_description(store, credential), clock, name, installation)

    @property
    def slots(self) -> KeySlots:
        """What opens the repository."""
        return KeySlots(self.store, self._keys, self.description.repository, self.clock)
