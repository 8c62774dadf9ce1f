"""One ARM request, from the wire to the wire.

1. It is counted; what is due among the operations is settled.
2. A fault may answer, delay or reset it.
3. 401 without a bearer token, 400 without an api-version, 429 for an empty bucket, 400
   for a query parameter that the operation does not take and for an api-version that is
   too old, 404 for an unknown subscription or resource type, 403 for an action that no
   role allows, 403 for a deny assignment, 409 for a lock, 404 for an unknown resource
   group, 403 for a policy: in this order.
4. The handler answers.
5. It is written to the log, whatever happened.
"""

from __future__ import annotations

import asyncio
import json
import logging
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
from local.simulator.state import State
from local.simulator.world import Answer, Call, Logged, World

log = logging.getLogger("simulator")
GENERIC = (resources.get_any, resources.list_settings, resources.refuse)
"""Handlers of what no other row plays."""
API_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(-(preview|privatepreview|alpha|beta))?", re.ASCII)


async def serve(world: World, request: web.Request) -> web.StreamResponse:
    """Answer one ARM request and log it."""
    world.arrived += 1
    number, began, path = world.arrived, world.monotonic(), decoded_path(request)
    status = 500  # what the server makes of an exception
    try:
        content = await request.read()
        fault = world.faults.take(request.method, path)
        await asyncio.sleep(world.settings.latency_ms / 1000 + (fault.delay_s if fault else 0))
        response = _respond(world, request, path, content, fault)
        status = response.status if response else 0
        return response or _reset(request)
    finally:
        took = (world.monotonic() - began) * 1000
        world.requests.append(Logged(number, began, request.method, path, status, round(took, 3)))
        log.info("%s %s: %s, %.0f ms", request.method, path, status or "reset", took)


def decoded_path(request: web.Request) -> str:
    """%2F and the like decoded, slashes collapsed, none at the end: the locks SDK
    encodes whole scopes."""
    raw = request.raw_path.split("?", 1)[0]
    return "/" + re.sub("/{2,}", "/", unquote(raw)).strip("/")


def _respond(
    world: World, request: web.Request, path: str, content: bytes, fault: Action | None
) -> web.Response | None:
    """The answer; None when the connection is to be reset instead."""
    if fault and fault.resets_before:
        return None
    standing = headers.of_every_answer(world, _client_request_id(request))
    if fault and fault.status is not None:
        answer = Answer(
            fault.status,
            fault.answer_body(_codes(path)),
            {k: str(v) for k, v in fault.headers.items()},
        )
    else:
        arrived = Arrived(clock.now(), world.monotonic(), standing["x-ms-correlation-request-id"])
        answer = _answer(world, request, path, content, fault)
        _record(world, request, path, answer, arrived)
    return None if fault and fault.resets_after else _web(answer, standing)


def _answer(
    world: World, request: web.Request, path: str, content: bytes, fault: Action | None
) -> Answer:
    spent: dict[str, str] = {}
    action = ""
    try:
        _check_token(request)
        query = queries.read(request.query.items())
        if not routes.is_log_query(path):
            _check_api_version(query.get("api-version"))
        charge = world.throttle.charge(request.method, path)
        spent = charge.headers
        if charge.refusal and world.settings.throttle:
            raise charge.refusal
        world.operations.settle()
        match = _match(world, request.method, path, query)
        body = _parsed(content)
        action = next(iter(permissions.needed(match, request.method, path, query, body)), "")
        permissions.check(world.settings.allowed_actions, match, request.method, path, query, body)
        _check_standing(world, request.method, path, match.names)
        if ids.is_id(path):
            policies.check(world.state, request.method, path, body)
        base_url = f"{request.scheme}://{request.host}"
        call = Call(
            world,
            request.method,
            path,
            match.names,
            query,
            body,
            base_url,
            fault,
            request.headers.get("Prefer", ""),
        )
        answer = match.handler(call)
    except ArmError as error:
        answer = Answer(error.status, error.body(), error.headers)
    return Answer(answer.status, answer.body, {**spent, **answer.headers}, action)


