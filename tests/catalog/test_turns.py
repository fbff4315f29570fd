"""Turns on Azure tables: taken once, counted right under contention, given back for good."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from holdfast.catalog import Catalog


def limit(most: int) -> Callable[[str], int]:
    return lambda _: most


def test_a_turn_is_kept_however_often_it_is_asked_for_and_free_once_it_is_given_back(catalog: Catalog) -> None:
    turns = catalog.turns
    for _ in range(2):
        assert turns.take("s", "a", ["server x"], limit(1)).granted
        assert turns.take("s", "b", ["server x"], limit(1)).waits_for == "server x"
    assert [(c.key, c.held) for c in turns.claims()] == [("a", True), ("b", False)]
    for _ in range(2):
        turns.release("s", "a")
    assert turns.take("s", "b", ["server x"], limit(1)).granted


def test_a_place_is_kept_while_others_come(catalog: Catalog, clock: Any) -> None:
    turns = catalog.turns
    turns.take("s", "a", ["server x"], limit(1))
    turns.take("s", "z", ["server x"], limit(1))
    clock.advance(seconds=1)
    assert turns.take("s", "b", ["server x"], limit(1)).before == 1
    turns.release("s", "a")
    assert not turns.take("s", "b", ["server x"], limit(1)).granted, "z was first"
    assert turns.take("s", "z", ["server x"], limit(1)).granted


def test_the_source_is_free_once_there_is_a_copy_and_the_copy_counts_on(catalog: Catalog) -> None:
    turns = catalog.turns
    turns.take("s", "a", ["server x", "staging y"], limit(1))
    turns.keep_the_copy("s", "a")
    turns.keep_the_copy("s", "unknown")
    assert turns.take("s", "b", ["server x"], limit(1)).granted
    assert turns.take("s", "c", ["staging y"], limit(1)).waits_for == "staging y"


def test_what_a_session_has_is_given_back_together(catalog: Catalog) -> None:
    turns = catalog.turns
    for key in ("a", "b"):
        turns.take("dead", key, ["server x"], limit(2))
    turns.take("alive", "a", ["server x"], limit(2))
    turns.release_session("dead")
    assert [c.session for c in turns.claims()] == ["alive"]


def test_of_many_who_ask_together_no_more_than_the_limit_get_their_turn(catalog: Catalog) -> None:
    turns = catalog.turns
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda n: turns.take("s", f"k{n}", ["server x"], limit(3)), range(24)))
    assert sum(answer.granted for answer in answers) == 3
    assert sum(claim.held for claim in turns.claims()) == 3
    assert len(turns.claims()) == 24
