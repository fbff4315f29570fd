"""What a model holds that an export cannot carry is found and named, and nothing else is.

The elements below have the shapes that DacFx 15.0 itself writes for the same T-SQL.
"""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.bacpac.model import read_model
from holdfast.bacpac.package import Bacpac
from holdfast.bacpac.preflight import find, find_in
from holdfast.bacpac.script_names import name_parts, outside_names, script_names
from holdfast.model.preflight.finding import Finding

SYNONYM = (
    '<Element Type="SqlSynonym" Name="[dbo].[s]"><Property Name="ForObjectScript"><Value><![CDATA[{script}]]></Value>'
    '</Property><Relationship Name="ForObject"><Entry>{entry}</Entry></Relationship></Element>'
)
WINDOWS = (
    r'<Element Type="SqlUser" Name="[CORP\alice]"><Property Name="LoginIdentifierScript"><Value><![CDATA[[CORP\alice]]]>'
    '</Value></Property><Property Name="AuthenticationType" Value="3" /></Element>'
)
LOGIN = '<Element Type="SqlLogin" Name="[bob]"><Property Name="Password" Value="x" /></Element>'
USER = (
    '<Element Type="SqlUser" Name="[bob]"><Property Name="AuthenticationType" Value="1" />'
    '<Relationship Name="Login"><Entry>{login}</Entry></Relationship></Element>'
)
MAPPED = '<Element Type="SqlUser" Name="[u]"><Relationship Name="{to}"><Entry><References Name="[k]" /></Entry></Relationship></Element>'  # noqa: E501


def findings(make: Any, *elements: str) -> list[Finding]:
    return find_in(read_model([make.model(*elements)]))


def only(make: Any, *elements: str) -> Finding:
    (finding,) = findings(make, *elements)
    return finding


@pytest.mark.parametrize(
    ("kind", "key", "shown", "number"),
    [
        ("SqlView", "QueryScript", "View [dbo].[x]", "SQL71561"),
        ("SqlProcedure", "BodyScript", "Procedure [dbo].[x]", "SQL71562"),
        ("SqlDmlTrigger", "BodyScript", "Trigger [dbo].[x]", "SQL71562"),
    ],
)
def test_p01_a_name_of_three_parts(make: Any, kind: str, key: str, shown: str, number: str) -> None:
    """Object, cause, error number and mend: all that a person needs."""
    finding = only(make, make.module(kind, "[dbo].[x]", "SELECT a FROM Other.dbo.T2 AS t", key=key))
    assert (finding.id, finding.severity, finding.object) == ("P01", "blocks-export", shown)
    assert finding.error_number == number
    assert "[Other].[dbo].[T2]" in finding.cause
    assert finding.mend


def test_p01_in_a_function_whose_script_is_nested(make: Any) -> None:
    body = make.module("SqlScriptFunctionImplementation", "", "BEGIN RETURN (SELECT 1 FROM [S].[Other]..[T2]) END")
    function = (
        '<Element Type="SqlScalarFunction" Name="[dbo].[f]"><Relationship Name="FunctionBody"><Entry>'
        f"{body}</Entry></Relationship></Element>"
    )
    finding = only(make, function)
    assert finding.object == "Function [dbo].[f]"
    assert "[S].[Other]..[T2]" in finding.cause


def test_p01_in_a_reference_that_the_exporter_left_open(make: Any) -> None:
    """Without a script that we can read, what the exporter noted is enough."""
    view = (
        '<Element Type="SqlView" Name="[dbo].[v]"><Relationship Name="QueryDependencies"><Entry>'
        '<Annotation Type="PersistedResolvableAnnotation" Name="[Other]|[dbo].[T2].[id]" /></Entry><Entry>'
        '<References Name="[dbo].[T3]" ExternalParts="[Srv].[Other]" /></Entry></Relationship></Element>'
    )
    assert [f.cause.split(",")[0] for f in findings(make, view)] == [
        "refers to [Other].[dbo].[T2]",
        "refers to [Srv].[Other].[dbo].[T3]",
    ]


def test_p01_names_each_target_once(make: Any) -> None:
    script = "SELECT 1 FROM O.dbo.T; SELECT 2 FROM o..t; INSERT INTO O.dbo.U SELECT 1 FROM O.dbo.T"
    assert len(findings(make, make.module("SqlProcedure", "[dbo].[p]", script))) == 3


