"""A policy: which databases, when, how long, to where. YAML outside, this model inside; unknown fields are errors."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    ValidationError,
    model_validator,
)

from holdfast.model.errors import InvalidPolicy
from holdfast.model.policy_schedules import Blackout, Schedules, never_out_of
from holdfast.model.source import ResourceId
from holdfast.model.strict import Strict


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"{name!r} is not an IANA time zone such as Europe/Berlin")
    return name


def _resource(kind: str) -> AfterValidator:
    def check(text: str) -> str:
        if not ResourceId.parse(text).is_type(kind):
            raise ValueError(f"{text!r} is not the id of a {kind}")
        return text

    return AfterValidator(check)


def _server(text: str) -> str:
    kinds = ("Microsoft.Sql/servers", "Microsoft.Sql/managedInstances")
    if not any(ResourceId.parse(text).is_type(kind) for kind in kinds):
        raise ValueError(f"{text!r} is not the id of a {' or a '.join(kinds)}")
    return text


class Exclusion(Strict):
    """What is left out of the selection."""

    databases: list[str] = Field(default_factory=list)
    """Globs over `database`, or over `server/database` where they have a slash."""
    tags: dict[str, str] = Field(default_factory=dict)
    """A database with any of these tags is left out."""


class Selection(Strict):
    """A database is selected if every kind that is given matches; within a kind, any one does."""

    subscriptions: list[str] | None = None
    """Subscription ids."""
    resource_groups: list[str] | None = None
    """Globs over resource groups."""
    servers: list[str] | None = None
    """Globs over logical servers and managed instances."""
    databases: list[str] | None = None
    """Globs over `database`, or over `server/database` where they have a slash."""
    tags: dict[str, str] | None = None
    """The database has all of these tags."""
    replicas: bool = False
    """Back up replicas (geo-secondaries, secondaries of failover groups, named replicas) beside their primaries."""
    exclude: Exclusion = Field(default_factory=Exclusion)
    """What is left out again."""


class Staging(Strict):
    """Where throw-away copies are made. Without it, databases are exported directly, while they are written to."""

    sql_server: Annotated[str, _resource("Microsoft.Sql/servers")] | None = None
    """Resource id of the logical server that takes copies of SQL databases."""
    managed_instance: Annotated[str, _resource("Microsoft.Sql/managedInstances")] | None = None
    """Resource id of the managed instance that takes restored copies of instance databases."""


class Retention(Strict):
    """What retention spares although it has expired, and what it must not do without a second word."""

    min_keep: int = Field(default=1, ge=1, le=1000)
    """So many of the newest points of a database stay, however old they are."""
    hold_days: int | None = Field(default=None, ge=1, le=36500)
    """How long a point made on demand is kept; absent: as long as one of the most frequent schedule."""
    mass_expiry_percent: int = Field(default=50, ge=1, le=100)
    """If more than this part of the points would be deleted by one run, a person must approve it. 100: never asked."""
    mass_expiry_floor: int = Field(default=10, ge=0)
    """So many points may always be deleted without that question."""


class PreflightChoice(Strict):
    """What preflight may do."""

    repair_staging_copy: bool = False
    """Mend the staging copy (never the source) where that makes the export, or a later import, possible; what was changed
    is recorded in the restore point."""


def _days(value: object) -> object:
    if isinstance(value, str):
        match = re.fullmatch(r"(\d+)d", value)
        if match is None:
            raise ValueError(f"{value!r} is not a number of days such as 30d")
        return timedelta(days=int(match[1]))
    return value


class Drill(Strict):
    """A scheduled restore that proves a point."""

    every: Annotated[
        timedelta,
        BeforeValidator(_days),
        PlainSerializer(lambda value: f"{value.days}d", return_type=str, when_used="json"),
        Field(json_schema_extra={"pattern": "^\\d+d$"}),
    ]
    """How often, in days: `30d`."""
    target: Annotated[str, AfterValidator(_server)]
    """Resource id of the server or instance that the point is restored to; the database there lives for the drill alone."""
    verify: Literal["counts", "contents"] = "counts"
    """`counts`: rows, objects and constraints. `contents`: the database is exported again and compared row by row."""


class Policy(Strict):
    """A policy."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    """Lower-case letters, digits and hyphens; at most 40."""
    priority: int = Field(default=100, ge=0)
    """The lowest number wins where two policies select one database."""
    time_zone: Annotated[str, AfterValidator(_known_zone)] = "UTC"
    """IANA time zone of all times and days."""
    start_date: date | None = None
    """No slot before this day, and no week, month or year counts that began before it. Absent: the policy begins, for each
    database, with its first point."""
    select: Selection = Field(default_factory=Selection)
    """Which databases; absent: all."""
    staging: Staging | None = None
    """Where copies are made; absent: direct export."""
    schedules: Schedules = Field(default_factory=Schedules)
    """When, and for how long; absent: on demand only."""
    blackout: list[Blackout] = Field(default_factory=list)
    """When no session starts: a slot that falls in one waits until it ends. Sessions that run go on."""
    jitter_minutes: int = Field(default=0, ge=0, le=720)
    """The databases of a scheduled session start spread over so many minutes, each always at its own place."""
    retention: Retention = Field(default_factory=Retention)
    """What is spared although it has expired, and what is asked about."""
    repository: str = "default"
    """Name of a configured repository."""
    archive: str | None = None
    """Name of a configured archive repository."""
    worker: str = "standard"
    """Name of a worker profile."""
    retries: int = Field(default=3, ge=0, le=20)
    """How often a failed step is tried again."""
    immutable: bool = False
    """Points are locked until their retention ends."""
    preflight: PreflightChoice = Field(default_factory=PreflightChoice)
    """What the look before the export may do."""
    drill: Drill | None = None
    """A scheduled restore; absent: none."""
    notify: list[str] = Field(default_factory=list)
    """Names of notification channels."""

    @model_validator(mode="after")
    def _consistent(self) -> Policy:
        if never_out_of(self.blackout):
            raise ValueError("blackout covers the whole week: no session could ever start")
        plan = self.schedules
        archived = [n for n, s in (("monthly", plan.monthly), ("yearly", plan.yearly)) if s is not None and s.archive]
        if archived and self.archive is None:
            raise ValueError(f"schedules.{archived[0]}.archive is true but the policy names no archive repository")
        if "monthly" in archived and plan.daily is None and plan.weekly is None:
            raise ValueError("schedules.monthly.archive needs a daily or weekly schedule that makes the point")
        if "yearly" in archived and plan.daily is None and plan.weekly is None and plan.monthly is None:
            raise ValueError("schedules.yearly.archive needs a daily, weekly or monthly schedule that makes the point")
        if self.staging is not None and self.staging.sql_server is None and self.staging.managed_instance is None:
            raise ValueError(
                "staging names neither a sql_server nor a managed_instance; leave it out for direct export"
            )
        return self

    @property
    def zone(self) -> ZoneInfo:
        """The time zone."""
        return ZoneInfo(self.time_zone)


def parse_policy(text: str, *, where: str = "policy") -> Policy:
    """Reads a policy from YAML (or JSON, which is YAML). Raises InvalidPolicy that names each wrong field."""
    # Here, since a worker reads no policy and its bundle has no YAML; terms of points bring this module along.
    import yaml

    try:
        data: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise InvalidPolicy(f"{where} is not YAML{place}: {getattr(error, 'problem', None) or error}") from None
    if not isinstance(data, dict):
        raise InvalidPolicy(f"{where} must be a mapping of fields, not {type(data).__name__}")
    return policy_from(data, where=where)


def policy_from(data: Any, *, where: str = "policy") -> Policy:
    """A policy from plain data. Raises InvalidPolicy that names each wrong field."""
    try:
        return Policy.model_validate(data)
    except ValidationError as error:
        raise InvalidPolicy(f"{where}: {explain_validation(error)}") from None


def explain_validation(error: ValidationError) -> str:
    """Each wrong field with its reason, on one line."""
    return "; ".join(
        f"{'.'.join(str(part) for part in item['loc']) or 'the whole'}: {item['msg'].removeprefix('Value error, ')}"
        for item in error.errors(include_url=False)
    )
