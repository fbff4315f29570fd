"""Every status of Azure's is either taken or refused with a reason and a mend."""

import pytest

from holdfast.model.source import Source, SourceKind
from holdfast.model.source_status import is_asleep, why_unusable


def source(**more: object) -> Source:
    return Source(
        kind=SourceKind.SQL_DATABASE,
        resource_id="/subscriptions/s/resourceGroups/g/providers/Microsoft.Sql/servers/a/databases/b",
        server="a",
        database="b",
        region="r",
        host="h",
        **more,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("status", ["Online", "Paused", "Pausing", "Resuming", "Scaling", "AutoClosed", "Updating"])
def test_what_a_copy_or_an_export_can_read_is_taken(status: str) -> None:
    assert why_unusable(source(status=status)) is None
    assert is_asleep(source(status=status)) is status.startswith("Paus")


@pytest.mark.parametrize("status", ["Offline", "Inaccessible", "Suspect", "Restoring", "EmergencyMode", "Creating", ""])
def test_what_cannot_be_read_is_refused_with_its_status_and_a_mend(status: str) -> None:
    found = why_unusable(source(status=status))
    assert found is not None
    assert status in found.why
    assert found.mend


def test_an_inaccessible_database_points_at_its_key_and_a_standby_replica_at_its_primary() -> None:
    assert "Key Vault" in why_unusable(source(status="Inaccessible")).mend  # type: ignore[union-attr]
    assert "primary" in why_unusable(source(status="Online", secondary="Standby")).mend  # type: ignore[union-attr]
    assert "BACPAC" in why_unusable(source(unfit="a dedicated SQL pool: no BACPAC")).why  # type: ignore[union-attr]
