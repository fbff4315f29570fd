"""Names of files as facts: read strictly, or refused with a reason; never guessed."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from holdfast.model.errors import InvalidInput
from holdfast.model.file_pattern import FilePattern, ReadName, filled


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(
    ("pattern", "name", "fields", "moment"),
    [
        ("{source}-{date:%Y-%m-%d}.bacpac", "my-shop-2026-01-31.bacpac", {"source": "my-shop"}, utc(2026, 1, 31)),
        ("{db}_{at:%Y%m%dT%H%M%SZ}.bacpac", "a_20260131T031500Z.bacpac", {"db": "a"}, utc(2026, 1, 31, 3, 15)),
        ("{db}_{d:%d%b%y}_{t:%I%M%p}.bacpac", "a_31Jan26_0315PM.bacpac", {"db": "a"}, utc(2026, 1, 31, 15, 15)),
        ("{db} {at:%Y%m%d%H%M%z}.bacpac", "a 202601310300+0100.bacpac", {"db": "a"}, utc(2026, 1, 31, 2)),
        (
            "{server}/{database}/{d:%Y-%m-%d}.bacpac",
            "x/srv/shop/2026-01-31.bacpac",
            {"server": "srv"},
            utc(2026, 1, 31),
        ),
        ("{d:%Y}/{e:%m}/{f:%d}/{db}.bacpac", "2026/01/31/shop.bacpac", {"db": "shop"}, utc(2026, 1, 31)),
        ("{_}-{db}.{_}", "nightly-shop.bacpac", {"db": "shop"}, None),
        ("{{{db}}}.bacpac", "{shop}.BACPAC", {"db": "shop"}, None),
        ("{db}.bacpac", "deep/down/shop.bacpac", {"db": "shop"}, None),
    ],
)
def test_a_name_says_what_the_pattern_asks(
    pattern: str, name: str, fields: dict[str, str], moment: datetime | None
) -> None:
    found = FilePattern(pattern).read(name)
    assert fields.items() <= found.fields.items()
    assert found.moment == moment
    assert "_" not in found.fields


@pytest.mark.parametrize(
    ("pattern", "name", "words"),
    [
        ("{db}-{d:%Y-%m-%d}.bacpac", "shop.bacpac", "does not match"),
        (
            "{db}-{d:%Y%m%d}.bacpac",
            "shop-2026111.bacpac",
            "does not match",
        ),  # the 1st of November or the 11th of January
        ("{db}-{d:%Y-%m-%d}.bacpac", "shop-2026-13-01.bacpac", "does not match"),
        ("{db}-{d:%Y-%m-%d}.bacpac", "shop-2026-02-30.bacpac", "no time"),
        ("{db}-{d:%d%b%Y}.bacpac", "shop-01Foo2026.bacpac", "no time"),
        ("{server}-{database}.bacpac", "sql-a-shop.bacpac", "two ways"),
        ("{server}/{database}.bacpac", "shop.bacpac", "does not match"),
        ("{db}.bacpac", ".bacpac", "does not match"),
        ("{db}.bacpac", "shopXbacpac", "does not match"),
    ],
)
def test_a_name_that_says_something_else_is_refused(pattern: str, name: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        FilePattern(pattern).read(name)


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("{db", "expected '}'"),
        ("{}.bacpac", "neither"),
        ("{db:03d}", "neither"),
        ("{db!r}", "no field"),
        ("{db.x}", "neither"),
        ("{a}{b}.bacpac", "nothing tells where"),
        ("{a}-{a}.bacpac", "twice"),
        ("{d:%Y-%m}.bacpac", "year, a month and a day"),
        ("{d:%H%M}-{db}", "year, a month and a day"),
        ("{d:%Y-%m-%d}{e:%d}", "twice"),
        ("{d:%Y-%m-%d %I}", "%I and %p"),
        ("{d:%Y-%m-%d %Q}", "%Q is not known"),
        ("{d:%Y-%j}", "%j is not known"),  # strptime takes day 366 of any year
        ("{d:%Y-%m-%d%}", "% is not known"),
    ],
)
def test_what_is_no_pattern_is_refused_before_any_name(pattern: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=re.escape(words)):
        FilePattern(pattern)


def test_times_are_of_the_zone_that_is_told() -> None:
    pattern = FilePattern("{db}-{at:%Y-%m-%dT%H%M}.bacpac", ZoneInfo("Europe/Berlin"))
    assert pattern.read("a-2026-01-31T0300.bacpac").moment == utc(2026, 1, 31, 2)
    assert pattern.read("a-2026-07-31T0300.bacpac").moment == utc(2026, 7, 31, 1)
    assert pattern.read("a-2026-10-25T0230.bacpac").moment == utc(2026, 10, 25, 0, 30), "the first of the two"
    with pytest.raises(InvalidInput, match="passed over"):
        pattern.read("a-2026-03-29T0230.bacpac")


def test_a_template_is_filled_with_fields() -> None:
    assert filled("sql-a/{db}", {"db": "shop"}) == "sql-a/shop"
    assert filled("{a}/{b}", {"a": "{b}", "b": "x"}) == "{b}/x", "what a name says is never read as a template"
    for bad in ("{nothing}", "{db:5}", "{db", "{}"):
        with pytest.raises(InvalidInput):
            filled(bad, {"db": "shop"})


_TEXT = st.text(st.characters(exclude_characters="/{}\n\r", codec="utf-8"), min_size=1, max_size=12)
_FORMATS = st.sampled_from(
    ["%Y-%m-%d", "%Y%m%d", "%d.%m.%Y", "%Y%m%dT%H%M%SZ", "%y%m%d_%H%M", "%d%b%Y %I%M%S%p", "%H%M%S_%Y%m%d"]
)
_MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2060, 1, 1))  # noqa: DTZ001 (as strategies want them)


def _read(pattern: FilePattern, name: str) -> tuple[ReadName | None, str]:
    try:
        return pattern.read(name), ""
    except InvalidInput as error:
        return None, error.detail


@given(st.lists(_TEXT, min_size=3, max_size=3), _TEXT, _FORMATS, _MOMENTS)
def test_what_is_written_by_a_pattern_is_read_by_it(
    literals: list[str], value: str, form: str, moment: datetime
) -> None:
    """The round trip, for any literal text and any value: the same fields and the same time, or a refusal, never others."""
    pattern = FilePattern(f"{literals[0]}{{db}}{literals[1]}{{at:{form}}}{literals[2]}")
    name = f"{literals[0]}{value}{literals[1]}{moment.strftime(form)}{literals[2]}"
    found, refusal = _read(pattern, name)
    if found is None:
        assert "two ways" in refusal, "a value may look like what stands beside it"
        return
    assert found.fields == {"db": value}
    assert found.moment == datetime.strptime(moment.strftime(form), form).replace(tzinfo=UTC)


@given(_TEXT, _TEXT, _TEXT)
def test_two_fields_are_never_mixed_up(one: str, between: str, other: str) -> None:
    pattern = FilePattern(f"{{a}}{between.replace('{', '{{')}{{b}}")
    try:
        found = pattern.read(f"{one}{between}{other}")
    except InvalidInput:
        return
    assert (found.fields["a"], found.fields["b"]) == (one, other)


@given(st.text(max_size=30))
def test_any_text_is_a_pattern_or_refused(text: str) -> None:
    try:
        pattern = FilePattern(text)
    except InvalidInput:
        return
    for name in (text, "shop-2026-01-01.bacpac", ""):
        try:
            pattern.read(name)
        except InvalidInput:
            continue


@given(_MOMENTS, st.integers(-14 * 60, 14 * 60))
def test_an_offset_in_the_name_counts(moment: datetime, minutes: int) -> None:
    assume(minutes % 15 == 0)
    offset = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}{abs(minutes) % 60:02}"
    found = FilePattern("{at:%Y%m%d%H%M%S%z}", ZoneInfo("Asia/Tokyo")).read(f"{moment:%Y%m%d%H%M%S}{offset}")
    assert found.moment == (moment.replace(microsecond=0) - timedelta(minutes=minutes)).replace(tzinfo=UTC)
