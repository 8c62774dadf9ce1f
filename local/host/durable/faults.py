"""The switch for tests: the storage below the durable engine fails, and its HTTP
interface answers 500.

`POST /_host/engine/faults {"operations": ["status", "start", "raiseEvent"], "times": 3,
"after": true}`: the next `times` requests of each kind, or every one where `times` is
left out. With `after` the work is done first, as when Azure Storage took the message
and the answer was lost. `DELETE` of the same ends it all.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

OPERATIONS = ("start", "status", "raiseEvent", "manage")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class _Fault:
    """`left` is None for a fault without end."""

    left: int | None
    after: bool


class EngineFaults:
    """The faults that are set, by operation."""

    def __init__(self) -> None:
        self._faults: dict[str, _Fault] = {}

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Put the switch's handlers into a router."""
        router.add_post("/_host/engine/faults", self.set)
        router.add_delete("/_host/engine/faults", self.clear)

    async def set(self, request: web.Request) -> web.Response:
        """Set faults: 204, or 400 with the reason."""
        try:
            wanted = _read(await request.read())
        except ValueError as error:
            return web.Response(status=400, text=str(error))
        self._faults |= wanted
        return web.Response(status=204)

    async def clear(self, _: web.Request) -> web.Response:
        """No more faults."""
        self._faults.clear()
        return web.Response(status=204)

    def around(self, operation: str, handle: Handler) -> Handler:
        """The handler, with the faults of this operation before or after it."""

        async def faulty(request: web.Request) -> web.StreamResponse:
            fault = self._take(operation)
            if fault is None or fault.after:
                answer = await handle(request)
            return answer if fault is None else _storage_error()

        return faulty

    def _take(self, operation: str) -> _Fault | None:
        fault = self._faults.get(operation)
        if fault is not None and fault.left is not None:
            fault.left -= 1
            if fault.left == 0:
                del self._faults[operation]
        return fault


def _read(body: bytes) -> dict[str, _Fault]:
    """The faults of a request. Raises ValueError with the reason."""
    given = json.loads(body)
    known = {"operations", "times", "after"}
    if not isinstance(given, dict) or not given.keys() <= known:
        raise ValueError(f"a fault is an object of {sorted(known)}")
    operations, times, after = (
        given.get("operations"),
        given.get("times"),
        given.get("after", False),
    )
    if not isinstance(operations, list) or not operations or not set(operations) <= set(OPERATIONS):
        raise ValueError(f"operations must be a list of some of {OPERATIONS}")
    if times is not None and (type(times) is not int or times < 1):
        raise ValueError("times must be a whole number of 1 or more, or left out")
    if not isinstance(after, bool):
        raise ValueError("after must be true or false")
    return {operation: _Fault(times, after) for operation in operations}


def _storage_error() -> web.Response:
    """As HttpApiHandler.HandleRequestAsync answers whatever exception it did not
    expect."""
    error = {
        "Message": "Something went wrong while processing your request",
        "ExceptionMessage": "An error occurred while communicating with Azure Storage",
        "ExceptionType": "DurableTask.AzureStorage.Storage.DurableTaskStorageException",
    }
    return web.json_response(error, status=500)
