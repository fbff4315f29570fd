"""What was stored comes back: every entry byte for byte, the file bit for bit, with what is known of it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.model.errors import BadBacpac, Cancelled, InvalidInput, NotFound
from holdfast.model.job import Progress
from holdfast.model.transformation import Transformation
from holdfast.repository import PointConflict, Repository
from holdfast.storage.memory import MemoryStore


def test_a_point_says_what_it_holds(repository: Repository, bacpac: Any, tools: Any) -> None:
    big = tools.rows(4000)
    header = tools.header_of(1, flags=["daily"], warnings=["View [dbo].[v]: …"], resource_id="/subscriptions/s/x")
    changed = Transformation(
        rule="P01", object="View [dbo].[v]", did="dropped", definition="CREATE VIEW dbo.v AS …\nGO\n"
    )
    header = header.model_copy(update={"transformations": [changed]})
    point = repository.store_point(
        bacpac({"Orders": [big, tools.rows(5)], "Empty": [], "Odd": [b"?"]}), header, owner="w"
    )
    assert (point.id, point.source, point.chain, point.kind) == (header.id, "server/chain-a", "chain-a", "full")
    assert (point.repository, point.tier, point.sequence) == ("default", "backup", 1)
    assert point.transformations == [changed]
    assert (point.flags, point.warnings, point.session) == (["daily"], ["View [dbo].[v]: …"], "session-1")
    assert point.created_at == header.created_at
    by_name = {table.name: table for table in point.tables}
    assert (by_name["Orders"].rows, by_name["Orders"].bytes) == (4005, len(big) + len(tools.rows(5)))
    assert (by_name["Empty"].rows, by_name["Empty"].bytes) == (0, 0)
    assert (by_name["Odd"].rows, by_name["Odd"].bytes) == (None, 1), (
        "what cannot be decoded is stored, its rows unknown"
    )
    entries = {entry.name: entry for entry in point.entries}
    first = entries["Data/dbo.Orders/TableData-000-00000.BCP"]
    assert (first.bytes, first.sha256) == (len(big), hashlib.sha256(big).hexdigest())
    assert point.inflated_bytes == sum(entry.bytes for entry in point.entries)
    assert repository.point(point.id) == point
    assert repository.points() == repository.points("chain-a") == [point]


def test_stored_bytes_are_what_the_storage_grew_by(
    repository: Repository, memory: MemoryStore, bacpac: Any, tools: Any
) -> None:
    for number in (1, 2):
        before = tools.total(memory)
        data = {"T": [tools.rows(3000, seed=number)]}
        point = repository.store_point(bacpac(data), tools.header_of(number), owner="w")
        locator_and_lock = sum(
            len(memory.objects[name].data)
            for name in memory.objects
            if name == f"points/{point.id}/chain-a" or (name.startswith("locks/") and number == 1)
        )
        assert point.stored_bytes == tools.total(memory) - before - locator_and_lock


def test_every_entry_and_the_file_itself_come_back(
    repository: Repository, bacpac: Any, tools: Any, tmp_path: Path
) -> None:
    file = bacpac({"A": [tools.rows(9000), tools.rows(20, 1)], "B": [b""], "C": []}, shuffle=7)
    point = repository.store_point(file, tools.header_of(1), owner="w")
    assert point.identical_possible
    fast = repository.write_bacpac(point.id, tmp_path / "fast")
    assert tools.entries_of(tmp_path / "fast") == tools.entries_of(file), "in the order of the ZIP, too"
    assert fast.sha256 == hashlib.sha256((tmp_path / "fast").read_bytes()).hexdigest()
    same = repository.write_bacpac(point.id, tmp_path / "same", identical=True)
    assert (tmp_path / "same").read_bytes() == file.read_bytes()
    assert same.identical
    assert same.bytes == file.stat().st_size
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["fast", "same", file.name]), (
        "nothing is left over"
    )


def test_another_opening_reads_the_same(repository: Repository, bacpac: Any, tools: Any, clock: Any) -> None:
    stored = repository.store_point(bacpac({"A": [tools.rows(10)]}), tools.header_of(1), owner="w")
    opened = Repository.open(repository.store, tools.password, clock=clock, name="default")
    assert opened.points() == [stored]
    assert opened.verify_point(stored.id) == stored.inflated_bytes


def test_the_same_point_stored_again_is_the_point_that_exists(
    repository: Repository, memory: MemoryStore, bacpac: Any, tools: Any
) -> None:
    first = repository.store_point(bacpac({"A": [tools.rows(10)]}), tools.header_of(1), owner="w")
    objects = dict(memory.objects)
    again = repository.store_point(bacpac({"A": [tools.rows(11)]}), tools.header_of(1), owner="other")
    assert again == first
    assert memory.objects == objects


def test_an_id_of_another_chain_is_refused(repository: Repository, bacpac: Any, tools: Any) -> None:
    """Data of one database never comes under another's name."""
    repository.store_point(bacpac({"A": [b""]}), tools.header_of(1), owner="w")
    stolen = tools.header_of(1).model_copy(update={"chain": "chain-b"})
    with pytest.raises(PointConflict, match="chain-a"):
        repository.store_point(bacpac({"A": [b""]}), stolen, owner="w")


