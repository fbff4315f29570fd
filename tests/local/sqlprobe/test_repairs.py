"""A staging copy is mended until its export succeeds; what it lost can be given back, and a source is never touched.

The worker's own code, through the probe's protocol, against the stand-in that alters a model as a server would.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from holdfast.bacpac.package import Bacpac
from holdfast.model.job import JobResult
from holdfast.model.transformation import Transformation
from holdfast.sql.preflight import run_probe
from holdfast.sql.protocol import Inquiry, NotACopy, Repair
from holdfast.worker import preflight, repairing
from local.samples.databases import write_sample
from local.sqlpackage.schema_errors import schema_errors
from tests.local.sqlpackage.conftest import CLIENT, HOST
from tests.model_elements import T, code, element, refers, table
from tests.preflight_cases import CREDENTIAL, SYNONYM, WITHOUT_LOGIN, constraint, membership

COPY = "hf-0a1b-2c3d4e5f"
ROWS = [b"\1\0\0\0\2\0\0\0"]

OWN = code(
    "SqlView", "[dbo].[own]", " SELECT t.Id FROM Sales.dbo.T AS t -- Sales.dbo.T", refers("QueryDependencies", "")
)
OUTSIDE = code("SqlView", "[dbo].[ext]", " SELECT a FROM Other.dbo.X", refers("QueryDependencies", ""))
ON_OUTSIDE = code(
    "SqlView", "[dbo].[onext]", " SELECT a FROM dbo.ext", refers("QueryDependencies", "[dbo].[ext]", "[dbo].[ext].[a]")
)
USES_OUTSIDE = code(
    "SqlProcedure", "[dbo].[p]", " SELECT a FROM dbo.onext", refers("BodyDependencies", "[dbo].[onext]")
)
GRANT = element(
    "SqlPermissionStatement",
    "[Grant.Select.Object].[plain].[dbo].[dbo].[ext]",
    refers("Grantee", "[plain]"),
    refers("SecuredObject", "[dbo].[ext]"),
    Permission="2",
)
WINDOWS = element("SqlUser", r"[CORP\alice]", refers("Login", ""), AuthenticationType="3")
ALICES = (
    element("SqlSchema", "[hr]", refers("Authorizer", r"[CORP\alice]")),
    element("SqlRoleMembership", "", refers("Member", r"[CORP\alice]"), refers("Role", "[db_datareader]")),
    element(
        "SqlPermissionStatement",
        r"[Grant.ViewDefinition.Database].[CORP\alice].[dbo]",
        refers("Grantee", r"[CORP\alice]"),
    ),
)
ORPHAN = element("SqlUser", "[bob]", refers("Login", ""), AuthenticationType="1")
SOURCE = element(
    "SqlExternalDataSource",
    "[eds]",
    refers("Credential", "[cred]"),
    DataSourceType="1",
    Location="srv",
    DatabaseName="far",
)
EXTERNAL = element(
    "SqlExternalTable",
    "[dbo].[et]",
    '<Relationship Name="Columns"><Entry><Element Type="SqlSimpleColumn" Name="[dbo].[et].[n]">'
    '<Relationship Name="TypeSpecifier"><Entry><Element Type="SqlTypeSpecifier"><Property Name="Length" Value="10" />'
    + refers("Type", "[nvarchar]")
    + "</Element></Entry></Relationship></Element></Entry></Relationship>",
    refers("DataSourceName", "[eds]"),
)
MENDABLE = (
    table(),
    OWN,
    OUTSIDE,
    ON_OUTSIDE,
    USES_OUTSIDE,
    WITHOUT_LOGIN,
    GRANT,
    SYNONYM.format("Other.dbo.X"),
    WINDOWS,
    *ALICES,
    ORPHAN,
    CREDENTIAL,
    element("SqlMasterKey", ""),
    SOURCE,
    EXTERNAL,
    membership("[db_cdcreader]"),
    constraint("SqlDefaultConstraint", "[dbo].[DF__T__a]"),
)


class Copy:
    """A copy on the staging server, and the worker that has its preflight to do."""

    def __init__(self, azure: Any, office: Any, make: Any) -> None:
        self.azure, self.office, self.make = azure, office, make
        azure.database = COPY
        office.use(sql_probe=f"{sys.executable} -m local.sqlprobe")

    def holds(self, *elements: str) -> Path:
        self.azure.content = self.make.write(self.make.entries(self.make.model(*elements), {T: ROWS}))
        return self.azure.content

    def preflight(self, *, kind: str = "staging-copy", **changes: Any) -> JobResult:
        connection = {"host": HOST, "database": self.azure.database, "kind": kind}
        spec = {"connection": connection, "database": "Sales", "repair": True}
        return self.office.run(self.office.job("preflight", spec, **changes), seconds=60)


@pytest.fixture
def copy(azure: Any, office: Any, make: Any, monkeypatch: pytest.MonkeyPatch) -> Copy:
    monkeypatch.setenv("HOLDFAST_WORKER_CLIENT_ID", CLIENT)
    return Copy(azure, office, make)


def done(result: JobResult) -> dict[str, Transformation]:
    found = [Transformation.model_validate(one) for one in result.output["transformations"]]
    assert len({one.object for one in found}) == len(found)
    return {one.object: one for one in found}


def test_the_copy_is_mended_until_it_can_be_exported(copy: Copy) -> None:
    file = copy.holds(*MENDABLE)
    with Bacpac.open(file) as before:
        assert len(schema_errors(before.model())) == 7
    result = copy.preflight()
    assert result.state == "succeeded", result.error
    assert result.output["refused"] == []
    with Bacpac.open(file) as after:
        model = after.model()
        assert schema_errors(model) == []
        assert b"".join(p for e in after.entries if e.name.endswith("BCP") for p in after.pieces(e.name)) == ROWS[0]
    # What is left is a warning: a procedure that names a view that is gone, and the credential.
    left = {(found["severity"], found["object"]) for found in result.output["findings"]}
    assert left == {("warning", "Procedure [dbo].[p]"), ("warning", "Database scoped credential [cred]")}
    assert set(done(result)) == {
        "View [dbo].[own]",
        "View [dbo].[ext]",
        "View [dbo].[onext]",
        "Synonym [dbo].[s]",
        r"User [CORP\alice]",
        "User [bob]",
        "User [plain]",
        "External table [dbo].[et]",
        "External data source [eds]",
        "Default constraint [dbo].[DF__T__a]",
    }


def test_what_is_recorded_gives_back_what_was_there(copy: Copy) -> None:
    copy.holds(*MENDABLE)
    found = {name: one.definition for name, one in done(copy.preflight()).items()}
    own = found["View [dbo].[own]"]
    assert "CREATE VIEW [dbo].[own] AS SELECT t.Id FROM Sales.dbo.T AS t -- Sales.dbo.T" in own
    assert "SET QUOTED_IDENTIFIER ON\nGO\n" in own
    ext = found["View [dbo].[ext]"]
    assert "CREATE VIEW [dbo].[ext] AS SELECT a FROM Other.dbo.X\nGO\n" in ext
    assert "GRANT SELECT ON OBJECT::[dbo].[ext] TO [plain]\nGO\n" in ext
    assert "CREATE SYNONYM [dbo].[s] FOR [Other].[dbo].[X]" in found["Synonym [dbo].[s]"]
    alice = found[r"User [CORP\alice]"]
    assert r"CREATE USER [CORP\alice] FOR LOGIN [CORP\alice]" in alice
    assert r"ALTER ROLE [db_datareader] ADD MEMBER [CORP\alice]" in alice
    assert r"ALTER AUTHORIZATION ON SCHEMA::[hr] TO [CORP\alice]" in alice
    assert r"GRANT VIEW DEFINITION TO [CORP\alice]" in alice
    assert "ALTER ROLE [db_cdcreader] ADD MEMBER [plain]" in found["User [plain]"]
    assert "[n] nvarchar(10) NULL" in found["External table [dbo].[et]"]
    assert "DATA_SOURCE = [eds]" in found["External table [dbo].[et]"]
    assert (
        "TYPE = RDBMS, LOCATION = N'srv', DATABASE_NAME = N'far', CREDENTIAL = [cred]"
        in found["External data source [eds]"]
    )
    assert "EXEC sp_rename N'[dbo].[HF_DF__T__a]', N'DF__T__a'" in found["Default constraint [dbo].[DF__T__a]"]


def test_a_source_is_never_changed(copy: Copy) -> None:
    """By the connection's kind, whatever the job asks for."""
    file = copy.holds(*MENDABLE)
    before = file.read_bytes()
    result = copy.preflight(kind="source")
    assert result.error is not None
    assert (result.state, result.error.code, result.error.permanent) == ("failed", "not-a-copy", True)
    assert (copy.azure.altered, file.read_bytes()) == (0, before)


