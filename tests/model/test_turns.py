"""Turns: limits hold whatever comes, nobody waits for ever, nobody waits for nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.model.turns import PATIENCE, Claim, Decision, decide, pause
from holdfast.settings import Limits

NOW = datetime(2026, 3, 1, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)


def claim(key: str, *things: str, minute: float = 0, held: bool = False) -> Claim:
    return Claim(session="s", key=key, things=things, since=NOW + minute * _MINUTE, held=held)


def limit(_: str) -> int:
    return 1


def test_a_thing_in_use_keeps_waiting_and_says_which_it_is() -> None:
    found = decide([claim("a", "server x", held=True)], claim("b", "staging y", "server x"), limit, NOW)
    assert found == Decision(False, "server x", 0)
    assert decide([], claim("b", "server x"), limit, NOW).granted


def test_whoever_came_first_goes_first() -> None:
    first, second = claim("b", "server x", minute=0), claim("a", "server x", minute=1)
    assert decide([first, second], first, limit, NOW).granted
    assert decide([first, second], second, limit, NOW) == Decision(False, "server x", 1)


def test_a_crowded_server_does_not_keep_the_others_waiting() -> None:
    crowd = [claim("held", "server x", "staging s", held=True)]
    crowd += [claim(f"w{n}", "server x", "staging s", minute=n / 100) for n in range(50)]
    other = claim("other", "server z", "staging s", minute=9)

    def three(thing: str) -> int:
        return 3 if thing.startswith("staging") else 1

    assert decide(crowd, other, three, NOW).granted


def test_past_its_patience_what_comes_free_is_kept_for_whoever_waits() -> None:
    """Needs two things; single ones that come later would take now the one and now the other for ever."""
    both = claim("both", "server x", "staging s", minute=0)
    busy = claim("busy", "staging s", held=True)
    late = claim("late", "server x", minute=1)
    assert decide([both, busy], late, limit, NOW + PATIENCE - _MINUTE).granted
    assert not decide([both, busy], late, limit, NOW + PATIENCE).granted


THINGS = ["server a", "server b", "staging s", "region r"]
ARRIVALS = st.lists(
    st.tuples(
        st.integers(0, 60),
        st.sets(st.sampled_from(THINGS), min_size=1),
        st.integers(1, 15),
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(
    ARRIVALS, st.fixed_dictionaries({thing: st.integers(1, 3) for thing in THINGS}), st.randoms(use_true_random=False)
)
def test_limits_hold_and_everybody_comes_to_their_turn(arrivals: list, limits: dict[str, int], chance) -> None:  # type: ignore[no-untyped-def,type-arg]
    """Minute by minute, asked in any order; each holds its things for as many minutes as it needs."""
    waiting: dict[str, tuple[Claim, int]] = {}
    held: dict[str, tuple[Claim, int]] = {}
    todo = sorted(((at, f"k{n}", things, length) for n, (at, things, length) in enumerate(arrivals)), key=str)
    total = sum(length for _, _, length in arrivals)
    for minute in range(61 + int(PATIENCE / _MINUTE) + 2 * total):
        now = NOW + minute * _MINUTE
        held = {k: (c, until) for k, (c, until) in held.items() if until > minute}
        for at, key, things, length in todo:
            if at == minute:
                waiting[key] = claim(key, *sorted(things), minute=minute), length
        order = list(waiting)
        chance.shuffle(order)
        for key in order:
            mine, length = waiting[key]
            claims = [c for c, _ in held.values()] + [c for c, _ in waiting.values()]
            if decide(claims, mine, limits.__getitem__, now).granted:
                del waiting[key]
                held[key] = mine.model_copy(update={"held": True}), minute + length
        for thing, most in limits.items():
            assert sum(thing in c.things for c, _ in held.values()) <= most
        if waiting and not held:
            raise AssertionError("everything is free and somebody waits")
    assert not waiting


def test_whoever_has_many_before_it_asks_more_seldom_and_never_too_seldom() -> None:
    poll = timedelta(seconds=15)
    assert pause(Decision(False, "staging s", 0), 20, poll) == poll
    assert pause(Decision(False, "staging s", 60), 20, poll) == 4 * poll
    assert pause(Decision(False, "staging s", 10**6), 20, poll) == 20 * poll


def test_the_first_glob_that_fits_is_the_limit() -> None:
    limits = Limits(servers={"SQL-big": 8, "sql-*": 2}, pools={"*/gold": 1})
    assert [limits.of(f"server {name}") for name in ("sql-big", "sql-x", "mi")] == [8, 2, None]
    assert [limits.of(thing) for thing in ("pool sql-x/gold", "pool sql-x/tin", "region r")] == [1, None, None]
    assert limits.of("staging whatever") == 20
    assert limits.of("a kind of a later version") is None