def test_an_unchanged_database_costs_a_few_kilobytes_whatever_its_size(
    repository: Repository, memory: MemoryStore, bacpac: Any, tools: Any
) -> None:
    """A new export of the same data: other times and ids, another order in the ZIP."""
    tables = {f"T{n}": [tools.rows(4000, seed=n), tools.rows(500, seed=100 + n)] for n in range(8)}
    first = repository.store_point(bacpac(tables), tools.header_of(1), owner="w")
    before = tools.total(memory)
    second = repository.store_point(bacpac(tables, exported=2, shuffle=3), tools.header_of(2), owner="w")
    grown = tools.total(memory) - before
    assert first.inflated_bytes > 4_000_000
    assert second.kind == "increment"
    assert grown < 8_000


def test_a_part_border_that_moves_changes_nothing(
    repository: Repository, memory: MemoryStore, bacpac: Any, tools: Any
) -> None:
    whole = tools.rows(9000)
    cut = len(whole) // 3
    repository.store_point(bacpac({"T": [whole]}), tools.header_of(1), owner="w")
    before = tools.total(memory)
    point = repository.store_point(bacpac({"T": [whole[:cut], whole[cut:]]}, exported=2), tools.header_of(2), owner="w")
    assert tools.total(memory) - before < 8_000
    assert repository.verify_point(point.id) == point.inflated_bytes


def test_an_insertion_costs_its_surroundings_and_not_the_rest(
    repository: Repository, memory: MemoryStore, bacpac: Any, tools: Any
) -> None:
    table = tools.rows(30_000)
    middle = len(table) // 2
    repository.store_point(bacpac({"T": [table]}), tools.header_of(1), owner="w")
    before = tools.total(memory)
    changed = table[:middle] + b"three thousand new bytes" * 125 + table[middle:]
    repository.store_point(bacpac({"T": [changed]}), tools.header_of(2), owner="w")
    assert tools.total(memory) - before < 10_000 < before / 50


def test_chains_share_nothing(repository: Repository, memory: MemoryStore, bacpac: Any, tools: Any) -> None:
    """Each chain is the unit of deletion: what one holds no other may need."""
    file = bacpac({"T": [tools.rows(3000)]})
    repository.store_point(file, tools.header_of(1, "chain-a"), owner="w")
    first = tools.total(memory)
    repository.store_point(file, tools.header_of(2, "chain-b"), owner="w")
    assert tools.total(memory) > 1.9 * first - 2000
    for name in [name for name in memory.objects if "chain-a" in name]:
        del memory.objects[name]
    assert [point.chain for point in repository.points()] == ["chain-b"]
    assert repository.verify_point(repository.points()[0].id) > 0
    assert repository.check(read_data=True).ok


def test_points_are_listed_oldest_first_over_all_chains(repository: Repository, bacpac: Any, tools: Any) -> None:
    for number, chain in ((3, "chain-a"), (1, "chain-b"), (2, "chain-c")):
        repository.store_point(bacpac({"T": [tools.rows(number)]}), tools.header_of(number, chain), owner="w")
    assert [point.chain for point in repository.points()] == ["chain-b", "chain-c", "chain-a"]
    assert repository.chains() == ["chain-a", "chain-b", "chain-c"]


