"""The SDK clients, each made at its first use and kept: one per process and event loop.

shared/azure/pipeline.py says which policies their requests pass, and which not.
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

from shared.azure.calls import Answer, ResponseHook, call_with_retries
from shared.azure.identity import make_credential
from shared.azure.pipeline import Home, is_on_loopback, make_policies
from shared.azure.transport import make_one_attempt_transport
from shared.settings import Settings


class _Closable(Protocol):
    def close(self) -> Awaitable[None]: ...


class SimulatorToken(SansIOHTTPPolicy[Any, Any]):  # type: ignore[misc]  # azure has no types here
    """Sends some bearer token: the simulator requires one, and a real token must never
    travel over http."""

    def on_request(self, request: Any) -> None:
        request.http_request.headers["Authorization"] = "Bearer simulator"


class AzureClients:
    """The clients for one subscription, made lazily: importing them takes longer than
    most calls."""

    def __init__(self, settings: Settings, subscription_id: str) -> None:
        self.settings = settings
        self.subscription_id = subscription_id
        self._opened: list[_Closable] = []

    async def call_with_retries[T](self, do: Callable[[ResponseHook], Awaitable[T]]) -> Answer[T]:
        """`do` under the time limit and the retries of the settings; only for what may
        be sent twice. Raises AzureCallFailed."""
        return await call_with_retries(
            do,
            timeout_seconds=self.settings.call_timeout_seconds,
            retry_seconds=self.settings.retry_seconds,
        )

    async def close(self) -> None:
        for client in reversed(self._opened):
            await client.close()
        self._opened.clear()

    @cached_property
    def compute(self) -> Any:
        from azure.mgmt.compute.aio import ComputeManagementClient

        return self.make_client(ComputeManagementClient)

    @cached_property
    def compute_once(self) -> Any:
        """For a DELETE that must not be sent twice."""
        from azure.mgmt.compute.aio import ComputeManagementClient

        return self.make_client(ComputeManagementClient, transport=make_one_attempt_transport())

    @cached_property
    def locks(self) -> Any:
        from azure.mgmt.resource.locks.aio import ManagementLockClient

        return self.make_client(ManagementLockClient, transport=make_one_attempt_transport())

    @cached_property
    def resources(self) -> Any:
        from azure.mgmt.resource.resources.aio import ResourceManagementClient

        return self.make_client(ResourceManagementClient)

    @cached_property
    def network(self) -> Any:
        """The largest of the packages, and needed by few diagnoses."""
        from azure.mgmt.network.aio import NetworkManagementClient

        return self.make_client(NetworkManagementClient)

    @cached_property
    def backup(self) -> Any:
        from azure.mgmt.recoveryservicesbackup.aio import RecoveryServicesBackupClient

        return self.make_client(RecoveryServicesBackupClient)

    @cached_property
    def logs(self) -> Any:
        """The Log Analytics query API has an endpoint and a token scope of its own."""
        from azure.monitor.query.aio import LogsQueryClient

        endpoint = self.settings.logs_endpoint
        scope = f"{endpoint.rstrip('/').removesuffix('/v1')}/.default"
        sign_in = self._choose_sign_in(
            endpoint, lambda credential: AsyncBearerTokenCredentialPolicy(credential, scope)
        )
        policies = make_policies(Home(endpoint), sign_in, HttpLoggingPolicy())
        return self._keep(
            LogsQueryClient(
                object(), endpoint=endpoint, policies=policies, **self._build_options(sign_in)
            )
        )

    @cached_property
    def _credential(self) -> Any:
        return self._keep(make_credential(self.settings.cloud))

    def make_client(self, client_class: Any, **more: Any) -> Any:
        """A client of ARM of that class of the SDK's, closed with the others; also for
        commands whose clients are not deployed."""
        endpoint, scope = self.settings.arm_endpoint, self.settings.cloud.arm_scope
        sign_in = self._choose_sign_in(
            endpoint, lambda credential: AsyncARMChallengeAuthenticationPolicy(credential, scope)
        )
        policies = make_policies(Home(endpoint, regional=True), sign_in, ARMHttpLoggingPolicy())
        options = {
            "base_url": endpoint,
            "polling_interval": self.settings.poll_seconds,
            "policies": policies,
        }
        return self._keep(
            client_class(
                object(), self.subscription_id, **options, **self._build_options(sign_in), **more
            )
        )

    def _choose_sign_in(self, endpoint: str, make: Callable[[Any], Any]) -> Any:
        return SimulatorToken() if is_on_loopback(endpoint) else make(self._credential)

    def _build_options(self, sign_in: Any) -> dict[str, Any]:
        """The clients need a credential only to make their sign-in policy, which they
        are given here instead."""
        return {
            "authentication_policy": sign_in,
            "connection_timeout": min(10.0, self.settings.call_timeout_seconds),
            "read_timeout": self.settings.call_timeout_seconds,
        }

    def _keep(self, client: Any) -> Any:
        self._opened.append(client)
        return client
