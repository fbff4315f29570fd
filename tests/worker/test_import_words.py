"""What SqlPackage says when an import fails, and what is made of it."""

from __future__ import annotations

import pytest

from holdfast.worker.sqlpackage_import_errors import explain

HEAD = "*** Error importing database:Could not import package."
NOT_EMPTY = (
    "Data cannot be imported into target because it contains one or more user objects. "
    "Import should be performed against a new, empty database."
)


def server(number: int, text: str) -> list[str]:
    said = f"Error SQL72014: Core Microsoft SqlClient Data Provider: Msg {number}, Level 16, State 5, Line 1 {text}"
    return [HEAD, said, "Error SQL72045: Script execution error.  The executed script:"]


@pytest.mark.parametrize(
    ("number", "text", "help_says"),
    [
        (2714, "There is already an object named 'DF__T__C__1' in the database.", "rename"),
        (15151, "Cannot find the object 'T', because it does not exist or you do not have permission.", "revoke"),
        (33159, "Principal 'anna' could not be created. Only connections established with Active Directory", "Entra"),
        (40536, "'MEMORY_OPTIMIZED tables' is not supported in this service tier of the database.", "Premium"),
        (40544, "The database 'x' has reached its size quota.", "--max-size"),
    ],
)
def test_what_the_target_does_not_take_is_not_tried_again(number: int, text: str, help_says: str) -> None:
    found = explain(server(number, text), [], 1)
    assert (found.code, found.permanent) == ("import-blocked", True)
    assert text[:20] in found.detail
    assert str(number) in found.detail
    assert help_says in found.help


@pytest.mark.parametrize(
    ("lines", "exit_code", "code"),
    [
        ([f"*** Error importing database:{NOT_EMPTY}", f"Error SQL0: {NOT_EMPTY}"], 1, "import-failed"),
        ([HEAD, "A transport-level error has occurred when receiving results from the server."], 1, "unavailable"),
        ([HEAD, "Login failed for user '<token-identified principal>'."], 1, "missing-rights"),
        ([HEAD, "No space left on device : '/mnt/x'"], 1, "disk-full"),
        ([HEAD, "System.OutOfMemoryException: …"], 1, "import-failed"),
        ([], -9, "import-failed"),
        (server(1205, "Transaction was deadlocked"), 1, "import-failed"),
    ],
)
def test_what_another_attempt_may_mend(lines: list[str], exit_code: int, code: str) -> None:
    found = explain(lines, lines, exit_code)
    assert found.code == code
    assert found.permanent == (code == "missing-rights")


def test_an_expired_token_is_the_import_s_and_not_the_export_s() -> None:
    found = explain([HEAD, "Token is expired."], [], 1)
    assert (found.code, found.permanent) == ("import-failed", False)
    assert "during the import" in found.detail
