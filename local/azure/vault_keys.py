"""Key Vault keys: `/keys/NAME[/VERSION][/wrapkey|/unwrapkey]`: RSA, versions, soft deletion. Private keys never leave it."""

from __future__ import annotations

import base64
import binascii
import json
import uuid
from collections.abc import Callable
from typing import Any

from aiohttp import web
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from local.azure import tokens
from local.azure.evidence import DOCUMENTED, GUESS, RECORDED
from local.azure.replies import Refusal, Reply
from local.azure.roles import KEY_CREATE, KEY_DELETE, KEY_READ, KEY_RECOVER, KEY_UNWRAP, KEY_UPDATE, KEY_WRAP
from local.azure.store import Json
from local.azure.vault_access import check_name, forbidden, invalid, must, not_supported
from local.azure.world import World

_KEY = RECORDED("Key Vault: key", "azure-cli keyvault/test_keyvault_key.yaml@e0b3b6da")
_OPERATION = RECORDED(
    "Key Vault: wrapkey and unwrapkey",
    "azure-cli keyvault/test_keyvault_key.yaml@e0b3b6da, the decrypt there",
    guessed="that wrapkey and unwrapkey answer as decrypt, as the REST reference says",
)
_LIST = DOCUMENTED("Key Vault: list of keys and of versions", "Key Vault REST reference, Get Keys")
_DELETED = DOCUMENTED("Key Vault: deleted key", "Key Vault REST reference, Delete Key and Get Deleted Key")
_MISSING = DOCUMENTED("Key Vault: 404 of a key", "Key Vault REST reference: KeyNotFound", guessed="wording")
_DISABLED = GUESS(
    "Key Vault: 403 for a disabled key",
    "innererror KeyDisabled, after the SecretDisabled of public issues; that GET shows a disabled key",
)
_TAKEN = GUESS("Key Vault: 409 for the name of a deleted key", "code ObjectIsDeletedButRecoverable from public issues")
_BAD_CIPHER = GUESS("Key Vault: 400 for what a key does not unwrap", "code BadParameter; no recording")

SCOPE = "/vault/keys"
"""Where roles on keys are assigned, followed by `/NAME`."""

_OPERATIONS = ["encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey"]
_DEFAULT_BITS = 2048
#: What Azure takes, by the name of the algorithm.
_PADDINGS: dict[str, Callable[[], padding.AsymmetricPadding]] = {
    "RSA-OAEP-256": lambda: padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None),
    "RSA-OAEP": lambda: padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None),  # noqa: S303 (Azure's own)
}


def answer(world: World, request: web.Request, raw: bytes, claims: tokens.Claims) -> Reply:
    """One request for keys."""
    area, *words = [word for word in request.path.split("/") if word]
    origin = f"{request.scheme}://{request.host}"
    if not words:
        must(world, claims, KEY_READ, SCOPE)
        live = [key for key in world.store.facts("key") if not key.get("deleted")]
        return Reply(_LIST, 200, {"value": [_item(origin, key["name"], key["versions"][-1], "") for key in live]})
    name = check_name(words[0])
    if area == "deletedkeys":
        return _deleted(world, request, claims, name, words[1:])
    body = _body(raw)
    match (request.method, words[1:]):
        case ("GET", ["versions"]):
            must(world, claims, KEY_READ, f"{SCOPE}/{name}")
            versions = _live(world, name)["versions"]
            return Reply(_LIST, 200, {"value": [_item(origin, name, v, f"/{v['version']}") for v in versions]})
        case ("GET", [] | [_]):
            must(world, claims, KEY_READ, f"{SCOPE}/{name}")
            return Reply(_KEY, 200, _bundle(origin, name, _version(world, name, words[1:])))
        case ("POST", ["create"]):
            must(world, claims, KEY_CREATE, f"{SCOPE}/{name}")
            return Reply(_KEY, 200, _bundle(origin, name, make_version(world, name, **_asked(body))))
        case ("POST", ["rotate"]):
            must(world, claims, KEY_CREATE, f"{SCOPE}/{name}")
            _live(world, name)
            return Reply(_KEY, 200, _bundle(origin, name, make_version(world, name)))
        case ("PATCH", [] | [_]):
            must(world, claims, KEY_UPDATE, f"{SCOPE}/{name}")
            enabled = body.get("attributes", {}).get("enabled")
            version = _version(world, name, words[1:])
            return Reply(_KEY, 200, _bundle(origin, name, _enable(world, name, version["version"], enabled)))
        case ("DELETE", []):
            must(world, claims, KEY_DELETE, f"{SCOPE}/{name}")
            kept = _live(world, name)
            kept["deleted"] = int(world.now())
            world.store.keep("key", name, kept)
            return Reply(_DELETED, 200, _deleted_bundle(origin, kept))
        case ("POST", [_, "wrapkey" | "unwrapkey" as verb]):
            must(world, claims, KEY_WRAP if verb == "wrapkey" else KEY_UNWRAP, f"{SCOPE}/{name}")
            version = _version(world, name, words[1:2])
            _must_be_enabled(version, "wrapKey" if verb == "wrapkey" else "unwrapKey")
            value = _operate(version, verb, body)
            return Reply(_OPERATION, 200, {"kid": _kid(origin, name, version), "value": _text(value)})
    raise not_supported(request.method)


