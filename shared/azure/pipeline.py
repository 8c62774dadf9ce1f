"""The policies that every request to Azure passes, in their order.

Between the redirects and the sign-in each request is looked at once more: polls of
Azure-AsyncOperation and Location, nextLink pages and redirects are all sent through
here, and their addresses come out of answers. The token goes to the configured
endpoint, or to one of its regions, and nowhere else.

Left out on purpose: the SDK's retries (shared/azure/calls.py has the one retry policy)
and ARMAutoResourceProviderRegistrationPolicy, which registers a resource provider by
itself: a change without a record, by a right that our roles do not have.
https://learn.microsoft.com/azure/developer/python/sdk/fundamentals/http-pipeline-retries
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from azure.core.pipeline import policies
from azure.core.pipeline.policies import SansIOHTTPPolicy

from shared.arm_ids import fold
from shared.azure.retry_after import whole_seconds
from shared.errors import PointsElsewhere

LOOPBACK = ("127.0.0.1", "::1", "localhost")
USER_AGENT = "azure-backup-remediator"
RETRY_AFTER = "Retry-After"
_PORTS = {"http": 80, "https": 443}
_ADDRESS = re.compile(
    r"(https?)://([A-Za-z0-9.:\[\]-]+)(?:[/?#].*)?", re.IGNORECASE | re.ASCII | re.DOTALL
)
"""What is no plain host and port, user information and backslashes among them, is
refused."""
_REGION = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port of an address."""

    scheme: str
    host: str
    port: int


def origin_of(address: str) -> Origin | None:
    """None where the address has none that can be told for certain."""
    found = _ADDRESS.fullmatch(address)
    if found is None:
        return None
    try:
        parts = urlsplit(f"{found[1]}://{found[2]}")
        scheme, host, port = fold(found[1]), parts.hostname, parts.port
    except ValueError:
        return None
    return Origin(scheme, fold(host), _PORTS[scheme] if port is None else port) if host else None


def on_loopback(endpoint: str) -> bool:
    """Plain http to this very machine: the simulator, never Azure."""
    parts = urlsplit(endpoint)
    return parts.scheme == "http" and parts.hostname in LOOPBACK


@dataclass(frozen=True, slots=True)
class Home:
    """Where requests of one client, and so its token, may go."""

    endpoint: str
    regional: bool = False
    """Also to one label before the endpoint's host: ARM names its regions there."""

    def check(self, address: str) -> None:
        """Raises PointsElsewhere."""
        here, there = origin_of(self.endpoint), origin_of(address)
        if here is None or there is None or not (here == there or self._is_region(here, there)):
            shown = (
                f"{there.scheme}://{there.host}:{there.port}" if there else "no address of a host"
            )
            raise PointsElsewhere(f"an answer points elsewhere: {shown} is not {self.endpoint}")

    def _is_region(self, here: Origin, there: Origin) -> bool:
        if not self.regional or on_loopback(self.endpoint):
            return False
        label, _, rest = there.host.partition(".")
        return bool(_REGION.fullmatch(label)) and Origin(there.scheme, rest, there.port) == here


class StayHome(SansIOHTTPPolicy[Any, Any]):  # type: ignore[misc]  # azure has no types here
    """Stands right before the sign-in, so that an address elsewhere never sees a token."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def on_request(self, request: Any) -> None:
        self._home.check(request.http_request.url)


class PlainRetryAfter(SansIOHTTPPolicy[Any, Any]):  # type: ignore[misc]
    """Makes Retry-After whole seconds, or takes it out: the SDK's clients raise
    ValueError for a date or a fraction."""

    def on_response(self, request: Any, response: Any) -> None:  # noqa: ARG002
        headers = response.http_response.headers
        if RETRY_AFTER in headers:
            seconds = whole_seconds(headers.pop(RETRY_AFTER))
            if seconds is not None:
                headers[RETRY_AFTER] = str(seconds)


def watched(home: Home) -> list[Any]:
    """What has to stand between the redirects and the sign-in of a client that makes
    its own list."""
    return [StayHome(home), PlainRetryAfter()]


def policies_of(home: Home, sign_in: Any, logging: Any) -> list[Any]:
    """The whole list for one client: each policy knows its successor, so no two clients
    share one."""
    return [
        policies.RequestIdPolicy(),
        policies.HeadersPolicy(),
        policies.UserAgentPolicy(base_user_agent=USER_AGENT),
        policies.ProxyPolicy(),
        policies.ContentDecodePolicy(),
        policies.AsyncRedirectPolicy(),
        *watched(home),
        sign_in,
        policies.CustomHookPolicy(),
        policies.NetworkTraceLoggingPolicy(),
        policies.DistributedTracingPolicy(),
        policies.SensitiveHeaderCleanupPolicy(),
        logging,
    ]
