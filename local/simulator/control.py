"""/_sim/*, for tests: the state, the request log, faults and settings. Needs no token,
and is not in the log itself. A refusal is 400 with the reason.

    GET  /_sim/state      the whole state     PUT    /_sim/state      replace it
    GET  /_sim/requests   every ARM request so far
    GET  /_sim/faults     faults in force     POST   /_sim/faults     add one
                                              DELETE /_sim/faults     clear them
    GET  /_sim/settings   all settings        PUT    /_sim/settings   change those named
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from local.simulator import recovery_points
from local.simulator.errors import ControlError, SimulatorError
from local.simulator.world import World

type View = Callable[[web.Request], Awaitable[web.Response]]


class Control:
    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/_sim/state", self.get_state),
            web.put("/_sim/state", _with_reason(self.put_state)),
            web.get("/_sim/requests", self.get_requests),
            web.get("/_sim/faults", self.get_faults),
            web.post("/_sim/faults", _with_reason(self.post_fault)),
            web.delete("/_sim/faults", self.delete_faults),
            web.get("/_sim/settings", self.get_settings),
            web.put("/_sim/settings", _with_reason(self.put_settings)),
            web.route("*", "/_sim{rest:.*}", self.unknown),
        ]

    async def get_state(self, _: web.Request) -> web.Response:
        self._world.operations.settle()
        return web.json_response(recovery_points.dump(self._world.state))

    async def put_state(self, request: web.Request) -> web.Response:
        self._world.replace_state(await _read_json(request))
        return web.json_response(recovery_points.dump(self._world.state))

    async def get_requests(self, _: web.Request) -> web.Response:
        ordered = sorted(self._world.requests, key=lambda logged: logged.n)
        return web.json_response([logged.to_json() for logged in ordered])

    async def get_faults(self, _: web.Request) -> web.Response:
        return web.json_response(self._world.faults.to_json())

    async def post_fault(self, request: web.Request) -> web.Response:
        return web.json_response(self._world.faults.add(await _read_json(request)), status=201)

    async def delete_faults(self, _: web.Request) -> web.Response:
        self._world.faults.clear()
        return web.Response(status=204)

    async def get_settings(self, _: web.Request) -> web.Response:
        return web.json_response(self._world.settings.to_json())

    async def put_settings(self, request: web.Request) -> web.Response:
        self._world.operations.settle()
        self._world.change_settings(await _read_json(request))
        return web.json_response(self._world.settings.to_json())

    async def unknown(self, request: web.Request) -> web.Response:
        return _refusal(404, f"there is no {request.method} {request.path}")


def _with_reason(view: View) -> View:
    async def view_or_reason(request: web.Request) -> web.Response:
        try:
            return await view(request)
        except SimulatorError as error:
            return _refusal(400, str(error))

    return view_or_reason


async def _read_json(request: web.Request) -> Any:
    try:
        return json.loads(await request.read())
    except (ValueError, RecursionError) as error:
        raise ControlError(f"not JSON: {error}") from error


def _refusal(status: int, reason: str) -> web.Response:
    return web.json_response({"error": {"code": "Refused", "message": reason}}, status=status)
