"""What would become of files that are to be taken in: which chain, which moment, and what stands against it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Literal

from holdfast.cli.import_sources import FileToTake
from holdfast.model.clock import iso, parse_iso
from holdfast.model.errors import BadBacpac, Conflict, Damaged, Forbidden, HoldfastError, InvalidInput, Unavailable
from holdfast.model.file_pattern import FilePattern, ReadName, filled
from holdfast.model.point import RestorePoint, point_id
from holdfast.model.source import chain_id

if TYPE_CHECKING:
    from holdfast.bacpac.peek import Peek
    from holdfast.repository import Repository
    from holdfast.repository.points.point_reading import PointReader

#: new: becomes a point. there: is a point already. twice: another file of the same export is taken.
#: stored, problem: how it ended.
State = Literal["new", "there", "twice", "stored", "problem"]
TimeFrom = Literal["given", "name", "export", "file"]
#: Files that are looked at beside each other: far ones answer slowly.
LOOKING = 8


class SameMoment(Conflict):
    """Two different exports say that they are the same database at the same moment."""

    code = "same-moment"
    title = "Two different exports claim one moment of one database"
    advice = "Move the one that is not wanted away, or use a pattern whose time tells them apart."
    exit_code = 17
    permanent = True


@dataclass(frozen=True)
class Rules:
    """How source and time of a file are found. `source` may hold `{fields}` of the pattern."""

    source: str | None = None
    pattern: FilePattern | None = None
    created_at: datetime | None = None
    time_from_file: bool = False

    def __post_init__(self) -> None:
        """Raises InvalidInput where the words cannot name any file's source, or would put several under one name."""
        fields = self.pattern.fields if self.pattern else frozenset()
        if self.source is None:
            if "source" not in fields and not {"server", "database"} <= fields:
                raise InvalidInput(
                    "nothing says which database the files are of",
                    help="Give --source server/database, or a --pattern with {server} and {database}.",
                )
            return
        named = filled(self.source, dict.fromkeys(fields, "x"))
        check_source(named)
        if fields and named == self.source:
            raise InvalidInput(
                f"--source {self.source} would put every file into one chain, whatever {{{min(fields)}}} says",
                help="Use the pattern's fields in it, as --source sql-a/{database}, or call those without use {_}.",
            )


@dataclass
class PlannedFile:
    """One file, and what becomes of it."""

    file: FileToTake
    state: State = "new"
    source: str = ""
    chain: str = ""
    created_at: datetime | None = None
    time_from: TimeFrom | None = None
    peek: Peek | None = None
    point: RestorePoint | None = None
    error: HoldfastError | None = None
    note: str = ""
    twin: PlannedFile | None = None
    """The file of the same export that is taken in its place."""

    @property
    def point_id(self) -> str | None:
        """Of the point that it is or becomes: the same in every attempt, known without reading the whole file."""
        if self.point is not None:
            return self.point.id
        if self.created_at is None or self.peek is None or self.state == "problem":
            return None
        return point_id(self.created_at, self.chain, self.session)

    @property
    def session(self) -> str:
        """What stands for a session in the point: the export, by its own description of itself."""
        return f"import-{self.peek.origin_sha256[:16]}" if self.peek else "import"

    def fail(self, error: HoldfastError) -> None:
        """It cannot be taken in. An error of a BACPAC that does not name its file gets the name: people see it alone."""
        name = PurePath(self.file.name).name
        if isinstance(error, BadBacpac) and name not in error.detail:
            error = BadBacpac(f"{name}: {error.detail}")
        self.state, self.error = "problem", error

    def as_json(self) -> dict[str, Any]:
        """As scripts see it."""
        point = self.point
        return {
            "file": self.file.name,
            "state": self.state,
            "source": self.source or None,
            "chain": self.chain or None,
            "created_at": iso(self.created_at) if self.created_at else None,
            "time_from": self.time_from,
            "file_bytes": self.file.size,
            "point": self.point_id,
            "kind": point.kind if point else None,
            "inflated_bytes": point.inflated_bytes if point else self.peek.inflated_bytes if self.peek else None,
            "stored_bytes": point.stored_bytes if point else None,
            "error": self.error.info().model_dump(exclude={"http_status"}) if self.error else None,
            "note": self.note,
        }


@dataclass
class _Known:
    """A chain's points that are there, by moment, each with the digest of its export; and by export."""

    at: dict[datetime, list[tuple[str, RestorePoint]]] = field(default_factory=lambda: defaultdict(list))
    of_export: dict[str, str] = field(default_factory=dict)


def plan(
    repository: Repository, files: Sequence[FileToTake], rules: Rules, looked: Callable[[int], None]
) -> list[PlannedFile]:
    """Looks at every file and says what becomes of it: by source, oldest first; those that nothing is known of last.

    What is wrong with one file is in its row. Raises Unavailable, Forbidden, and what reading the repository raises.
    """
    rows: list[PlannedFile] = []
    with ThreadPoolExecutor(LOOKING, thread_name_prefix="look") as pool:
        for row in pool.map(lambda file: _look(file, rules), files):
            rows.append(row)
            looked(len(rows))
    rows.sort(key=lambda row: (row.created_at is None, row.source.lower(), row.created_at or _NEVER, row.file.name))
    _settle(repository, [row for row in rows if row.state == "new"])
    return rows


