"""The policies that every request to Azure passes, in order.

Between the redirects and the sign-in each request's address is checked: polls of
Azure-AsyncOperation and Location, nextLink pages and redirects all pass here, and their
addresses come from answers. The token goes to the configured endpoint, or to one of its
regions, and nowhere else.

Left out on purpose: the SDK's retries (shared/azure/calls.py has the only retry policy)
and ARMAutoResourceProviderRegistrationPolicy, which registers a resource provider by
itself: a change without a record, and with a permission that our roles do not grant.
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
from shared.azure.retry_after import read_retry_after
from shared.errors import PointsElsewhere

LOOPBACK = ("127.0.0.1", "::1", "localhost")
USER_AGENT = "azure-backup-remediator"
RETRY_AFTER = "Retry-After"
_PORTS = {"http": 80, "https": 443}
_ADDRESS = re.compile(
    r"(https?)://([A-Za-z0-9.:\[\]-]+)(?:[/?#].*)?", re.IGNORECASE | re.ASCII | re.DOTALL
)
"""Only a plain host and port: user information and backslashes, for example, do not
match."""
_REGION = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port of an address."""

    scheme: str
    host: str
    port: int


def read_origin(address: str) -> Origin | None:
    """None where it cannot be determined for certain."""
    found = _ADDRESS.fullmatch(address)
    if found is None:
        return None
    try:
        parts = urlsplit(f"{found[1]}://{found[2]}")
        scheme, host, port = fold(found[1]), parts.hostname, parts.port
    except ValueError:
        return None
    return Origin(scheme, fold(host), _PORTS[scheme] if port is None else port) if host else None


def is_on_loopback(endpoint: str) -> bool:
    """Plain http to this machine: the simulator, never Azure."""
    parts = urlsplit(endpoint)
    return parts.scheme == "http" and parts.hostname in LOOPBACK


@dataclass(frozen=True, slots=True)
class Home:
    """Where one client's requests, and with them its token, may go."""

    endpoint: str
    regional: bool = False
    """Also hosts with one label before the endpoint's: ARM's regions."""

    def check(self, address: str) -> None:
        """Raises PointsElsewhere for an address elsewhere."""
        here, there = read_origin(self.endpoint), read_origin(address)
        if here is None or there is None or not (here == there or self._is_region(here, there)):
            shown = (
                f"{there.scheme}://{there.host}:{there.port}" if there else "no address of a host"
            )
            raise PointsElsewhere(f"an answer points elsewhere: {shown} is not {self.endpoint}")

    def _is_region(self, here: Origin, there: Origin) -> bool:
        if not self.regional or is_on_loopback(self.endpoint):
            return False
        label, _, rest = there.host.partition(".")
        return bool(_REGION.fullmatch(label)) and Origin(there.scheme, rest, there.port) == here


class StayHome(SansIOHTTPPolicy[Any, Any]):  # type: ignore[misc]  # azure has no types here
    """Placed right before the sign-in, so that no other address receives a token."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def on_request(self, request: Any) -> None:
        self._home.check(request.http_request.url)


class PlainRetryAfter(SansIOHTTPPolicy[Any, Any]):  # type: ignore[misc]
    """Rewrites Retry-After in whole seconds, or removes it: the SDK's clients raise
    ValueError for a date or a fraction."""

    def on_response(self, request: Any, response: Any) -> None:  # noqa: ARG002
        headers = response.http_response.headers
        if RETRY_AFTER in headers:
            seconds = read_retry_after(headers.pop(RETRY_AFTER))
            if seconds is not None:
                headers[RETRY_AFTER] = str(seconds)


def make_guards(home: Home) -> list[Any]:
    """What must stand between the redirects and the sign-in, also of a client that
    builds its own list of policies."""
    return [StayHome(home), PlainRetryAfter()]


def make_policies(home: Home, sign_in: Any, logging: Any) -> list[Any]:
    """The whole list for one client. Each policy knows its successor, so clients never
    share one."""
    return [
        policies.RequestIdPolicy(),
        policies.HeadersPolicy(),
        policies.UserAgentPolicy(base_user_agent=USER_AGENT),
        policies.ProxyPolicy(),
        policies.ContentDecodePolicy(),
        policies.AsyncRedirectPolicy(),
        *make_guards(home),
        sign_in,
        policies.CustomHookPolicy(),
        policies.NetworkTraceLoggingPolicy(),
        policies.DistributedTracingPolicy(),
        policies.SensitiveHeaderCleanupPolicy(),
        logging,
    ]
