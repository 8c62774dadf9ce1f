"""One read of Azure: whatever is answered becomes the fact, Absent, or Unreadable."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from shared import errors
from shared.arm_ids import fold
from shared.azure.calls import ResponseHook
from shared.azure.clients import AzureClients
from shared.facts import Absent, Unreadable

NOT_ABOUT_THE_RESOURCE = frozenset(map(fold, ("SubscriptionNotFound", "InvalidResourceType")))
"""Codes of a 404 that do not say whether the resource exists."""


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
        except errors.NotFound as error:
            if fold(error.code) in NOT_ABOUT_THE_RESOURCE:
                return Unreadable(what, str(error))
            return Absent(what, error.code)
        except errors.AzureCallFailed as error:
            return Unreadable(what, str(error))
        return answer.value
