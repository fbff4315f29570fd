"""`holdfast doctor`: whether everything that the policies need is there, and what mends what is not."""

from __future__ import annotations

from collections import Counter

from holdfast.cli.app import App, StateOption
from holdfast.cli.output import Output, OutputOption, field, print_list, say
from holdfast.model.errors import HoldfastError


class NotWell(HoldfastError):
    """The doctor found what keeps a policy from its work."""

    code = "not-well"
    title = "Something that the policies need is missing"
    advice = "Do what stands beside each finding that failed, then ask again; a role takes some minutes to work."
    exit_code = 42
    http_status = 409
    permanent = True


def doctor(state: StateOption = None, output: OutputOption = Output.TABLE) -> None:
    """Looks at every right, setting and service that the policies need. Ends with 42 where something failed."""
    found = list(App(state).pages("doctor"))
    columns = (field("verdict"), field("check"), field("what"), field("why"), field("mend"))
    print_list(found, output, columns)
    count = Counter(one["verdict"] for one in found)
    say(f"{count['ok']} ok, {count['warning']} warnings, {count['failed']} failed")
    if count["failed"]:
        raise NotWell(f"{count['failed']} of {len(found)} findings failed")
