"""queueTrigger functions: messages of storage queues, from the account that a trigger's
`connection` names.

As the extension does it: a message is taken when the function returned; after a failure
it is seen again when `visibilityTimeout` is over (here multiplied by
LOCAL_HOST_RETRY_SCALE); one that was given out `maxDequeueCount` times goes to
`<queue>-poison`. A queue named `…-poison` has no poison queue of its own: a failed
message of it stays invisible for as long as it was held, and one that was given out
more than `maxDequeueCount` times never reaches its function again
(QueueListenerFactory.CreatePoisonQueueReference, QueueProcessor).
https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue-trigger
"""

import asyncio
import base64
import contextlib
import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient

from local.host.channel import string_datum
from local.host.errors import SettingError, WorkerGone
from local.host.functions import Function
from local.host.invoker import Invoker
from local.host.settings import HostSettings

log = logging.getLogger("local.host.queues")

POLL_SECONDS = 0.2
RETRY_SECONDS = 5.0
HELD_SECONDS = 600
"""How long a message is ours while its function runs; the extension renews it instead.
"""


class Queues:
    """The app's queue triggers. Raises SettingError for a connection that is not set or
    is no connection string."""

    def __init__(
        self,
        functions: Sequence[Function],
        invoker: Invoker,
        env: Mapping[str, str],
        settings: HostSettings,
    ) -> None:
        self._invoker = invoker
        self._settings = settings
        self._served = [(function, _client(function, env)) for function in functions]
        self._poison = [_poison_of(function, env) for function in functions]
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def names(self) -> list[str]:
        return [str(function.trigger["queueName"]) for function, _ in self._served]

    def start(self) -> None:
        """Begin to take messages; as in Azure, the app starts though the account does
        not answer."""
        self._tasks = [
            asyncio.create_task(self._run(*each))
            for each in zip(self._served, self._poison, strict=True)
        ]

    async def stop(self) -> None:
        """Take no more; a message that is in the middle of its function is seen again
        later."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for client in self._clients():
            await client.close()

    async def put(self, name: str, event: Mapping[str, Any]) -> str | None:
        """As Event Grid puts an event into a queue; None when it is there, else what
        went wrong."""
        client = next(
            client for function, client in self._served if function.trigger["queueName"] == name
        )
        try:
            await client.send_message(base64.b64encode(json.dumps(event).encode()).decode())
        except AzureError as error:
            return f"the queue {name} does not take it: {error}"
        return None

    def _clients(self) -> list[QueueClient]:
        return [
            *(client for _, client in self._served),
            *(client for client in self._poison if client is not None),
        ]

    async def _run(self, served: tuple[Function, QueueClient], poison: QueueClient | None) -> None:
        function, client = served
        await _make(client)
        if poison is not None:
            await _make(poison)
        while True:
            try:
                found = [
                    each
                    async for each in client.receive_messages(
                        max_messages=16, visibility_timeout=HELD_SECONDS
                    )
                ]
                await asyncio.gather(
                    *(self._one(function, client, poison, message) for message in found)
                )
            except AzureError as error:
                log.warning("the queue %s does not answer: %s", client.queue_name, error)
                found = []
            if not found:
                await asyncio.sleep(POLL_SECONDS)

    async def _one(
        self,
        function: Function,
        client: QueueClient,
        poison: QueueClient | None,
        message: QueueMessage,
    ) -> None:
        given_out, limit = message.dequeue_count or 0, self._settings.queue_attempts
        if given_out <= limit and await self._taken(function, message):
            with contextlib.suppress(
                ResourceNotFoundError
            ):  # it was ours for too long, and another took it
                await client.delete_message(message)
        elif poison is None:
            await client.update_message(
                message, visibility_timeout=round(HELD_SECONDS * self._settings.retry_scale)
            )
        elif given_out >= limit:
            log.error(
                "a message of %s was given out %s times and becomes poison",
                client.queue_name,
                given_out,
            )
            await poison.send_message(message.content)
            await client.delete_message(message)
        else:
            pause = round(self._settings.queue_pause_seconds * self._settings.retry_scale)
            await client.update_message(message, visibility_timeout=pause)

    async def _taken(self, function: Function, message: QueueMessage) -> bool:
        try:
            text = (
                message.content
                if self._settings.queue_encoding == "none"
                else base64.b64decode(message.content).decode()
            )
            return (await self._invoker.run(function, string_datum(text))).ok
        except (WorkerGone, ValueError) as error:
            log.warning("a message of %s was not taken: %s", function.trigger["queueName"], error)
            return False


async def _make(client: QueueClient) -> None:
    """Until it is there."""
    while True:
        try:
            with contextlib.suppress(ResourceExistsError):
                await client.create_queue()
            return
        except AzureError as error:
            log.warning("the queue %s cannot be made yet: %s", client.queue_name, error)
            await asyncio.sleep(RETRY_SECONDS)


def _poison_of(function: Function, env: Mapping[str, str]) -> QueueClient | None:
    return (
        None
        if str(function.trigger["queueName"]).endswith("-poison")
        else _client(function, env, "-poison")
    )


def _client(function: Function, env: Mapping[str, str], after_name: str = "") -> QueueClient:
    setting, queue = str(function.trigger["connection"]), str(function.trigger["queueName"])
    text = env.get(setting, "")
    try:
        return QueueClient.from_connection_string(text, queue + after_name)
    except ValueError as error:
        raise SettingError(
            f"function {function.name} needs {setting}, a storage connection string with a queue:"
            f" {error}"
        ) from error
