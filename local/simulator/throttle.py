"""Token buckets: ARM's own per subscription and kind of operation, and the compute
provider's per resource.

The headers always have the counters; an empty bucket answers 429 only when throttling
is switched on.
https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
https://learn.microsoft.com/troubleshoot/azure/virtual-machines/windows/compute-throttling-limits
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from local.simulator import callers, ids, log_errors
from local.simulator.errors import ArmError
from local.simulator.ids import fold


@dataclass(slots=True)
class Bucket:
    capacity: float
    per_second: float
    tokens: float
    filled_at: float

    def take(self, now: float) -> bool:
        """Take one token; False when there is none."""
        self.tokens = min(self.capacity, self.tokens + (now - self.filled_at) * self.per_second)
        self.filled_at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True

    def is_full(self, now: float) -> bool:
        return self.tokens + (now - self.filled_at) * self.per_second >= self.capacity

    def wait_seconds(self) -> int:
        return max(1, math.ceil((1 - self.tokens) / self.per_second))


KINDS = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}
"""Everything else is a write, POST reads included."""
ARM_LIMITS = {"reads": (250, 25), "deletes": (200, 10), "writes": (200, 10)}
GLOBAL_FACTOR = 15
QUERY_LIMIT = (200, 200 / 30)
"""Capacity and refill: 200 requests in 30 seconds for each principal.
https://learn.microsoft.com/azure/azure-monitor/service-limits#user-query-throttling"""
MANY_BUCKETS = 5_000
"""Above this number full buckets are dropped, because a new bucket is full as well.
Every operation that was ever polled has one."""

_VM = r"/providers/microsoft\.compute/virtualmachines/[^/]+"
_POINTS = r"/providers/microsoft\.compute/restorepointcollections"
COMPUTE_LIMITS: list[tuple[str, str, list[tuple[str, str, int, int]]]] = [
    # methods, path, [(bucket, what it is kept per, capacity, tokens a minute)]
    (
        "GET",
        r"/providers/microsoft\.compute/locations/[^/]+/operations/[^/]+$",
        [
            ("GetOperationResource", "path", 45, 15),
            ("GetOperationSubscriptionMaximum", "subscription", 15000, 5000),
        ],
    ),
    (
        "GET",
        r"/providers/microsoft\.compute/(virtualmachines|restorepointcollections)$",
        [("HighCostGetSubscriptionMaximum", "subscription", 900, 300)],
    ),
    ("GET", _POINTS, [("LowCostGetRestorePointSubscriptionMaximum", "subscription", 600, 200)]),
    ("DELETE", _POINTS, [("DeleteRestorePointSubscriptionMaximum", "subscription", 360, 120)]),
    (
        "GET",
        _VM,
        [
            ("LowCostGetSubscriptionMaximum", "subscription", 24000, 8000),
            ("LowCostGetResource", "machine", 36, 12),
        ],
    ),
    (
        "DELETE POST PUT PATCH",
        _VM,
        [
            ("UpdateVMSubscriptionMaximum", "subscription", 1500, 500),
            ("UpdateVMResource", "machine", 12, 4),
        ],
    ),
]
"""The refill of the restore point buckets is assumed (a third of the capacity, as with
all others)."""


@dataclass(frozen=True, slots=True)
class Charge:
    """The charge for a request: headers to send, and the refusal if a bucket is
    empty."""

    headers: dict[str, str]
    refusal: ArmError | None


class Throttle:
    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._buckets: dict[tuple[str, str], Bucket] = {}

    def reset(self) -> None:
        self._buckets.clear()

    def charge(self, method: str, path: str) -> Charge:
        """Take a token from each bucket of a request."""
        if ids.is_log_query(path):
            return self._charge_query()
        subscription = _subscription(path)
        kind = KINDS.get(method, "writes")
        capacity, rate = ARM_LIMITS[kind]
        own, granted = self._take((kind, subscription), capacity, rate)
        everyone, all_granted = self._take(
            (f"global-{kind}", subscription), capacity * GLOBAL_FACTOR, rate * GLOBAL_FACTOR
        )
        prefix = f"x-ms-ratelimit-remaining-{'subscription' if subscription else 'tenant'}"
        headers = {
            f"{prefix}-{kind}": str(int(own.tokens)),
            f"{prefix}-global-{kind}": str(int(everyone.tokens)),
        }
        refusal = None if granted and all_granted else _arm_refusal(kind, subscription, own)
        counters, compute_refusal = self._charge_compute(method, path, subscription)
        if counters:
            headers["x-ms-ratelimit-remaining-resource"] = ",".join(counters)
        return Charge(headers, refusal or compute_refusal)

    def _charge_query(self) -> Charge:
        """Log queries have a host and a limit of their own."""
        bucket, granted = self._take(("log queries", callers.CLIENT_ID), *QUERY_LIMIT)
        return Charge({}, None if granted else log_errors.throttled(bucket.wait_seconds()))

    def _take(
        self, name: tuple[str, str], capacity: float, per_second: float
    ) -> tuple[Bucket, bool]:
        """The bucket of this name, and whether it had a token."""
        now = self._monotonic()
        if len(self._buckets) > MANY_BUCKETS:
            self._buckets = {
                key: bucket for key, bucket in self._buckets.items() if not bucket.is_full(now)
            }
        bucket = self._buckets.setdefault(name, Bucket(capacity, per_second, capacity, now))
        return bucket, bucket.take(now)

    def _charge_compute(
        self, method: str, path: str, subscription: str
    ) -> tuple[list[str], ArmError | None]:
        """The compute provider's counters, and its refusal if a bucket is empty."""
        for methods, pattern, limits in COMPUTE_LIMITS:
            match = re.search(pattern, fold(path)) if method in methods.split() else None
            if match is None:
                continue
            keys = {
                "subscription": subscription,
                "path": fold(path),
                "machine": fold(path)[: match.end()],
            }
            counters, refusal = [], None
            for name, per, capacity, per_minute in limits:
                bucket, granted = self._take((name, keys[per]), capacity, per_minute / 60)
                counters.append(f"Microsoft.Compute/{name};{int(bucket.tokens)}")
                if not granted and refusal is None:
                    refusal = _compute_refusal(name, bucket)
            return counters, refusal
        return [], None


def _subscription(path: str) -> str:
    match = re.match(r"/subscriptions/([^/]+)", path, re.IGNORECASE | re.ASCII)
    return fold(match[1]) if match else ""


def _arm_refusal(kind: str, subscription: str, bucket: Bucket) -> ArmError:
    wait = bucket.wait_seconds()
    message = (
        f"Number of '{kind[:-1]}' requests for subscription '{subscription}' actor"
        f" '{callers.CLIENT_ID}' exceeded. Please try again after '{wait}' seconds."
    )
    return ArmError(429, "SubscriptionRequestsThrottled", message, {"Retry-After": str(wait)})


def _compute_refusal(name: str, bucket: Bucket) -> ArmError:
    message = (
        "The server rejected the request because too many requests have been received for this"
        " subscription."
    )
    measured = json.dumps({"operationGroup": name, "allowedRequestCount": int(bucket.capacity)})
    details = [{"code": "TooManyRequests", "target": name, "message": measured}]
    headers = {"Retry-After": str(bucket.wait_seconds())}
    return ArmError(429, "OperationNotAllowed", message, headers, details)
