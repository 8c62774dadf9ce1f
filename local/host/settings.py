"""What the local host itself can be told: environment variables that start with
LOCAL_HOST_, and host.json."""

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


@dataclass(frozen=True)
class HostSettings:
    """Settings of one run. `retry_scale` shortens the pauses of Event Grid and of
    queues: 0.1 makes Event Grid's first retry come after 1 s. The two visibility
    timeouts are scaled already."""

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
        """How long to wait after the given number of failed attempts (1 or more)."""
        return (
            RETRY_SCHEDULE_SECONDS[min(attempts, len(RETRY_SCHEDULE_SECONDS)) - 1]
            * self.retry_scale
        )


def read_settings(env: Mapping[str, str], app_dir: Path) -> HostSettings:
    """Settings from the environment and the app's host.json. Raises SettingError when
    one cannot be read."""
    host_json = _read_host_json(app_dir / "host.json", env)
    extensions = _section(host_json, "extensions")
    durable, http, queues = (
        _section(extensions, name) for name in ("durableTask", "http", "queues")
    )
    provider, scale = (
        _section(durable, "storageProvider"),
        _number(env, "LOCAL_HOST_RETRY_SCALE", 0.1),
    )
    return HostSettings(
        log_to_stderr=env.get("LOCAL_HOST_LOG", "").lower() == "stderr",
        timers=env.get("LOCAL_HOST_TIMERS", "on").lower() not in ("off", "false", "0"),
        retry_scale=scale,
        max_delivery_attempts=_whole(
            "LOCAL_HOST_MAX_DELIVERY_ATTEMPTS", env.get("LOCAL_HOST_MAX_DELIVERY_ATTEMPTS", 30)
        ),
        delivery_timeout_seconds=_number(env, "LOCAL_HOST_DELIVERY_TIMEOUT_S", 30.0),
        function_timeout_seconds=_seconds(
            "functionTimeout", host_json.get("functionTimeout", "00:30:00")
        ),
        route_prefix=str(http.get("routePrefix", "api")).strip("/"),
        queue_encoding=str(queues.get("messageEncoding", "base64")),
        queue_attempts=_whole("maxDequeueCount", queues.get("maxDequeueCount", 5)),
        queue_pause_seconds=_seconds(
            "visibilityTimeout", queues.get("visibilityTimeout", "00:00:00")
        ),
        max_activities=_whole(
            "maxConcurrentActivityFunctions", durable.get("maxConcurrentActivityFunctions", 20)
        ),
        max_orchestrators=_whole(
            "maxConcurrentOrchestratorFunctions",
            durable.get("maxConcurrentOrchestratorFunctions", 20),
        ),
        activity_visibility_seconds=scale * _visibility(provider, "workItemQueueVisibilityTimeout"),
        orchestrator_visibility_seconds=scale
        * _visibility(provider, "controlQueueVisibilityTimeout"),
    )


def _read_host_json(path: Path, env: Mapping[str, str]) -> dict[str, Any]:
    if not path.exists():
        raise SettingError(f"{path} is missing: a function app needs a host.json, also in Azure")
    try:
        value = json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise SettingError(f"{path} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise SettingError(f"{path} must hold a JSON object")
    resolved = resolve(value, env, str(path))
    assert isinstance(resolved, dict)
    return resolved


def _number(env: Mapping[str, str], name: str, default: float) -> float:
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


def _seconds(name: str, value: Any) -> float:
    match = re.fullmatch(r"(\d{1,2}):([0-5]\d):([0-5]\d)", str(value))
    if match is None:
        raise SettingError(f"{name} must be hh:mm:ss, not {value!r}")
    hours, minutes, seconds = (int(part) for part in match.groups())
    return float(hours * 3600 + minutes * 60 + seconds)


def _visibility(provider: dict[str, Any], name: str) -> float:
    """Five minutes where host.json says nothing: AzureStorageOptions of the Durable
    extension."""
    return _seconds(name, provider.get(name, "00:05:00"))


def _whole(name: str, value: Any) -> int:
    text = str(value)
    if not text.isdecimal() or int(text) < 1:
        raise SettingError(f"{name} must be a whole number of 1 or more, not {text!r}")
    return int(text)


def _section(holder: dict[str, Any], name: str) -> dict[str, Any]:
    section = holder.get(name, {})
    if not isinstance(section, dict):
        raise SettingError(f"{name} in host.json must be an object")
    return section


def resolve(value: Any, env: Mapping[str, str], where: str) -> Any:
    """The value with every %NAME% in its strings replaced from `env`. Raises
    SettingError for a name that is not set."""

    def one(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in env:
            raise SettingError(f"'%{name}%' in {where} does not resolve to a value: set {name}")
        return env[name]

    if isinstance(value, str):
        return re.sub(r"%([A-Za-z_][A-Za-z0-9_.:]*)%", one, value)
    if isinstance(value, dict):
        return {key: resolve(item, env, where) for key, item in value.items()}
    if isinstance(value, list):
        return [resolve(item, env, where) for item in value]
    return value
