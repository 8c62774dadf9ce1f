"""The emulated Event Grid topic: POST /topics/{name}/api/events.

1. Refuse a wrong key (401) and anything that is not a list of events (400).
2. Write every event to the disk, then answer 200: from here on it is delivered at least
   once.
3. Deliver it to every eventGridTrigger function, or to the app's storage queues if it
   has queue triggers. On failure wait as long as Event Grid would, scaled, and try
   again. A function that a setting disables is a failure: its subscription stays.
4. After the last attempt move it to the dead letters.

Pending events are loaded again on start.
"""

import asyncio
import hmac
import json
import logging
import time
from typing import Any

from aiohttp import web

from local.host.eventgrid import EventGridWebhook
from local.host.functions import Functions
from local.host.queues import Queues
from local.host.settings import HostSettings
from local.host.topic_store import PendingEvent, TopicStore

log = logging.getLogger("local.host.topic")

MAX_PUBLISH_BYTES = 1024 * 1024
_EVENT_GRID_FIELDS = ("id", "subject", "eventType", "eventTime", "dataVersion")
_CLOUD_EVENT_FIELDS = ("id", "source", "type", "specversion")


class Topic:
    """Accepts, stores and delivers events."""

    def __init__(
        self,
        store: TopicStore,
        key: str,
        settings: HostSettings,
        functions: Functions,
        webhook: EventGridWebhook,
        queues: Queues,
    ) -> None:
        self._store = store
        self._key = key
        self._settings = settings
        self._functions = functions
        self._webhook = webhook
        self._queues = queues
        self._destinations = _destinations(functions, queues)
        self._deliveries: set[asyncio.Task[None]] = set()
        self.delivered = 0

    def start(self) -> None:
        """Deliver the events that an earlier run left pending."""
        for event in self._store.load():
            self._start_delivery(event)

    async def stop(self) -> None:
        """Stop delivering; pending events stay on the disk."""
        for task in self._deliveries:
            task.cancel()
        await asyncio.gather(*self._deliveries, return_exceptions=True)

    def counts(self) -> dict[str, int]:
        """For /_host/state: events on the disk, and those delivered since the start."""
        return {
            "pending": self._store.pending_count(),
            "delivered": self.delivered,
            "dead_letters": self._store.dead_letter_count(),
        }

    async def publish(self, request: web.Request) -> web.Response:
        """Accept a batch: 200 when every event is on the disk."""
        if not hmac.compare_digest(
            request.headers.get("aeg-sas-key", "").encode(), self._key.encode()
        ):
            return _error(
                401, "Unauthorized", "the header aeg-sas-key does not hold the key of this topic"
            )
        body = await request.read()
        if len(body) > MAX_PUBLISH_BYTES:
            return _error(413, "PayloadTooLarge", f"a batch may hold {MAX_PUBLISH_BYTES} bytes")
        try:
            events = _read_batch(request.content_type, body)
        except ValueError as error:
            return _error(400, "BadRequest", str(error))
        for event in events:
            self._accept(request.match_info["name"], event)
        return web.Response(status=200)

    def _accept(self, topic: str, event: dict[str, Any]) -> None:
        if "specversion" not in event:
            event = {"topic": topic, "metadataVersion": "1", **event}
        pending = PendingEvent(self._store.new_key(str(event["id"])), topic, event, time.time())
        self._store.save(pending)
        self._start_delivery(pending)

    def _start_delivery(self, event: PendingEvent) -> None:
        task = asyncio.create_task(self._deliver(event))
        self._deliveries.add(task)
        task.add_done_callback(self._forget_delivery)

    def _forget_delivery(self, task: asyncio.Task[None]) -> None:
        self._deliveries.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error(
                "a delivery crashed; the event stays pending until the next start", exc_info=error
            )

    async def _deliver(self, event: PendingEvent) -> None:
        while True:
            await asyncio.sleep(max(0.0, event.next_attempt_at - time.time()))
            if await self._attempt(event):
                self._store.remove(event)
                self.delivered += 1
                return
            if event.attempts >= self._settings.max_delivery_attempts:
                log.error("event %s becomes a dead letter: %s", event.key, event.last_outcome)
                self._store.bury(event, "MaxDeliveryAttemptsExceeded")
                return
            event.next_attempt_at = time.time() + self._settings.retry_delay_seconds(event.attempts)
            self._store.save(event)

    async def _attempt(self, event: PendingEvent) -> bool:
        event.attempts += 1
        for name in self._destinations:
            if name in event.taken_by:
                continue
            failure = await self._deliver_to(name, event.event)
            if failure is None:
                event.taken_by.append(name)
            else:
                event.last_outcome = failure
        return all(name in event.taken_by for name in self._destinations)

    async def _deliver_to(self, name: str, event: dict[str, Any]) -> str | None:
        """Returns None on success in time, else the reason. As with Event Grid, a late
        function keeps running."""
        if name in self._queues.names:
            return await self._queues.put(name, event)
        function = self._functions.get(name)
        if function is None:
            return "404: the function is disabled"
        running = asyncio.ensure_future(self._webhook.deliver(function, json.dumps(event)))
        done, _ = await asyncio.wait({running}, timeout=self._settings.delivery_timeout_seconds)
        return running.result() if done else "TimedOut"


def _destinations(functions: Functions, queues: Queues) -> list[str]:
    """The app's queues if it has queue triggers, else its Event Grid functions; the
    disabled ones included."""
    names = [name for name in queues.names if not name.endswith("-poison")]
    kind = "eventGridTrigger"
    subscribed = (*functions.of_type(kind), *functions.disabled_of_type(kind))
    return names or [function.name for function in subscribed]


def _read_batch(content_type: str, body: bytes) -> list[dict[str, Any]]:
    """The events of a publish request. Raises ValueError with the reason."""
    try:
        value = json.loads(body)
    except RecursionError as error:
        raise ValueError("the body is nested too deeply") from error
    if content_type == "application/cloudevents+json":
        value = [value]
    if not isinstance(value, list):
        raise ValueError("the body must be an array of events")
    for item in value:
        if not isinstance(item, dict):
            raise ValueError("an event must be an object")
        cloud = content_type.startswith("application/cloudevents") or "specversion" in item
        required = _CLOUD_EVENT_FIELDS if cloud else _EVENT_GRID_FIELDS
        missing = [name for name in required if name not in item]
        if missing:
            raise ValueError(f"an event lacks {', '.join(missing)}")
    return value


def _error(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"error": {"code": code, "message": message}}, status=status)
