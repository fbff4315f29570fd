"""Every real BACPAC as a database, backed up and restored to each kind of place; every table byte for byte as it was."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from holdfast.model.session import Session, State
from local.profile import LocalProfile
from local.samples.databases import write_sample

pytestmark = [pytest.mark.e2e, pytest.mark.prove, pytest.mark.whole, pytest.mark.timeout(0)]

_ENDED = (State.SUCCEEDED, State.PARTIAL, State.FAILED, State.CANCELLED)
_REPORT = Path(__file__).resolve().parents[2] / ".cache" / "prove" / "restores.txt"
#: What is restored at one time: more would wait for the two machines of the profile anyway.
_AT_ONCE = 6


def _places(name: str) -> dict[str, dict[str, Any]]:
    """What is asked of a restore, by the kind of place; the original place last, for it changes the source."""
    return {
        "new name": {"to": f"sql-every/{name}-again"},
        "other server": {"to": f"sql-other/{name}"},
        "managed instance": {"to": f"mi-every/{name}", "managed_instance": True},
        "original place": {"original": True},
    }


def _ended(world: LocalProfile, session: str) -> Session:
    while (found := world.catalog.sessions.get(session)).state not in _ENDED:
        time.sleep(0.3)
    return found


def test_restores_of_every_database_to_every_kind_of_place_are_the_same(
    world: LocalProfile, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    try:
        files = list(request.getfixturevalue("real_bacpacs").values())
    except pytest.skip.Exception:
        files = [tmp_path / f"{name}.bacpac" for name in ("hr", "shop", "types", "empty")]
        for file in files:
            write_sample(file, file.stem, day=0, scale=0.2)
    names = [file.stem.replace(".", "-") for file in files]
    for name, file in zip(names, files, strict=True):
        world.load(file, f"sql-every/{name}")
    world.load(files[0], "sql-other/there-already")
    world.load(files[0], "mi-every/there-already", managed=True)

    backup = world.api("POST", "backups", {"databases": ["sql-every/*"], "staging": False})
    made = _ended(world, backup["id"])
    assert made.state is State.SUCCEEDED, [(one.source, one.error) for one in made.sources]
    points = {one.source.partition("/")[2]: str(one.restore_point) for one in made.sources}
    assert sorted(points) == sorted(names)

    waiting = [(name, kind, asked) for kind in _places("") for name in names for asked in (_places(name)[kind],)]
    lines, wrong = [], []
    while waiting:
        batch, waiting = waiting[:_AT_ONCE], waiting[_AT_ONCE:]
        started = [
            (name, kind, world.api("POST", "restores", {"point": points[name], "verify": "contents", **asked})["id"])
            for name, kind, asked in batch
        ]
        for name, kind, session in started:
            found = _ended(world, session)
            compared = {one.what: one.outcome for one in found.restore.compared} if found.restore else {}
            lines.append(f"{name:32} {kind:18} {found.state:10} {compared}")
            print(lines[-1], flush=True)  # noqa: T201
            if found.state is not State.SUCCEEDED or compared.get("contents") != "same":
                wrong.append((name, kind, compared, [(one.error, one.steps) for one in found.sources]))
    _REPORT.parent.mkdir(parents=True, exist_ok=True)
    _REPORT.write_text("\n".join(lines) + "\n")
    assert not wrong
