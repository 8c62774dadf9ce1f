"""The HTTP side: /api/... requests become httpTrigger invocations, and their results
become responses."""

import logging

from aiohttp import web

from local.host.channel import Message, from_base64, to_base64
from local.host.errors import WorkerGone
from local.host.functions import Function, Functions
from local.host.invoker import Invoker
from local.host.process import Result
from local.host.routes import RouteTable, compile_route

log = logging.getLogger("local.host.http")


class HttpTriggers:
    """Every httpTrigger route of the app. Auth levels and keys are not enforced."""

    def __init__(self, functions: Functions, invoker: Invoker, prefix: str) -> None:
        self._invoker = invoker
        self._table: RouteTable[Function] = RouteTable(
            compile_route(
                f, str(f.trigger.get("route") or f.name), f.trigger.get("methods") or (), prefix
            )
            for f in functions.of_type("httpTrigger")
        )

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request. 404: no function has this path and method; 413: the body
        is too large; 500: the function failed or its worker died."""
        match = self._table.find(request.method, request.rel_url.raw_path)
        if match is None:
            return web.Response(status=404)
        datum = _to_datum(request, match.params, await _read_body(request))
        try:
            return _to_response(await self._invoker.run(match.target, datum))
        except WorkerGone as error:
            log.warning("%s %s is 500: %s", request.method, request.path, error)
            return web.Response(status=500)


async def _read_body(request: web.Request) -> bytes:
    """The real host reads a body only when Content-Length is above 0, so a chunked body
    is empty."""
    return await request.read() if request.content_length else b""


def _to_datum(request: web.Request, params: dict[str, str], body: bytes) -> Message:
    """The request as the runtime expects it: header names in lower case, repeated
    values joined by commas, no empty query values."""
    query = {name: ",".join(request.query.getall(name)) for name in dict.fromkeys(request.query)}
    return {
        "t": "http",
        "v": {
            "method": request.method,
            "url": str(request.url),
            "headers": {
                name.lower(): ",".join(request.headers.getall(name))
                for name in dict.fromkeys(request.headers)
            },
            "query": {name: value for name, value in query.items() if value},
            "params": params,
            "body": to_base64(body),
        },
    }


def _to_response(result: Result) -> web.Response:
    if not result.ok:
        return web.Response(status=500)
    value = result.value
    if value is None:
        return web.Response(status=204)
    if value["t"] == "http":
        return _from_http(value["v"])
    body = from_base64(value["v"]) if value["t"] == "bytes" else str(value["v"]).encode()
    return web.Response(body=body, content_type="text/plain")


def _from_http(value: Message) -> web.Response:
    # The body is complete here, so aiohttp sets length and transfer encoding.
    skip = ("content-length", "transfer-encoding", "connection")
    headers = {name: text for name, text in value["headers"].items() if name.lower() not in skip}
    response = web.Response(
        status=value["status"], body=from_base64(value["body"]), headers=headers
    )
    for cookie in value["cookies"]:
        response.headers.add("Set-Cookie", cookie)
    return response