@pytest.mark.parametrize(
    ("script", "blocks"),
    [("Other.dbo.T2", True), ("[Srv].[Other].[dbo].[T2]", True), ("dbo.T", False), ("T", False)],
)
def test_p02_a_synonym_for_something_elsewhere(make: Any, script: str, blocks: bool) -> None:
    found = findings(make, SYNONYM.format(script=script, entry=""))
    assert [f.id for f in found] == (["P02"] if blocks else [])


def test_p02_where_only_the_reference_tells(make: Any) -> None:
    entry = '<Annotation Type="PersistedResolvableAnnotation" Name="[Srv].[Other]|[dbo].[T2]" />'
    assert "[Srv].[Other].[dbo].[T2]" in only(make, SYNONYM.format(script="", entry=entry)).cause


def test_p04_a_windows_user(make: Any) -> None:
    finding = only(make, WINDOWS)
    assert (finding.id, finding.object, finding.error_number) == ("P04", r"User [CORP\alice]", "SQL71627")


@pytest.mark.parametrize(("to", "word"), [("Certificate", "a certificate"), ("AsymmetricKey", "an asymmetric key")])
def test_p05_a_user_of_a_key(make: Any, to: str, word: str) -> None:
    finding = only(make, MAPPED.format(to=to))
    assert finding.id == "P05"
    assert word in finding.cause


@pytest.mark.parametrize("login", ["", '<References Name="[gone]" />'])
def test_p06_a_user_whose_login_is_gone(make: Any, login: str) -> None:
    finding = only(make, LOGIN, USER.format(login=login))
    assert (finding.id, finding.severity, finding.error_number) == ("P06", "blocks-export", "SQL71564")
    assert finding.object == "User [bob]"


@pytest.mark.parametrize(
    "elements",
    [
        (LOGIN, USER.format(login='<References Name="[BOB]" />')),
        ('<Element Type="SqlUser" Name="[u]"><Property Name="AuthenticationType" Value="2" /></Element>',),
        ('<Element Type="SqlUser" Name="[u]"><Property Name="IsWithoutLogin" Value="True" /></Element>',),
    ],
    ids=["its login is there", "contained", "without login"],
)
def test_users_that_an_export_carries(make: Any, elements: tuple[str, ...]) -> None:
    assert findings(make, *elements) == []


def test_p07_an_entra_user_exports_and_is_hard_to_import(make: Any) -> None:
    entra = '<Element Type="SqlUser" Name="[eve@x.com]"><Property Name="AuthenticationType" Value="4" /></Element>'
    finding = only(make, entra)
    assert (finding.id, finding.severity) == ("P07", "breaks-import")


def test_p08_external_tables_block_and_their_sources_do_not(make: Any) -> None:
    found = findings(
        make,
        '<Element Type="SqlExternalTable" Name="[dbo].[et]" />',
        '<Element Type="SqlExternalDataSource" Name="[eds]" />',
        '<Element Type="SqlExternalFileFormat" Name="[csv]" />',
    )
    assert [(f.id, f.severity) for f in found] == [("P08", "blocks-export")] + [("P08", "breaks-import")] * 2


def test_p09_a_credential_is_a_warning(make: Any) -> None:
    finding = only(make, '<Element Type="SqlDatabaseCredential" Name="[c]" />', '<Element Type="SqlMasterKey" />')
    assert (finding.id, finding.severity) == ("P09", "warning")


@pytest.mark.parametrize("kind", ["SqlCertificate", "SqlSymmetricKey", "SqlAsymmetricKey"])
def test_p10_keys(make: Any, kind: str) -> None:
    finding = only(make, f'<Element Type="{kind}" Name="[k]" />')
    assert (finding.id, finding.severity, finding.error_number) == ("P10", "blocks-export", "SQL71626")


def test_p10_the_engines_own_keys_are_none_of_ours(make: Any) -> None:
    assert findings(make, '<Element Type="SqlCertificate" Name="[##MS_x##]" />') == []


