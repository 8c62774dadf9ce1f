"""One way to call ARM: a time limit, one retry policy, one map from the SDK's exceptions into our error tree.

Dispatch is on `error.code`, never on the SDK's exception class: a lock owned by an application answers 401 and would look like a
failed sign-in; ScopeLocked arrives as ResourceExistsError.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception
from tenacity.wait import wait_random_exponential

from shared import errors
from shared.arm_ids import fold
from shared.azure.policies import refused_by

CORRELATION_HEADER = "x-ms-correlation-request-id"
DENIED_CODES = (
    "AuthorizationFailed",
    "LinkedAuthorizationFailed",
    "DenyAssignmentAuthorizationFailed",
    "UnauthorizedApplicationId",
    "InvalidAuthenticationToken",
    "ExpiredAuthenticationToken",
    "AuthenticationFailed",
)
PASSING_CONFLICTS = ("Conflict", "AnotherOperationInProgress", "OperationPreempted", "RetryableError")
"""409s that another request of somebody caused, and that go away."""
_JITTER = wait_random_exponential(multiplier=0.5, max=15)

type ResponseHook = Callable[[Any], None]


@dataclass(frozen=True, slots=True)
class Answer[T]:
    """What a call gave, and the id by which the Activity Log knows it."""

    value: T
    correlation_id: str


class _Seen:
    """Keeps the headers of the first answer of a call (an operation's later polls have ids of their own)."""

    def __init__(self) -> None:
        self.headers: Mapping[str, str] = {}

    def __call__(self, response: Any) -> None:
        if not self.headers:
            self.headers = dict(response.http_response.headers)

    @property
    def correlation_id(self) -> str:
        return {fold(name): value for name, value in self.headers.items()}.get(CORRELATION_HEADER, "")


async def once[T](do: Callable[[ResponseHook], Awaitable[T]], timeout_seconds: float) -> Answer[T]:
    """One attempt. Raises from the AzureCallFailed branch only (and what is not about Azure at all)."""
    seen = _Seen()
    try:
        async with asyncio.timeout(timeout_seconds):
            value = await do(seen)
    except TimeoutError as error:
        message = f"no answer within {timeout_seconds:g} s"
        raise errors.Unavailable(message, correlation_id=seen.correlation_id) from error
    except AzureError as error:
        raise mapped(error, seen.correlation_id) from error
    return Answer(value, seen.correlation_id)


async def with_retries[T](do: Callable[[ResponseHook], Awaitable[T]], *, timeout_seconds: float, retry_seconds: float) -> Answer[T]:
    """Tries again after 429, 5xx and lost connections for `retry_seconds` at most; only for calls that may be sent twice.

    ARM's Retry-After is obeyed to the second. One that reaches past the time left ends the attempts at once: the error says so.
    """
    retrying = AsyncRetrying(
        retry=retry_if_exception(is_passing),
        wait=_pause,
        stop=_out_of_time(retry_seconds),
        reraise=True,
    )
    async for attempt in retrying:
        with attempt:
            return await once(do, timeout_seconds)
    raise AssertionError("tenacity ends with a result or an exception")


def is_passing(error: BaseException) -> bool:
    return isinstance(error, errors.Throttled | errors.Unavailable)


def _told_to_wait(state: RetryCallState) -> float | None:
    error = state.outcome.exception() if state.outcome else None
    return error.retry_after_seconds if isinstance(error, errors.AzureCallFailed) else None


def _pause(state: RetryCallState) -> float:
    told = _told_to_wait(state)
    return told if told is not None else float(_JITTER(state))


def _out_of_time(retry_seconds: float) -> Callable[[RetryCallState], bool]:
    def stop(state: RetryCallState) -> bool:
        spent = state.seconds_since_start or 0.0
        return spent + (_told_to_wait(state) or 0.0) >= retry_seconds

    return stop


def mapped(error: AzureError, correlation_id: str = "") -> errors.AzureCallFailed:
    """The place of an SDK exception in our tree. Total: whatever comes gets a place (tests/azure prove it)."""
    if isinstance(error, HttpResponseError) and error.response is not None:
        return _from_answer(error, correlation_id)
    kind = errors.AccessDenied if isinstance(error, ClientAuthenticationError) else errors.Unavailable
    return kind(error.message or type(error).__name__, correlation_id=correlation_id)


def _from_answer(error: HttpResponseError, correlation_id: str) -> errors.AzureCallFailed:
    headers = {fold(name): value for name, value in (error.response.headers if error.response else {}).items()}
    code = (error.error.code if error.error else "") or ""
    status = error.status_code or 0
    message = (error.error.message if error.error else "") or error.message or f"HTTP {status}"
    return _kind(status, code)(
        message,
        code=code,
        status=status,
        correlation_id=correlation_id or headers.get(CORRELATION_HEADER, ""),
        retry_after_seconds=_retry_after(headers),
        policies=refused_by(_body(error)),
    )


def _body(error: HttpResponseError) -> object:
    """The error's JSON, None where it has none: code and status are told without it."""
    try:
        return json.loads(error.response.text()) if error.response is not None else None
    except (ValueError, RecursionError, AzureError):
        return None


def _kind(status: int, code: str) -> type[errors.AzureCallFailed]:
    if code == "ScopeLocked":
        return errors.ScopeLocked
    if status < 400:  # a long-running operation that ended badly is told with 200
        return errors.OperationFailed
    if status == 404:
        return errors.NotFound
    if status == 429:
        return errors.Throttled
    if status in (401, 403) or code in DENIED_CODES:
        return errors.AccessDenied
    if status == 408 or status >= 500 or (status == 409 and code in PASSING_CONFLICTS):
        return errors.Unavailable
    return errors.Refused


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Whole seconds, as ARM's contract says; anything else is no advice."""
    text = headers.get("retry-after", "")
    return float(text) if text.isdecimal() else None
