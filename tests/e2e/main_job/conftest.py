"""Drives sessions on the local profile the way a person does: policies, runs and downloads through the app's HTTP API."""

from __future__ import annotations

import hashlib
import shutil
import ssl
import time
import urllib.request
import zipfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from holdfast.catalog import new_id
from holdfast.model.clock import iso
from holdfast.model.errors import ReportedError
from holdfast.model.plan import session_mark
from holdfast.model.source import source_key
from local import plan
from local.azure.state_folder import StateFolder
from local.profile import LocalProfile

Document = dict[str, Any]
_DEADLINE = 1200.0


class Runs:
    """Sessions of one world, each waited for."""

    def __init__(self, world: LocalProfile) -> None:
        self.world = world

    def policy(self, name: str, *databases: str, **fields: Any) -> None:
        """Makes or replaces a policy over these globs, without a schedule unless `fields` has one."""
        base = {k: v for k, v in plan.default_policy().items() if k != "schedules"}
        self.world.api(
            "PUT", f"policies/{name}", {**base, "name": name, "select": {"databases": list(databases)}, **fields}
        )

    def backup(self, policy: str, databases: Sequence[str] | None = None, *, staging: bool | None = None) -> Document:
        """A backup on demand, to its end."""
        body = {"policy": policy, "databases": databases, "staging": staging}
        return self.wait(self.world.api("POST", "backups", {k: v for k, v in body.items() if v is not None})["id"])

    def archive(self, policy: str, databases: Sequence[str] | None = None) -> Document:
        """An archive session of the newest points, to its end."""
        body: Document = {"policy": policy, **({"databases": list(databases)} if databases else {})}
        return self.wait(self.world.api("POST", "archives", body)["id"])

    def slot(self, name: str, *databases: str, **fields: Any) -> str:
        """Makes a policy that is due within a minute and a half; the id that its session will have.

        The point of that slot is the month's, which is archived in the same session.
        """
        moment = datetime.now(UTC)
        # Far enough away for whoever wants to put something in the way of the session.
        slot = (moment + timedelta(seconds=80)).replace(second=0, microsecond=0)
        daily = {"at": [f"{slot:%H:%M}"], "keep_days": 7}
        monthly = {"day": slot.day, "keep_months": 12, "archive": True}
        # The world's own policy selects everything; the clock leaves a database to whoever comes first.
        self.policy(name, *databases, priority=1, schedules={"daily": daily, "monthly": monthly}, **fields)
        return new_id(slot, name, occasion=iso(slot))

    def started(self, session: str) -> None:
        """Waits until the clock has started the session."""
        until = time.monotonic() + _DEADLINE
        while time.monotonic() < until:
            try:
                self.world.api("GET", f"sessions/{session}")
            except ReportedError as error:
                if error.info().code != "not-found":
                    raise
                time.sleep(1)
            else:
                return
        raise AssertionError(f"session {session} was never started")

    def wait(self, session: str) -> Document:
        """The session as it ended."""
        until = time.monotonic() + _DEADLINE
        while time.monotonic() < until:
            found: Document = self.world.api("GET", f"sessions/{session}")
            if found["state"] not in ("pending", "running"):
                return found
            time.sleep(0.5)
        raise AssertionError(f"session {session} has not ended: {found}")

    def log(self, session: str) -> list[Document]:
        """The lines of the session's log."""
        return list(self.world.api("GET", f"sessions/{session}/log")["value"])

    def points(self, repository: str, database: str) -> list[Document]:
        """The points of one source, oldest first, with entries and tables."""
        listed = self.world.api("GET", "points", repository=repository, database=database, limit="500")["value"]
        return [self.world.api("GET", f"points/{p['id']}", repository=repository) for p in listed]

    def download(self, points: Sequence[Document], folder: Path, *, beside: int = 8) -> list[Path]:
        """Downloads points through the app, so many sessions beside each other; the files, in the same order."""
        files: list[Path] = []
        for first in range(0, len(points), beside):
            wave = points[first : first + beside]
            asked = [
                self.world.api("POST", f"points/{p['id']}/download", {"repository": p["repository"]})["id"]
                for p in wave
            ]
            for number, session in enumerate(asked):
                files.append(self._fetch(self.wait(session), folder / f"{first + number}.bacpac"))
        return files

    def _fetch(self, session: Document, to: Path) -> Path:
        assert session["state"] == "succeeded", session
        link = session["download"]
        trust = ssl.create_default_context(cafile=StateFolder(self.world.state / "azure").ca)
        with urllib.request.urlopen(link["url"], context=trust) as answer, to.open("wb") as file:  # noqa: S310
            shutil.copyfileobj(answer, file)
        assert hashlib.sha256(to.read_bytes()).hexdigest() == link["sha256"]
        return to

    def exported(self, session: str, source: str) -> dict[str, str]:
        """What the stand-in says that it wrote for this source in this session: SHA-256 by entry."""
        run = self.world.api("GET", f"sessions/{session}")
        server, _, database = source.partition("/")
        copy = f"hf-{source_key(source)}-{session_mark(session)}"
        found = [
            job["entries"]
            for job in self.world.admin("GET", "exports")
            if (job["database"] == copy or (job["database"], job["server"].partition(".")[0]) == (database, server))
            and run["started_at"][:19] <= job["time"][:19] <= run["ended_at"][:19]
        ]
        assert found, f"no export of {source} in {session}"
        return dict(found[-1])

    def left(self) -> list[Document]:
        """What still costs money: leftovers and running machines."""
        return [r for r in self.world.resources() if r["leftover"] or r["power_state"] == "running"]

    @staticmethod
    def source(session: Document, name: str) -> Document:
        """One source of a session."""
        return next(s for s in session["sources"] if s["source"] == name)

    @staticmethod
    def states(session: Document) -> dict[str, str]:
        """How each source ended; its error's code where it failed."""
        return {s["source"]: s["error"]["code"] if s["error"] else s["state"] for s in session["sources"]}

    @staticmethod
    def entries(file: Path) -> dict[str, str]:
        """SHA-256 by entry, read by Python's own ZIP reader."""
        with zipfile.ZipFile(file) as package:
            return {name: hashlib.sha256(package.read(name)).hexdigest() for name in package.namelist()}

    @staticmethod
    def digests(point: Mapping[str, Any]) -> dict[str, str]:
        """SHA-256 by entry, as the manifest has them."""
        return {entry["name"]: entry["sha256"] for entry in point["entries"]}


@pytest.fixture
def runs(world: LocalProfile) -> Runs:
    """Sessions of the world."""
    return Runs(world)
