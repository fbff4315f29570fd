"""No error of DacFx's own validation is missed by preflight; where they differ, the page says why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from holdfast.bacpac.package import Bacpac
from holdfast.bacpac.preflight import find
from tests.bacpac import beside_dacfx

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "explanation" / "preflight-beside-dacfx.md"


@pytest.mark.real
@pytest.mark.dacfx
def test_real_bacpacs(real_bacpacs: dict[str, Path], judge: Any, tmp_path: Path) -> None:
    """No error is missed, and the page has the table as it is."""
    page = PAGE.read_text()
    said = beside_dacfx.judged(judge, list(real_bacpacs.values()), tmp_path)
    for file, messages in said.items():
        with Bacpac.open(file) as package:
            findings = find(package)
        assert beside_dacfx.missed(messages, findings) == []
        assert [finding for finding in findings if finding.severity == "blocks-export"] == []
        line = beside_dacfx.row(file, messages, findings)
        assert line in page, line


@pytest.mark.dacfx
def test_a_model_with_nearly_everything_wrong(make: Any, judge: Any, tmp_path: Path) -> None:
    file = make.write(make.entries((HERE / "troubled_model.xml").read_bytes()))
    with Bacpac.open(file) as package:
        findings = find(package)
    messages = beside_dacfx.judged(judge, [file], tmp_path)[file]
    assert sum(line.startswith("Error") for line in messages) > 15
    assert beside_dacfx.missed(messages, findings) == []
    # The comparison itself can fail: without a finding its error is missed.
    assert beside_dacfx.missed(messages, [f for f in findings if f.id != "P15"])
    assert beside_dacfx.missed(messages, [f for f in findings if f.id != "P14"])


def test_what_preflight_finds_in_it(make: Any) -> None:
    """Without the judge, too: one finding at least of every rule that DacFx 15.0 can write a model for."""
    file = make.write(make.entries((HERE / "troubled_model.xml").read_bytes()))
    with Bacpac.open(file) as package:
        found = find(package)
    ids = "P01 P02 P03 P04 P08 P09 P11 P13 P14 P15 P17 P18 P19 P20 P21"
    assert {finding.id for finding in found} == set(ids.split())
    assert "View [dbo].[onsyn]" in {finding.object for finding in found}