@pytest.mark.parametrize(("kind", "database"), [("source", COPY), ("staging-copy", "Sales")])
def test_nothing_is_even_sent_to_what_is_no_copy(kind: Any, database: str) -> None:
    inquiry = Inquiry(host="h", database=database, kind=kind, repairs=[Repair(id="0", statements=["DROP VIEW [v]"])])
    with pytest.raises(NotACopy):
        run_probe("/no/such/command", inquiry, cancelled=lambda: False)


def test_where_a_blocker_stays_nothing_is_touched(copy: Copy) -> None:
    """The export would fail all the same; a key may have encrypted what nobody could read without it."""
    copy.holds(*MENDABLE, element("SqlCertificate", "[c]"))
    result = copy.preflight()
    assert result.error is not None
    assert (result.error.code, copy.azure.altered) == ("export-blocked", 0)
    assert "Certificate [c]" in result.error.detail
    assert result.output["transformations"] == []


@pytest.mark.parametrize(
    "dependant",
    [
        code(
            "SqlView",
            "[dbo].[b]",
            " SELECT a FROM dbo.ext",
            refers("QueryDependencies", "[dbo].[ext]"),
            IsSchemaBound="True",
        ),
        constraint("SqlCheckConstraint", "[dbo].[CK]", refers("CheckExpressionDependencies", "[dbo].[ext]")),
    ],
    ids=["bound", "constraint"],
)
def test_what_others_are_bound_to_is_not_dropped(copy: Copy, dependant: str) -> None:
    copy.holds(table(), OUTSIDE, dependant)
    result = copy.preflight()
    assert result.error is not None
    assert "View [dbo].[ext]" in result.error.detail
    assert copy.azure.altered == 0


