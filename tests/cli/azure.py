"""The Azure that the CLI sees: the simulator behind TLS, and the identity endpoint of
an App Service.

The endpoint gives one token to callers that know its secret; the simulator's front
accepts that token only.
https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference
"""

from __future__ import annotations

import base64
import json
import secrets
import ssl
import time
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from local.simulator import gateway
from local.simulator.errors import no_token
from local.simulator.headers import TENANT_ID
from local.simulator.world import World
from tests.cli.tls import HOST

PRINCIPAL = "44444444-4444-4444-4444-444444444444"
AUDIENCES = ("https://management.core.windows.net/", "https://management.azure.com/")
VALID_SECONDS = 3600


class Azure:
    """An async context manager that listens on 127.0.0.1 while it is entered."""

    def __init__(self, state: dict[str, Any], context: ssl.SSLContext) -> None:
        self.world = World(state)
        self.secret = secrets.token_hex(16)
        self._token = make_token()
        self._context = context
        self._stack = AsyncExitStack()
        self.arm = self.identity = ""

    async def __aenter__(self) -> Self:
        self.arm = f"https://{HOST}:{await self._listen(self._arm, self._context)}"
        self.identity = f"http://{HOST}:{await self._listen(self._give_token, None)}/msi/token"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def _listen(self, answer: Any, context: ssl.SSLContext | None) -> int:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, HOST, 0, ssl_context=context).start()
        return int(runner.addresses[0][1])

    async def _arm(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Bearer {self._token}":
            refused = no_token()
            return web.json_response(refused.body(), status=refused.status, headers=refused.headers)
        return await gateway.serve(self.world, request)

    async def _give_token(self, request: web.Request) -> web.StreamResponse:
        """401 without the secret, 400 for anything but a token for ARM."""
        if request.headers.get("X-IDENTITY-HEADER") != self.secret:
            return web.json_response({"statusCode": 401, "message": "wrong secret"}, status=401)
        call = (request.method, request.path, request.query.get("api-version"))
        if (
            call != ("GET", "/msi/token", "2019-08-01")
            or request.query.get("resource") not in AUDIENCES
        ):
            return web.json_response(
                {"statusCode": 400, "message": f"not played: {request.path_qs}"}, status=400
            )
        token = {
            "access_token": self._token,
            "expires_on": str(int(time.time()) + VALID_SECONDS),
            "token_type": "Bearer",
        }
        return web.json_response(
            {**token, "resource": request.query["resource"], "client_id": PRINCIPAL}
        )


def make_token() -> str:
    """Formally a JWT, with the claims that the CLI reads. Its signature is random and
    nobody checks it."""
    now = int(time.time())
    identity = f"/subscriptions/{TENANT_ID}/resourceGroups/rg/providers/Microsoft.Web/sites/by-hand"
    claims = {
        "aud": AUDIENCES[0],
        "iss": f"https://sts.windows.net/{TENANT_ID}/",
        "iat": now,
        "nbf": now,
        "exp": now + VALID_SECONDS,
    }
    claims |= {
        "appid": PRINCIPAL,
        "idtyp": "app",
        "oid": PRINCIPAL,
        "sub": PRINCIPAL,
        "tid": TENANT_ID,
        "ver": "1.0",
        "xms_mirid": identity,
    }
    parts = [json.dumps(part).encode() for part in ({"typ": "JWT", "alg": "RS256"}, claims)]
    return ".".join(
        base64.urlsafe_b64encode(part).decode().rstrip("=")
        for part in [*parts, secrets.token_bytes(256)]
    )
