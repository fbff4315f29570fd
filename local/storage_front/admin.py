"""The front's admin route, for tests: faults to come and requests that were seen."""

from __future__ import annotations

import hmac
from collections import deque
from dataclasses import asdict, dataclass

from aiohttp import web

from local.azure.evidence import OURS
from local.storage_front.config import Service
from local.storage_front.faults import Fault, Faults
from local.storage_front.versions import Versions

OURS("storage-front-admin")


@dataclass
class Seen:
    """One request. Holds no token and no signature."""

    service: Service
    method: str
    path: str
    at: float  # machine time, seconds since 1970
    client_id: str = ""
    status: int = 0
    bytes_in: int = 0
    bytes_out: int = 0


class Admin:
    """`/.local/faults` (GET, POST, DELETE) and `/.local/requests` (GET, DELETE), guarded by the header `x-local-key`.

    `/.local/immutability` (POST `{account, container}`) gives a container version-level immutability, which in Azure is done
    through Resource Manager.
    """

    def __init__(self, key: str, faults: Faults, seen: deque[Seen], versions: Versions) -> None:
        self._key, self._faults, self._seen, self._versions = key, faults, seen, versions

    async def handle(self, request: web.Request) -> web.Response:
        """Answers one request."""
        if not hmac.compare_digest(request.headers.get("x-local-key", ""), self._key):
            return web.json_response({"error": "x-local-key is missing or wrong"}, status=403)
        if request.match_info["what"] == "requests":
            if request.method == "DELETE":
                self._seen.clear()
            return web.json_response([asdict(entry) for entry in self._seen])
        if request.match_info["what"] == "immutability" and request.method == "POST":
            place = await request.json()
            self._versions.enable(place["account"], place["container"])
            return web.json_response(place)
        if request.match_info["what"] != "faults":
            return web.json_response({"error": "unknown"}, status=404)
        if request.method == "POST":
            try:
                self._faults.active.append(Fault.model_validate_json(await request.read()))
            except ValueError as error:
                return web.json_response({"error": str(error)}, status=400)
        elif request.method == "DELETE":
            self._faults.active.clear()
        return web.json_response([fault.model_dump() for fault in self._faults.active])
