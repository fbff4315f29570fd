"""What handlers tell the request log about a request, beside its path and status."""

from aiohttp import web

from local.azure.evidence import Shape

SHAPE = web.RequestKey("shape", Shape)
REGION = web.RequestKey("region", str)
