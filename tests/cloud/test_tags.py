"""Our marks, and who they protect."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.cloud import tags
from holdfast.cloud.ownership import check_ours
from holdfast.model.errors import NameTaken
from holdfast.model.source import ResourceId

AT = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
MUST = tags.copy_tags("test", "s1", "k1", AT)
INSTANCE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Sql/managedInstances/mi/databases"
COPY = ResourceId.parse(f"{INSTANCE}/hf-k1-0123abcd")


def test_the_tags_of_a_copy_say_whose_it_is_and_until_when() -> None:
    """All that the janitor needs."""
    assert tags.is_marked(MUST, "copy", "test")
    assert not tags.is_marked(MUST, "worker")
    assert not tags.is_marked(MUST, "copy", "other")
    assert not tags.is_marked(None, "copy")
    assert tags.expiry(MUST) == AT
    assert tags.expiry({}) is None
    assert tags.expiry({tags.EXPIRES: "soon"}) is None


def test_when_it_expires_is_not_part_of_what_it_is() -> None:
    """A repeated start computes another hour."""
    assert tags.carries(MUST, tags.copy_tags("test", "s1", "k1", datetime(2027, 1, 1, tzinfo=UTC)))
    assert not tags.carries(MUST, tags.copy_tags("test", "s2", "k1", AT))


def test_name_id_and_mark_together_let_a_copy_be_dropped() -> None:
    """In whatever case Azure writes the id."""
    check_ours(COPY, str(COPY).upper(), {**MUST, "added": "by somebody"}, MUST)


@pytest.mark.parametrize(
    ("copy", "found_id", "found", "must"),
    [
        (ResourceId.parse(f"{INSTANCE}/sales"), f"{INSTANCE}/sales", MUST, MUST),
        (COPY, f"{INSTANCE}/other", MUST, MUST),
        (COPY, None, MUST, MUST),
        (COPY, str(COPY), None, MUST),
        (COPY, str(COPY), {}, {}),
        (COPY, str(COPY), MUST, {}),
        (COPY, str(COPY), {**MUST, tags.SESSION: "s2"}, MUST),
        (COPY, str(COPY), {**MUST, tags.KIND: "worker"}, {**MUST, tags.KIND: "worker"}),
        (COPY, str(COPY), {**MUST, tags.INSTALLATION: ""}, {**MUST, tags.INSTALLATION: ""}),
    ],
)
def test_whatever_lacks_one_of_the_three_is_not_dropped(
    copy: ResourceId, found_id: str | None, found: dict[str, str] | None, must: dict[str, str]
) -> None:
    """The copy stands beside somebody's databases."""
    with pytest.raises(NameTaken, match="not dropped"):
        check_ours(copy, found_id, found, must)


names = st.sampled_from([tags.INSTALLATION, tags.KIND, tags.SESSION, tags.SOURCE, "other"])


@given(st.dictionaries(names, st.sampled_from(["test", "copy", "s1", "k1", ""])))
def test_no_other_tags_let_a_database_be_dropped(found: dict[str, str]) -> None:
    """Only those that say all that ours say."""
    ours = all(found.get(name) == MUST[name] for name in (tags.INSTALLATION, tags.KIND, tags.SESSION, tags.SOURCE))
    try:
        check_ours(COPY, str(COPY), found, MUST)
    except NameTaken:
        assert not ours
    else:
        assert ours
