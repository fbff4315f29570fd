"""The OpenAPI 3.1 document, made from the table of routes, so that neither can say what the other does not."""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from holdfast import __version__
from triggers.routes import Route

_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "help"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "stable; `holdfast explain CODE` says more"},
        "help": {"type": "string"},
        "exit_code": {"type": "integer"},
    },
}


def document(routes: list[Route]) -> dict[str, Any]:
    """The whole document."""
    taken = {r.takes for r in routes if r.takes}
    given = {r.gives for r in routes if r.gives}
    pairs: list[tuple[type[BaseModel], Any]] = [(m, "validation") for m in sorted(taken, key=_name)]
    pairs += [(m, "serialization") for m in sorted(given, key=_name)]
    names, schemas = models_json_schema(pairs, ref_template="#/components/schemas/{model}")
    paths: dict[str, dict[str, Any]] = {}
    for served in routes:
        paths.setdefault(f"/{served.path}", {})[served.method.lower()] = _operation(served, names)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Holdfast",
            "version": __version__,
            "description": "Backup of Azure SQL Database and Azure SQL Managed Instance.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/api"}],
        "security": [{"functionKey": []}],
        "paths": paths,
        "components": {
            "schemas": {**schemas.get("$defs", {}), "Problem": _PROBLEM},
            "securitySchemes": {"functionKey": {"type": "apiKey", "in": "header", "name": "x-functions-key"}},
        },
    }


def _name(model: type[BaseModel]) -> str:
    return model.__name__


def _operation(served: Route, names: dict[Any, Any]) -> dict[str, Any]:
    problem = {
        "description": "what went wrong, and what to do",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    answer: dict[str, Any] = {"description": served.summary}
    if served.gives is not None:
        schema = names[(served.gives, "serialization")]
        if served.many:
            schema = {
                "type": "object",
                "required": ["value", "next"],
                "properties": {"value": {"type": "array", "items": schema}, "next": {"type": ["string", "null"]}},
            }
        answer["content"] = {"application/json": {"schema": schema}}
    if served.status == 202:
        answer["headers"] = {
            "Location": {"schema": {"type": "string"}, "description": "the session"},
            "Retry-After": {"schema": {"type": "integer"}},
        }
    operation: dict[str, Any] = {
        "operationId": served.name,
        "summary": served.summary,
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in re.findall(r"\{(\w+)\}", served.path)
        ]
        + [
            {"name": p.name, "in": p.where, "required": False, "description": p.about, "schema": {"type": p.kind}}
            for p in served.parameters
        ],
        "responses": {str(served.status): answer, "4XX": problem, "5XX": problem},
    }
    if served.takes is not None:
        schema = names[(served.takes, "validation")]
        kinds = ["application/json", *(["application/yaml"] if served.takes_yaml else [])]
        operation["requestBody"] = {"content": {kind: {"schema": schema} for kind in kinds}}
    return operation
