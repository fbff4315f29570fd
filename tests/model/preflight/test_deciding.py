"""What the rows of the preflight queries mean."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.model.preflight import deciding
from holdfast.model.preflight.finding import Finding
from holdfast.sql.unanswered import table_rows, unanswered


def decide(rows: dict[str, list[dict[str, Any]]], errors: dict[str, str]) -> list[Finding]:
    """As the worker does."""
    return [*deciding.decide(rows), *unanswered(rows, errors)]


def only(rows: dict[str, list[dict[str, Any]]], errors: dict[str, str] | None = None) -> Finding:
    (finding,) = decide(rows, errors or {})
    return finding


def reference(**changes: Any) -> dict[str, Any]:
    return {
        "s": "dbo",
        "o": "v]x",
        "referencing_class_desc": "OBJECT_OR_COLUMN",
        "referencing_type": "VIEW",
        "referenced_server_name": None,
        "referenced_database_name": "Other",
        "referenced_schema_name": None,
        "referenced_entity_name": "t",
        "kind": "EXTERNAL",
        **changes,
    }


def test_a_view_on_another_database_blocks_the_export_and_is_named_with_its_target() -> None:
    finding = only({"P01": [reference()]})
    assert (finding.id, finding.severity) == ("P01", "blocks-export")
    assert finding.object == "View [dbo].[v]]x]"
    assert "[Other]..[t]" in finding.cause
    assert finding.mend


def test_a_linked_server_is_named_too() -> None:
    finding = only({"P01": [reference(referenced_server_name="far", referenced_schema_name="dbo")]})
    assert "[far].[Other].[dbo].[t]" in finding.cause


def test_the_databases_own_name_is_told_apart_because_its_mend_is_easy() -> None:
    own, other = only({"P01": [reference(kind="SELF")]}), only({"P01": [reference()]})
    assert own.mend != other.mend
    assert own.severity == "blocks-export"


def test_a_reference_that_the_engine_lists_for_every_column_is_told_once() -> None:
    assert len(decide({"P01": [reference(), reference()]}, {})) == 1


def test_a_database_trigger_belongs_to_no_schema() -> None:
    assert only({"P01": [reference(s=None, o="audit", referencing_type="SQL_TRIGGER")]}).object == "Trigger [audit]"


def user(name: str, sid: str | None = "0x01") -> dict[str, Any]:
    return {"name": name, "sid": sid, "authentication_type_desc": "INSTANCE"}


def login(sid: str) -> dict[str, Any]:
    return {"name": "l", "sid": sid, "is_disabled": False}


def test_a_user_whose_sid_no_login_has_is_orphaned() -> None:
    finding = only({"P06": [user("anna", "0xAB01"), user("bert", "0xCD02")], "P06b": [login("0xcd02")]})
    assert (finding.id, finding.object, finding.severity) == ("P06", "User [anna]", "blocks-export")


def test_without_the_list_of_logins_nobody_is_called_orphaned_but_the_gap_is_told() -> None:
    finding = only({"P06": [user("anna")]}, {"P06b": "master cannot be reached"})
    assert (finding.id, finding.severity) == ("P06", "warning")
    assert "master cannot be reached" in finding.cause


def test_a_missing_list_of_logins_does_not_matter_where_no_user_needs_one() -> None:
    assert decide({"P06": []}, {"P06b": "master cannot be reached"}) == []


def test_an_empty_list_of_logins_makes_every_such_user_an_orphan() -> None:
    assert len(decide({"P06": [user("a", "0x01"), user("b", "0x02")], "P06b": []}, {})) == 2


@given(
    users=st.lists(st.binary(min_size=1, max_size=8), unique=True, max_size=8),
    logins=st.lists(st.binary(min_size=1, max_size=8), unique=True, max_size=8),
)
def test_exactly_the_users_without_a_login_are_orphaned(users: list[bytes], logins: list[bytes]) -> None:
    rows = {
        "P06": [user(sid.hex(), "0x" + sid.hex().upper()) for sid in users],
        "P06b": [login("0x" + sid.hex()) for sid in logins],
    }
    expected = {f"User [{sid.hex()}]" for sid in users if sid not in logins}
    assert {finding.object for finding in decide(rows, {})} == expected


@pytest.mark.parametrize(
    ("query", "row", "id_", "severity", "named"),
    [
        ("P02", {"s": "dbo", "name": "syn", "base_object_name": "[o].[d].[t]"}, "P02", "blocks-export", "[dbo].[syn]"),
        ("P04", {"name": "CORP\\anna"}, "P04", "blocks-export", "User [CORP\\anna]"),
        ("P05", {"name": "signer", "type_desc": "CERTIFICATE_MAPPED_USER"}, "P05", "blocks-export", "User [signer]"),
        ("P05", {"name": "k", "type_desc": "ASYMMETRIC_KEY_MAPPED_USER"}, "P05", "blocks-export", "User [k]"),
        ("P07", {"name": "anna@x.org", "type_desc": "EXTERNAL_USER"}, "P07", "breaks-import", "User [anna@x.org]"),
        ("P08", {"name": "lake"}, "P08", "breaks-import", "[lake]"),
        ("P08b", {"s": "ext", "name": "far"}, "P08", "blocks-export", "[ext].[far]"),
        ("P09", {"name": "cred"}, "P09", "warning", "[cred]"),
        ("P10", {"k": "CERT", "name": "c", "e": "x"}, "P10", "blocks-export", "Certificate [c]"),
        ("P10", {"k": "SYM", "name": "s", "e": "AES_256"}, "P10", "blocks-export", "Symmetric key [s]"),
        ("P10", {"k": "ASYM", "name": "a", "e": "RSA"}, "P10", "blocks-export", "Asymmetric key [a]"),
    ],
)
def test_every_rule_has_its_finding(query: str, row: dict[str, Any], id_: str, severity: str, named: str) -> None:
    finding = only({query: [row]})
    assert (finding.id, finding.severity) == (id_, severity)
    assert named in finding.object


def test_dbo_is_no_finding_whoever_stands_behind_it() -> None:
    assert decide({"P04": [{"name": "dbo"}], "P07": [{"name": "dbo"}]}, {}) == []


def test_the_engines_own_keys_are_no_finding() -> None:
    assert decide({"P10": [{"k": "SYM", "name": "##MS_DatabaseMasterKey##"}]}, {}) == []


def test_a_check_that_could_not_be_made_is_told_and_a_missing_size_is_not() -> None:
    finding = only({}, {"P09": "VIEW DEFINITION is missing", "V01": "no", "S01": "no"})
    assert finding.severity == "warning"
    assert "VIEW DEFINITION is missing" in finding.cause


def test_findings_come_by_rule() -> None:
    rows = {"P10": [{"k": "CERT", "name": "c"}], "P01": [reference()], "P04": [{"name": "w"}]}
    assert [finding.id for finding in decide(rows, {})] == ["P01", "P04", "P10"]


def test_rows_are_counted_by_table() -> None:
    assert table_rows({"V01": [{"s": "dbo", "t": "a.b", "n": 3}, {"s": "x", "t": "y", "n": None}]}) == {
        "dbo.a.b": 3,
        "x.y": 0,
    }
