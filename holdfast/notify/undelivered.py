"""Why a notice did not reach its channel."""

from __future__ import annotations

from datetime import timedelta

from holdfast.model.errors import HoldfastError


class Undelivered(HoldfastError):
    """The peer did not take a notice. The detail never quotes the peer's words or its address: either may be a secret.

    `busy` says that the peer as a whole is not there or wants to be left alone, so other notices need not be tried;
    `wait` is how long it asked to be left alone.
    """

    code = "notice-undelivered"
    title = "The notification could not be delivered"
    advice = "It is tried again for two days. `holdfast notify test CHANNEL` tries the channel at once."
    exit_code = 41
    http_status = 502

    def __init__(
        self,
        detail: str = "",
        *,
        help: str | None = None,  # noqa: A002 (the contract's word)
        busy: bool = True,
        wait: timedelta | None = None,
    ) -> None:
        super().__init__(detail, help=help)
        self.busy, self.wait = busy, wait
