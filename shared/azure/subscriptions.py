"""Lists the subscriptions that the identity can see."""

from __future__ import annotations

from typing import Any

from azure.core.rest import HttpRequest

from shared.azure.calls import ResponseHook
from shared.azure.clients import AzureClients
from shared.errors import NotUnderstood

API_VERSION = "2022-12-01"


async def list_subscriptions(clients: AzureClients) -> list[str]:
    """Their ids. Raises AzureCallFailed.
    https://learn.microsoft.com/rest/api/resources/subscriptions/list"""

    async def read(hook: ResponseHook) -> list[str]:
        found: list[str] = []
        request: HttpRequest | None = HttpRequest(
            "GET", "/subscriptions", params={"api-version": API_VERSION}
        )
        while request is not None:
            response = await clients.resources.send_request(request, raw_response_hook=hook)
            response.raise_for_status()
            page = response.json()
            found += _read_ids(page["value"])
            request = HttpRequest("GET", page["nextLink"]) if page.get("nextLink") else None
        return found

    return (await clients.call_with_retries(read)).value


def _read_ids(subscriptions: Any) -> list[str]:
    """Raises NotUnderstood for anything but a list of subscriptions."""
    found = [each["subscriptionId"] for each in subscriptions]
    if not isinstance(subscriptions, list) or not all(
        isinstance(each, str) and each for each in found
    ):
        raise NotUnderstood(f"these are no subscriptions: {subscriptions!r:.200}")
    return found
