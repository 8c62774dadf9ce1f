"""Faults for tests: the storage below the durable engine fails, and the engine's HTTP
interface answers 500.

`POST /_host/engine/faults {"operations": ["status", "start", "raiseEvent"], "times": 3,
"after": true}` fails the next `times` requests of each kind, or every one when `times`
is left out. With `after` the work is done first, as when Azure Storage has stored the
message and its answer is lost. `DELETE` clears all faults.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

OPERATIONS = ("start", "status", "raiseEvent", "manage")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class _Fault:
    """`left` is None for a fault that stays until cleared."""

    left: int | None
    after: bool


class EngineFaults:
    """The faults in force, by operation."""

    def __init__(self) -> None:
        self._faults: dict[str, _Fault] = {}

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Add the handlers that set and clear faults to a router."""
        router.add_post("/_host/engine/faults", self.set)
        router.add_delete("/_host/engine/faults", self.clear)

    async def set(self, request: web.Request) -> web.Response:
        """Set faults: 204, or 400 with the reason."""
        try:
            faults = _read_faults(await request.read())
        except ValueError as error:
            return web.Response(status=400, text=str(error))
        self._faults |= faults
        return web.Response(status=204)

    async def clear(self, _: web.Request) -> web.Response:
        """Clear all faults: 204."""
        self._faults.clear()
        return web.Response(status=204)

    def wrap(self, operation: str, handle: Handler) -> Handler:
        """The handler, with this operation's faults before or after it."""

        async def handle_or_fail(request: web.Request) -> web.StreamResponse:
            fault = self._take(operation)
            if fault is None:
                return await handle(request)
            if fault.after:
                await handle(request)
            return _storage_error()

        return handle_or_fail

    def _take(self, operation: str) -> _Fault | None:
        """The fault for this request, counted down; None when none is in force."""
        fault = self._faults.get(operation)
        if fault is not None and fault.left is not None:
            fault.left -= 1
            if fault.left == 0:
                del self._faults[operation]
        return fault


def _read_faults(body: bytes) -> dict[str, _Fault]:
    """The faults of a request, by operation. Raises ValueError with the reason."""
    document = json.loads(body)
    known = {"operations", "times", "after"}
    if not isinstance(document, dict) or not document.keys() <= known:
        raise ValueError(f"a fault is an object of {sorted(known)}")
    operations, times = document.get("operations"), document.get("times")
    after = document.get("after", False)
    if not isinstance(operations, list) or not operations or not set(operations) <= set(OPERATIONS):
        raise ValueError(f"operations must be a list of some of {OPERATIONS}")
    if times is not None and (type(times) is not int or times < 1):
        raise ValueError("times must be a whole number of 1 or more, or left out")
    if not isinstance(after, bool):
        raise ValueError("after must be true or false")
    return {operation: _Fault(times, after) for operation in operations}


def _storage_error() -> web.Response:
    """The answer of HttpApiHandler.HandleRequestAsync to an unexpected exception."""
    error = {
        "Message": "Something went wrong while processing your request",
        "ExceptionMessage": "An error occurred while communicating with Azure Storage",
        "ExceptionType": "DurableTask.AzureStorage.Storage.DurableTaskStorageException",
    }
    return web.json_response(error, status=500)
