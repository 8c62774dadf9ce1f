"""The SDK clients, made when first used and kept: one of each per process and event
loop.

What their requests pass, and what is left out of it, is in shared/azure/pipeline.py.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cached_property
from typing import Any, Protocol

from azure.core.pipeline.policies import (
    AsyncBearerTokenCredentialPolicy,
    HttpLoggingPolicy,
    SansIOHTTPPolicy,
)
from azure.mgmt.core.policies import ARMHttpLoggingPolicy, AsyncARMChallengeAuthenticationPolicy

from shared.azure.identity import credential as credential_of
from shared.azure.pipeline import Home, on_loopback, policies_of
from shared.azure.transport import sends_once
from shared.settings import Settings


class _Closable(Protocol):
    def close(self) -> Awaitable[None]: ...


class SimulatorToken(SansIOHTTPPolicy[Any, Any]):  # type: ignore[misc]  # azure has no types here
    """Any bearer token: the simulator asks for one, and real tokens never travel over
    http."""

    def on_request(self, request: Any) -> None:
        request.http_request.headers["Authorization"] = "Bearer simulator"


class AzureClients:
    """Lazily made clients for one subscription. Imports happen on first use: they cost
    more than the calls."""

    def __init__(self, settings: Settings, subscription_id: str) -> None:
        self.settings = settings
        self.subscription_id = subscription_id
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
        """The client of the Log Analytics query API, a service with an endpoint and a
        token scope of its own."""
        from azure.monitor.query.aio import LogsQueryClient

        endpoint = self.settings.logs_endpoint
        scope = f"{endpoint.rstrip('/').removesuffix('/v1')}/.default"
        sign_in = self._sign_in(
            endpoint, lambda credential: AsyncBearerTokenCredentialPolicy(credential, scope)
        )
        policies = policies_of(Home(endpoint), sign_in, HttpLoggingPolicy())
        return self._kept(
            LogsQueryClient(
                object(), endpoint=endpoint, policies=policies, **self._options(sign_in)
            )
        )

    @cached_property
    def _credential(self) -> Any:
        return self._kept(credential_of(self.settings.cloud))

    def _made(self, client_class: Any, **more: Any) -> Any:
        endpoint, scope = self.settings.arm_endpoint, self.settings.cloud.arm_scope
        sign_in = self._sign_in(
            endpoint, lambda credential: AsyncARMChallengeAuthenticationPolicy(credential, scope)
        )
        policies = policies_of(Home(endpoint, regional=True), sign_in, ARMHttpLoggingPolicy())
        options = {
            "base_url": endpoint,
            "polling_interval": self.settings.poll_seconds,
            "policies": policies,
        }
        return self._kept(
            client_class(
                object(), self.subscription_id, **options, **self._options(sign_in), **more
            )
        )

    def _sign_in(self, endpoint: str, made: Callable[[Any], Any]) -> Any:
        return SimulatorToken() if on_loopback(endpoint) else made(self._credential)

    def _options(self, sign_in: Any) -> dict[str, Any]:
        """The clients want a credential only to make the sign-in policy from it that
        they are given here."""
        return {
            "authentication_policy": sign_in,
            "connection_timeout": min(10.0, self.settings.call_timeout_seconds),
            "read_timeout": self.settings.call_timeout_seconds,
        }

    def _kept(self, client: Any) -> Any:
        self._opened.append(client)
        return client
