"""queueTrigger functions: messages of storage queues, from the account that a trigger's
`connection` names.

As in the extension (QueueListenerFactory.CreatePoisonQueueReference, QueueProcessor):

- A message is deleted when the function succeeds.
- After a failure it is visible again after `visibilityTimeout`, here multiplied by
  LOCAL_HOST_RETRY_SCALE.
- A message that was dequeued `maxDequeueCount` times goes to `<queue>-poison`.
- A queue named `…-poison` has no poison queue of its own: a failed message stays
  invisible for as long as it was leased, and one that was dequeued more than
  `maxDequeueCount` times never reaches its function again.

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
LEASE_SECONDS = 600
"""How long a message is invisible to others while its function runs. The extension
takes a shorter lease and renews it."""


class Queues:
    """The app's queue triggers. Raises SettingError when a connection is not set or not
    a connection string.

    The queue of a disabled function takes messages, and nothing receives them.
    """

    def __init__(
        self,
        functions: Sequence[Function],
        invoker: Invoker,
        env: Mapping[str, str],
        settings: HostSettings,
        disabled: Sequence[Function] = (),
    ) -> None:
        self._invoker = invoker
        self._settings = settings
        self._served = [(function, _open_client(function, env)) for function in functions]
        self._poison = [_open_poison_client(function, env) for function in functions]
        self._waiting = [(function, _open_client(function, env)) for function in disabled]
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def names(self) -> list[str]:
        return [str(function.trigger["queueName"]) for function, _ in self._all()]

    def start(self) -> None:
        """Begin to receive messages. As in Azure, the app starts even when the account
        does not answer."""
        self._tasks = [
            asyncio.create_task(self._run(function, client, poison))
            for (function, client), poison in zip(self._served, self._poison, strict=True)
        ]

    async def stop(self) -> None:
        """Stop receiving. A message whose function still runs becomes visible again
        later."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for client in self._clients():
            await client.close()

    async def put(self, name: str, event: Mapping[str, Any]) -> str | None:
        """Send an event to a queue as Event Grid does. Returns None on success, else
        the reason."""
        client = next(
            client for function, client in self._all() if function.trigger["queueName"] == name
        )
        try:
            await client.send_message(base64.b64encode(json.dumps(event).encode()).decode())
        except AzureError as error:
            return f"the queue {name} does not accept it: {error}"
        return None

    def _all(self) -> list[tuple[Function, QueueClient]]:
        return [*self._served, *self._waiting]

    def _clients(self) -> list[QueueClient]:
        return [
            *(client for _, client in self._all()),
            *(client for client in self._poison if client is not None),
        ]

    async def _run(
        self, function: Function, client: QueueClient, poison: QueueClient | None
    ) -> None:
        await _create(client)
        if poison is not None:
            await _create(poison)
        while True:
            try:
                received = client.receive_messages(
                    max_messages=16, visibility_timeout=LEASE_SECONDS
                )
                messages = [message async for message in received]
                await asyncio.gather(
                    *(self._process(function, client, poison, message) for message in messages)
                )
            except AzureError as error:
                log.warning("the queue %s does not answer: %s", client.queue_name, error)
                messages = []
            if not messages:
                await asyncio.sleep(POLL_SECONDS)

    async def _process(
        self,
        function: Function,
        client: QueueClient,
        poison: QueueClient | None,
        message: QueueMessage,
    ) -> None:
        dequeued, limit = message.dequeue_count or 0, self._settings.queue_attempts
        if dequeued <= limit and await self._run_function(function, message):
            # The lease may have run out, and another instance deleted the message.
            with contextlib.suppress(ResourceNotFoundError):
                await client.delete_message(message)
        elif poison is None:
            pause = round(LEASE_SECONDS * self._settings.retry_scale)
            await client.update_message(message, visibility_timeout=pause)
        elif dequeued >= limit:
            log.error(
                "a message of %s was dequeued %s times and becomes poison",
                client.queue_name,
                dequeued,
            )
            # Send first: a failure between the two keeps the message in one queue.
            await poison.send_message(message.content)
            await client.delete_message(message)
        else:
            pause = round(self._settings.queue_pause_seconds * self._settings.retry_scale)
            await client.update_message(message, visibility_timeout=pause)

    async def _run_function(self, function: Function, message: QueueMessage) -> bool:
        """Whether the function succeeded."""
        try:
            text = message.content
            if self._settings.queue_encoding != "none":
                text = base64.b64decode(text).decode()
            return (await self._invoker.run(function, string_datum(text))).ok
        except (WorkerGone, ValueError) as error:
            log.warning("a message of %s failed: %s", function.trigger["queueName"], error)
            return False


async def _create(client: QueueClient) -> None:
    """Create the queue if it does not exist; try again until the account answers."""
    while True:
        try:
            with contextlib.suppress(ResourceExistsError):
                await client.create_queue()
            return
        except AzureError as error:
            log.warning("the queue %s cannot be created yet: %s", client.queue_name, error)
            await asyncio.sleep(RETRY_SECONDS)


def _open_poison_client(function: Function, env: Mapping[str, str]) -> QueueClient | None:
    if str(function.trigger["queueName"]).endswith("-poison"):
        return None
    return _open_client(function, env, "-poison")


def _open_client(function: Function, env: Mapping[str, str], suffix: str = "") -> QueueClient:
    setting, queue = str(function.trigger["connection"]), str(function.trigger["queueName"])
    text = env.get(setting, "")
    try:
        return QueueClient.from_connection_string(text, queue + suffix)
    except ValueError as error:
        raise SettingError(
            f"function {function.name} needs {setting}, a storage connection string with a queue:"
            f" {error}"
        ) from error
