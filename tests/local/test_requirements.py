"""requirements.txt is what pyproject.toml says."""

from pathlib import Path

from local.requirements import ROOT, requirements


def test_the_committed_file_is_up_to_date() -> None:
    """A forgotten `make requirements` shows here and not in the first deployment."""
    assert (ROOT / "requirements.txt").read_text() == requirements()


def test_test_tools_and_native_parts_stay_out(tmp_path: Path) -> None:
    """The Functions app carries neither pytest nor the worker's native parts."""
    text = requirements()
    assert "azure-functions==" in text
    for other in ("pytest", "mssql", "numba", "isal", "aiosmtpd"):
        assert other not in text
