"""The catalog as a whole."""

from __future__ import annotations

import pytest
from azure.core.exceptions import HttpResponseError, ServiceRequestError
from azure.data.tables import TableServiceClient

from holdfast.catalog import Catalog, CatalogTooNew
from holdfast.catalog import migrations as schema
from holdfast.catalog.database import TABLES
from holdfast.catalog.failures import storage_errors
from holdfast.model.errors import Forbidden, InvalidInput, Unavailable


def test_the_version_is_recorded_once_where_there_is_none(catalog: Catalog, service: TableServiceClient) -> None:
    """In a new account the tables come by themselves."""
    for _ in range(2):
        assert catalog.prepare() == schema.SCHEMA_VERSION
    assert [table.name for table in service.list_tables()] == [TABLES[0]]


def test_a_newer_schema_is_not_touched(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    """An older version would misread it."""
    monkeypatch.setattr(schema, "SCHEMA_VERSION", 99)
    catalog.prepare()
    monkeypatch.undo()
    for _ in range(2):
        with pytest.raises(CatalogTooNew, match="99"):
            catalog.prepare()


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (403, Forbidden),
        (401, Forbidden),
        (400, InvalidInput),
        (413, InvalidInput),
        (500, Unavailable),
        (503, Unavailable),
    ],
)
def test_what_storage_refuses_is_told_in_our_words(status: int, expected: type[Exception]) -> None:
    """And never in the SDK's, which may quote a signed address."""
    error = HttpResponseError("https://account.table.core.windows.net/?sig=SECRET")
    error.status_code = status
    with pytest.raises(expected) as raised, storage_errors("the table x"):
        raise error
    assert "SECRET" not in str(raised.value)
    assert "the table x" in str(raised.value)
    assert raised.value.__cause__ is None


def test_storage_that_does_not_answer_is_unavailable() -> None:
    """A retry may help."""
    with pytest.raises(Unavailable), storage_errors("the table x"):
        raise ServiceRequestError("connection refused")
