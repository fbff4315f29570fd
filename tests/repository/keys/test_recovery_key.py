"""A recovery key is typed by a person under stress: every slip is told, and where it is."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.repository import BadRecoveryKey
from holdfast.repository.keys.recovery_key import ALPHABET, key_of, new_key, text_of

keys = st.binary(min_size=32, max_size=32)


@given(key=keys)
def test_what_was_written_down_is_the_key(key: bytes) -> None:
    text = text_of(key)
    assert re.fullmatch(r"([0-9A-HJKMNP-TV-Z]{5}-){13}[0-9A-HJKMNP-TV-Z]{5}", text)
    assert key_of(text) == key


@given(key=keys, data=st.data())
def test_blanks_lines_small_letters_and_look_alikes_do_not_matter(key: bytes, data: st.DataObject) -> None:
    text = (
        text_of(key).replace("0", data.draw(st.sampled_from("0oO"))).replace("1", data.draw(st.sampled_from("1iIlL")))
    )
    gap = data.draw(st.sampled_from(["", " ", "\n", "\r\n", " - "]))
    typed = gap.join(text.split("-"))
    assert key_of(f"# a remark\n{typed.lower() if data.draw(st.booleans()) else typed}\n") == key


@given(key=keys, at=st.integers(0, 69), other=st.sampled_from(ALPHABET))
def test_one_wrong_letter_is_told_by_its_group(key: bytes, at: int, other: str) -> None:
    letters = text_of(key).replace("-", "")
    wrong = letters[:at] + other + letters[at + 1 :]
    if wrong == letters:
        assert key_of(wrong) == key
        return
    with pytest.raises(BadRecoveryKey, match=rf"group {at // 5 + 1} of 14") as raised:
        key_of(wrong)
    assert not any(group in str(raised.value) for group in text_of(key).split("-"))


@given(key=keys, one=st.integers(0, 13), other=st.integers(0, 13))
def test_groups_that_changed_places_are_told(key: bytes, one: int, other: int) -> None:
    groups = text_of(key).split("-")
    if one == other:
        return
    groups[one], groups[other] = groups[other], groups[one]
    with pytest.raises(BadRecoveryKey, match="group"):
        key_of("-".join(groups))


@given(key=keys, at=st.integers(0, 68))
def test_letters_that_changed_places_are_never_taken_for_another_key(key: bytes, at: int) -> None:
    letters = text_of(key).replace("-", "")
    swapped = letters[:at] + letters[at + 1] + letters[at] + letters[at + 2 :]
    if swapped == letters:
        return
    with pytest.raises(BadRecoveryKey):
        key_of(swapped)


@pytest.mark.parametrize("text", ["", "ABCDE", "U" * 70, "Ü" * 70, "-" * 70])
def test_what_is_no_recovery_key_at_all_is_told(text: str) -> None:
    with pytest.raises(BadRecoveryKey):
        key_of(text)


def test_a_missing_group_is_told_by_the_number_of_letters() -> None:
    with pytest.raises(BadRecoveryKey, match="65 letters and should have 70"):
        key_of(text_of(new_key())[6:])


def test_the_text_of_a_known_key_never_changes() -> None:
    """It lies in safes: a later program must read it."""
    key = bytes(range(32))
    assert text_of(key) == KNOWN
    assert key_of(KNOWN) == key


KNOWN = "000GQ-40R46-0M30E-E2091-185G1-R38EQ-1W811-24GKD-2GAHM-C5RR3-34D1E-P70XY-3RFGN-CC6W8"
