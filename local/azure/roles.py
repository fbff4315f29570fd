"""Role definitions that the emulated tenant knows from the start. More can be added by the admin endpoint.

The app's role is the table of the rights that it uses (`holdfast/model/rights.py`), so a step that needs more fails here
before it fails in Azure.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from holdfast.model.rights import APP_RIGHTS, APP_ROLE


@dataclass(frozen=True)
class Role:
    """A role: patterns of the actions that it allows, with `*` for anything."""

    name: str
    actions: tuple[str, ...]
    data_actions: tuple[str, ...] = field(default=())


SQL_CONNECT = "Holdfast.Local/sql/databases/connect"
"""Ours: stands for a user in the database that may read all of it."""
SQL_ALTER = "Holdfast.Local/sql/databases/alter"
"""Ours: stands for a member of db_owner in the database."""
SQL_IMPORT = "Holdfast.Local/sql/databases/import"
"""Ours: stands for a login that may create and fill a database."""
VAULT_GET = "Microsoft.KeyVault/vaults/secrets/getSecret/action"
VAULT_SET = "Microsoft.KeyVault/vaults/secrets/setSecret/action"
VAULT_LIST = "Microsoft.KeyVault/vaults/secrets/readMetadata/action"
KEY_READ = "Microsoft.KeyVault/vaults/keys/read"
KEY_CREATE = "Microsoft.KeyVault/vaults/keys/create/action"
KEY_UPDATE = "Microsoft.KeyVault/vaults/keys/update/action"
KEY_DELETE = "Microsoft.KeyVault/vaults/keys/delete"
KEY_RECOVER = "Microsoft.KeyVault/vaults/keys/recover/action"
KEY_WRAP = "Microsoft.KeyVault/vaults/keys/wrap/action"
KEY_UNWRAP = "Microsoft.KeyVault/vaults/keys/unwrap/action"

APP = Role(APP_ROLE, tuple(right.action for right in APP_RIGHTS))

BUILT_IN = (
    Role("Owner", ("*",), ("*",)),
    Role("Reader", ("*/read",)),
    APP,
    Role("Key Vault Secrets User", (), (VAULT_GET, VAULT_LIST)),
    Role("Key Vault Secrets Officer", (), (VAULT_GET, VAULT_SET, VAULT_LIST)),
    Role("Key Vault Crypto Service Encryption User", (), (KEY_READ, KEY_WRAP, KEY_UNWRAP)),
    Role("Key Vault Crypto Officer", (), ("Microsoft.KeyVault/vaults/keys/*",)),
    Role("SQL reader", (), (SQL_CONNECT,)),
    Role("SQL owner", (), (SQL_CONNECT, SQL_ALTER)),
    Role("SQL importer", (), (SQL_CONNECT, SQL_IMPORT)),
)