def test_a_point_that_is_not_there_is_not_found(repository: Repository) -> None:
    with pytest.raises(NotFound, match="20260101T000000Z-00000000"):
        repository.point("20260101T000000Z-00000000")
    with pytest.raises(InvalidInput):
        repository.point("../secrets")


def test_a_file_that_is_no_bacpac_leaves_no_point(repository: Repository, tools: Any, tmp_path: Path) -> None:
    (tmp_path / "x.bacpac").write_bytes(b"PK no")
    with pytest.raises(BadBacpac):
        repository.store_point(tmp_path / "x.bacpac", tools.header_of(1), owner="w")
    assert repository.points() == []


def test_damaged_table_data_in_the_file_leaves_no_point(repository: Repository, bacpac: Any, tools: Any) -> None:
    file = bacpac({"T": [tools.rows(20_000)]})
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(BadBacpac, match="T"):
        repository.store_point(file, tools.header_of(1), owner="w")
    assert repository.points() == []
    repository.store_point(bacpac({"T": [tools.rows(20_000)]}), tools.header_of(1), owner="next")


def test_cancelling_leaves_no_point_and_frees_the_chain(repository: Repository, bacpac: Any, tools: Any) -> None:
    file = bacpac({"T": [tools.rows(50_000)]})
    seen: list[Progress] = []
    with pytest.raises(Cancelled):
        repository.store_point(
            file, tools.header_of(1), owner="w", progress=seen.append, cancelled=lambda: len(seen) > 0
        )
    assert repository.points() == []
    repository.store_point(file, tools.header_of(1), owner="next")


def test_a_cancelled_download_leaves_no_file(repository: Repository, bacpac: Any, tools: Any, tmp_path: Path) -> None:
    point = repository.store_point(bacpac({"T": [tools.rows(20)]}), tools.header_of(1), owner="w")
    before = set(tmp_path.iterdir())
    with pytest.raises(Cancelled):
        repository.write_bacpac(point.id, tmp_path / "out.bacpac", cancelled=lambda: True)
    assert set(tmp_path.iterdir()) == before


def test_progress_grows_to_the_whole(repository: Repository, bacpac: Any, tools: Any) -> None:
    seen: list[Progress] = []
    point = repository.store_point(
        bacpac({"T": [tools.rows(60_000)], "U": [tools.rows(9)]}), tools.header_of(1), owner="w", progress=seen.append
    )
    done = [one.bytes for one in seen]
    assert done == sorted(done)
    assert done[-1] == point.inflated_bytes == seen[-1].bytes_total
    assert {one.table for one in seen} >= {"dbo.T", "dbo.U"}
    assert max(one.tables_done for one in seen) == 2


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    tables=st.dictionaries(
        st.sampled_from(["A", "B", "C", "D"]),
        st.lists(
            st.one_of(
                st.binary(max_size=300),
                st.tuples(st.binary(min_size=1, max_size=9), st.integers(1, 90_000)).map(
                    lambda pair: pair[0] * pair[1]
                ),
            ),
            max_size=4,
        ),
        max_size=4,
    ),
    shuffle=st.integers(0, 5),
)
def test_any_tables_come_back(
    tables: dict[str, list[bytes]], shuffle: int, tools: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever the bytes: empty, repeated for ever, undecodable, longer than any chunk."""
    folder = tmp_path_factory.mktemp("any")
    repository = Repository.init(MemoryStore(), tools.password, clock=tools.clock(), cost=tools.cost)
    file = tools.build_bacpac(folder / "in.bacpac", tables, shuffle=shuffle)
    for number in (1, 2):
        point = repository.store_point(file, tools.header_of(number), owner="w")
        repository.write_bacpac(point.id, folder / "fast")
        assert tools.entries_of(folder / "fast") == tools.entries_of(file)
        repository.write_bacpac(point.id, folder / "same", identical=True)
        assert (folder / "same").read_bytes() == file.read_bytes()
    assert repository.check(read_data=True).problems == []
