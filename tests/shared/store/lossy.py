"""A table service that stores what it was sent, and whose answer does not arrive."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, override

from azure.core.exceptions import ServiceResponseError
from azure.core.pipeline.transport import AioHttpTransport
from azure.data.tables.aio import TableServiceClient

from shared.store.tables import OPTIONS, TablesStore


async def nothing() -> None:
    return


class Lossy(AioHttpTransport):
    """Loses the answers to the next `lost` writes of rows: the client reads 503 and
    sends again; or the connection is closed, and it sends again what is no POST.
    """

    lost = 0
    connection = False
    store: TablesStore
    """That sends through it."""
    sizes: tuple[int, ...] = ()
    """Of the requests that wrote, in bytes."""
    meanwhile: Callable[[], Awaitable[Any]] = staticmethod(nothing)
    """What happens between a lost answer and the second send."""

    @override
    async def send(self, request: Any, **given: Any) -> Any:
        response = await super().send(request, **given)
        if request.method == "GET" or request.url.endswith("/Tables"):
            return response
        self.sizes += (len(request.data or b""),)
        if self.lost == 0:
            return response
        self.lost -= 1
        await self.meanwhile()
        if self.connection:
            raise ServiceResponseError("the connection was closed")
        response.status_code = 503
        return response


def open_lossy(connection_string: str, prefix: str) -> Lossy:
    lossy = Lossy()
    options = OPTIONS | {"retry_backoff_factor": 0, "transport": lossy}
    service = TableServiceClient.from_connection_string(connection_string, **options)
    lossy.store = TablesStore(service, prefix)
    return lossy
