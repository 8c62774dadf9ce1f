"""The Event Grid webhook of the host: /runtime/webhooks/eventgrid?functionName=NAME.

Behaves as HttpRequestProcessor and EventGridExtensionConfigProvider of the extension:

| request | answer |
|---|---|
| an unknown function | 404 |
| SubscriptionValidation | 200 with the validation code, 500 without one |
| Unsubscribe | 202 |
| Notification | one invocation per item; 202, or 500 when any failed |
| … the body is not JSON, or neither array nor object | 500; no function runs |
| … an item is not an object | 500; the function runs for the other items |
| any other aeg-event-type | 400 |

Kinder than the extension, as far as its source was read: OPTIONS (the abuse protection
of CloudEvents) is answered, and a request without aeg-event-type is a Notification when
its content type is CloudEvents.
"""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from aiohttp import web

from local.host.channel import json_datum
from local.host.errors import WorkerGone
from local.host.functions import Function, Functions
from local.host.invoker import Invoker
from local.host.newtonsoft import NotJson, read, rewrite_dates


class EventGridWebhook:
    """Delivers events to the app's eventGridTrigger functions."""

    def __init__(self, functions: Functions, invoker: Invoker) -> None:
        self._functions = functions
        self._invoker = invoker

    async def options(self, request: web.Request) -> web.Response:
        """Answer the CloudEvents abuse-protection handshake."""
        origin = request.headers.get("WebHook-Request-Origin")
        if origin is None:
            return _bad_request("the header WebHook-Request-Origin is missing")
        rate = request.headers.get("WebHook-Request-Rate", "*")
        return web.Response(
            headers={
                "WebHook-Allowed-Origin": origin,
                "WebHook-Allowed-Rate": rate,
                "Allow": "POST",
            }
        )

    async def post(self, request: web.Request) -> web.Response:
        """Answer one delivery; see the table of this module."""
        function = self._functions.get(request.query.get("functionName", ""))
        if function is None or function.trigger_type != "eventGridTrigger":
            return web.Response(status=404, text="there is no Event Grid function of this name")
        kind = request.headers.get(
            "aeg-event-type", "notification" if _is_cloud_events(request) else ""
        ).lower()
        if kind == "unsubscribe":
            return web.Response(status=202)
        if kind not in ("notification", "subscriptionvalidation"):
            return _bad_request(f"aeg-event-type is {kind!r}, which the extension does not accept")
        try:
            body = read((await request.read()).decode(errors="replace"))
        except NotJson as error:
            return _server_error(f"the body is {error}")
        if kind == "subscriptionvalidation":
            return _validation_response(body)
        if not isinstance(body, list | dict):
            return _server_error(
                "the request content should be parseable into a JSON object or array"
            )
        return await self._deliver_all(function, body if isinstance(body, list) else [body])

    async def deliver(self, function: Function, text: str) -> str | None:
        """Deliver one event (JSON text) to one function. Returns None on success, else
        the reason."""
        try:
            return await self._invoke(function, read(text))
        except NotJson as error:
            return str(error)

    async def _invoke(self, function: Function, event: Any) -> str | None:
        if not isinstance(event, dict):
            return f"unable to bind {json.dumps(event)[:100]}: an event is an object"
        try:
            result = await self._invoker.run(function, json_datum(json.dumps(rewrite_dates(event))))
        except WorkerGone as error:
            return str(error)
        return None if result.ok else result.error

    async def _deliver_all(self, function: Function, events: Sequence[Any]) -> web.Response:
        outcomes = await asyncio.gather(*(self._invoke(function, event) for event in events))
        failures = [outcome for outcome in outcomes if outcome is not None]
        if failures:
            return _server_error(f"{len(failures)} of {len(events)} events failed: {failures[0]}")
        return web.Response(status=202)


def _is_cloud_events(request: web.Request) -> bool:
    return request.content_type.startswith("application/cloudevents")


def _validation_response(body: Any) -> web.Response:
    first = body[0] if isinstance(body, list) and body else body
    data = first.get("data") if isinstance(first, dict) else None
    code = data.get("validationCode") if isinstance(data, dict) else None
    if not isinstance(code, str):
        return _server_error("the validation event holds no data.validationCode")
    return web.json_response({"validationResponse": code})


def _bad_request(reason: str) -> web.Response:
    return web.Response(status=400, text=reason)


def _server_error(reason: str) -> web.Response:
    return web.Response(status=500, text=reason)