def make_version(world: World, name: str, bits: int = _DEFAULT_BITS, enabled: bool = True) -> Json:
    """Adds a version of a key, making the key where there is none; returns it. Raises the refusal of a deleted one."""
    kept = world.store.fact("key", name) or {"name": name, "versions": []}
    if kept.get("deleted"):
        text = f"Key {name} is currently in a deleted but recoverable state, and its name cannot be reused."
        refusal = Refusal(_TAKEN, 409, "Conflict", text)
        refusal.reply.body["error"]["innererror"] = {"code": "ObjectIsDeletedButRecoverable"}
        raise refusal
    private = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    version = {"version": uuid.uuid4().hex, "pem": pem.decode(), "enabled": enabled, "created": int(world.now())}
    kept["versions"].append(version)
    world.store.keep("key", name, kept)
    return version


def ensure_key(world: World, name: str) -> Json:
    """The newest version of a key, made where there is none."""
    kept = world.store.fact("key", name)
    newest: Json = kept["versions"][-1] if kept else make_version(world, name)
    return newest


def _asked(body: Json) -> dict[str, Any]:
    if body.get("kty") not in ("RSA", "RSA-HSM"):
        raise invalid(f"The key type {body.get('kty')!r} is not supported.")
    bits = int(body.get("key_size") or _DEFAULT_BITS)
    if bits not in (2048, 3072, 4096):
        raise invalid(f"The key size {bits} is not supported.")
    return {"bits": bits, "enabled": body.get("attributes", {}).get("enabled") is not False}


def _deleted(world: World, request: web.Request, claims: tokens.Claims, name: str, words: list[str]) -> Reply:
    origin = f"{request.scheme}://{request.host}"
    kept = world.store.fact("key", name)
    if kept is None or not kept.get("deleted"):
        raise _not_found(name)
    if (request.method, words) == ("GET", []):
        must(world, claims, KEY_READ, f"{SCOPE}/{name}")
        return Reply(_DELETED, 200, _deleted_bundle(origin, kept))
    if (request.method, words) == ("POST", ["recover"]):
        must(world, claims, KEY_RECOVER, f"{SCOPE}/{name}")
        del kept["deleted"]
        world.store.keep("key", name, kept)
        return Reply(_KEY, 200, _bundle(origin, kept["name"], kept["versions"][-1]))
    raise not_supported(request.method)


def _live(world: World, name: str) -> Json:
    kept = world.store.fact("key", name)
    if kept is None or kept.get("deleted"):
        raise _not_found(name)
    return kept


def _version(world: World, name: str, words: list[str]) -> Json:
    versions: list[Json] = _live(world, name)["versions"]
    found = [v for v in versions if not words or v["version"] == words[0]]
    if not found:
        raise _not_found(f"{name}/{words[0]}")
    return found[-1]


def _enable(world: World, name: str, version: str, enabled: bool | None) -> Json:
    kept = _live(world, name)
    (found,) = (v for v in kept["versions"] if v["version"] == version)
    if enabled is not None:
        found["enabled"] = enabled
        world.store.keep("key", name, kept)
    return dict(found)


def _must_be_enabled(version: Json, operation: str) -> None:
    if not version["enabled"]:
        refusal = forbidden("KeyDisabled", f"Operation {operation} is not allowed on a disabled key.")
        refusal.reply.shape = _DISABLED
        raise refusal


def _operate(version: Json, verb: str, body: Json) -> bytes:
    try:
        pad, value = _PADDINGS[str(body["alg"])](), _bytes(str(body["value"]))
    except (KeyError, ValueError, binascii.Error) as error:
        raise invalid("The algorithm or the value is not valid.") from error
    private = _private(version)
    try:
        return private.public_key().encrypt(value, pad) if verb == "wrapkey" else private.decrypt(value, pad)
    except ValueError as error:
        text = "The parameter is incorrect."
        raise Refusal(_BAD_CIPHER, 400, "BadParameter", text) from error


def _private(version: Json) -> rsa.RSAPrivateKey:
    found = serialization.load_pem_private_key(version["pem"].encode(), None)
    assert isinstance(found, rsa.RSAPrivateKey)  # noqa: S101 (no other kind is ever made)
    return found


def _not_found(name: str) -> Refusal:
    text = (
        f"A key with (name/id) {name} was not found in this key vault. If you recently deleted this key you may be able "
        "to recover it using the correct recovery command."
    )
    return Refusal(_MISSING, 404, "KeyNotFound", text)


def _kid(origin: str, name: str, version: Json) -> str:
    return f"{origin}/keys/{name}/{version['version']}"


def _attributes(version: Json) -> Json:
    return {
        "enabled": version["enabled"],
        "created": version["created"],
        "updated": version["created"],
        "recoveryLevel": "Recoverable+Purgeable",
        "recoverableDays": 90,
    }


def _item(origin: str, name: str, version: Json, tail: str) -> Json:
    return {"kid": f"{origin}/keys/{name}{tail}", "attributes": _attributes(version)}


def _bundle(origin: str, name: str, version: Json) -> Json:
    numbers = _private(version).public_key().public_numbers()
    key = {
        "kid": _kid(origin, name, version),
        "kty": "RSA",
        "key_ops": _OPERATIONS,
        "n": _text(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")),
        "e": _text(numbers.e.to_bytes(3, "big")),
    }
    return {"key": key, "attributes": _attributes(version)}


def _deleted_bundle(origin: str, kept: Json) -> Json:
    bundle = _bundle(origin, kept["name"], kept["versions"][-1])
    when = {"deletedDate": kept["deleted"], "scheduledPurgeDate": kept["deleted"] + 90 * 86400}
    return {"recoveryId": f"{origin}/deletedkeys/{kept['name']}", **when, **bundle}


def _body(raw: bytes) -> Json:
    try:
        found = json.loads(raw or b"{}")
    except ValueError as error:
        raise invalid("The body is no JSON.") from error
    if not isinstance(found, dict):
        raise invalid("The body is no object.")
    return found


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
