"""A transport that sends every request once.

aiohttp sends an idempotent request (PUT and DELETE are) a second time by itself when
the connection is lost. For locks that would falsify the answer: 404 to the second
DELETE, 200 to the second PUT.
https://www.rfc-editor.org/rfc/rfc9110#name-idempotent-methods
"""

from __future__ import annotations

from typing import Any


def make_one_attempt_transport() -> Any:
    """Call it with the event loop running. Each request opens a connection: a kept one
    could have been closed meanwhile."""
    import aiohttp
    from azure.core.pipeline.transport import AioHttpTransport

    async def never_again(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        try:
            return await handler(request)
        except aiohttp.ClientConnectorError:
            raise  # nothing was sent, and aiohttp does not retry
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
            raise aiohttp.ClientConnectionError(f"the connection was lost: {error}") from error

    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(force_close=True),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=True,
        auto_decompress=False,
        middlewares=(never_again,),
    )
    return AioHttpTransport(session=session)
