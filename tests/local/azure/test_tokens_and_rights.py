"""Tokens are checked whole, and rights follow roles, scopes and withdrawals."""

import base64
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.azure import tokens
from local.azure.rights import Rights
from local.azure.state_folder import StateFolder
from local.azure.tokens import BadToken

ARM = "https://management.azure.com"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = StateFolder(tmp_path_factory.mktemp("state")).prepare()
    tokens.ensure_signing_key(folder)
    return folder


def issue(folder, audience=ARM, lifetime=60.0):
    token, _ = tokens.issue(
        folder, audience, principal_id="p", client_id="c", identity_id="/identities/i", lifetime=lifetime
    )
    return token


@pytest.mark.parametrize("asked", [ARM, ARM + "/", ARM.upper()])
@pytest.mark.parametrize("granted", [ARM, ARM + "/"])
def test_a_token_is_taken_whatever_slash_ends_its_audience(folder, asked, granted):
    claims = tokens.verify(issue(folder, granted), asked, folder.root)
    assert (claims.principal_id, claims.client_id, claims.identity_id) == ("p", "c", "/identities/i")


def test_a_token_of_another_audience_is_refused(folder):
    with pytest.raises(BadToken) as caught:
        tokens.verify(issue(folder, "https://storage.azure.com"), ARM, folder.root)
    assert caught.value.reason == "audience"


def test_an_expired_token_is_refused_even_if_it_was_taken_before(folder):
    token = issue(folder, lifetime=1.2)
    tokens.verify(token, ARM, folder.root)
    time.sleep(1.3)
    with pytest.raises(BadToken) as caught:
        tokens.verify(token, ARM, folder.root)
    assert caught.value.reason == "expired"


def test_expire_all_ends_old_tokens_and_not_new_ones(tmp_path):
    folder = StateFolder(tmp_path).prepare()
    tokens.ensure_signing_key(folder)
    old = issue(folder)
    tokens.expire_all(folder)
    with pytest.raises(BadToken):
        tokens.verify(old, ARM, folder.root)
    assert tokens.verify(issue(folder), ARM, folder.root).audience == ARM


def test_a_token_with_changed_claims_is_refused(folder):
    head, body, sign = issue(folder).split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    claims["oid"] = "somebody-else"
    forged = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    with pytest.raises(BadToken) as caught:
        tokens.verify(f"{head}.{forged}.{sign}", ARM, folder.root)
    assert caught.value.reason == "signature"


@given(st.text(max_size=60))
def test_any_other_text_is_refused_and_never_repeated(folder, text):
    with pytest.raises(BadToken) as caught:
        tokens.verify(text, ARM, folder.root)
    assert len(text) < 5 or text not in str(caught.value)


def test_a_role_holds_at_its_scope_and_below_and_nowhere_else(tmp_path):
    rights = Rights(tmp_path)
    rights.assign("p", "Reader", "/subscriptions/S/resourceGroups/rg")
    assert rights.allowed("p", "Microsoft.Sql/servers/read", "/subscriptions/s/resourcegroups/RG/providers/x")
    assert not rights.allowed("p", "Microsoft.Sql/servers/read", "/subscriptions/s/resourceGroups/rg2")
    assert not rights.allowed("p", "Microsoft.Sql/servers/read", "/subscriptions/s")
    assert not rights.allowed("p", "Microsoft.Sql/servers/write", "/subscriptions/s/resourceGroups/rg")
    assert not rights.allowed("q", "Microsoft.Sql/servers/read", "/subscriptions/s/resourceGroups/rg")


def test_a_withdrawn_right_is_missing_until_it_is_restored(tmp_path):
    rights = Rights(tmp_path)
    rights.assign("p", "Owner", "/")
    denial = rights.withdraw("p", "Microsoft.Sql/servers/databases/*", "/subscriptions/s")
    scope = "/subscriptions/s/resourceGroups/rg"
    assert not rights.allowed("p", "Microsoft.Sql/servers/databases/write", scope)
    assert rights.allowed("p", "Microsoft.Sql/servers/read", scope)
    assert rights.restore(denial)
    assert rights.allowed("p", "Microsoft.Sql/servers/databases/write", scope)
    assert not rights.restore(denial)


def test_an_assignment_is_made_once_and_taken_away_once(tmp_path):
    rights = Rights(tmp_path)
    first = rights.assign("p", "Owner", "/subscriptions/S/")
    assert rights.assign("p", "owner", "/subscriptions/s") == first
    assert rights.unassign(first.id)
    assert not rights.unassign(first.id)
    assert not rights.allowed("p", "anything/read", "/subscriptions/s")
    with pytest.raises(KeyError):
        rights.assign("p", "No such role", "/")
