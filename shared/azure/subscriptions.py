"""Which subscriptions the identity can see."""

from __future__ import annotations

from typing import Any

from azure.core.rest import HttpRequest

from shared.azure.calls import ResponseHook, with_retries
from shared.azure.clients import AzureClients
from shared.errors import NotUnderstood

API_VERSION = "2022-12-01"


async def visible_subscriptions(clients: AzureClients) -> list[str]:
    """https://learn.microsoft.com/rest/api/resources/subscriptions/list; raises
    AzureCallFailed."""

    async def read(hook: ResponseHook) -> list[str]:
        found: list[str] = []
        request: HttpRequest | None = HttpRequest(
            "GET", "/subscriptions", params={"api-version": API_VERSION}
        )
        while request is not None:
            response = await clients.resources.send_request(request, raw_response_hook=hook)
            response.raise_for_status()
            page = response.json()
            found += _ids(page["value"])
            request = HttpRequest("GET", page["nextLink"]) if page.get("nextLink") else None
        return found

    settings = clients.settings
    answer = await with_retries(
        read, timeout_seconds=settings.call_timeout_seconds, retry_seconds=settings.retry_seconds
    )
    return answer.value


def _ids(subscriptions: Any) -> list[str]:
    """Raises NotUnderstood for what is no list of subscriptions."""
    found = [each["subscriptionId"] for each in subscriptions]
    if not isinstance(subscriptions, list) or not all(
        isinstance(each, str) and each for each in found
    ):
        raise NotUnderstood(f"these are no subscriptions: {subscriptions!r:.200}")
    return found
