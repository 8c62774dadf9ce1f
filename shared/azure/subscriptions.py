"""Which subscriptions the identity can see."""

from __future__ import annotations

from azure.core.rest import HttpRequest

from shared.azure.calls import ResponseHook, with_retries
from shared.azure.clients import AzureClients

API_VERSION = "2022-12-01"


async def visible_subscriptions(clients: AzureClients) -> list[str]:
    """https://learn.microsoft.com/rest/api/resources/subscriptions/list; raises AzureCallFailed."""

    async def read(hook: ResponseHook) -> list[str]:
        request = HttpRequest("GET", "/subscriptions", params={"api-version": API_VERSION})
        response = await clients.resources.send_request(request, raw_response_hook=hook)
        response.raise_for_status()
        return [str(each["subscriptionId"]) for each in response.json()["value"]]

    settings = clients.settings
    answer = await with_retries(read, timeout_seconds=settings.call_timeout_seconds, retry_seconds=settings.retry_seconds)
    return answer.value
