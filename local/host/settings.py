"""Settings of the local host: environment variables that start with LOCAL_HOST_, and
the app's host.json."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.host.errors import SettingError

MAX_BODY_BYTES = 100 * 1024 * 1024

# Event Grid's own schedule, in seconds; the last one repeats.
RETRY_SCHEDULE_SECONDS = (10.0, 30.0, 60.0, 300.0, 600.0, 1800.0, 3600.0, 10800.0, 21600.0, 43200.0)
VISIBILITY_TIMEOUT = "00:05:00"
"""Default of AzureStorageOptions in the Durable extension."""


@dataclass(frozen=True)
class HostSettings:
    """Settings of one run.

    `retry_scale` multiplies the pauses of Event Grid and of queues: with 0.1, Event
    Grid's first retry comes after 1 s. The two visibility timeouts are already scaled.
    """

    log_to_stderr: bool
    timers: bool
    retry_scale: float
    max_delivery_attempts: int
    delivery_timeout_seconds: float
    function_timeout_seconds: float
    route_prefix: str
    queue_encoding: str
    queue_attempts: int
    queue_pause_seconds: float
    max_activities: int
    max_orchestrators: int
    activity_visibility_seconds: float
    orchestrator_visibility_seconds: float

    def retry_delay_seconds(self, attempts: int) -> float:
        """How long to wait after this number of failed attempts (1 or more)."""
        number = min(attempts, len(RETRY_SCHEDULE_SECONDS))
        return RETRY_SCHEDULE_SECONDS[number - 1] * self.retry_scale


def read_settings(env: Mapping[str, str], app_dir: Path) -> HostSettings:
    """Settings from the environment and the app's host.json. Raises SettingError when
    one cannot be read."""
    host_json = _read_host_json(app_dir / "host.json", env)
    extensions = _section(host_json, "extensions")
    http, queues = _section(extensions, "http"), _section(extensions, "queues")
    durable = _section(extensions, "durableTask")
    provider = _section(durable, "storageProvider")
    scale = _read_number(env, "LOCAL_HOST_RETRY_SCALE", 0.1)
    return HostSettings(
        log_to_stderr=env.get("LOCAL_HOST_LOG", "").lower() == "stderr",
        timers=env.get("LOCAL_HOST_TIMERS", "on").lower() not in ("off", "false", "0"),
        retry_scale=scale,
        max_delivery_attempts=_read_count(env, "LOCAL_HOST_MAX_DELIVERY_ATTEMPTS", 30),
        delivery_timeout_seconds=_read_number(env, "LOCAL_HOST_DELIVERY_TIMEOUT_S", 30.0),
        function_timeout_seconds=_read_span(host_json, "functionTimeout", "00:30:00"),
        route_prefix=str(http.get("routePrefix", "api")).strip("/"),
        queue_encoding=str(queues.get("messageEncoding", "base64")),
        queue_attempts=_read_count(queues, "maxDequeueCount", 5),
        queue_pause_seconds=_read_span(queues, "visibilityTimeout", "00:00:00"),
        max_activities=_read_count(durable, "maxConcurrentActivityFunctions", 20),
        max_orchestrators=_read_count(durable, "maxConcurrentOrchestratorFunctions", 20),
        activity_visibility_seconds=scale
        * _read_span(provider, "workItemQueueVisibilityTimeout", VISIBILITY_TIMEOUT),
        orchestrator_visibility_seconds=scale
        * _read_span(provider, "controlQueueVisibilityTimeout", VISIBILITY_TIMEOUT),
    )


def resolve_app_settings(value: Any, env: Mapping[str, str], where: str) -> Any:
    """The value with every %NAME% in its strings replaced from `env`. Raises
    SettingError for a name that is not set."""

    def look_up(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in env:
            raise SettingError(f"'%{name}%' in {where} does not resolve to a value: set {name}")
        return env[name]

    if isinstance(value, str):
        return re.sub(r"%([A-Za-z_][A-Za-z0-9_.:]*)%", look_up, value)
    if isinstance(value, dict):
        return {key: resolve_app_settings(item, env, where) for key, item in value.items()}
    if isinstance(value, list):
        return [resolve_app_settings(item, env, where) for item in value]
    return value


def _read_host_json(path: Path, env: Mapping[str, str]) -> dict[str, Any]:
    if not path.exists():
        raise SettingError(f"{path} is missing: a function app needs a host.json, also in Azure")
    try:
        value = json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise SettingError(f"{path} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise SettingError(f"{path} must hold a JSON object")
    resolved = resolve_app_settings(value, env, str(path))
    assert isinstance(resolved, dict)
    return resolved


def _section(parent: dict[str, Any], name: str) -> dict[str, Any]:
    section = parent.get(name, {})
    if not isinstance(section, dict):
        raise SettingError(f"{name} in host.json must be an object")
    return section


def _read_number(env: Mapping[str, str], name: str, default: float) -> float:
    """A number above 0."""
    text = env.get(name)
    if text is None:
        return default
    try:
        number = float(text)
    except ValueError as error:
        raise SettingError(f"{name} must be a number, not {text!r}") from error
    if not 0 < number < float("inf"):
        raise SettingError(f"{name} must be a number above 0, not {text!r}")
    return number


def _read_count(holder: Mapping[str, Any], name: str, default: int) -> int:
    """A whole number of 1 or more."""
    text = str(holder.get(name, default))
    if not text.isdecimal() or int(text) < 1:
        raise SettingError(f"{name} must be a whole number of 1 or more, not {text!r}")
    return int(text)


def _read_span(holder: Mapping[str, Any], name: str, default: str) -> float:
    """hh:mm:ss, in seconds."""
    value = holder.get(name, default)
    match = re.fullmatch(r"(\d{1,2}):([0-5]\d):([0-5]\d)", str(value))
    if match is None:
        raise SettingError(f"{name} must be hh:mm:ss, not {value!r}")
    hours, minutes, seconds = (int(part) for part in match.groups())
    return float(hours * 3600 + minutes * 60 + seconds)