def revived(rows: Sequence[PlannedFile]) -> list[PlannedFile]:
    """Files that are new after all: the one of the same export that was to be taken turned out to be damaged."""
    found = [row for row in rows if row.twin is not None and row.twin.state == "problem"]
    for row in found:
        row.state, row.twin, row.note = "new", None, ""
    return found


_NEVER = datetime.max.replace(tzinfo=UTC)


def check_source(source: str) -> None:
    """Raises InvalidInput for what is no `server/database`."""
    server, slash, database = source.partition("/")
    if not (server and slash and database) or "/" in database:
        raise InvalidInput(
            f"{source!r} is not of the form server/database",
            help="Give --source server/database; it may hold the pattern's fields, as --source sql-a/{database}.",
        )


def zone_of(name: str) -> tzinfo:
    """Raises InvalidInput for what is no IANA time zone."""
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        raise InvalidInput(f"--time-zone {name!r} is no IANA time zone such as Europe/Berlin") from None


def exported_at(started: str) -> datetime | None:
    """When an export began, as Origin.xml writes it; None where it says nothing or nothing that is a time."""
    head, dot, rest = started.partition(".")
    digits = len(rest) - len(rest.lstrip("0123456789"))  # .NET writes seven digits of a second; Python reads six
    try:
        return parse_iso(f"{head}{dot}{rest[: min(digits, 6)]}{rest[digits:]}").replace(microsecond=0)
    except (ValueError, OverflowError):
        return None


def _look(file: FileToTake, rules: Rules) -> PlannedFile:
    from holdfast.bacpac.peek import peek

    row = PlannedFile(file)
    try:
        told = rules.pattern.read(file.name) if rules.pattern else ReadName({}, None)
        row.source = _source(told, rules)
        row.chain = chain_id(row.source)
        row.peek = peek(file.read_at, file.size)
        _date(row, row.peek, told, rules)
    except (Unavailable, Forbidden):
        raise
    except HoldfastError as error:
        row.fail(error)
    except OSError as error:
        row.fail(unreadable(file, error))
    return row


def unreadable(file: FileToTake, error: OSError) -> HoldfastError:
    """The machine's own error of a file."""
    return InvalidInput(f"{file.name} cannot be read: {error.strerror or type(error).__name__}")


def _source(told: ReadName, rules: Rules) -> str:
    if rules.source is not None:
        source = filled(rules.source, told.fields)
    else:
        source = told.fields.get("source") or f"{told.fields['server']}/{told.fields['database']}"
    check_source(source)
    return source


def _date(row: PlannedFile, found_in: Peek, told: ReadName, rules: Rules) -> None:
    """Given, else the name's, else the export's own, else the file's where that is allowed."""
    choices: Iterable[tuple[TimeFrom, Callable[[], datetime | None]]] = (
        ("given", lambda: rules.created_at),
        ("name", lambda: told.moment),
        ("export", lambda: exported_at(found_in.origin.started)),
        ("file", lambda: row.file.modified() if rules.time_from_file else None),
    )
    for kind, moment in choices:
        found = moment()
        if found is not None:
            row.created_at, row.time_from = found, kind
            return
    raise InvalidInput(
        f"nothing says when {row.file.name} was exported",
        help="Give a --pattern with a time or --created-at, or say --time-from-file if it was last written then.",
    )


def _settle(repository: Repository, rows: list[PlannedFile]) -> None:
    """Compares the rows with what is there and with each other."""
    known: dict[str, _Known] = {}
    here = set(repository.chains())
    by_moment: dict[tuple[str, datetime | None], list[PlannedFile]] = defaultdict(list)
    for row in rows:
        if row.chain not in known:
            known[row.chain] = _known(repository, row.chain) if row.chain in here else _Known()
        _compare(row, known[row.chain], repository.clock.now())
        by_moment[row.chain, row.created_at].append(row)
    for same in by_moment.values():
        exports = {row.peek.origin_sha256 for row in same if row.peek}
        if len(exports) > 1:
            for row in same:
                others = ", ".join(other.file.name for other in same if other is not row)
                if row.state == "new":
                    row.fail(SameMoment(f"{row.file.name} and {others}"))
            continue
        for row in same[1:]:
            if row.state == "new":
                row.state, row.twin, row.note = "twice", same[0], f"the same export as {same[0].file.name}"


def _known(repository: Repository, chain: str) -> _Known:
    found = _Known()
    manifests, problems = repository.manifests(chain)
    if problems:
        raise Damaged("; ".join(map(str, problems)))
    reader: PointReader | None = None
    for read in manifests:
        reader = repository.reader(read, reader)
        point = reader.point(repository.name, repository.tier)
        export = next((entry.sha256 for entry in point.entries if entry.name == "Origin.xml"), "")
        found.at[point.created_at].append((export, point.without_lists()))
        found.of_export.setdefault(export, point.id)
    return found


def _compare(row: PlannedFile, known: _Known, now: datetime) -> None:
    if row.peek is None or row.created_at is None:
        raise ValueError(f"{row.file.name} was not looked at")
    export = row.peek.origin_sha256
    there = known.at.get(row.created_at, [])
    same = [point for its, point in there if its == export]
    if same:
        row.state, row.point = "there", same[0]
    elif there:
        row.fail(SameMoment(f"{row.file.name} and point {there[0][1].id}, which is there already"))
    elif export in known.of_export:
        row.note = f"the same export is point {known.of_export[export]} already, at another time"
    elif row.created_at > now:
        row.note = "its time lies in the future"
