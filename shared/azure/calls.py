"""One way to call ARM: a time limit, one retry policy, and one map from every exception
into our error tree.

Where the answer is not the API's (HTML, half of a body, JSON of another shape), the
SDK's clients and our readers may raise any exception. Here it becomes NotUnderstood: a
read does not believe it, and a write counts it as unanswered.

The map goes by `error.code`, never by the SDK's exception class: a lock owned by an
application answers 401, like a failed sign-in, and ScopeLocked arrives as
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
from shared.azure.policies import find_refusing_policies
from shared.azure.retry_after import read_retry_after

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
"""409s caused by another request in progress: they pass."""
MOST_CHARACTERS = 2000
"""Kept of a message: whole pages of HTML do not go on record."""
_JITTER = wait_random_exponential(multiplier=0.5, max=15)

type ResponseHook = Callable[[Any], None]


@dataclass(frozen=True, slots=True)
class Answer[T]:
    """The result of a call, and its correlation id in the Activity Log."""

    value: T
    correlation_id: str


class _Seen:
    """Keeps status and headers of the first answer of a call; an operation's later
    polls have ids of their own."""

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


async def call_once[T](
    do: Callable[[ResponseHook], Awaitable[T]], timeout_seconds: float
) -> Answer[T]:
    """One attempt. Whatever happens, it raises nothing but AzureCallFailed."""
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
        raise map_error(error, seen.correlation_id, seen.status, seen.headers) from error
    return Answer(value, seen.correlation_id)


async def call_with_retries[T](
    do: Callable[[ResponseHook], Awaitable[T]], *, timeout_seconds: float, retry_seconds: float
) -> Answer[T]:
    """Retry after 429, 5xx and lost connections, for `retry_seconds` at most; only for
    calls that may be sent twice. Raises AzureCallFailed.

    ARM's Retry-After is obeyed to the second. One that is longer than the time left
    ends the attempts at once, with the error that carries it.
    """
    retrying = AsyncRetrying(
        retry=retry_if_exception(is_passing),
        wait=_choose_pause_seconds,
        stop=_stop_after(retry_seconds),
        reraise=True,
    )
    async for attempt in retrying:
        with attempt:
            return await call_once(do, timeout_seconds)
    raise AssertionError("tenacity ends with a result or an exception")


def is_passing(error: BaseException) -> bool:
    return isinstance(error, errors.Throttled | errors.Unavailable)


def _read_retry_after(state: RetryCallState) -> float | None:
    error = state.outcome.exception() if state.outcome else None
    return error.retry_after_seconds if isinstance(error, errors.AzureCallFailed) else None


def _choose_pause_seconds(state: RetryCallState) -> float:
    # A Retry-After of 0 (a date in the past) permits an immediate attempt; the jitter
    # keeps such attempts apart.
    return _read_retry_after(state) or float(_JITTER(state))


def _stop_after(retry_seconds: float) -> Callable[[RetryCallState], bool]:
    def stop(state: RetryCallState) -> bool:
        spent = state.seconds_since_start or 0.0
        return spent + (_read_retry_after(state) or 0.0) >= retry_seconds

    return stop


def map_error(
    error: Exception,
    correlation_id: str = "",
    status: int = 0,
    headers: Mapping[str, str] | None = None,
) -> errors.AzureCallFailed:
    """The exception of our tree for any exception; total.

    `status` and `headers` are those of the answer, for an exception without them.
    """
    if isinstance(error, HttpResponseError) and error.response is not None:
        return _map_answer(error, correlation_id)
    if isinstance(error, ClientAuthenticationError):
        return errors.AccessDenied(_describe(error), correlation_id=correlation_id)
    if isinstance(error, AzureError):
        return errors.Unavailable(_describe(error), correlation_id=correlation_id)
    logging.warning("an answer of Azure was not understood", exc_info=error)
    if status >= 400:  # an error without a usable body
        return _build_error(status, "", f"HTTP {status}", headers or {}, correlation_id)
    return errors.NotUnderstood(
        f"the answer is not understood: {_describe(error)}", correlation_id=correlation_id
    )


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:MOST_CHARACTERS]


def _map_answer(error: HttpResponseError, correlation_id: str) -> errors.AzureCallFailed:
    headers = error.response.headers if error.response else {}
    code, message = (
        _read_text(error.error, "code"),
        _read_text(error.error, "message") or str(error.message or ""),
    )
    status = error.status_code or 0
    if status < 400 and not code and not isinstance(error.inner_exception, SdkOperationFailed):
        return errors.NotUnderstood(
            f"the answer is not understood: {message}", correlation_id=correlation_id
        )
    return _build_error(
        status,
        code,
        message or f"HTTP {status}",
        headers,
        correlation_id,
        find_refusing_policies(_read_body(error)),
    )


def _read_text(error: Any, name: str) -> str:
    """A field of the SDK's error, "" unless it is text: the body may hold anything."""
    value = getattr(error, name, None)
    return value[:MOST_CHARACTERS] if isinstance(value, str) else ""


def _build_error(
    status: int,
    code: str,
    message: str,
    headers: Mapping[str, str],
    correlation_id: str,
    policies: tuple[str, ...] = (),
) -> errors.AzureCallFailed:
    named = {fold(name): value for name, value in headers.items()}
    return _choose_class(status, code)(
        message[:MOST_CHARACTERS],
        code=code,
        status=status,
        correlation_id=correlation_id or named.get(CORRELATION_HEADER, ""),
        retry_after_seconds=_read_header_seconds(named),
        policies=policies,
    )


def _read_body(error: HttpResponseError) -> object:
    """The error's JSON; None where it has none: code and status suffice then."""
    try:
        return json.loads(error.response.text()) if error.response is not None else None
    except (ValueError, RecursionError, AzureError):
        return None


def _choose_class(status: int, code: str) -> type[errors.AzureCallFailed]:
    if code == "ScopeLocked":
        return errors.ScopeLocked
    if status < 400:  # a poll answers 200 for a long-running operation that failed
        return errors.OperationFailed
    if status == 404:  # without ARM's error code it is a proxy's, not about the resource
        return errors.NotFound if code else errors.NotUnderstood
    if status == 429:
        return errors.Throttled
    if status in (401, 403) or code in DENIED_CODES:
        return errors.AccessDenied
    if status == 408 or status >= 500 or (status == 409 and code in PASSING_CONFLICTS):
        return errors.Unavailable
    return errors.Refused


def _read_header_seconds(headers: Mapping[str, str]) -> float | None:
    seconds = read_retry_after(headers.get("retry-after", ""))
    return None if seconds is None else float(seconds)
