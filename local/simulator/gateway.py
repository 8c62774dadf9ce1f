"""One ARM request, from arrival to answer.

1. It is counted. A fault may answer, delay or reset it.
2. The checks, in this order:
   401 no bearer token
   400 no api-version
   429 an empty bucket (then the operations that are due end)
   400 a query parameter that the operation does not accept, an api-version too old
   404 an unknown subscription or resource type
   403 an action that no role allows
   403 a deny assignment
   409 a lock
   404 an unknown resource group
   403 a policy
3. The handler answers.
4. The request goes into the log, whatever happened.

A request with `effect_after_s` is reset at 1; the rest of it comes later.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import struct
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from local.simulator import (
    callers,
    clock,
    deny,
    errors,
    headers,
    ids,
    log_errors,
    permissions,
    policies,
    providers,
    queries,
    routes,
)
from local.simulator.activity import Arrived, Recorded
from local.simulator.errors import ArmError
from local.simulator.faults import DEFAULT_CODES, Action
from local.simulator.handlers import resources
from local.simulator.ids import fold
from local.simulator.operations import Operation
from local.simulator.request_log import Line
from local.simulator.state import State
from local.simulator.world import Answer, Call, World

GENERIC = (resources.get_any, resources.list_settings, resources.refuse)
"""The handlers of the last rows, which match every path."""
API_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(-(preview|privatepreview|alpha|beta))?", re.ASCII)


async def serve(world: World, request: web.Request) -> web.StreamResponse:
    """Answer one ARM request and log it."""
    world.arrived += 1
    line = Line(world.arrived, world.monotonic(), request.method, decode_path(request))
    try:
        content = await request.read()
        fault = world.faults.take(line.method, line.path)
        await asyncio.sleep(world.settings.latency_ms / 1000 + (fault.delay_s if fault else 0))
        if fault is not None and fault.effect_after_s is not None:
            return _answer_never(world, request, line, content, fault)
        response = _respond(world, request, line.path, content, fault)
        line.status = response.status if response else 0
        return response or _reset(request)
    finally:
        if not line.late:
            world.requests.append(line.end(world.monotonic()))


def _answer_never(
    world: World, request: web.Request, line: Line, content: bytes, fault: Action
) -> web.Response:
    """Reset the connection, and let the request take effect later."""

    async def take_effect() -> None:
        try:
            response = _respond(world, request, line.path, content, fault)
            line.status = response.status if response else 0
        finally:
            world.requests.append(line.end(world.monotonic()))

    line.late = True
    world.late.add(fault.effect_after_s or 0.0, take_effect)
    return _reset(request)


def decode_path(request: web.Request) -> str:
    """The path without percent-encoding (the locks SDK encodes whole scopes), double
    slashes and a slash at the end."""
    raw = request.raw_path.split("?", 1)[0]
    return "/" + re.sub("/{2,}", "/", unquote(raw)).strip("/")


def _respond(
    world: World, request: web.Request, path: str, content: bytes, fault: Action | None
) -> web.Response | None:
    """The answer; None when the connection is to be reset instead."""
    if fault and fault.resets_before:
        return None
    common = headers.common_headers(world, _client_request_id(request))
    if fault and fault.status is not None:
        fault_headers = {name: str(value) for name, value in fault.headers.items()}
        answer = Answer(fault.status, fault.answer_body(_default_codes(path)), fault_headers)
    else:
        arrived = Arrived(clock.now(), world.monotonic(), common["x-ms-correlation-request-id"])
        answer = _answer(world, request, path, content, fault)
        _record(world, request, path, answer, arrived)
    return None if fault and fault.resets_after else _to_web_response(answer, common)


def _answer(
    world: World, request: web.Request, path: str, content: bytes, fault: Action | None
) -> Answer:
    method = request.method
    counters: dict[str, str] = {}
    action = ""
    try:
        _check_token(request)
        query = queries.read(request.query.items())
        if not ids.is_log_query(path):
            _check_api_version(query.get("api-version"))
        charge = world.throttle.charge(method, path)
        counters = charge.headers
        if charge.refusal and world.settings.throttle:
            raise charge.refusal
        world.operations.settle()
        match = _find_handler(world, method, path, query)
        body = _parse_body(content)
        action = next(iter(permissions.needed_actions(match, method, path, query, body)), "")
        permissions.check(world.settings.allowed_actions, match, method, path, query, body)
        _check_scope(world, method, path, match.names)
        if ids.is_id(path):
            policies.check(world.state, method, path, body)
        call = Call(
            world=world,
            method=method,
            path=path,
            names=match.names,
            query=query,
            body=body,
            base_url=f"{request.scheme}://{request.host}",
            fault=fault,
            prefer=request.headers.get("Prefer", ""),
        )
        answer = match.handler(call)
    except ArmError as error:
        answer = Answer(error.status, error.body(), error.headers)
    return Answer(answer.status, answer.body, {**counters, **answer.headers}, action)


def _find_handler(world: World, method: str, path: str, query: dict[str, str]) -> routes.Match:
    """The handler. Raises ArmError for what ARM refuses before it looks at rights."""
    match = routes.find(method, path)
    if ids.is_log_query(path):
        return match
    version = query["api-version"]
    queries.check(match.handler, query)
    providers.check_version(path, version)
    _check_subscription(world, match.names)
    if match.handler in GENERIC:
        target = path.rpartition("/")[0] if method == "POST" else path
        providers.check_type(world.state, target, version)
    return match


def _record(
    world: World, request: web.Request, path: str, answer: Answer, arrived: Arrived
) -> None:
    """Keep every write, deletion and action for the Activity Log, except those that the
    simulator does not support."""
    target, _ = _split_action(request.method, path)
    if not answer.action or answer.action.endswith("/read"):
        return
    if answer.status == 501 or not ids.is_id(target):
        return
    world.activity.append(
        Recorded(
            arrived,
            method=request.method,
            address=str(request.url),
            target=target,
            action=answer.action,
            status=answer.status,
            error=answer.body["error"] if answer.status >= 400 else None,
            client_request_id=request.headers.get("x-ms-client-request-id", ""),
            claims=callers.claims_of(request.headers.get("Authorization", "")),
            operation=_find_operation(world, answer),
        )
    )


def _find_operation(world: World, answer: Answer) -> Operation | None:
    """The operation that a 202 started."""
    if answer.status != 202:
        return None
    url = answer.headers.get("Azure-AsyncOperation") or answer.headers.get("Location", "")
    return world.operations.find(url.partition("?")[0].rpartition("/")[2])


def _default_codes(path: str) -> dict[int, str]:
    return log_errors.DEFAULT_CODES if ids.is_log_query(path) else DEFAULT_CODES


def _check_token(request: web.Request) -> None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if fold(scheme) != "bearer" or not token.strip():
        raise errors.no_token()


def _check_api_version(version: str | None) -> None:
    if not version:
        raise errors.missing_api_version()
    if not API_VERSION.fullmatch(version):
        raise errors.invalid_api_version(version)


def _check_subscription(world: World, names: dict[str, str]) -> None:
    subscription = names.get("subscription")
    if subscription is not None and not world.state.has_subscription(subscription):
        raise errors.subscription_not_found(subscription)


def _check_scope(world: World, method: str, path: str, names: dict[str, str]) -> None:
    """Deny assignments, locks and the resource group: ARM checks them before it calls
    the provider."""
    if "subscription" not in names:
        return
    target, action = _split_action(method, path)
    if ids.is_id(target):
        deny.check(world.state, method, target, action)
        if not ids.same_type(ids.parse(target).type, ids.LOCK):
            world.locks.check(world.state, method, target)
    _check_group(world.state, method, names)


def _check_group(state: State, method: str, names: dict[str, str]) -> None:
    group = names.get("group")
    if group and method != "HEAD" and not state.has(ids.group_id(names["subscription"], group)):
        raise errors.group_not_found(group)


def _split_action(method: str, path: str) -> tuple[str, str]:
    """The target of a request, and the action of a POST."""
    if method != "POST":
        return path, ""
    target, action = path.rsplit("/", 1)
    if not ids.is_id(target):
        # An action of the subscription, such as …/locations/{region}/backupStatus.
        target = target[: fold(target).rfind("/providers/")]
    return target, action


def _parse_body(content: bytes) -> Any:
    if not content.strip():
        return None
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise errors.invalid_content(str(error)) from error


def _client_request_id(request: web.Request) -> str | None:
    wanted = fold(request.headers.get("x-ms-return-client-request-id", "")) == "true"
    return request.headers.get("x-ms-client-request-id") if wanted else None


def _to_web_response(answer: Answer, common: dict[str, str]) -> web.Response:
    all_headers = {**common, **answer.headers}
    if answer.body is None:
        return web.Response(status=answer.status, headers=all_headers)
    if isinstance(answer.body, str):
        return web.Response(status=answer.status, text=answer.body, headers=all_headers)
    return web.json_response(answer.body, status=answer.status, headers=all_headers)


def _reset(request: web.Request) -> web.Response:
    """Drop the connection with a TCP reset. The response goes nowhere."""
    if request.transport is not None:
        connection = request.transport.get_extra_info("socket")
        if connection is not None:
            # A linger time of 0 makes close() send RST instead of FIN.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()
    return web.Response(status=503)
