"""An access token for Azure SQL from the machine's metadata service, as SqlClient's managed identity gets it."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.parse
import urllib.request

from local.sqlpackage import messages
from local.sqlpackage.refusal import ExportError

RESOURCE = "https://database.windows.net/"
_AZURE = "http://169.254.169.254"
_PATH = "/metadata/identity/oauth2/token"
_SECONDS = 20


def access_token(client_id: str | None) -> str:
    """A fresh token of the identity (of the machine's only one without `client_id`). Raises ExportError."""
    host = os.environ.get("AZURE_POD_IDENTITY_AUTHORITY_HOST", _AZURE).rstrip("/")
    query = {"api-version": "2018-02-01", "resource": RESOURCE} | ({"client_id": client_id} if client_id else {})
    request = urllib.request.Request(  # noqa: S310 (the address is the machine's own)
        f"{host}{_PATH}?{urllib.parse.urlencode(query)}", headers={"Metadata": "true"}
    )
    # Metadata never goes through a proxy.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=_SECONDS) as response:
            return str(json.load(response)["access_token"])
    except urllib.error.HTTPError as error:
        raise ExportError(messages.NO_IDENTITY(detail=_description(error))) from error
    except (OSError, ValueError, KeyError) as error:
        raise ExportError(messages.NO_IDENTITY(detail="No response from the metadata endpoint.")) from error


def _description(error: urllib.error.HTTPError) -> str:
    try:
        with error:
            return str(json.load(error)["error_description"])
    except (OSError, ValueError, KeyError, TypeError):
        return f"The metadata endpoint answered {error.code}."
