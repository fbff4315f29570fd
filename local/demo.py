"""`holdfast demo`: the main job from end to end on this machine, and proof that it held.

Everything goes the way of a person: policies, runs and downloads through the app's HTTP API, comparison against what the
SqlPackage stand-in says that it wrote. The demo fails where anything is not as it should be.
"""

from __future__ import annotations

import hashlib
import shutil
import ssl
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from holdfast.bacpac.package import Bacpac
from holdfast.model.errors import HoldfastError
from local import plan
from local.azure.state_folder import StateFolder
from local.profile import LocalProfile
from local.samples.databases import write_sample

_DEADLINE = 600.0
_BLOCKED = "sql-a/legacy"


class DemoFailed(HoldfastError):
    """Something did not hold."""

    code = "demo-failed"
    title = "The demo did not hold"
    advice = "The state folder that is named holds all logs."


@dataclass(frozen=True)
class Loaded:
    """A database of the demo. `sample` is None for a BACPAC of one's own, which has no second day."""

    source: str
    region: str
    managed: bool = False
    sample: str | None = None
    file: Path | None = None


#: Two logical servers in two regions and one instance; one database that cannot be exported.
SAMPLES = (
    Loaded("sql-a/shop", "westeurope", sample="shop"),
    Loaded("sql-a/hr", "westeurope", sample="hr"),
    Loaded(_BLOCKED, "westeurope", sample="legacy"),
    Loaded("sql-b/events", "northeurope", sample="events"),
    Loaded("sql-b/documents", "northeurope", sample="documents"),
    Loaded("mi-a/types", "westeurope", managed=True, sample="types"),
    Loaded("mi-a/orders", "westeurope", managed=True, sample="series"),
)
#: What is staged: a copy first, on a server in westeurope; sql-b is exported directly.
_STAGED, _DIRECT = ["sql-a/*", "mi-a/*"], ["sql-b/*"]
_SCALE = 0.3
#: So many databases are downloaded through a worker and a link, from both repositories; the others straight from storage.
_THROUGH_APP = 2


