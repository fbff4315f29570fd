"""The page and its plots, from given figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench.bars import Bar, bars
from bench.line_up import (
    BORG,
    HOLDFAST,
    HOLDFAST_ENTRIES,
    HOLDFAST_ENTRIES_AZURITE,
    RESTIC,
    RESTIC_AZURITE,
    RESTIC_MAX,
    RESTIC_RAW,
)
from bench.page import page
from bench.pieces import PIECES
from bench.pieces.first import SERIES
from bench.pieces.purge import ALONE, ORDINARY, WITH_DAY
from bench.plots import draw
from bench.results import fingerprint, load, save
from bench.tables import amount, table, times

_MB = 1_000_000


def _cost(wall: float, peak: int = _MB) -> dict[str, float]:
    return {"wall": wall, "cpu": 2 * wall, "peak_bytes": peak}


def _growth(ours: int, theirs: int, days: int = 7) -> dict[str, Any]:
    def of(added: int) -> dict[str, Any]:
        stored = [100 * _MB + day * added for day in range(days)]
        return {
            "stored": stored,
            "costs": [_cost(1.0)] * days,
            "start": _cost(0.2),
            "entries_compared": 30,
        }

    return {
        "days": days,
        "inflated_bytes": [170 * _MB] * days,
        "bacpac_bytes": [72 * _MB] * days,
        "floor": [2 * _MB] * (days - 1),
        "contenders": {HOLDFAST: of(ours), RESTIC: of(theirs), RESTIC_MAX: of(theirs - 1), BORG: of(theirs + 1)},
    }


def _file(ours: int, theirs: int, size: int = 100 * _MB) -> dict[str, Any]:
    contenders = {HOLDFAST: {"fixed": 1000, "added": ours}, RESTIC_MAX: {"fixed": 500, "added": theirs}}
    return {"bacpac_bytes": size, "inflated_bytes": 2 * size, "contenders": contenders}


def _speeds(**seconds: float) -> dict[str, Any]:
    def of(wall: float, inflating: float = 0.0) -> dict[str, Any]:
        costs = {operation: _cost(wall) for operation in ("first", "increment", "restore")}
        before = {f"{operation} inflating": _cost(inflating) for operation in ("first", "increment")}
        starts = {f"{operation} start": _cost(0.5) for operation in costs}
        return {**starts, **costs, **before, "restore inflating": _cost(0.0)}

    contenders = {
        HOLDFAST: of(9.0),
        HOLDFAST_ENTRIES: of(seconds["ours"]),
        RESTIC: of(2.0, seconds["inflating"]),
        BORG: of(4.0, seconds["inflating"]),
        RESTIC_RAW: of(1.0),
        HOLDFAST_ENTRIES_AZURITE: of(2.0),
        RESTIC_AZURITE: of(5.0),
    }
    return {"rounds": 3, "inflated_bytes": [_MB] * 2, "bacpac_bytes": [_MB] * 2, "contenders": contenders}


@pytest.fixture
def results() -> dict[str, dict[str, Any]]:
    month = _growth(2 * _MB, 60 * _MB, days=30)
    first, newest, worst = ({"wall": wall, "bytes": 100 * _MB} for wall in (0.35, 0.5, 0.875))
    month["restores"] = {"first": first, "newest": newest}
    month["pruned"] = {"before_bytes": 9, "after_bytes": 8, "points": {"0": newest, "2": worst}}
    purges = {ORDINARY: 100, **dict.fromkeys(ALONE, 90), **dict.fromkeys(WITH_DAY, 101)}
    peaks = {"first": 200 * _MB, "increment": 220 * _MB, "restore": 150 * _MB}
    stage = {"wall": 2.0, "cpu": 3.0, "by_function": {"repository.seal.seal": 2.9, "too.little": 0.01}}
    return {
        "growth7": _growth(2 * _MB - 1, 64 * _MB),
        "growth30": month,
        "first": {"files": {SERIES: _file(80 * _MB, 90 * _MB), "a.bacpac": _file(90 * _MB, 80 * _MB)}},
        "purge": {"table": "Orders", "floor": dict.fromkeys(purges, 50), "contenders": {HOLDFAST: purges}},
        "speed": _speeds(ours=1.5, inflating=0.25),
        "stages": {"inflated_bytes": [_MB] * 2, "first": stage, "increment": stage, "limits": {"SHA-256": 1000.0}},
        "memory": {
            "sizes": {
                size: {"inflated_bytes": whole, "contenders": {HOLDFAST: peaks}}
                for size, whole in (("small", 200 * _MB), ("large", 4000 * _MB))
            }
        },
        "unchanged": {"inflated_bytes": _MB, "contenders": {HOLDFAST: {"first": 5, "added": 64_001, "cost": _cost(1)}}},
        "identical": {"files": {"a.bacpac": "identical", "b.bacpac": "entries"}},
    }


def _found(results: dict[str, dict[str, Any]], words: str) -> list[Bar]:
    found = [bar for bar in bars(results) if words in bar.asked]
    assert found, words
    return found


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("growth over 7 days", [("1.00 ×", True)]),
        ("restic at its best adds", [("32 × (restic max)", True)]),
        ("growth over 30 days", [("1.00 ×", True)]),
        ("restore of the newest of 30", [("0.70 ×", True)]),
        ("deleted and pruned", [("0.40 ×", False)]),
        ("first point of the series: at most", [("0.800", True)]),
        ("first point of all real BACPACs: at most", [("0.900", False)]),
        ("first point of all real BACPACs: smaller than", [("0.900 to 0.800", False)]),
        ("a purge alone", [("0.90 ×", True)]),
        ("an ordinary day with a purge", [("1.01 ×", False)]),
        # 2 s and 0.25 s of inflating against 1.5 s: exactly at the bar; the restore needs no inflating.
        ("first, holdfast, entries only: at least 1.5 × the speed of restic", [("1.50 ×", True)]),
        ("restore, holdfast, entries only: at least 1 × the speed of restic", [("1.33 ×", True)]),
        ("first, holdfast, entries only, Azurite: at least 1.5 × the speed of restic", [("2.50 ×", True)]),
        ("stretch: first", [("0.67 ×", False)]),
        ("peak memory below", [("220 MB", True)]),
        ("another point of an unchanged database", [("64 kB", False)]),
    ],
)
def test_each_bar_has_its_figure(results: dict[str, dict[str, Any]], words: str, told: list[tuple[str, bool]]) -> None:
    assert [(bar.found, bar.met) for bar in _found(results, words)] == told


def test_the_fixed_objects_of_a_small_files_repository_are_not_counted(results: dict[str, dict[str, Any]]) -> None:
    results["first"]["files"] = {SERIES: _file(80_000, 1, size=100_000)}
    assert _found(results, "first point of the series: at most 0.85")[0].found == "0.800"
    results["first"]["files"] = {SERIES: _file(80_000, 1, size=100_001)}
    assert _found(results, "first point of the series: at most 0.85")[0].found == "0.810"


def test_a_time_that_drowns_in_its_start_up_tells_nothing(results: dict[str, dict[str, Any]]) -> None:
    results["speed"] = _speeds(ours=0.01, inflating=0.0)
    bar = _found(results, "first, holdfast, entries only: at least 1.5 × the speed of restic")[0]
    assert (bar.found, bar.met) == ("too short to tell", None)


def test_what_was_not_run_is_said_to_be_open_and_never_met(results: dict[str, dict[str, Any]]) -> None:
    del results["memory"]
    assert [(bar.found, bar.met) for bar in _found(results, "`memory`")] == [("not run", None)]
    results["growth30"]["pruned"] = None
    assert _found(results, "deleted and pruned")[0].met is None
    assert all(bar.met is None for bar in bars({}))


def test_the_page_holds_every_piece_and_says_what_is_old(results: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    assert results.keys() == PIECES.keys()
    # As it comes from files: keys of objects are text there.
    machine = {"cores": "2", "borg": "not installed"}
    kept = json.loads(json.dumps({p: {"mark": "now", "machine": machine, "result": r} for p, r in results.items()}))
    kept["memory"]["mark"] = "before"
    plots = draw(results, tmp_path)
    text = page(kept, "now", plots, 1.0)
    for title in (
        "The bars",
        "Growth over thirty days",
        "Old chains",
        "Purges",
        "Where the time goes",
        "The very file",
    ):
        assert f"## {title}\n" in text
    assert "earlier engine than the present one: `memory`." in text
    assert "apt-get install" in text
    assert "A small run" not in text
    assert "`repository.seal.seal` | 97 %" in text
    assert "too.little" not in text
    for plot in plots.values():
        assert f"(benchmarks/{plot})" in text
    assert "A small run, at 0.1" in page(kept, "now", {}, 0.1)


def test_nothing_measured_makes_a_page_that_says_so() -> None:
    assert "Nothing was measured yet" in page({}, "now", {}, 1.0)


def test_the_same_figures_draw_the_same_files(results: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    drawn = [draw(results, tmp_path / place) for place in ("one", "two")]
    assert drawn[0] == drawn[1]
    assert sorted(drawn[0]) == ["growth30", "growth7", "memory", "speed"]
    for name in drawn[0].values():
        made = [(tmp_path / place / name).read_bytes() for place in ("one", "two")]
        assert made[0] == made[1]
        assert b"<dc:date>" not in made[0]


def test_a_result_is_found_again_and_a_half_written_one_is_not(tmp_path: Path) -> None:
    save(tmp_path, "first", "mark", {"files": {}})
    (tmp_path / ".speed.part").write_text('{"mark": ')
    found = load(tmp_path, PIECES)
    assert list(found) == ["first"]
    assert found["first"]["mark"] == "mark"
    assert found["first"]["machine"]["cores"]


def test_another_scale_is_another_run() -> None:
    assert fingerprint(1.0) == fingerprint(1.0) != fingerprint(0.5)


def test_numbers_read_well() -> None:
    assert [amount(size) for size in (12, 1520, 1_520_000, 152_000_000, 4e9)] == [
        "12 B",
        "1.52 kB",
        "1.52 MB",
        "152 MB",
        "4 GB",
    ]
    assert [times(ratio) for ratio in (0.854, 19.99, 41.2)] == ["0.85 ×", "19.99 ×", "41 ×"]
    assert table(("a", "b"), [("1", "2")]) == ["| a | b |", "|---|---:|", "| 1 | 2 |", ""]
