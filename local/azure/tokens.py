"""Access tokens: real signed JWTs with audience, identity and expiry, as Entra's.

They live by the machine's clock and not by the emulated one, because the SDKs compare `exp` with the machine's clock.
`verify` is for other processes of the profile too: it needs nothing but the state folder.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from holdfast.model.errors import HoldfastError
from local.azure.state_folder import StateFolder, write_private

TENANT = "72f988bf-0000-4000-8000-000000000001"
"""The emulated tenant's id."""

Reason = Literal["malformed", "signature", "audience", "expired"]


class BadToken(HoldfastError):
    """A token that no endpoint takes. `reason` says why; the token itself is never repeated."""

    code = "bad-token"
    title = "The access token was refused"
    advice = "Ask the identity endpoint for a new token of the right audience."
    exit_code = 6
    http_status = 401

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason: Reason = reason


@dataclass(frozen=True)
class Claims:
    """What a token says of its bearer."""

    principal_id: str
    """`oid`: what roles are assigned to."""
    client_id: str
    """`appid`"""
    identity_id: str
    """`xms_mirid`: resource id of the managed identity."""
    audience: str
    """Without a slash at the end."""
    issued_at: float
    expires_at: float
    machine: str = ""
    """Resource id of the VM that asked for it; empty for the app. Ours: Azure's tokens do not name the machine so."""


def ensure_signing_key(folder: StateFolder) -> None:
    """Makes the key pair where it is missing."""
    if folder.token_key.exists() and folder.token_public_key.exists():
        return
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    write_private(
        folder.token_key,
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )
    write_private(
        folder.token_public_key,
        key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
    )


def issue(
    folder: StateFolder,
    audience: str,
    *,
    principal_id: str,
    client_id: str,
    identity_id: str,
    lifetime: float,
    machine: str = "",
) -> tuple[str, int]:
    """Signs a token of `lifetime` seconds. Returns it and its expiry in seconds since 1970."""
    now = time.time()
    expires = int(now + lifetime)
    claims = {
        "aud": audience,
        "iss": f"https://sts.windows.net/{TENANT}/",
        "iat": now,
        "nbf": int(now),
        "exp": expires,
        "appid": client_id,
        "oid": principal_id,
        "sub": principal_id,
        "tid": TENANT,
        "idtyp": "app",
        "ver": "1.0",
        "uti": uuid.uuid4().hex,
        "xms_mirid": identity_id,
        "local_machine": machine,
    }
    return jwt.encode(claims, folder.token_key.read_bytes(), algorithm="RS256", headers={"kid": "local"}), expires


def verify(token: str, audience: str, state_dir: Path) -> Claims:
    """Checks signature, expiry and audience (a slash at its end does not matter).

    `state_dir` is the emulator's folder. Raises BadToken. A token that was issued before the moment in
    `tokens-valid-from` counts as expired: that is how tests let every token expire at once.
    """
    folder = StateFolder(state_dir)
    try:
        found = _decode(token, folder.token_public_key.read_bytes())
    except jwt.InvalidSignatureError as error:
        raise BadToken("signature", "the signature is not ours") from error
    except jwt.PyJWTError as error:
        raise BadToken("malformed", "it is not a token of ours") from error
    if found.expires_at <= time.time() or found.issued_at < _valid_from(folder):
        raise BadToken("expired", "it has expired")
    if found.audience.lower() != audience.rstrip("/").lower():
        raise BadToken("audience", f"it is for {found.audience}, not for {audience}")
    return found


def expire_all(folder: StateFolder) -> None:
    """Lets every token that was issued so far count as expired."""
    write_private(folder.tokens_valid_from, repr(time.time()).encode())


@lru_cache(maxsize=4096)
def _decode(token: str, public_key: bytes) -> Claims:
    # Expiry is compared by `verify` at every use, so that what is cached here can never outlive its token.
    claims: dict[str, Any] = jwt.decode(
        token,
        public_key,
        algorithms=["RS256"],
        options={"verify_aud": False, "verify_exp": False, "verify_nbf": False, "verify_iat": False},
    )
    try:
        return Claims(
            principal_id=str(claims["oid"]),
            client_id=str(claims["appid"]),
            identity_id=str(claims["xms_mirid"]),
            audience=str(claims["aud"]).rstrip("/"),
            issued_at=float(claims["iat"]),
            expires_at=float(claims["exp"]),
            machine=str(claims.get("local_machine", "")),
        )
    except (KeyError, ValueError) as error:
        raise jwt.InvalidTokenError("a claim is missing") from error


def _valid_from(folder: StateFolder) -> float:
    try:
        return float(folder.tokens_valid_from.read_text())
    except FileNotFoundError:
        return 0.0
