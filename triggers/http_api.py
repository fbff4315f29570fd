"""Serves the table of routes, and the OpenAPI document that is made from it."""

from __future__ import annotations

import azure.durable_functions as df

from triggers import (
    http_catalog,
    http_costs,
    http_doctor,
    http_drills,
    http_notify,
    http_points,
    http_policies,
    http_restores,
    http_retention,
    http_sessions,
    http_sources,
    http_tables,
)
from triggers.openapi import document
from triggers.routes import ROUTES, Call, Reply, route, serve

#: Importing them fills the table.
NOUNS = (
    http_costs,
    http_policies,
    http_sessions,
    http_points,
    http_tables,
    http_restores,
    http_retention,
    http_sources,
    http_notify,
    http_catalog,
    http_doctor,
    http_drills,
)

bp = df.Blueprint()


@route("GET", "openapi.json", "This API, as an OpenAPI 3.1 document")
def openapi(call: Call) -> Reply:
    return Reply(document(ROUTES))


for _served in ROUTES:
    serve(bp, _served)
