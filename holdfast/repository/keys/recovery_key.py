"""The recovery key: 256 random bits as people write them down, with a check in every group that tells where a slip is.

Fourteen groups of five letters: thirteen of the key, one that checks the whole. The last letter of each group checks the
group and its place. Docs: docs/repository-format.md, Recovery key.
"""

from __future__ import annotations

import hashlib
import re
import secrets

from holdfast.model.errors import InvalidInput

BYTES = 32
#: Without I, L, O and U: nobody takes one letter for another, and those that people write anyway are read as meant.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MEANT = str.maketrans("OILoil", "011011")
_VALUES = {letter: value for value, letter in enumerate(ALPHABET)}
_LETTERS = 4
_KEY_GROUPS = 13
_GROUPS = _KEY_GROUPS + 1


class BadRecoveryKey(InvalidInput):
    """A recovery key that was mistyped. The detail names the groups, and nothing that stands in them."""

    code = "bad-recovery-key"
    title = "The recovery key was not typed as it was written down"
    advice = "Compare the groups that are named with what was written down."


def new_key() -> bytes:
    """256 random bits."""
    return secrets.token_bytes(BYTES)


def text_of(key: bytes) -> str:
    """The key as it is written down: `XXXXX-XXXXX-…`."""
    number = int.from_bytes(key, "big") << (5 * _LETTERS * _KEY_GROUPS - 8 * BYTES)
    check = int.from_bytes(hashlib.sha256(key).digest()[:3], "big") >> (24 - 5 * _LETTERS)
    groups = [*_split(number, _KEY_GROUPS), *_split(check, 1)]
    return "-".join("".join(ALPHABET[v] for v in (*group, _check(group, n))) for n, group in enumerate(groups, 1))


def key_of(text: str) -> bytes:
    """The key that was written down. Blanks, hyphens and lines do not matter, nor do small letters; what begins with `#`
    is a remark. Raises BadRecoveryKey, which names the groups that are wrong."""
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    letters = re.sub(r"[\s-]+", "", "".join(lines)).translate(_MEANT).upper()
    wanted = _GROUPS * (_LETTERS + 1)
    if len(letters) != wanted:
        raise BadRecoveryKey(f"it has {len(letters)} letters and should have {wanted}, in {_GROUPS} groups of five")
    groups = [letters[at : at + _LETTERS + 1] for at in range(0, wanted, _LETTERS + 1)]
    wrong = [number for number, group in enumerate(groups, 1) if not _right(group, number)]
    if wrong:
        which = f"group {wrong[0]}" if len(wrong) == 1 else f"groups {', '.join(map(str, wrong))}"
        raise BadRecoveryKey(f"{which} of {_GROUPS}: a letter is wrong, or letters changed places")
    number = 0
    for group in groups[:_KEY_GROUPS]:
        for letter in group[:_LETTERS]:
            number = number << 5 | _VALUES[letter]
    key = (number >> (5 * _LETTERS * _KEY_GROUPS - 8 * BYTES)).to_bytes(BYTES, "big")
    if text_of(key).replace("-", "") != letters:
        raise BadRecoveryKey(
            f"each group alone is well-formed, but the last of the {_GROUPS} does not check the others"
        )
    return key


def _split(number: int, groups: int) -> list[tuple[int, ...]]:
    values = [number >> (5 * at) & 31 for at in range(groups * _LETTERS - 1, -1, -1)]
    return [tuple(values[at : at + _LETTERS]) for at in range(0, len(values), _LETTERS)]


def _check(group: tuple[int, ...], number: int) -> int:
    # Odd weights have inverses modulo 32, so that every single wrong letter shows.
    return (7 * number + sum((2 * at + 3) * value for at, value in enumerate(group))) % 32


def _right(group: str, number: int) -> bool:
    if any(letter not in _VALUES for letter in group):
        return False
    values = [_VALUES[letter] for letter in group]
    return _check(tuple(values[:_LETTERS]), number) == values[_LETTERS]
