"""The settings that can change while the simulator runs, with their defaults, which are
faster than Azure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from local.simulator.errors import ControlError
from local.simulator.history import KEPT_SECONDS

LRO_SECONDS = {
    "extension_delete": 0.2,
    "extension_timeout": 1.0,
    "collection_delete": 0.3,
    "restore_point_delete": 0.2,
    "network_read": 0.1,
    "backup_start": 0.1,
    "backup": 0.5,
    "job_cancel": 0.1,
}
"""Seconds that each long-running operation takes. In Azure extension_timeout is 900, a
restore point takes 5, a backup hours. `backup_start` is the time from the request until
operationsStatus names the job, `backup` until the job ends."""


@dataclass(frozen=True, slots=True)
class Settings:
    latency_ms: float = 0
    """Added to every ARM request."""
    lro_s: dict[str, float] = field(default_factory=lambda: dict(LRO_SECONDS))
    lock_delete_propagation_s: float = 0
    """How long a lock keeps blocking after its DELETE answered 200. Azure promises
    nothing; minutes were seen."""
    lock_read_lag_s: float = 0
    """How old every read of locks is. Azure promises nothing."""
    graph_lag_s: float = 0
    """How long after a change Resource Graph shows it. Azure promises nothing."""
    throttle: bool = False
    """Whether an empty token bucket answers 429. The headers have the counters either
    way."""
    seed: int | None = None
    """Seed of all generated ids; None is fresh entropy."""
    backup_retry_after_s: int | None = 1
    """Retry-After of Azure Backup's 202 answers; None leaves it out. In Azure's
    examples it is 60."""
    page_size: int = 100
    """Longest page of a list; the rest is behind nextLink."""
    log_rows: int = 500_000
    """Most rows of a log query's answer. When there are more, these come with a
    PartialError."""

    crash_consistent_fallback: bool = False
    """Whether under an Enhanced policy a backup of a VM whose agent is silent
    completes, crash-consistent. In Azure the attempts 4, 6 and 8 of a backup may, not
    on every disk and size."""
    activity_log_delay_s: float = 0
    """How long after its moment an event of the Activity Log can be read. Azure: 3 to
    20 minutes."""

    allowed_actions: list[str] | None = None
    """The actions that the caller's roles allow, with Azure's wildcards; all others are
    403. None allows everything."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def update(self, document: Any) -> Settings:
        """A copy with the named settings replaced (lro_s operation by operation).
        Raises ControlError."""
        if not isinstance(document, dict):
            raise ControlError("settings are an object")
        known = [each.name for each in fields(self)]
        for name in document:
            if name not in known:
                raise ControlError(f"unknown setting {name!r}; there are {', '.join(known)}")
        values: dict[str, Any] = {
            name: _READERS[name](name, value) for name, value in document.items()
        }
        if "lro_s" in values:
            values["lro_s"] = {**self.lro_s, **values["lro_s"]}
        return replace(self, **values)


def _read_number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e9:
        raise ControlError(f"{name} is {value!r}; it takes a number of 0 or more")
    return value


def _read_lag(name: str, value: Any) -> float:
    seconds = _read_number(name, value)
    if seconds > KEPT_SECONDS:
        raise ControlError(f"{name} is {value!r}; it takes at most {KEPT_SECONDS:g}")
    return seconds


def _read_lro_seconds(name: str, value: Any) -> dict[str, float]:
    if not isinstance(value, dict):
        raise ControlError(f"{name} is an object of seconds by operation")
    for operation in value:
        if operation not in LRO_SECONDS:
            raise ControlError(
                f"{name} has no operation {operation!r}; there are {', '.join(LRO_SECONDS)}"
            )
    return {
        operation: _read_number(f"{name}.{operation}", seconds)
        for operation, seconds in value.items()
    }


def _read_switch(name: str, value: Any) -> bool:
    if value is True or value == "on":
        return True
    if value is False or value == "off":
        return False
    raise ControlError(f'{name} is {value!r}; it takes true, false, "on" or "off"')


def _read_whole_or_none(name: str, value: Any) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
        raise ControlError(f"{name} is {value!r}; it takes a whole number of 0 or more, or null")
    return value


def _read_count(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ControlError(f"{name} is {value!r}; it takes a whole number of 1 or more")
    return value


def _read_actions(name: str, value: Any) -> list[str] | None:
    if value is not None and (
        not isinstance(value, list)
        or not all(isinstance(action, str) and action for action in value)
    ):
        raise ControlError(
            f"{name} is {value!r}; it takes a list of actions such as"
            " Microsoft.Compute/virtualMachines/read, or null"
        )
    return value


_READERS: dict[str, Callable[[str, Any], Any]] = {
    "latency_ms": _read_number,
    "lro_s": _read_lro_seconds,
    "lock_delete_propagation_s": _read_number,
    "lock_read_lag_s": _read_lag,
    "graph_lag_s": _read_lag,
    "activity_log_delay_s": _read_number,
    "crash_consistent_fallback": _read_switch,
    "throttle": _read_switch,
    "seed": _read_whole_or_none,
    "backup_retry_after_s": _read_whole_or_none,
    "page_size": _read_count,
    "log_rows": _read_count,
    "allowed_actions": _read_actions,
}
