"""Sizes that restored databases are made with."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.model.errors import InvalidInput
from holdfast.model.restore.plan import LONGEST_NAME, aside_name, is_temporary, temporary_name
from holdfast.model.restore.size import most_bytes, size_for, sku_of, too_small

GIB = 1 << 30
OBJECTIVES = ["Basic", "S0", "S3", "P1", "P11", "GP_Gen5_2", "GP_S_Gen5_4", "BC_Gen5_8", "GP_Gen5_80"]


@pytest.mark.parametrize(
    ("objective", "sku"),
    [
        ("GP_Gen5_2", {"name": "GP_Gen5", "tier": "GeneralPurpose", "family": "Gen5", "capacity": 2}),
        ("GP_S_Gen5_4", {"name": "GP_S_Gen5", "tier": "GeneralPurpose", "family": "Gen5", "capacity": 4}),
        ("BC_Gen5_8", {"name": "BC_Gen5", "tier": "BusinessCritical", "family": "Gen5", "capacity": 8}),
        ("HS_PRMS_4", {"name": "HS_PRMS", "tier": "Hyperscale", "family": "PRMS", "capacity": 4}),
        ("s3", {"name": "S3", "tier": "Standard"}),
        ("P1", {"name": "P1", "tier": "Premium"}),
        ("basic", {"name": "Basic", "tier": "Basic", "capacity": 5}),
    ],
)
def test_an_objective_becomes_what_azure_is_asked_for(objective: str, sku: dict[str, object]) -> None:
    assert sku_of(objective) == sku


@pytest.mark.parametrize("objective", ["", "S", "GP_2", "ElasticPool", "DW100c", "P"])
def test_what_is_no_objective_says_which_there_are(objective: str) -> None:
    with pytest.raises(InvalidInput, match="no service objective"):
        sku_of(objective)


@given(st.sampled_from(OBJECTIVES), st.integers(0, 1 << 45), st.none() | st.integers(1, 1 << 45))
def test_the_size_holds_the_data_where_the_tier_can(objective: str, inflated: int, wanted: int | None) -> None:
    most, size = most_bytes(objective), size_for(inflated, objective, wanted)
    assert most is not None
    assert size is not None
    assert size <= most
    assert size % GIB == 0
    assert too_small(inflated, size) == (inflated > most)
    if wanted is not None and wanted <= most:
        assert size >= wanted


def test_hyperscale_has_no_limit_to_ask_for() -> None:
    assert size_for(1 << 50, "HS_Gen5_2", None) is None
    assert not too_small(1 << 50, None)


@given(st.text(min_size=1, max_size=LONGEST_NAME), st.text(min_size=1, max_size=30))
def test_names_fit_and_are_known_again(database: str, session: str) -> None:
    from datetime import UTC, datetime

    temporary = temporary_name(database, session)
    assert len(temporary) <= LONGEST_NAME
    assert is_temporary(temporary, session)
    assert not is_temporary(temporary, session + "x")
    assert not is_temporary(database, "")
    assert len(aside_name(database, datetime(2026, 1, 1, tzinfo=UTC))) <= LONGEST_NAME
