"""A worker opens repositories for several jobs at once."""

from __future__ import annotations

import threading

from holdfast.repository.keys.keys import PasswordCost


def test_passwords_can_be_tried_on_several_threads_at_once() -> None:
    """Argon2 of OpenSSL stops for ever when two derivations share its thread pool."""
    found: list[bytes] = []

    def derive() -> None:
        found.extend(PasswordCost().derive("password", b"0123456789abcdef") for _ in range(3))

    # Daemons: a deadlock must fail the test and not hold the run.
    threads = [threading.Thread(target=derive, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not [thread for thread in threads if thread.is_alive()]
    assert len(found) == 12
    assert len(set(found)) == 1
