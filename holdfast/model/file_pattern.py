"""What the names of files say: `{database}_{date:%Y-%m-%d}.bacpac` tells database and time of each file. Pure, strict.

A name that can be read in two ways is refused, and so is a date without its zeros (`2026111` is two days): whatever is
guessed here would put one database's data under another's name, or on another day.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from string import Formatter

from holdfast.model.errors import InvalidInput

#: A text field of this name takes anything and says nothing; it may stand more than once.
ANYTHING = "_"
#: strptime's directives, each with what it must look like here: as many digits as it has when it is written.
_DIRECTIVES = {
    "Y": r"[0-9]{4}",
    "y": r"[0-9]{2}",
    "m": r"(?:0[1-9]|1[0-2])",
    "b": r"[A-Za-z]{3}",
    "d": r"(?:0[1-9]|[12][0-9]|3[01])",
    "H": r"(?:[01][0-9]|2[0-3])",
    "I": r"(?:0[1-9]|1[0-2])",
    "p": r"[AaPp][Mm]",
    "M": r"[0-5][0-9]",
    "S": r"[0-5][0-9]",
    "z": r"(?:Z|[+-][0-9]{2}:?[0-9]{2})",
}
_NEEDED = (("Y", "y"), ("m", "b"), ("d",))
_HELP = (
    "A pattern is a name with fields in it, as {database}_{date:%Y-%m-%d}.bacpac: text fields have a name, time fields a "
    "format of %Y %m %d %H %M %S and the like as well."
)


@dataclass(frozen=True)
class ReadName:
    """What a name said. `moment` is aware, in UTC and whole seconds; None where the pattern has no time."""

    fields: Mapping[str, str]
    moment: datetime | None


class FilePattern:
    """A pattern, taken apart once."""

    def __init__(self, text: str, zone: tzinfo = UTC) -> None:
        """`zone` is that of times without an offset. Raises InvalidInput for what is no pattern."""
        self.text, self._zone = text, zone
        self._slashes = text.count("/")
        lazy: list[str] = []
        greedy: list[str] = []
        self._texts: list[str] = []
        formats: list[str] = []
        after_text = False
        for literal, name, spec in _parts(text):
            fixed = re.escape(literal)
            lazy.append(fixed)
            greedy.append(fixed)
            after_text = after_text and not literal
            if name is None:
                continue
            if "%" in spec:
                found = f"({_time_expression(spec, text)})"
                lazy.append(found)
                greedy.append(found)
                self._texts.append("")
                formats.append(spec)
                after_text = False
                continue
            self._check_text(name, spec, after_text=after_text)
            lazy.append("([^/]+?)")
            greedy.append("([^/]+)")
            self._texts.append(name)
            after_text = True
        self._format = "\n".join(formats)
        _check_time(self._format, text)
        self._lazy = re.compile("".join(lazy), re.IGNORECASE)
        self._greedy = re.compile("".join(greedy), re.IGNORECASE)

    @property
    def fields(self) -> frozenset[str]:
        """Names of the text fields that say something."""
        return frozenset(self._texts) - {"", ANYTHING}

    @property
    def has_time(self) -> bool:
        """Whether it says when."""
        return bool(self._format)

    def read(self, path: str) -> ReadName:
        """What the path says: its last part, or as many of its last parts as the pattern has.

        Raises InvalidInput for a name that does not match, that can be read in two ways, or whose time does not exist.
        """
        name = "/".join(path.split("/")[-self._slashes - 1 :])
        first, last = self._lazy.fullmatch(name), self._greedy.fullmatch(name)
        if first is None or last is None:
            raise InvalidInput(f"the name does not match {self.text}", help=_HELP)
        if first.groups() != last.groups():
            told = " or ".join(" + ".join(found.groups()) for found in (first, last))
            raise InvalidInput(
                f"the name can be read in two ways by {self.text}: {told}",
                help="Write what stays the same into the pattern, as in sql-a-{database}-{date:%Y-%m-%d}.bacpac.",
            )
        fields: dict[str, str] = {}
        times: list[str] = []
        for field, value in zip(self._texts, first.groups(), strict=True):
            if not field:
                times.append(value)
            elif field != ANYTHING:
                fields[field] = value
        return ReadName(fields, self._moment("\n".join(times)) if self._format else None)

    def _check_text(self, name: str, spec: str, *, after_text: bool) -> None:
        if spec or not name.isidentifier():
            shown = f"{{{name}:{spec}}}" if spec else f"{{{name}}}"
            raise InvalidInput(f"{self.text}: {shown} is neither a text field nor a time field", help=_HELP)
        if name in self._texts and name != ANYTHING:
            raise InvalidInput(f"{self.text}: {{{name}}} is there twice", help=_HELP)
        if after_text:
            raise InvalidInput(
                f"{self.text}: nothing tells where {{{name}}} begins and the field before it ends", help=_HELP
            )

    def _moment(self, text: str) -> datetime:
        try:
            found = datetime.strptime(text, self._format)  # noqa: DTZ007 (its zone is the pattern's)
        except ValueError:
            raise InvalidInput(f"the name says {' '.join(text.split())}, which is no time") from None
        try:
            if found.tzinfo is not None:
                return found.astimezone(UTC)
            moment = found.replace(tzinfo=self._zone).astimezone(UTC)
            exists = moment.astimezone(self._zone).replace(tzinfo=None) == found
        except OverflowError:
            raise InvalidInput(f"the name says {found}, which is too far from today") from None
        if not exists:
            raise InvalidInput(f"the name says {found}, a time that the clocks of {self._zone} passed over")
        return moment


def filled(template: str, fields: Mapping[str, str]) -> str:
    """The template with its `{name}`s replaced. Raises InvalidInput for a name that no field has."""
    made = ""
    for literal, name, spec in _parts(template):
        made += literal
        if name is None:
            continue
        if spec or name not in fields:
            known = ", ".join(f"{{{field}}}" for field in sorted(fields)) or "none"
            raise InvalidInput(f"{template}: there is no field {{{name}}}; the pattern has {known}")
        made += fields[name]
    return made


def _parts(text: str) -> list[tuple[str, str | None, str]]:
    """Literal text, the field after it (None at the end), the field's format."""
    try:
        parts = list(Formatter().parse(text))
    except ValueError as error:
        raise InvalidInput(f"{text}: {error}", help="A brace that is meant is written twice: {{ or }}.") from None
    for _, name, _, conversion in parts:
        if conversion:
            raise InvalidInput(f"{text}: {{{name}!{conversion}}} is no field", help=_HELP)
    return [(literal, name, spec or "") for literal, name, spec, _ in parts]


def _time_expression(spec: str, pattern: str) -> str:
    made = ""
    at = 0
    while at < len(spec):
        if spec[at] != "%":
            made += re.escape(spec[at])
            at += 1
            continue
        directive = spec[at + 1 : at + 2]
        if directive not in _DIRECTIVES:
            known = " ".join(f"%{one}" for one in _DIRECTIVES)
            raise InvalidInput(f"{pattern}: %{directive} is not known in a time; there are {known}")
        made += _DIRECTIVES[directive]
        at += 2
    return made


def _check_time(joined: str, pattern: str) -> None:
    if not joined:
        return
    given = re.findall(r"%(.)", joined)
    if any(given.count(one) > 1 for one in given):
        raise InvalidInput(f"{pattern}: a part of the time is there twice")
    if any(not set(given) & set(some) for some in _NEEDED):
        raise InvalidInput(f"{pattern}: its time needs a year, a month and a day, as {{date:%Y-%m-%d}}")
    if ("I" in given) != ("p" in given):
        raise InvalidInput(f"{pattern}: %I and %p go together")