def _match(world: World, method: str, path: str, query: dict[str, str]) -> routes.Match:
    """The handler. Raises ArmError for what ARM refuses before it looks at rights."""
    match = routes.find(method, path)
    if routes.is_log_query(path):
        return match
    queries.check(match.handler, query)
    providers.check_version(path, query["api-version"])
    _check_subscription(world, match.names)
    if match.handler in GENERIC:
        providers.check_type(
            world.state, path.rpartition("/")[0] if method == "POST" else path, query["api-version"]
        )
    return match


def _record(
    world: World, request: web.Request, path: str, answer: Answer, arrived: Arrived
) -> None:
    """For the Activity Log: every write, deletion and action that is played."""
    target = _target(request.method, path)[0]
    if (
        not answer.action
        or answer.action.endswith("/read")
        or answer.status == 501
        or not ids.is_id(target)
    ):
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
            operation=_begun(world, answer),
        )
    )


def _begun(world: World, answer: Answer) -> Operation | None:
    """The operation that an accepted request began."""
    address = answer.headers.get("Azure-AsyncOperation") or answer.headers.get("Location", "")
    return (
        world.operations.find(address.partition("?")[0].rpartition("/")[2])
        if answer.status == 202
        else None
    )


def _codes(path: str) -> dict[int, str]:
    return log_errors.DEFAULT_CODES if routes.is_log_query(path) else DEFAULT_CODES


def _check_token(request: web.Request) -> None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if fold(scheme) != "bearer" or not token.strip():
        raise errors.no_token()


def _check_api_version(given: str | None) -> None:
    if not given:
        raise errors.missing_api_version()
    if not API_VERSION.fullmatch(given):
        raise errors.invalid_api_version(given)


def _check_subscription(world: World, names: dict[str, str]) -> None:
    subscription = names.get("subscription")
    if subscription is not None and not world.state.has_subscription(subscription):
        raise errors.subscription_not_found(subscription)


def _check_standing(world: World, method: str, path: str, names: dict[str, str]) -> None:
    """What ARM itself refuses before it asks the provider."""
    if "subscription" not in names:
        return
    target, action = _target(method, path)
    if ids.is_id(target):
        deny.check(world.state, method, target, action)
        if not ids.same_type(ids.parse(target).type, ids.LOCK):
            world.locks.check(world.state, method, target)
    _check_group(world.state, method, names)


def _check_group(state: State, method: str, names: dict[str, str]) -> None:
    group = names.get("group")
    if group and method != "HEAD" and not state.has(ids.group_id(names["subscription"], group)):
        raise errors.group_not_found(group)


def _target(method: str, path: str) -> tuple[str, str]:
    """The resource that a request is about, and of a POST the action on it."""
    if method != "POST":
        return path, ""
    target, action = path.rsplit("/", 1)
    if not ids.is_id(
        target
    ):  # …/locations/{region}/backupStatus and other actions of the subscription
        target = target[: fold(target).rfind("/providers/")]
    return target, action


def _parsed(content: bytes) -> Any:
    if not content.strip():
        return None
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise errors.invalid_content(str(error)) from error


def _client_request_id(request: web.Request) -> str | None:
    wanted = fold(request.headers.get("x-ms-return-client-request-id", "")) == "true"
    return request.headers.get("x-ms-client-request-id") if wanted else None


def _web(answer: Answer, standing: dict[str, str]) -> web.Response:
    sent = {**standing, **answer.headers}
    if answer.body is None:
        return web.Response(status=answer.status, headers=sent)
    if isinstance(answer.body, str):
        return web.Response(status=answer.status, text=answer.body, headers=sent)
    return web.json_response(answer.body, status=answer.status, headers=sent)


def _reset(request: web.Request) -> web.Response:
    """Drop the connection with a TCP reset; the response that is returned goes nowhere."""
    if request.transport is not None:
        peer = request.transport.get_extra_info("socket")
        if peer is not None:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()
    return web.Response(status=503)
