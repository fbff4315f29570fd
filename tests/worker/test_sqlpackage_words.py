"""SqlPackage's command line, its progress lines and its errors, as texts."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.model.errors import DiskFull
from holdfast.model.job import SqlConnection
from holdfast.model.preflight import blocking
from holdfast.worker.expectation import Expectation, recall, remember
from holdfast.worker.progress import ProgressBoard
from holdfast.worker.sqlpackage import GIB, Export, choose_compression, connection_string, program
from holdfast.worker.sqlpackage_errors import explain, is_error_line
from holdfast.worker.sqlpackage_progress import ProgressLines, plain_name
from local.sqlpackage import arguments as stand_in
from local.sqlpackage import messages

CONNECTION = SqlConnection(
    host="mi.public.abc.database.windows.net", database="sales", port=3342, managed_instance=True
)


def test_the_command_line_is_the_documented_one(tmp_path: Path) -> None:
    export = Export("/opt/sqlpackage", CONNECTION, "client", tmp_path, tmp_path / "database.bacpac", "Fast")
    words = export.arguments()
    assert words[:2] == ["/opt/sqlpackage", "/Action:Export"]
    assert f"/TargetFile:{tmp_path}/database.bacpac" in words
    assert f"/DiagnosticsFile:{tmp_path}/diagnostics.log" in words
    assert "/OverwriteFiles:True" in words
    properties = dict(word.removeprefix("/p:").split("=", 1) for word in words if word.startswith("/p:"))
    assert properties == {
        "CompressionOption": "Fast",
        "TempDirectoryForTableData": f"{tmp_path}/tables",
        "CommandTimeout": "0",
        "LongRunningCommandTimeout": "0",
        "DatabaseLockTimeout": "300",
        "VerifyExtraction": "True",
    }, "a property that SqlPackage does not know makes it refuse the whole command"


def test_the_connection_renews_its_tokens_itself() -> None:
    text = connection_string(CONNECTION, "client")
    assert text.startswith("Server=tcp:mi.public.abc.database.windows.net,3342;Initial Catalog=sales;")
    assert ";Authentication=Active Directory Managed Identity;User Id=client;Encrypt=True;" in text


def parsed(text: str) -> dict[str, str]:
    """A connection string taken apart by ADO.NET's rules for double quotes."""
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        equals = text.index("=", at)
        key, at = text[at:equals], equals + 1
        value = ""
        if at < len(text) and text[at] == '"':
            at += 1
            while True:
                end = text.index('"', at)
                value += text[at:end]
                at = end + 1
                if at < len(text) and text[at] == '"':
                    value, at = value + '"', at + 1
                    continue
                break
        else:
            end = text.find(";", at)
            end = len(text) if end < 0 else end
            value, at = text[at:end], end
        found[key] = value
        at += 1
    return found


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30))
def test_any_name_of_a_database_survives_the_connection_string_and_adds_no_keyword(name: str) -> None:
    found = parsed(connection_string(SqlConnection(host="h", database=name), "client"))
    assert found["Initial Catalog"] == name
    assert found["Authentication"] == "Active Directory Managed Identity"
    assert len(found) == 8


def test_a_command_may_be_a_path_with_blanks_or_words(tmp_path: Path) -> None:
    odd = tmp_path / "sql package"
    odd.touch()
    assert program(str(odd)) == [str(odd)]
    assert program("python3 -m stand_in") == ["python3", "-m", "stand_in"]


# --- room ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("free", "data", "expected"),
    [
        (100 * GIB, None, "NotCompressed"),
        (31 * GIB, 10 * GIB, "NotCompressed"),
        (29 * GIB, 10 * GIB, "Fast"),
        (16 * GIB, 10 * GIB, "Fast"),
    ],
)
def test_the_package_is_plain_where_there_is_room(free: int, data: int | None, expected: str) -> None:
    assert choose_compression(free, Expectation(data_bytes=data)) == expected


@pytest.mark.parametrize(("free", "data"), [(GIB - 1, None), (14 * GIB, 10 * GIB)])
def test_a_disk_that_is_too_small_is_told_with_its_numbers(free: int, data: int | None) -> None:
    with pytest.raises(DiskFull, match=f"{free:,}"):
        choose_compression(free, Expectation(data_bytes=data))


def test_what_preflight_learned_is_found_by_the_export(tmp_path: Path) -> None:
    learned = Expectation(data_bytes=5, table_rows={"dbo.t": 1})
    remember(tmp_path, CONNECTION, learned)
    assert recall(tmp_path, CONNECTION.model_copy(update={"database": "SALES"})) == learned
    assert recall(tmp_path, CONNECTION.model_copy(update={"database": "other"})) == Expectation()
    next((tmp_path / "expectations").iterdir()).write_text("half a fi")
    assert recall(tmp_path, CONNECTION) == Expectation()


