"""What an estimate is made of: the databases that a policy selects, their sizes, the settings' places, past sessions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from holdfast.catalog.measured import past_measurements
from holdfast.model.costs import Estimate, PriceList, estimate
from holdfast.model.costs.assumptions import Assumptions
from holdfast.model.costs.calibration import calibrated
from holdfast.model.costs.inputs import Place, Places, SizedDatabase, SizesFile
from holdfast.model.costs.money import Band
from holdfast.model.costs.running import working_region
from holdfast.model.errors import HoldfastError, InvalidInput
from holdfast.model.policy import Policy
from holdfast.model.selection import selects, winning_policy
from holdfast.model.source import Source, SourceKind
from holdfast.wiring import Services

#: So many databases are asked about one by one; of the others, what the list of databases says must do.
_ASKED = 200
_AT_ONCE = 8
#: What a database holds of the largest that it may hold, where only that is known.
_OF_LARGEST = (Decimal("0.1"), Decimal("0.4"), Decimal(1))


class EstimateCosts(BaseModel):
    """Asks what a policy will cost: one that is saved (`name`), or one that is not yet (`policy`)."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(default=None, max_length=40, description="a saved policy")
    policy: Policy | None = Field(default=None, description="a policy that need not be saved")
    sizes: SizesFile | None = Field(
        default=None,
        description="databases in place of those that the policy selects; assumptions and places, if given",
    )
    prices: PriceList | None = Field(default=None, description="absent: those of the settings")
    sessions: int = Field(default=5, ge=0, le=50, description="past sessions to measure rates in; 0: none")

    @model_validator(mode="after")
    def _one_policy(self) -> EstimateCosts:
        if (self.name is None) == (self.policy is None):
            raise ValueError("give name or policy, and not both")
        return self


@dataclass
class _Told:
    """What is found on the way that a reader must know."""

    notes: list[str] = field(default_factory=list)

    def about(self, names: Sequence[str], what: str) -> None:
        """A note about some databases."""
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            self.notes.append(f"{', '.join(names[:3])}{more}: {what}")


def estimated(app: Services, asked: EstimateCosts) -> Estimate:
    """The estimate. Raises NotFound, InvalidInput, and what Azure's lists raise."""
    policy = asked.policy or app.catalog.policies.get(asked.name or "").policy
    told = _Told()
    assumed = Assumptions()
    if asked.sizes is not None:
        databases = [database.sized() for database in asked.sizes.databases]
    else:
        sources = _selected(app, policy)
        databases = _sized(app, policy, sources, told)
        measured = past_measurements(
            app.catalog, policy.name, policy.repository, sources, asked.sessions, app.clock.now()
        )
        assumed = calibrated(measured, assumed)
    if asked.sizes is not None:
        assumed = asked.sizes.assumptions.over(assumed)
    given = asked.sizes is not None and "places" in asked.sizes.model_fields_set
    places = asked.sizes.places if asked.sizes is not None and given else _places(app, policy, databases, told)
    return estimate(
        policy,
        databases,
        on=app.clock.now().astimezone(policy.zone).date(),
        prices=asked.prices or app.prices,
        assumed=assumed,
        places=places,
        notes=told.notes,
    )


def _selected(app: Services, policy: Policy) -> list[Source]:
    """The databases that the clock would back up under this policy, the largest first."""
    others = [stored.policy for stored in app.catalog.policies.list() if stored.policy.name != policy.name]
    chosen = [
        source
        for source in app.servers.list_sources()
        if selects(policy.select, source) and winning_policy(source, [*others, policy]) == policy
    ]
    return sorted(chosen, key=lambda source: (-(source.max_size_bytes or 0), source.name))


def _sized(app: Services, policy: Policy, sources: Sequence[Source], told: _Told) -> list[SizedDatabase]:
    """With the size of the newest restore point, else the used size, else a part of the largest possible one."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        asked = list(pool.map(lambda source: _known_size(app, policy, source), sources[:_ASKED]))
    found: list[SizedDatabase] = []
    unknown: list[str] = []
    for place, source in enumerate(sources):
        size = asked[place] if place < len(asked) else None
        if size is None and source.max_size_bytes:
            most = Decimal(source.max_size_bytes)
            size = Band.of(*(most * part for part in _OF_LARGEST)), "maximum size in Azure"
        if size is None:
            unknown.append(source.name)
            continue
        found.append(
            SizedDatabase(
                name=source.name,
                size=size[0],
                size_from=size[1],
                region=source.region,
                managed=source.kind is SourceKind.MANAGED_DATABASE,
                objective=source.objective,
            )
        )
    told.about(unknown, "no size is known before the first restore point; not counted, give it in a sizes file")
    if len(sources) > _ASKED:
        told.notes.append(f"only the {_ASKED} databases of the largest maximum size were asked for their used size")
    return found


def _known_size(app: Services, policy: Policy, source: Source) -> tuple[Band, str] | None:
    points = app.catalog.points.list(chain=source.chain, repository=policy.repository).points
    if points and points[-1].inflated_bytes:
        return Band.of(points[-1].inflated_bytes), f"restore point {points[-1].id}"
    used = _tried(lambda: app.servers.used_bytes(source))
    return None if used is None else (Band.of(used), "used size in Azure")


def _tried(ask: Callable[[], int | None]) -> int | None:
    try:
        return ask()
    except HoldfastError:
        return None  # the maximum size is known from the list, and the figures say that it was taken


def _places(app: Services, policy: Policy, databases: Sequence[SizedDatabase], told: _Told) -> Places:
    regions: dict[str, str] = {}
    for part, name in (("repository_region", policy.repository), ("archive_region", policy.archive)):
        if name is not None:
            regions[part] = app.repository(name).region
    staging = policy.staging
    for part, server in (
        ("staging_region", staging.sql_server if staging else None),
        ("staging_managed_region", staging.managed_instance if staging else None),
    ):
        if server is not None:
            try:
                regions[part] = app.servers.staging_server(server).region
            except HoldfastError as error:
                told.notes.append(f"the staging server's region is not known: {error.detail}")
    places = Places(**regions)
    return places.model_copy(update={"worker": _worker(app, policy, databases, places, told)})


def _worker(app: Services, policy: Policy, databases: Sequence[SizedDatabase], places: Places, told: _Told) -> Place:
    """The machine of the region in which most of the databases are exported."""
    profile = app.worker_profile(policy.worker)
    working = Counter(working_region(policy, database, places) for database in databases)
    missing = sorted(region for region in working if region not in profile.regions)
    if missing:
        told.notes.append(f"worker profile {policy.worker} has no entry for {', '.join(missing)}")
    there = [region for region, _ in working.most_common() if region in profile.regions] or sorted(profile.regions)
    if not there:
        raise InvalidInput(f"worker profile {policy.worker} has no region")
    return Place(
        size=profile.regions[there[0]].size,
        parallel=profile.parallel,
        max_workers=profile.max_workers,
        idle_minutes=profile.idle_minutes,
    )
