"""Injected faults: the next matching requests are answered wrongly, late, or never.

A fault is {"method", "path_regex", "times", "action"}. Without `method` or `path_regex`
it matches everything; the expression is searched for in the decoded path (without
query), ignoring case. Without `times` it stays until cleared. Each request uses the
first fault that matches, and counts it down by one; `stale_s` matches only reads of
locks. An action has one or more of

    status, body, headers  this answer, and nothing is done; without a body, an ARM
                           error that fits the status
    reset                  true: the connection is reset before anything is done;
                           "after": the work is done, but the answer is lost
    delay_s                wait first
    effect_after_s         the connection is reset, and the request takes effect so many
                           seconds later, if the rules that hold then let it
    stale_s                a GET of locks is answered as of so many seconds ago
    lro_fail               {code, message}: the operation that this request starts ends
                           Failed (for a backup, its job)
    lro_hang               true: the operation that this request starts never ends
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from local.simulator import ids
from local.simulator.errors import ControlError
from local.simulator.history import KEPT_SECONDS

DEFAULT_CODES = {
    401: "AuthenticationFailed",
    403: "AuthorizationFailed",
    404: "ResourceNotFound",
    409: "Conflict",
    429: "SubscriptionRequestsThrottled",
    500: "InternalServerError",
    502: "BadGateway",
    503: "ServiceUnavailable",
    504: "GatewayTimeout",
}


@dataclass(frozen=True, slots=True)
class Action:
    status: int | None = None
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    reset: bool | str = False
    delay_s: float = 0
    effect_after_s: float | None = None
    stale_s: float | None = None
    lro_fail: dict[str, str] | None = None
    lro_hang: bool = False

    @property
    def resets_before(self) -> bool:
        return self.reset is True

    @property
    def resets_after(self) -> bool:
        return self.reset == "after"

    def answer_body(self, codes: Mapping[int, str] = DEFAULT_CODES) -> Any:
        """The fault's own body, else an error with the code that `codes` has for the
        status."""
        if self.body is not None or self.status is None or self.status < 400:
            return self.body
        code = codes.get(self.status, "SimulatedFault")
        return {"error": {"code": code, "message": f"Simulated fault: {self.status}."}}


@dataclass(slots=True)
class Fault:
    method: str
    path: re.Pattern[str]
    times: int | None
    action: Action
    document: dict[str, Any]

    def matches(self, method: str, path: str) -> bool:
        if self.action.stale_s is not None and not ids.is_lock_path(path):
            return False
        return self.method in ("", method) and self.path.search(path) is not None

    def to_json(self) -> dict[str, Any]:
        return {**self.document, "times": self.times}


class Faults:
    """The faults in force, oldest first."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, document: Any) -> dict[str, Any]:
        """Add a fault and return it as JSON. Raises ControlError for an invalid one."""
        fault = _read_fault(document)
        self._faults.append(fault)
        return fault.to_json()

    def clear(self) -> None:
        self._faults.clear()

    def to_json(self) -> list[dict[str, Any]]:
        return [fault.to_json() for fault in self._faults]

    def take(self, method: str, path: str) -> Action | None:
        """The action of the first fault that matches, counted down; None when none
        matches."""
        for fault in self._faults:
            if fault.matches(method, path):
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times == 0:
                        self._faults.remove(fault)
                return fault.action
        return None


def _read_fault(document: Any) -> Fault:
    if not isinstance(document, dict):
        raise ControlError("a fault is an object")
    if unknown := set(document) - {"method", "path_regex", "times", "action"}:
        raise ControlError(f"a fault has no {', '.join(sorted(unknown))}")
    method = document.get("method") or ""
    _require(
        isinstance(method, str) and (method == "*" or method == "" or method.isalpha()),
        "method is a word",
    )
    expression = document.get("path_regex") or ""
    _require(isinstance(expression, str), "path_regex is text")
    try:
        pattern = re.compile(expression, re.IGNORECASE)
    except re.error as error:
        raise ControlError(f"path_regex {expression!r}: {error}") from error
    times = document.get("times")
    _require(
        times is None or (isinstance(times, int) and times is not True and times > 0),
        "times is a whole number above 0",
    )
    wanted, action = method.upper().replace("*", ""), _read_action(document.get("action"))
    _require(action.stale_s is None or wanted == "GET", "stale_s needs the method GET")
    return Fault(wanted, pattern, times, action, dict(document))


def _read_action(document: Any) -> Action:
    if not isinstance(document, dict) or not document:
        raise ControlError(
            "a fault has an action: status, body, headers, reset, delay_s, effect_after_s,"
            " stale_s, lro_fail or lro_hang"
        )
    if unknown := set(document) - set(Action.__slots__):
        raise ControlError(f"unknown action {', '.join(sorted(unknown))}")
    action = Action(**document)
    _require(
        action.status is None or (type(action.status) is int and 200 <= action.status <= 599),
        "status is 200 to 599",
    )
    _require(
        action.status is not None or not ({"body", "headers"} & set(document)),
        "body and headers need a status",
    )
    texts = isinstance(action.headers, dict) and all(
        isinstance(v, str | int) for v in action.headers.values()
    )
    _require(texts, "headers is an object of texts")
    _require(action.reset in (True, False, "after"), 'reset is true or "after"')
    _require(_is_seconds(action.delay_s), "delay_s is a number of 0 or more")
    _check_late(action, set(document))
    _check_stale(action, set(document))
    failure = action.lro_fail
    good_failure = isinstance(failure, dict) and isinstance(failure.get("code"), str)
    _require(failure is None or good_failure, "lro_fail is an object with code and message")
    _require(isinstance(action.lro_hang, bool), "lro_hang is true")
    return action


def _check_late(action: Action, given: set[str]) -> None:
    if "effect_after_s" not in given:
        return
    _require(
        _is_seconds(action.effect_after_s) and bool(action.effect_after_s),
        "effect_after_s is a number above 0",
    )
    others = given - {"effect_after_s", "delay_s", "lro_fail", "lro_hang"}
    _require(
        not others, f"effect_after_s is never answered, so there is no {', '.join(sorted(others))}"
    )


def _check_stale(action: Action, given: set[str]) -> None:
    if "stale_s" not in given:
        return
    _require(
        _is_seconds(action.stale_s) and 0 < (action.stale_s or 0) <= KEPT_SECONDS,
        f"stale_s is a number above 0, at most {KEPT_SECONDS:g}",
    )
    others = given - {"stale_s", "delay_s"}
    _require(not others, f"beside stale_s there is no {', '.join(sorted(others))}")


def _is_seconds(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and 0 <= value < math.inf


def _require(holds: bool, reason: str) -> None:
    if not holds:
        raise ControlError(reason)
