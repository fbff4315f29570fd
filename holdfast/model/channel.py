"""A notification channel: who is told, by what means, of which events. Named in the settings; a policy names it.

Nothing here is a secret: an address that lets whoever has it post, a signing key and a password are Key Vault secrets,
and only the addresses of those are told.
"""

from __future__ import annotations

import re
from datetime import time
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from holdfast.model.policy_schedules import TimeOfDay

Event = Literal["failure", "warning", "success", "overdue", "summary"]

#: What a channel is told that does not say otherwise: success only where somebody asks for it.
USUAL_EVENTS: tuple[Event, ...] = ("failure", "warning", "overdue", "summary")

ChannelName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]

_SECRET = re.compile(r"https://[^/?#@]+/secrets/[A-Za-z0-9-]+(/[A-Za-z0-9]+)?/?")


def _secret_address(text: str) -> str:
    # The text is not repeated: who mixes the two up has written the secret itself here.
    if _SECRET.fullmatch(text) is None:
        raise ValueError("this is not the address of a Key Vault secret (https://VAULT/secrets/NAME)")
    return text


def _mail_address(text: str) -> str:
    if re.fullmatch(r"[^\s@<>,;]+@[^\s@<>,;]+", text) is None:
        raise ValueError(f"{text!r} is not a mail address")
    return text


SecretAddress = Annotated[str, AfterValidator(_secret_address)]
MailAddress = Annotated[str, AfterValidator(_mail_address)]


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    events: list[Event] = Field(
        default=list(USUAL_EVENTS), description="`failure`, `warning`, `success`, `overdue` (and recovered), `summary`"
    )
    summary_at: TimeOfDay = Field(
        default=time(8), description="when the daily summary is made, in the time zone of the policy"
    )


class WebhookChannel(_Told):
    """JSON to any receiver, signed as Standard Webhooks says."""

    kind: Literal["webhook"] = Field(description="`webhook`")
    url_secret: SecretAddress = Field(description="Key Vault secret that holds the receiver's https address")
    signing_secret: SecretAddress = Field(
        description="Key Vault secret that holds the signing key: `whsec_` and base64, or any text of 24 bytes or more"
    )


class TeamsChannel(_Told):
    """An adaptive card through a Teams workflow ("Post to a channel when a webhook request is received")."""

    kind: Literal["teams"] = Field(description="`teams`")
    url_secret: SecretAddress = Field(description="Key Vault secret that holds the workflow's address")


class SlackChannel(_Told):
    """A Slack incoming webhook."""

    kind: Literal["slack"] = Field(description="`slack`")
    url_secret: SecretAddress = Field(description="Key Vault secret that holds the incoming webhook's address")


class EmailChannel(_Told):
    """Mail through an SMTP server; never without TLS."""

    kind: Literal["email"] = Field(description="`email`")
    host: str = Field(min_length=1, description="the SMTP server")
    port: int = Field(default=587, ge=1, le=65535, description="587 for STARTTLS, 465 for TLS from the first byte on")
    security: Literal["starttls", "tls"] = Field(default="starttls", description="`starttls` or `tls`")
    sender: MailAddress = Field(description="address that mails come from")
    recipients: list[MailAddress] = Field(min_length=1, max_length=50, description="addresses that mails go to")
    user: str = Field(default="", description="user to log in as; empty: no login")
    password_secret: SecretAddress | None = Field(default=None, description="Key Vault secret that holds the password")

    @model_validator(mode="after")
    def _both_or_none(self) -> EmailChannel:
        if bool(self.user) != bool(self.password_secret):
            raise ValueError("an e-mail channel needs user and password_secret, or neither")
        return self


Channel = Annotated[WebhookChannel | TeamsChannel | SlackChannel | EmailChannel, Field(discriminator="kind")]