@dataclass
class Demo:
    """One run of the demo."""

    world: LocalProfile
    databases: Sequence[Loaded]
    say: Console
    rows: list[tuple[str, str, str, int, int, str]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def run(self) -> dict[str, Any]:
        """All of it. Raises DemoFailed with everything that did not hold."""
        started = time.monotonic()
        self._policies()
        self._load(day=0)
        first = self._back_up("first run")
        if any(d.sample for d in self.databases):
            self._load(day=1)
            second = self._back_up("second run, a day's changes later")
        else:
            second = first
        self._archive()
        self._compare(second)
        self._left_behind()
        seconds = time.monotonic() - started
        self._summary(seconds)
        if self.problems:
            raise DemoFailed("; ".join(self.problems))
        names = ("source", "repository", "way", "entries", "rows", "compared")
        return {"seconds": round(seconds), "compared": [dict(zip(names, row, strict=True)) for row in self.rows]}

    def _policies(self) -> None:
        base = {k: v for k, v in plan.default_policy().items() if k not in ("name", "staging", "schedules")}
        schedules = {"daily": {"at": ["03:00"], "keep_days": 7}}
        staged = {**base, "name": "staged", "select": {"databases": _STAGED}, "schedules": schedules}
        staged["staging"] = plan.default_policy()["staging"]
        direct = {**base, "name": "direct", "select": {"databases": _DIRECT}, "schedules": schedules}
        for policy in (staged, direct):
            self.world.api("PUT", f"policies/{policy['name']}", policy)
        self.say.print("policies [b]staged[/b] (copies first) and [b]direct[/b] are in place")

    def _load(self, day: int) -> None:
        with tempfile.TemporaryDirectory() as folder:
            for database in self.databases:
                file = database.file
                if file is None and database.sample is not None:
                    file = Path(folder) / "sample.bacpac"
                    write_sample(file, database.sample, day=day, scale=_SCALE)
                assert file is not None  # noqa: S101 (a database has one or the other)
                self.world.load(file, database.source, managed=database.managed, region=database.region)
        self.say.print(f"{len(self.databases)} databases loaded into the emulated Azure, day {day + 1}")

    def _back_up(self, title: str) -> dict[str, dict[str, Any]]:
        """Runs both policies beside each other; gives the points by source."""
        self.say.rule(title)
        sessions = [self.world.api("POST", f"policies/{name}/run", {})["id"] for name in ("staged", "direct")]
        points: dict[str, dict[str, Any]] = {}
        for name in sessions:
            session = self._watch(name)
            for source in session["sources"]:
                self._judge(source)
                if source["restore_point"]:
                    points[source["source"]] = self.world.api("GET", f"points/{source['restore_point']}")
        return points

    def _judge(self, source: dict[str, Any]) -> None:
        name, error = source["source"], source["error"]
        blocked = name == _BLOCKED and any(d.sample for d in self.databases)
        if blocked and (error is None or error["code"] != "export-blocked"):
            self.problems.append(f"{name} should have been refused by preflight, but {error or source['state']}")
        if not blocked and error is not None and not self._own_blocked(error):
            self.problems.append(f"{name}: {error['title']}: {error['detail']}")
        if error is not None:
            self.say.print(
                f"  [yellow]{name}: {error['title']}[/]: {escape(error['detail'])}", highlight=False, soft_wrap=True
            )
        if blocked:
            self.say.print(
                f"  {name} is meant to be refused: it holds what no export can carry; its session is partial",
                highlight=False,
                soft_wrap=True,
            )

    def _own_blocked(self, error: dict[str, Any]) -> bool:
        """A BACPAC of one's own may hold what no export can carry; that is told, and no fault of the demo."""
        return error["code"] == "export-blocked" and not any(d.sample for d in self.databases)

    def _watch(self, name: str) -> dict[str, Any]:
        """Waits for the end of a session; says each step as it ends."""
        told: set[tuple[str, str]] = set()
        until = time.monotonic() + _DEADLINE
        while time.monotonic() < until:
            session: dict[str, Any] = self.world.api("GET", f"sessions/{name}")
            for source in session["sources"]:
                for step in source["steps"]:
                    if step["state"] in ("succeeded", "failed") and (source["source"], step["name"]) not in told:
                        told.add((source["source"], step["name"]))
                        sign = "[green]✓[/]" if step["state"] == "succeeded" else "[red]✗[/]"
                        detail = escape(step["detail"].splitlines()[0][:100]) if step["detail"] else ""
                        self.say.print(
                            f"  {sign} {source['source']:18} {step['name']:12} {detail}",
                            highlight=False,
                            soft_wrap=True,
                        )
            if session["state"] not in ("pending", "running"):
                self.say.print(f"session {name}: [b]{session['state']}[/b]")
                return session
            time.sleep(0.3)
        raise DemoFailed(f"session {name} did not end within {_DEADLINE:g} s")

    def _archive(self) -> None:
        self.say.rule("archive")
        names = [self.world.api("POST", "archives", {"policy": policy})["id"] for policy in ("staged", "direct")]
        for name in names:
            session = self._watch(name)
            if session["state"] != "succeeded":
                self.problems.append(f"archive session {name}: {session['state']}")

    def _compare(self, points: dict[str, dict[str, Any]]) -> None:
        """Downloads points from both repositories, and compares every entry with what was exported."""
        self.say.rule("download and compare")
        exports = self.world.admin("GET", "exports")
        archived = {
            point["source"]: self.world.api("GET", f"points/{point['id']}", repository="archive")
            for point in self.world.api("GET", "points", repository="archive", limit="500")["value"]
        }
        for number, (source, point) in enumerate(points.items()):
            exported = next((e["entries"] for e in reversed(exports) if _is_export_of(e["database"], source)), None)
            self._compare_one(source, point, exported, through_app=number < _THROUGH_APP)
            if source not in archived:
                self.problems.append(f"{source} has no point in the archive repository")
            elif number < _THROUGH_APP:
                self._compare_one(source, archived[source], exported, through_app=True)

    def _compare_one(
        self, source: str, point: dict[str, Any], exported: dict[str, str] | None, *, through_app: bool
    ) -> None:
        repository, way = point["repository"], "through the app" if through_app else "directly"
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "back.bacpac"
            if through_app:
                self._download(point["id"], repository, file)
            else:
                self.world.repository(repository).write_bacpac(point["id"], file)
            with Bacpac.open(file) as package:
                back = {e.name: _sha256(package, e.name) for e in package.entries}
        wanted = {e["name"]: e["sha256"] for e in point["entries"]}
        # Three say the same: the manifest, what came back, and what SqlPackage's stand-in wrote down when it exported.
        same = bool(back) and back == wanted == exported
        if not same:
            self.problems.append(f"{source} from {repository}: the entries differ from what was exported")
        rows = sum(t["rows"] or 0 for t in point["tables"])
        word = "identical" if same else "differ"
        sign = f"[green]{word}[/]" if same else f"[red]{word}[/]"
        self.rows.append((source, repository, way, len(back), rows, word))
        self.say.print(f"  {source:18} {repository:8} {way:16} {len(back)} entries {sign}", highlight=False)

    def _download(self, point: str, repository: str, to: Path) -> None:
        if repository == "archive":
            self.say.print(
                "  the archive's packs are being rehydrated: half a minute here, some hours in Azure …",
                highlight=False,
                soft_wrap=True,
            )
        asked = self.world.api("POST", f"points/{point}/download", {"repository": repository})
        session = self._watch_quietly(asked["id"])
        link = session["download"]
        if link is None:
            raise DemoFailed(f"download {asked['id']} of {point} from {repository}: {session['state']}")
        trust = ssl.create_default_context(cafile=StateFolder(self.world.state / "azure").ca)
        with urllib.request.urlopen(link["url"], context=trust) as answer, to.open("wb") as file:  # noqa: S310
            shutil.copyfileobj(answer, file)
        if hashlib.sha256(to.read_bytes()).hexdigest() != link["sha256"]:
            self.problems.append(f"{point} from {repository}: the file is not the one that the worker wrote")

    def _watch_quietly(self, name: str) -> dict[str, Any]:
        until = time.monotonic() + _DEADLINE
        while time.monotonic() < until:
            session: dict[str, Any] = self.world.api("GET", f"sessions/{name}")
            if session["state"] not in ("pending", "running"):
                return session
            time.sleep(0.3)
        raise DemoFailed(f"session {name} did not end within {_DEADLINE:g} s")

    def _left_behind(self) -> None:
        left = [r for r in self.world.resources() if r["leftover"] or r["power_state"] == "running"]
        self.problems.extend(f"left behind: {r['type']} {r['name']}" for r in left)
        self.say.print("left behind in Azure: " + ("[red]see below[/]" if left else "[green]nothing[/]"))

    def _summary(self, seconds: float) -> None:
        table = Table(title=f"Holdfast demo, {seconds:.0f} s", title_justify="left", box=None)
        for name in ("database", "from", "way", "entries", "rows", "compared"):
            table.add_column(name, justify="right" if name in ("entries", "rows") else "left")
        for row in self.rows:
            table.add_row(*(f"{cell:,}" if isinstance(cell, int) else cell for cell in row))
        self.say.print(table)
        growth = Table(title="What the repositories hold", title_justify="left", box=None)
        for name in ("database", "point", "repository", "kind", "inflated", "stored"):
            growth.add_column(name, justify="right" if name in ("inflated", "stored") else "left")
        for point in sorted(self.world.api("GET", "points", limit="500")["value"], key=lambda p: p["source"]):
            growth.add_row(
                point["source"],
                point["id"],
                point["repository"],
                point["kind"],
                f"{point['inflated_bytes']:,}",
                f"{point['stored_bytes']:,}",
            )
        self.say.print(growth)


def _is_export_of(copied: str, source: str) -> bool:
    """An export's database is the source's own name, or a staging copy, which is named after the source's key."""
    from holdfast.model.source import source_key

    return copied == source.partition("/")[2] or copied.startswith(f"hf-{source_key(source)}-")


def _sha256(package: Bacpac, name: str) -> str:
    digest = hashlib.sha256()
    with package.open_entry(name) as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def own_databases(files: Sequence[Path]) -> list[Loaded]:
    """One's own BACPACs, turn about on a server that is staged, one that is not, and an instance."""
    places = (("sql-a", "westeurope", False), ("sql-b", "northeurope", False), ("mi-a", "westeurope", True))
    found = []
    for number, file in enumerate(files):
        with Bacpac.open(file):
            pass  # refused here, by name, before a world is made for it
        server, region, managed = places[number % len(places)]
        name = "".join(c if c.isalnum() else "-" for c in file.stem).strip("-").lower()
        found.append(Loaded(f"{server}/{name}-{number}", region, managed=managed, file=file))
    return found


def run_demo(files: Sequence[Path], state: Path | None, *, keep: bool, say: Console) -> dict[str, Any]:
    """The command: a world of its own, unless `state` names one; stopped at the end, unless it is to be kept.

    Raises DemoFailed where anything did not hold; gives what was compared.
    """
    databases = own_databases(files) if files else SAMPLES
    folder = (state or Path(tempfile.mkdtemp(prefix="holdfast-demo-"))).resolve()
    world = LocalProfile(folder)
    say.print(f"a world of its own in {folder} …", soft_wrap=True)
    held = False
    try:
        world.up()
        found = Demo(world, databases, say).run()
        held = True
    finally:
        if not keep:
            world.down()
        if held and state is None and not keep:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            say.print(f"state and logs: {folder}", soft_wrap=True)
    say.print("[green b]everything held[/]")
    say.print("next: docs/tutorial.md keeps a local installation running;", soft_wrap=True)
    say.print("      `holdfast demo --keep` leaves this one up to look around.", soft_wrap=True)
    return found
