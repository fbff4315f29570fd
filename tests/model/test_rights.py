"""The rights that are used: what roles allow, and that the table is the whole of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.model.diagnosis import grant
from holdfast.model.rights import APP_RIGHTS, DATA_ROLES, WRITER, Grants, missing, missing_data, rights_at
from local.azure.roles import APP
from local.storage_front import roles

ALL = [right.action for right in APP_RIGHTS]


@pytest.mark.parametrize(
    ("pattern", "action", "allowed"),
    [
        ("*", "Microsoft.Sql/servers/read", True),
        ("*/read", "Microsoft.Sql/servers/read", True),
        ("*/read", "Microsoft.Sql/servers/write", False),
        ("microsoft.sql/SERVERS/*", "Microsoft.Sql/servers/databases/write", True),
        ("Microsoft.Sql/servers/read", "Microsoft.Sql/servers/databases/read", False),
        ("Microsoft.Sql/locations/*/read", "Microsoft.Sql/locations/*/read", True),
        ("Microsoft.Sql/servers.read", "Microsoft.Sql/servers/read", False),
    ],
)
def test_a_pattern_covers_the_whole_of_an_action_without_regard_to_case(
    pattern: str, action: str, allowed: bool
) -> None:
    assert Grants(actions=(pattern,)).allows(action) is allowed
    assert Grants(data_actions=(pattern,)).allows_data(action) is allowed
    assert not Grants(actions=(pattern,)).allows_data(action), "a control plane role says nothing of data"


def test_what_one_role_excludes_another_may_allow() -> None:
    owner = Grants(actions=("*",), not_actions=("Microsoft.Compute/*",))
    machines = Grants(actions=("Microsoft.Compute/virtualMachines/write",))
    wanted = ["Microsoft.Compute/virtualMachines/write", "Microsoft.Sql/servers/read"]
    assert missing([owner], wanted) == wanted[:1]
    assert missing([owner, machines], wanted) == []
    assert missing([], wanted) == wanted


@given(st.sets(st.sampled_from(ALL)))
def test_exactly_what_no_role_gives_is_missing(given_actions: set[str]) -> None:
    one_role_each = [Grants(actions=(action,)) for action in sorted(given_actions)]
    assert missing(one_role_each, ALL) == [action for action in ALL if action not in given_actions]


def test_no_right_is_named_twice_and_each_says_what_for() -> None:
    assert len(set(ALL)) == len(ALL)
    assert all(right.why for right in APP_RIGHTS)
    assert set(APP.actions) == set(ALL), "what the emulated app has is what the page lists: more would hide a gap"
    assert rights_at("subnet", "worker identity")


def test_the_roles_of_the_emulated_workers_are_enough_and_not_too_much() -> None:
    by_name = {role.name: Grants(data_actions=role.data_actions) for role in roles.ROLES}
    for one in DATA_ROLES:
        assert missing_data([by_name[one.role]], one.needs) == []
        assert missing_data([by_name[one.role]], one.never) == list(one.never)
        assert missing_data([by_name[one.role]], one.immutable) == []
    assert missing_data([by_name["Storage Blob Data Owner"]], WRITER.never) == []


def test_a_mend_is_a_command_that_can_be_pasted() -> None:
    assert grant("c1", "Holdfast App", "/subscriptions/s") == (
        'az role assignment create --assignee c1 --role "Holdfast App" --scope /subscriptions/s'
    )
    assert "CLIENT_ID_OF_THE_APP" in grant(None, "r", "s")
