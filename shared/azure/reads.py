"""One read of Azure: whatever is answered becomes the fact, Absent, or Unreadable."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from shared import errors
from shared.azure.calls import ResponseHook
from shared.azure.clients import AzureClients
from shared.facts import Absent, Unreadable


class Reads:
    """`clients` are for the one subscription that this installation looks after."""

    def __init__(self, clients: AzureClients) -> None:
        self._clients = clients

    @property
    def clients(self) -> AzureClients:
        return self._clients

    async def _read[T](
        self, what: str, do: Callable[[ResponseHook], Awaitable[T]]
    ) -> T | Absent | Unreadable:
        """The value of `do`. `what` names it for people, where there is no value."""
        try:
            answer = await self._clients.call_with_retries(do)
        except errors.NotFound:
            return Absent(what)
        except errors.AzureCallFailed as error:
            return Unreadable(what, str(error))
        return answer.value
