"""The Event Grid webhook of the host: /runtime/webhooks/eventgrid?functionName=NAME.

| request | answer |
|---|---|
| OPTIONS (CloudEvents abuse protection) | 200 with WebHook-Allowed-Origin and -Rate |
| aeg-event-type: SubscriptionValidation | 200 with the validation code |
| aeg-event-type: Unsubscribe | 202 |
| Notification, or CloudEvents content type, or clearly events | one invocation each; 202, or 500 when any failed |
| the same with a body that is not JSON | handed to the function as the text it is: what can never be used is its to keep |
| neither those headers nor clearly events | 400 with the reason |
| an unknown function | 404 |
"""

import asyncio
import json
from typing import Any

from aiohttp import web

from local_host.channel import json_datum
from local_host.errors import WorkerGone
from local_host.functions import Function, Functions
from local_host.invoker import Invoker


class EventGridWebhook:
    """Takes events for the app's eventGridTrigger functions."""

    def __init__(self, functions: Functions, invoker: Invoker) -> None:
        self._functions = functions
        self._invoker = invoker

    async def options(self, request: web.Request) -> web.Response:
        """Answer the CloudEvents abuse-protection handshake."""
        origin = request.headers.get("WebHook-Request-Origin")
        if origin is None:
            return _refuse("the header WebHook-Request-Origin is missing")
        rate = request.headers.get("WebHook-Request-Rate", "*")
        return web.Response(headers={"WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": rate, "Allow": "POST"})

    async def post(self, request: web.Request) -> web.Response:
        """Take one delivery; see the table of this module."""
        function = self._functions.get(request.query.get("functionName", ""))
        if function is None or function.trigger_type != "eventGridTrigger":
            return web.Response(status=404, text="there is no Event Grid function of this name")
        content = await request.read()
        kind = request.headers.get("aeg-event-type", "").lower()
        if kind == "unsubscribe":
            return web.Response(status=202)
        if kind not in ("", "notification", "subscriptionvalidation"):
            return _refuse(f"aeg-event-type {kind!r} is not known")
        try:
            body = json.loads(content)
        except (ValueError, RecursionError) as error:
            if kind != "notification" and not _is_cloud_events(request):
                return _refuse(f"the body is not JSON: {error}")
            return await self._deliver(function, [content.decode(errors="replace")])
        if kind == "subscriptionvalidation":
            return _validate(body)
        if kind == "" and not _is_cloud_events(request) and not _clearly_events(body):
            return _refuse("the header aeg-event-type is missing and the body does not hold events")
        events = body if isinstance(body, list) else [body]
        return await self._deliver(function, [json.dumps(event) for event in events])

    async def invoke(self, function: Function, event: str) -> str | None:
        """Hand one event, as the JSON text that came, to one function; None when it was taken, else what went wrong."""
        try:
            result = await self._invoker.run(function, json_datum(event))
        except WorkerGone as error:
            return str(error)
        return None if result.ok else result.error

    async def _deliver(self, function: Function, events: list[str]) -> web.Response:
        outcomes = await asyncio.gather(*(self.invoke(function, event) for event in events))
        failures = [outcome for outcome in outcomes if outcome is not None]
        if failures:
            return web.Response(status=500, text=f"{len(failures)} of {len(events)} events failed: {failures[0]}")
        return web.Response(status=202)


def _is_cloud_events(request: web.Request) -> bool:
    return request.content_type.startswith("application/cloudevents")


def _clearly_events(body: Any) -> bool:
    items = body if isinstance(body, list) else [body]
    return bool(items) and all(
        isinstance(item, dict) and ("specversion" in item or ("eventType" in item and "id" in item)) for item in items
    )


def _validate(body: Any) -> web.Response:
    first = body[0] if isinstance(body, list) and body else body
    data = first.get("data") if isinstance(first, dict) else None
    code = data.get("validationCode") if isinstance(data, dict) else None
    if not isinstance(code, str):
        return _refuse("the validation event holds no data.validationCode")
    return web.json_response({"validationResponse": code})


def _refuse(reason: str) -> web.Response:
    return web.Response(status=400, text=reason)