# --- progress --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quoted", "plain"),
    [("[dbo].[T]", "dbo.T"), ("[a]]b].[c.d]", "a]b.c.d"), ("dbo.T", "dbo.T"), ("[dbo].[it's]", "dbo.it's")],
)
def test_a_tables_name_is_read_as_people_write_it(quoted: str, plain: str) -> None:
    assert plain_name(quoted) == plain


def test_lines_become_phases_tables_and_rows() -> None:
    board = ProgressBoard()
    lines = ProgressLines(board, {"dbo.a": 10, "dbo.b": 5})
    lines.take("Connecting to database 'sales' on server 'x'.")
    assert board.latest().phase == "connecting"
    lines.take("Validating schema model")
    assert (board.latest().phase, board.latest().tables_total) == ("checking the schema", 2)
    lines.take("Processing Table '[dbo].[a]'.")
    lines.take("Processing Table '[dbo].[a]'.")
    assert (board.latest().table, board.latest().tables_done, board.latest().rows) == ("dbo.a", 0, 0)
    lines.take("Processing Table '[dbo].[b]'.")
    assert (board.latest().table, board.latest().tables_done, board.latest().rows) == ("dbo.b", 1, 10)
    lines.take("anything else")
    lines.finish(123)
    done = board.latest()
    assert (done.table, done.tables_done, done.rows, done.bytes) == (None, 2, 15, 123)


def test_without_preflight_nobody_claims_to_know_the_total() -> None:
    board = ProgressBoard()
    ProgressLines(board, {}).take("Processing Table '[dbo].[a]'.")
    assert board.latest().tables_total is None


@given(st.text(max_size=200))
def test_no_line_breaks_the_progress(line: str) -> None:
    ProgressLines(ProgressBoard(), {}).take(line)


# --- errors ----------------------------------------------------------------------------------------------------------

HEAD = "*** Error exporting database:"


@pytest.mark.parametrize(
    ("line", "object_", "number", "mend"),
    [
        (
            "Error SQL71564: The element Filegroup: [FG_NB] is not supported in Microsoft Azure SQL Database v12.",
            "Filegroup [FG_NB]",
            "SQL71564",
            "Drop it",
        ),
        (
            "Error SQL71627: The element User: [MYPC\\Administrator] has property AuthenticationType set to a value that "
            "is not supported in Microsoft Azure SQL Database v12.",
            "User [MYPC\\Administrator]",
            "SQL71627",
            "DROP USER",
        ),
        (
            "Error SQL71562: Procedure: [dbo].[P] has an unresolved reference to object [MyDB].[dbo].[T]. External "
            "references are not supported when creating a package from this platform.",
            "Procedure [dbo].[P]",
            "SQL71562",
            "outside the database",
        ),
        (
            "Error SQL71501: Error validating element: Role Membership: has an unresolved reference to Role [db_cdcreader].",
            "Role Membership",
            "SQL71501",
            "change-data-capture role",
        ),
        (
            "Error SQL71564: Error validating element [anna]: The element User: [anna] has been orphaned from its login and "
            "cannot be deployed.",
            "User [anna]",
            "SQL71564",
            "WITH LOGIN",
        ),
        (
            "Error SQL71626: The element Symmetric Key: [k] is not supported in Microsoft Azure SQL Database v12.",
            "Symmetric key [k]",
            "SQL71626",
            "decrypt first",
        ),
        (
            "Error SQL71630: The element SqlFilegroup: [F] has property DoesContainFileStream set to a value that is not "
            "supported in Microsoft Azure SQL Database v12.",
            "SqlFilegroup [F]",
            "SQL71630",
            "FILESTREAM",
        ),
        ("Error SQL71999: Something new is wrong with View: [x].[y].", "View [x].[y]", "SQL71999", "Mend or drop"),
    ],
)
def test_a_blocker_names_object_number_and_mend(line: str, object_: str, number: str, mend: str) -> None:
    info = explain([f"{HEAD}One or more unsupported elements were found.", line], [], 1).info()
    assert info.code == "export-blocked"
    assert info.permanent
    assert object_ in info.detail
    assert number in info.detail
    assert mend in info.help


def test_the_outside_thing_is_named_too() -> None:
    line = (
        "Error SQL71562: Error validating element [dbo].[v]: View: [dbo].[v] has an unresolved reference to object "
        "[Other].[dbo].[t]. External references are not supported when creating a package from this platform."
    )
    assert "[Other].[dbo].[t]" in explain([line], [], 1).detail


def test_every_blocker_is_named_once() -> None:
    line = "Error SQL71564: The element Filegroup: [F] is not supported in Microsoft Azure SQL Database v12."
    assert explain([line, line], [], 1).detail.count("[F]") == 1


