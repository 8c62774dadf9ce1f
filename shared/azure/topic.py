"""Publishes alerts and our own events to the Event Grid topic, as CloudEvents 1.0."""

from __future__ import annotations

import hashlib
import json
from contextlib import AsyncExitStack

from azure.core.credentials import AzureKeyCredential
from azure.core.messaging import CloudEvent
from azure.eventgrid.aio import EventGridPublisherClient

from shared.azure.calls import ResponseHook, call_once
from shared.azure.identity import make_credential
from shared.azure.pipeline import Home, make_guards
from shared.errors import SettingsError
from shared.settings import Settings

EVENT_TYPE = "AzureBackupRemediator.BackupAlert"
SECONDS = 30.0
"""Time limit for one event, sign-in included."""


async def publish(settings: Settings, alert: str) -> None:
    """Publish an action group's alert. Raises SettingsError where no topic is set,
    AzureCallFailed where Event Grid did not accept it."""
    data = json.loads(alert)
    await _send(
        settings,
        CloudEvent(source=_find_source(data), type=EVENT_TYPE, data=data, id=_make_event_id(alert)),
    )


async def publish_event(
    settings: Settings, kind: str, source: str, data: dict[str, object]
) -> None:
    """Publish an event of our own. Raises as `publish` does."""
    await _send(settings, CloudEvent(source=source, type=kind, data=data))


async def _send(settings: Settings, event: CloudEvent) -> None:
    if not settings.topic_endpoint:
        raise SettingsError("REMEDIATOR_TOPIC_ENDPOINT is not set")

    async def send(hook: ResponseHook) -> None:
        async with AsyncExitStack() as opened:
            client = await opened.enter_async_context(_open_client(settings, opened))
            await client.send(event, raw_response_hook=hook)

    await call_once(send, SECONDS)


def _open_client(settings: Settings, opened: AsyncExitStack) -> EventGridPublisherClient:
    options = {
        "retry_total": 0,  # the action group retries
        "connection_timeout": 10,
        "read_timeout": 20,
        "per_retry_policies": make_guards(Home(settings.topic_endpoint)),
    }
    if settings.topic_key:
        return EventGridPublisherClient(
            settings.topic_endpoint, AzureKeyCredential(settings.topic_key), **options
        )
    credential = make_credential(settings.cloud)
    opened.push_async_callback(credential.close)
    return EventGridPublisherClient(settings.topic_endpoint, credential, **options)


def _find_source(data: dict[str, object]) -> str:
    """The vault that raised the alert, so that subscribers can filter by source."""
    inner = data.get("data")
    essentials = inner.get("essentials") if isinstance(inner, dict) else None
    targets = essentials.get("alertTargetIDs") if isinstance(essentials, dict) else None
    return (
        str(targets[0])
        if isinstance(targets, list) and targets
        else "/azure-backup-remediator/bridge"
    )


def _make_event_id(alert: str) -> str:
    """The same for the same call sent again."""
    return hashlib.sha256(alert.encode()).hexdigest()[:32]
