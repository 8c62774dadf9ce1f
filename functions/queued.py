"""The other delivery: Event Grid puts events into a storage queue, and queue triggers
take them from there.

For private networks, for apps that let nobody in without signing in, and for storms.
Registered only where REMEDIATOR_DELIVERY is `queue`. The same code takes the event.
host.json leaves the text of a message as it is, because it is not documented whether
Event Grid writes it plain or in base64: both are read here.
https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue-trigger
"""

from __future__ import annotations

import base64
import binascii
import logging

import azure.durable_functions as df
import azure.functions as func

from functions.composition import the_app
from functions.starting import take_and_start

blueprint = df.Blueprint()
QUEUE, POISON = "backup-failures", "backup-failures-poison"
"""The host moves a message that it gave out too often to the second."""


@blueprint.queue_trigger(arg_name="message", queue_name=QUEUE, connection="AzureWebJobsStorage")
@blueprint.durable_client_input(client_name="client")
async def intake_queue(message: func.QueueMessage, client: str) -> None:
    """Like `intake`: returns for an event that can never be used, raises when the
    message has to come again."""
    await take_and_start(text_of(message), client)


@blueprint.queue_trigger(arg_name="message", queue_name=POISON, connection="AzureWebJobsStorage")
async def intake_poison(message: func.QueueMessage) -> None:
    """Keeps an event that the host gave up; `remediator quarantine retry` takes it."""
    taken = await the_app().intake.quarantine(
        text_of(message), "given out by the queue too often without being taken"
    )
    logging.error("a poison message: %s", taken.what)


def text_of(message: func.QueueMessage) -> str:
    """The event's JSON, whether the message has it plain or in base64."""
    body: bytes = message.get_body()
    if not body.lstrip().startswith((b"{", b"[")):
        try:
            return base64.b64decode(body, validate=True).decode()
        except (binascii.Error, ValueError):
            logging.warning("a message that is neither JSON nor base64 of text")
    return body.decode("utf-8", "replace")