@pytest.mark.parametrize(
    ("line", "code", "permanent", "word"),
    [
        ("*** Login failed for user '<token-identified principal>'.", "missing-rights", True, "CREATE USER"),
        (
            "*** The SELECT permission was denied on the object 'Orders', database 'sales', schema 'dbo'.",
            "missing-rights",
            True,
            "dbo.Orders",
        ),
        (
            "*** Client with IP address '1.2.3.4' is not allowed to access the server.",
            "cannot-connect",
            False,
            "1.2.3.4",
        ),
        ("*** Token is expired.", "export-failed", False, "expired"),
        ("*** Exception of type 'System.OutOfMemoryException' was thrown.", "export-failed", False, "memory"),
        ("*** Stream was too long.", "export-failed", False, "170.5.60"),
        ("*** There is not enough space on the disk.", "disk-full", False, "space"),
        ("*** 'IgnorePermissions' is not a valid argument for the 'Export' action.", "export-failed", False, "version"),
        ("*** A network-related or instance-specific error occurred.", "unavailable", False, "network-related"),
        ("*** Execution Timeout Expired.", "export-failed", False, "Timeout"),
        ("*** ManagedIdentityCredential authentication unavailable.", "unavailable", False, "identity"),
        ("*** Something that nobody has seen before.", "export-failed", False, "nobody has seen"),
    ],
)
def test_what_else_can_go_wrong_is_told_apart(line: str, code: str, permanent: bool, word: str) -> None:
    info = explain([f"{HEAD}Could not extract package.", line], [line], 1).info()
    assert (info.code, info.permanent) == (code, permanent)
    assert word in f"{info.detail} {info.help}"


def test_a_full_disk_explains_the_errors_that_follow_from_it() -> None:
    lines = ["Error SQL71564: The element X: [y] is wrong.", "*** No space left on device"]
    assert explain(lines, [], 1).info().code == "disk-full"


def test_sqlpackage_may_say_nothing_at_all() -> None:
    assert "exit code 137" in explain([], [], 137).detail
    assert "signal 9" in explain([], [], -9).detail


def test_warnings_are_no_errors() -> None:
    assert is_error_line("Error SQL71562: x")
    assert is_error_line("*** Error exporting database:x")
    assert not is_error_line("Warning SQL72012: The object [db] exists in the target.")
    assert not is_error_line("Processing Table '[dbo].[SQL71562]'.")
    assert not is_error_line("Processing Table '[dbo].[*** x]'.")


@given(st.lists(st.text(max_size=300), max_size=10), st.integers(-20, 255))
def test_whatever_it_says_becomes_one_short_error(lines: list[str], code: int) -> None:
    assert len(explain(lines, lines, code).detail) < 20_000


def test_an_export_and_its_preflight_use_the_same_words() -> None:
    """Otherwise people take one fault for two."""
    line = (
        "Error SQL71562: Error validating element [dbo].[p]: Procedure: [dbo].[p] has an unresolved reference to object "
        "[Other].[dbo].[t]. External references are not supported when creating a package from this platform."
    )
    finding = blocking.OUTSIDE_REFERENCE.on("[dbo].[p]", kind="Procedure", target="[Other].[dbo].[t]")
    info = explain([line], [], 1).info()
    assert info.detail == f"{finding.object}: {finding.cause} ({finding.error_number})"
    assert info.help == f"{finding.object}: {finding.mend}."


def test_the_stand_in_takes_the_command_line_and_its_complaints_are_understood(tmp_path: Path) -> None:
    """The stand-in is written after SqlPackage's documentation by others than the worker: two readings of one text."""
    export = Export("/opt/sqlpackage", CONNECTION, "client", tmp_path, tmp_path / "database.bacpac")
    asked = stand_in.parse(export.arguments()[1:])
    assert (asked.target_file, asked.temporary_folder) == (export.to, tmp_path / "tables")
    assert asked.compression == "NotCompressed"
    for message, code in (
        (messages.LOGIN_FAILED(), "missing-rights"),
        (messages.NO_DATABASE(database="d"), "missing-rights"),
        (messages.TOKEN_EXPIRED(), "export-failed"),
        (messages.UNREACHABLE(), "unavailable"),
        (messages.NOT_AVAILABLE(database="d", server="s"), "unavailable"),
        (messages.NO_IDENTITY(detail=""), "unavailable"),
        (messages.NO_SPACE(file="f"), "disk-full"),
    ):
        lines = [messages.STAND_IN(), messages.FAILED(cause=messages.NOT_CONNECTED()), message]
        assert explain([line for line in lines if is_error_line(line)], lines, 1).code == code, message