@pytest.mark.parametrize(
    ("script", "names"),
    [
        ("SELECT a.b.c FROM x.y.z", ["x.y.z"]),
        ("SELECT 1 FROM dbo.A, x.y.z AS q JOIN p.q.r ON dbo.A.id = q.w.e", ["x.y.z", "p.q.r"]),
        ("SELECT 1 FROM (SELECT 1 AS n FROM a.b.c) AS i, d..e", ["a.b.c", "d..e"]),
        ("EXEC @rc = [a b].dbo.p @x, dbo.T.c", ["a b.dbo.p"]),
        ("UPDATE TOP (3 + (1)) a.b.c SET x = 1; DELETE TOP (5) FROM d.e.f", ["a.b.c", "d.e.f"]),
        ("MERGE a.b.c AS t USING d.e.f AS s ON t.id = s.id", ["a.b.c", "d.e.f"]),
        ("INSERT a.b.c (x) VALUES (1); TRUNCATE TABLE d.e.f", ["a.b.c", "d.e.f"]),
        (
            "SELECT a.dbo.fn(1), t.col.value('.', 'int') FROM dbo.T AS t CROSS APPLY t.x.nodes('/a') AS n (y)",
            ["a.dbo.fn"],
        ),
        ("SELECT dbo.T.c, s.t.c AS d FROM dbo.T WHERE dbo.T.c IN (SELECT u.v.w FROM dbo.U AS u)", []),
        ("-- FROM a.b.c\nSELECT 1 /* FROM a.b.c /* nested */ FROM d.e.f */ FROM dbo.T", []),
        ("EXEC sp_executesql N'SELECT 1 FROM a.b.c WHERE x = ''y'''", []),
        ('SELECT 1 FROM "a""x"."b".[c]]y]', ['a"x.b.c]y']),
        ("SELECT 1 FROM tempdb..#t", ["tempdb..#t"]),
        ("CREATE TABLE #x (id int); SELECT 1 FROM #x WHERE '", []),
        ("", []),
    ],
)
def test_names_in_t_sql(script: str, names: list[str]) -> None:
    """Only where T-SQL expects a table, a procedure or a function; comments and strings do not count."""
    assert [".".join(found) for found in outside_names(script)] == names


@pytest.mark.parametrize(
    ("script", "names"),
    [
        ("SELECT x.Id FROM dbo.Missing AS x JOIN T ON T.Id = x.Id", ["dbo.Missing", "T"]),
        ("WITH c AS (SELECT 1 AS n), [d e] (a, b) AS (SELECT 1 FROM c) SELECT n FROM c, [d e]", []),
        ("DECLARE @t TABLE (x int); SELECT x FROM @t AS v JOIN sys.tables ON 1 = 1; DELETE v FROM @t v", []),
        ("EXEC sp_executesql N'x'; EXEC nothere; EXEC @r = dbo.p2 1", ["nothere", "dbo.p2"]),
        ("UPDATE p SET a = 1 FROM dbo.T AS p; DELETE q FROM U q; DELETE TOP (5) FROM V", ["dbo.T", "U", "V"]),
        ("UPDATE d SET x = 1 FROM (SELECT 1 AS x) AS d", []),
        ("SELECT * INTO n FROM m; SELECT 1 FROM n; INSERT INTO k (a) SELECT 1; TRUNCATE TABLE tt", ["m", "k", "tt"]),
        ("CREATE TABLE #x (a int); CREATE TABLE cc (a int); INSERT cc SELECT 1 FROM #x", []),
        ("DECLARE c CURSOR FOR SELECT a FROM z; FETCH NEXT FROM c INTO @x", ["z"]),
        ("SELECT TRIM('x' FROM col), CASE WHEN a IS DISTINCT FROM b THEN 1 END FROM OPENJSON(@j)", []),
        ("MERGE INTO tgt AS t USING src s ON 1 = 1 WHEN MATCHED THEN UPDATE SET a = 1", ["tgt", "src"]),
        ("INSERT dbo.L SELECT dbo.fn(a) FROM inserted AS i JOIN deleted ON 1 = 1", ["dbo.L", "dbo.fn"]),
        ("UPDATE STATISTICS dbo.T; EXECUTE AS CALLER; SELECT TOP 1 1", []),
    ],
)
def test_names_of_its_own_database(script: str, names: list[str]) -> None:
    """Without what the script itself defines, temporary tables, and what the engine has."""
    assert [".".join(found) for found in script_names(script).inside] == names


def test_a_target_is_one_name_or_none() -> None:
    assert name_parts("[a].b..[c d]") == ("a", "b", "", "c d")
    assert name_parts("a.b c") == ()


@pytest.mark.real
def test_nobody_is_blamed_wrongly(real_bacpacs: dict[str, Any]) -> None:
    """These databases were exported, so nothing in them blocks an export."""
    for path in real_bacpacs.values():
        with Bacpac.open(path) as bacpac:
            assert [f for f in find(bacpac) if f.severity == "blocks-export"] == [], path.name
