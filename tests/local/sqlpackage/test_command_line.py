"""The stand-in takes SqlPackage's own command line, refuses what that refuses, and never a password."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.sqlpackage import arguments, connection_string
from local.sqlpackage.__main__ import run
from local.sqlpackage.refusal import Refusal

NEEDED = ["/Action:Export", "/SourceConnectionString:Server=s;Database=d", "/TargetFile:/tmp/x.bacpac"]


def test_all_that_the_worker_asks_for() -> None:
    asked = arguments.parse(
        [
            *NEEDED,
            "/OverwriteFiles:False",
            "/DiagnosticsFile:/tmp/d.log",
            "/MaxParallelism:4",
            "/Quiet:True",
            "/p:CompressionOption=NotCompressed",
            "/p:TempDirectoryForTableData=/tmp/t",
            "/p:CommandTimeout=0",
            "/p:LongRunningCommandTimeout=0",
            "/p:DatabaseLockTimeout=300",
            "/p:VerifyExtraction=True",
        ]
    )
    assert isinstance(asked, arguments.ExportArguments)
    assert asked.connection_string == "Server=s;Database=d"
    assert asked.target_file == Path("/tmp/x.bacpac")  # noqa: S108
    assert (asked.overwrite, asked.quiet, asked.parallelism, asked.compression) == (False, True, 4, "NotCompressed")
    assert asked.temporary_folder == Path("/tmp/t")  # noqa: S108


def test_an_import_as_the_worker_asks_for_it() -> None:
    asked = arguments.parse(
        [
            "/Action:Import",
            "/TargetConnectionString:Server=s;Database=d",
            "/SourceFile:/tmp/x.bacpac",
            "/DiagnosticsFile:/tmp/d.log",
            "/MaxParallelism:4",
            "/p:CommandTimeout=0",
            "/p:LongRunningCommandTimeout=0",
            "/p:PreserveIdentityLastValues=True",
        ]
    )
    assert isinstance(asked, arguments.ImportArguments)
    assert (asked.connection_string, asked.source_file) == ("Server=s;Database=d", Path("/tmp/x.bacpac"))  # noqa: S108


def test_short_names_and_any_case() -> None:
    asked = arguments.parse(
        ["/a:export", "/SCS:Server=s;Database=d", "/tf:/tmp/x", "/P:compressionoption=fast", "/mp:2"]
    )
    assert isinstance(asked, arguments.ExportArguments)
    assert (asked.compression, asked.parallelism) == ("Fast", 2)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            [*NEEDED, "/p:IgnorePermissions=True"],
            "*** 'IgnorePermissions' is not a valid argument for the 'Export' action.",
        ),
        ([*NEEDED, "/Colour:red"], "*** 'Colour' is not a valid argument for the 'Export' action."),
        ([*NEEDED, "x.bacpac"], "*** 'x.bacpac' is not a valid argument for the 'Export' action."),
        ([*NEEDED, "/p:CompressionOption=Tight"], "*** 'Tight' is not a valid value"),
        ([*NEEDED, "/MaxParallelism:0"], "*** '0' is not a valid value"),
        ([*NEEDED, "/p:TableData=dbo.T"], "does not take the property 'TableData'"),
        (["/Action:Publish"], "does not do the 'Publish' action"),
        (["/Action:Import", "/SourceFile:x"], "'TargetConnectionString' argument is required for the 'Import' action"),
        (["/Action:Import", "/TargetFile:x"], "'TargetFile' is not a valid argument for the 'Import' action"),
        ([*NEEDED, "/TargetServerName:s"], "'TargetServerName' is not a valid argument for the 'Export' action"),
        (["/Action:Import", "/p:VerifyExtraction=True"], "'VerifyExtraction' is not a valid argument"),
        (["/Action:Juggle"], "'Juggle' is not a valid value"),
        (["/TargetFile:x"], "does not name an action"),
        (NEEDED[:2], "'TargetFile' argument is required"),
    ],
)
def test_what_is_refused(words: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 1
    assert says in capsys.readouterr().err


def test_it_says_that_it_is_a_stand_in(capsys: pytest.CaptureFixture[str]) -> None:
    run(["/Action:Import"])
    assert "stand-in" in capsys.readouterr().out


def test_the_connection_string_of_the_worker() -> None:
    found = connection_string.parse(
        "Server=tcp:s.database.windows.net,1433;Initial Catalog=d;Authentication=Active Directory Managed Identity;"
        "User Id=abc;Encrypt=True;TrustServerCertificate=False;Connect Timeout=60;Application Name=Holdfast"
    )
    assert (found.host, found.port, found.database, found.client_id) == ("s.database.windows.net", 1433, "d", "abc")


@given(st.text(st.characters(codec="utf-8", exclude_categories=("C",)), min_size=1).filter(lambda t: t == t.strip()))
def test_any_database_name_passes_a_quoted_value(name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    text = f"Authentication=Active Directory Managed Identity;Database={quoted};Data Source=s;"
    assert connection_string.parse(text).database == name


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Server=s;Database=d;User Id=sa;Password=p", "not by 'Not Specified'"),
        ("Server=s;Database=d;Authentication=SqlPassword;User Id=u;Password=p", "not by 'SqlPassword'"),
        ("Server=s;Database=d;Colour=red", "Keyword not supported: 'colour'"),
        ("Server=s;Authentication=Active Directory MSI", "database"),
        ("Server=s,port;Database=d;Authentication=Active Directory MSI", "not a valid value"),
        ("nonsense", "Keyword not supported: 'nonsense'"),
    ],
)
def test_connection_strings_that_are_refused(text: str, says: str) -> None:
    with pytest.raises(Refusal, match=says):
        connection_string.parse(text)
