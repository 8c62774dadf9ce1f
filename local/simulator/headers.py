"""The headers of ARM's answers, and the long signed URLs of its operations."""

from __future__ import annotations

import base64
from urllib.parse import urlencode

from local.simulator import clock
from local.simulator.callers import TENANT_ID
from local.simulator.ids import fold
from local.simulator.world import World

REGION = "WESTEUROPE"


def common_headers(world: World, client_request_id: str | None) -> dict[str, str]:
    """The headers of every answer. `client_request_id` is echoed; None when the caller
    did not request that."""
    request, correlation = world.new_id(), world.new_id()
    headers = {
        "x-ms-request-id": request,
        "x-ms-correlation-request-id": correlation,
        "x-ms-routing-request-id": f"{REGION}:{clock.now():%Y%m%dT%H%M%SZ}:{correlation}",
        "x-ms-operation-identifier": f"tenantId={TENANT_ID}/{fold(REGION)}/{correlation}",
        "Cache-Control": "no-cache",
        "Pragma": "no-cache",
        "Expires": "-1",
        "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
        "X-Content-Type-Options": "nosniff",
    }
    if client_request_id is not None:
        headers["x-ms-client-request-id"] = client_request_id
    return headers


def signed_query(world: World, api_version: str, monitor: bool = False) -> str:
    """A query of more than 3 KB, like the signed one in ARM's operation URLs. The
    signature is not checked."""
    query = {
        "p": world.new_id(),
        **({"monitor": "true"} if monitor else {}),
        "api-version": api_version,
        "t": str(clock.ticks(clock.now())),
    }
    return urlencode(
        {**query, "c": _random(world, 2100), "s": _random(world, 256), "h": _random(world, 32)}
    )


def _random(world: World, size: int) -> str:
    return base64.urlsafe_b64encode(world.random.randbytes(size)).decode().rstrip("=")
