"""The SDK clients, made when first used and kept: one of each per process and event loop.

The SDK's own retries are off (`retry_total=0`): they would multiply with ours and would sleep for any Retry-After, uncapped.
https://learn.microsoft.com/azure/developer/python/sdk/fundamentals/http-pipeline-retries
"""

from __future__ import annotations

from collections.abc import Awaitable
from functools import cached_property
from typing import Any, Protocol
from urllib.parse import urlsplit

from azure.core.pipeline.policies import SansIOHTTPPolicy

from shared.azure.identity import credential as credential_of
from shared.azure.transport import sends_once
from shared.settings import Settings

LOOPBACK = ("127.0.0.1", "::1", "localhost")


class _Closable(Protocol):
    def close(self) -> Awaitable[None]: ...


class SimulatorToken(SansIOHTTPPolicy[Any, Any]):  # type: ignore[misc]  # azure has no types here
    """Any bearer token: the simulator asks for one, and real tokens never travel over http."""

    def on_request(self, request: Any) -> None:
        request.http_request.headers["Authorization"] = "Bearer simulator"


def on_loopback(endpoint: str) -> bool:
    """Plain http to this very machine: the simulator, never Azure."""
    parts = urlsplit(endpoint)
    return parts.scheme == "http" and parts.hostname in LOOPBACK


class AzureClients:
    """Lazily made clients for one subscription. Imports happen on first use: they cost more than the calls."""

    def __init__(self, settings: Settings, subscription_id: str) -> None:
        self.settings = settings
        self.subscription_id = subscription_id
        self.policies: tuple[Any, ...] = ()
        """Extra pipeline policies of every client."""
        self._opened: list[_Closable] = []

    async def close(self) -> None:
        for client in reversed(self._opened):
            await client.close()
        self._opened.clear()

    @cached_property
    def compute(self) -> Any:
        from azure.mgmt.compute.aio import ComputeManagementClient

        return self._made(ComputeManagementClient)

    @cached_property
    def locks(self) -> Any:
        from azure.mgmt.resource.locks.aio import ManagementLockClient

        return self._made(ManagementLockClient, transport=sends_once())

    @cached_property
    def resources(self) -> Any:
        from azure.mgmt.resource.resources.aio import ResourceManagementClient

        return self._made(ResourceManagementClient)

    @cached_property
    def backup(self) -> Any:
        from azure.mgmt.recoveryservicesbackup.aio import RecoveryServicesBackupClient

        return self._made(RecoveryServicesBackupClient)

    @cached_property
    def logs(self) -> Any:
        """The client of the Log Analytics query API, a service with an endpoint and a token scope of its own."""
        from azure.monitor.query.aio import LogsQueryClient

        endpoint = self.settings.logs_endpoint
        if on_loopback(endpoint):
            return self._kept(
                LogsQueryClient(object(), endpoint=endpoint, authentication_policy=SimulatorToken(), **self._options())
            )
        return self._kept(LogsQueryClient(self._credential, endpoint=endpoint, **self._options()))

    @cached_property
    def _credential(self) -> Any:
        return self._kept(credential_of(self.settings.cloud))

    def _made(self, client_class: Any, **more: Any) -> Any:
        settings = self.settings
        options = {"base_url": settings.arm_endpoint, "polling_interval": settings.poll_seconds, **self._options(), **more}
        if on_loopback(settings.arm_endpoint):
            return self._kept(client_class(object(), self.subscription_id, authentication_policy=SimulatorToken(), **options))
        scopes = [self.settings.cloud.arm_scope]
        return self._kept(client_class(self._credential, self.subscription_id, credential_scopes=scopes, **options))

    def _options(self) -> dict[str, Any]:
        return {
            "retry_total": 0,
            "per_call_policies": list(self.policies),
            "connection_timeout": min(10.0, self.settings.call_timeout_seconds),
            "read_timeout": self.settings.call_timeout_seconds,
        }

    def _kept(self, client: Any) -> Any:
        self._opened.append(client)
        return client
