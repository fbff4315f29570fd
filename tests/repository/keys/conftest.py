"""What tests of key slots begin with."""

from __future__ import annotations

import pytest

from tests.repository.keys.vault_world import Vault


@pytest.fixture
def vault() -> Vault:
    return Vault()
