"""What the doctor reads of an installation: ARM's own JSON. Nothing is written.

It reads with the rights of the person who is signed in: Reader on the subscription, and
for the app's settings Website Contributor or the action
Microsoft.Web/sites/config/list/action on the app.
"""

from __future__ import annotations

from typing import Any

from azure.core.rest import HttpRequest

from shared.arm_ids import fold
from shared.azure.calls import ResponseHook
from shared.azure.clients import AzureClients
from shared.errors import NotFound, NotUnderstood

type Json = dict[str, Any]

GROUPS = "microsoft.resources/resourcegroups"
API_VERSIONS = {
    GROUPS: "2021-04-01",
    "microsoft.web/sites": "2024-04-01",
    "microsoft.managedidentity/userassignedidentities": "2024-11-30",
    "microsoft.storage/storageaccounts": "2025-06-01",
    "microsoft.eventgrid/topics": "2025-02-15",
    "microsoft.insights/components": "2020-02-02",
    "microsoft.insights/actiongroups": "2023-01-01",
    "microsoft.insights/scheduledqueryrules": "2022-06-15",
    "microsoft.insights/activitylogalerts": "2020-10-01",
    "microsoft.insights/diagnosticsettings": "2021-05-01-preview",
    "microsoft.alertsmanagement/actionrules": "2021-08-08",
    "microsoft.operationalinsights/workspaces": "2025-02-01",
    "microsoft.authorization/roleassignments": "2022-04-01",
    "microsoft.authorization/roledefinitions": "2022-04-01",
    "microsoft.recoveryservices/vaults": "2024-04-01",
}
"""By the first two segments after /providers/, as infra/ deploys."""


class View:
    """Reads each path once and keeps the answer."""

    def __init__(self, clients: AzureClients, group: str) -> None:
        self._clients = clients
        self.subscription = f"/subscriptions/{clients.subscription_id}"
        self.group = f"{self.subscription}/resourceGroups/{group}"
        self._answers: dict[str, Json | None] = {}

    async def get(self, path: str) -> Json | None:
        """None where it does not exist. Raises AzureCallFailed."""
        if path not in self._answers:
            try:
                self._answers[path] = await self._send("GET", path)
            except NotFound:
                self._answers[path] = None
        return self._answers[path]

    async def list_all(self, path: str, **query: str) -> list[Json]:
        """Every page of a list; empty where its parent does not exist. Raises
        AzureCallFailed."""
        found: list[Json] = []
        page = await self.get(path) if not query else await self._send("GET", path, query)
        while page is not None:
            found += _resources(page)
            page = await self._send("GET", page["nextLink"]) if page.get("nextLink") else None
        return found

    async def list_in_group(self, kind: str) -> list[Json]:
        """Resources of a type in the installation's own resource group."""
        return await self.list_all(f"{self.group}/providers/{kind}")

    async def list_in_subscription(self, kind: str) -> list[Json]:
        return await self.list_all(f"{self.subscription}/providers/{kind}")

    async def post(self, path: str) -> Json | None:
        """For ARM's `list` actions, which only read. None where it does not exist."""
        try:
            return await self._send("POST", path)
        except NotFound:
            return None

    async def _send(self, method: str, path: str, query: dict[str, str] | None = None) -> Json:
        async def read(hook: ResponseHook) -> Json:
            versioned = "api-version=" in path
            params = {} if versioned else {"api-version": _version(path), **(query or {})}
            request = HttpRequest(method, path, params=params)
            response = await self._clients.resources.send_request(request, raw_response_hook=hook)
            response.raise_for_status()
            page = response.json()
            if not isinstance(page, dict):
                raise NotUnderstood(f"the answer is no object: {page!r:.80}")
            return page

        return (await self._clients.call_with_retries(read)).value


def _resources(page: Json) -> list[Json]:
    """Raises NotUnderstood where an item of the page is no resource."""
    found = page.get("value")
    if not isinstance(found, list) or not all(
        isinstance(each, dict) and isinstance(each.get("id"), str) for each in found
    ):
        raise NotUnderstood("the answer is a list without its values")
    return found


def _version(path: str) -> str:
    _, within_provider, provider = fold(path).rpartition("/providers/")
    kind = "/".join(provider.split("/")[:2]) if within_provider and provider else GROUPS
    return API_VERSIONS[kind]
