"""One way to call ARM: a time limit, one retry policy, one map from whatever comes back
into our error tree.

What is no answer of the API (HTML, half of a body, JSON of another shape) makes the
SDK's clients, or our mappers, raise anything at all. Here it becomes NotUnderstood: a
read does not believe it, and a write counts it as no answer.

Dispatch is on `error.code`, never on the SDK's exception class: a lock owned by an
application answers 401 and would look like a failed sign-in; ScopeLocked arrives as
ResourceExistsError.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError
from azure.core.polling.base_polling import OperationFailed as SdkOperationFailed
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception
from tenacity.wait import wait_random_exponential

from shared import errors
from shared.arm_ids import fold
from shared.azure.policies import refused_by
from shared.azure.retry_after import whole_seconds

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
PASSING_CONFLICTS = (
    "Conflict",
    "AnotherOperationInProgress",
    "OperationPreempted",
    "RetryableError",
    "BMSUserErrorObjectLocked",
    "UserErrorBackupOperationInProgress",
    "SystemBackupOperationInProgress",
)
"""409s that another request of somebody caused, and that go away."""
MOST_CHARACTERS = 2000
"""Of what a body says: pages of HTML are not put on record."""
_JITTER = wait_random_exponential(multiplier=0.5, max=15)

type ResponseHook = Callable[[Any], None]


@dataclass(frozen=True, slots=True)
class Answer[T]:
    """What a call gave, and the id by which the Activity Log knows it."""

    value: T
    correlation_id: str


class _Seen:
    """Keeps status and headers of the first answer of a call (an operation's later
    polls have ids of their own)."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: Mapping[str, str] = {}

    def __call__(self, response: Any) -> None:
        if not self.headers:
            self.status = response.http_response.status_code
            self.headers = dict(response.http_response.headers)

    @property
    def correlation_id(self) -> str:
        return {fold(name): value for name, value in self.headers.items()}.get(
            CORRELATION_HEADER, ""
        )


async def once[T](do: Callable[[ResponseHook], Awaitable[T]], timeout_seconds: float) -> Answer[T]:
    """One attempt. Raises from the AzureCallFailed branch only, whatever the answer
    was."""
    seen = _Seen()
    try:
        async with asyncio.timeout(timeout_seconds):
            value = await do(seen)
    except TimeoutError as error:
        message = f"no answer within {timeout_seconds:g} s"
        raise errors.Unavailable(message, correlation_id=seen.correlation_id) from error
    except errors.AzureCallFailed as error:
        error.correlation_id = error.correlation_id or seen.correlation_id
        raise
    except Exception as error:
        raise mapped(error, seen.correlation_id, seen.status, seen.headers) from error
    return Answer(value, seen.correlation_id)


async def with_retries[T](
    do: Callable[[ResponseHook], Awaitable[T]], *, timeout_seconds: float, retry_seconds: float
) -> Answer[T]:
    """Tries again after 429, 5xx and lost connections for `retry_seconds` at most; only
    for calls that may be sent twice.

    ARM's Retry-After is obeyed to the second. One that reaches past the time left ends
    the attempts at once: the error says so.
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
    return told or float(
        _JITTER(state)
    )  # 0: a date that is over; come again, but not at once for ever


def _out_of_time(retry_seconds: float) -> Callable[[RetryCallState], bool]:
    def stop(state: RetryCallState) -> bool:
        spent = state.seconds_since_start or 0.0
        return spent + (_told_to_wait(state) or 0.0) >= retry_seconds

    return stop


def mapped(
    error: Exception,
    correlation_id: str = "",
    status: int = 0,
    headers: Mapping[str, str] | None = None,
) -> errors.AzureCallFailed:
    """The place of an exception in our tree. Total: whatever comes gets a place.

    `status` and `headers` are those of the answer, for an exception that does not carry
    them.
    """
    if isinstance(error, HttpResponseError) and error.response is not None:
        return _from_answer(error, correlation_id)
    if isinstance(error, ClientAuthenticationError):
        return errors.AccessDenied(_told(error), correlation_id=correlation_id)
    if isinstance(error, AzureError):
        return errors.Unavailable(_told(error), correlation_id=correlation_id)
    logging.warning("an answer of Azure was not understood", exc_info=error)
    if status >= 400:  # an error whose body is none
        return _failed(status, "", f"HTTP {status}", headers or {}, correlation_id)
    return errors.NotUnderstood(
        f"the answer is not understood: {_told(error)}", correlation_id=correlation_id
    )


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:MOST_CHARACTERS]


def _from_answer(error: HttpResponseError, correlation_id: str) -> errors.AzureCallFailed:
    headers = error.response.headers if error.response else {}
    code, message = (
        _text(error.error, "code"),
        _text(error.error, "message") or str(error.message or ""),
    )
    status = error.status_code or 0
    if status < 400 and not code and not isinstance(error.inner_exception, SdkOperationFailed):
        return errors.NotUnderstood(
            f"the answer is not understood: {message}", correlation_id=correlation_id
        )
    return _failed(
        status, code, message or f"HTTP {status}", headers, correlation_id, refused_by(_body(error))
    )


def _text(told: Any, name: str) -> str:
    """A field of an error body, which may be anything."""
    value = getattr(told, name, None)
    return value[:MOST_CHARACTERS] if isinstance(value, str) else ""


def _failed(
    status: int,
    code: str,
    message: str,
    headers: Mapping[str, str],
    correlation_id: str,
    policies: tuple[str, ...] = (),
) -> errors.AzureCallFailed:
    named = {fold(name): value for name, value in headers.items()}
    return _kind(status, code)(
        message[:MOST_CHARACTERS],
        code=code,
        status=status,
        correlation_id=correlation_id or named.get(CORRELATION_HEADER, ""),
        retry_after_seconds=_retry_after(named),
        policies=policies,
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
    if status == 404:  # without ARM's error it is a proxy's, and says nothing of the resource
        return errors.NotFound if code else errors.NotUnderstood
    if status == 429:
        return errors.Throttled
    if status in (401, 403) or code in DENIED_CODES:
        return errors.AccessDenied
    if status == 408 or status >= 500 or (status == 409 and code in PASSING_CONFLICTS):
        return errors.Unavailable
    return errors.Refused


def _retry_after(headers: Mapping[str, str]) -> float | None:
    seconds = whole_seconds(headers.get("retry-after", ""))
    return None if seconds is None else float(seconds)