def test_encrypted_code_stays_because_it_could_not_be_given_back(copy: Copy) -> None:
    copy.holds(table(), code("SqlView", "[dbo].[e]", " SELECT a FROM Other.dbo.X", IsEncrypted="True"))
    assert copy.preflight().state == "failed"
    assert copy.azure.altered == 0


def test_the_next_attempt_still_knows_what_the_copy_has_lost(copy: Copy) -> None:
    copy.holds(*MENDABLE)
    first, second = copy.preflight(), copy.preflight(attempt=2)
    assert second.state == "succeeded"
    assert done(second) == done(first)


def test_a_worker_that_dies_after_the_change_loses_no_record(copy: Copy, monkeypatch: pytest.MonkeyPatch) -> None:
    """The copy is changed, the answer never comes: what was there is known from before the change."""
    copy.holds(*MENDABLE)
    calls = []

    def dies(command: str, inquiry: Inquiry, **more: Any) -> Any:
        answer = run_probe(command, inquiry, **more)
        calls.append(inquiry)
        if len(calls) == 1:
            raise RuntimeError("the machine is gone")
        return answer

    monkeypatch.setattr(repairing, "run_probe", dies)
    assert copy.preflight().state == "failed"
    assert copy.azure.altered == 1
    second = copy.preflight(attempt=2)
    assert second.state == "succeeded"
    assert len(done(second)) == 10
    assert "FROM Other.dbo.X" in done(second)["View [dbo].[ext]"].definition


def test_nothing_is_dropped_whose_permissions_cannot_be_read(copy: Copy, monkeypatch: pytest.MonkeyPatch) -> None:
    def without_r03(command: str, inquiry: Inquiry, **more: Any) -> Any:
        answer = run_probe(command, inquiry, **more)
        del answer.rows["R03"]
        answer.errors["R03"] = "The SELECT permission was denied"
        return answer

    monkeypatch.setattr(preflight, "run_probe", without_r03)
    copy.holds(*MENDABLE)
    result = copy.preflight()
    assert (result.state, copy.azure.altered) == ("failed", 0)
    assert "R03" in result.output["refused"][0]


def test_what_the_server_refuses_is_told_and_not_recorded(copy: Copy) -> None:
    """A user that owns what the plan does not know of: the engine's words are in the answer, and the user blocks."""
    owned = element("SqlAsymmetricKey", "[##own##]", refers("Authorizer", r"[CORP\alice]"))
    copy.holds(table(), WINDOWS, owned)
    result = copy.preflight()
    assert result.error is not None
    assert "User" in result.error.detail
    assert result.output["transformations"] == []
    assert "15138" in result.output["refused"][0]


@pytest.mark.dacfx
def test_microsofts_code_takes_the_mended_package(copy: Copy, judge: Any, tmp_path: Path) -> None:
    """A whole generated database with three troubles. Before: errors; after: it loads, and nothing is said against it."""
    file, before = tmp_path / "legacy.bacpac", tmp_path / "before.bacpac"
    write_sample(file, "legacy", 0, 0.1, 1)
    before.write_bytes(file.read_bytes())
    copy.azure.content = file
    assert copy.preflight().state == "succeeded"
    assert judge.refusals("load", file) == []
    said = judge.messages(before, file)
    assert any(line.startswith("Error") for line in said[before])
    assert said[file] == []
