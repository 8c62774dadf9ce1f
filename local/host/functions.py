"""The functions in the app's index: name, trigger and the other bindings."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from local.host.channel import Message
from local.host.errors import SettingError
from local.host.settings import resolve_app_settings

SUPPORTED_TRIGGERS = (
    "httpTrigger",
    "eventGridTrigger",
    "timerTrigger",
    "queueTrigger",
    "orchestrationTrigger",
    "activityTrigger",
)


@dataclass(frozen=True)
class Function:
    """One function. `trigger` is its trigger binding with app settings resolved,
    `clients` the names of its durable client parameters."""

    name: str
    trigger: Mapping[str, Any] = field(repr=False)
    clients: tuple[str, ...]

    @property
    def trigger_type(self) -> str:
        """The trigger's type, as the runtime spells it."""
        return str(self.trigger["type"])

    @property
    def parameter(self) -> str:
        """The name of the parameter that takes the trigger's value."""
        return str(self.trigger["name"])

    def durable_name(self) -> str:
        """The name by which orchestrations call the activity or orchestrator."""
        key = {"activityTrigger": "activity", "orchestrationTrigger": "orchestration"}.get(
            self.trigger_type
        )
        alias = self.trigger.get(key) if key else None
        return str(alias) if alias else self.name


class Functions:
    """The functions of one app, found by name or by trigger. As in the real host, names
    are compared without case."""

    def __init__(self, functions: Iterable[Function], disabled: Iterable[Function] = ()) -> None:
        self.all = tuple(functions)
        self._disabled = tuple(disabled)
        self._by_name = {f.name.lower(): f for f in self.all}
        self._durable = {(f.trigger_type, f.durable_name().lower()): f for f in self.all}

    def get(self, name: str) -> Function | None:
        """The function with this name, or None."""
        return self._by_name.get(name.lower())

    def of_type(self, trigger_type: str) -> tuple[Function, ...]:
        """Every function with this trigger."""
        return tuple(f for f in self.all if f.trigger_type == trigger_type)

    def disabled_of_type(self, trigger_type: str) -> tuple[Function, ...]:
        """Every function with this trigger that a setting disables: it never runs, but
        its events and messages are kept for it."""
        return tuple(f for f in self._disabled if f.trigger_type == trigger_type)

    def durable(self, trigger_type: str, name: str) -> Function | None:
        """The activity or orchestrator with this name, or None."""
        return self._durable.get((trigger_type, name.lower()))


def read_functions(index: Iterable[Message], env: Mapping[str, str]) -> Functions:
    """The app's functions from the worker's index; those that a setting disables are
    set apart.

    Raises SettingError when a %NAME% cannot be resolved, and for a trigger that this
    host does not support.
    """
    functions = [_read_function(entry, env) for entry in index]
    disabled = [each for each in functions if _is_disabled(each.name, env)]
    return Functions((each for each in functions if each not in disabled), disabled)


def _read_function(entry: Message, env: Mapping[str, str]) -> Function:
    name = str(entry["name"])
    bindings = entry["bindings"]
    triggers = [b for b in bindings if str(b["type"]).lower().endswith("trigger")]
    if len(triggers) != 1:
        raise SettingError(f"function {name} has {len(triggers)} triggers; it needs exactly one")
    trigger = resolve_app_settings(triggers[0], env, f"the trigger of function {name}")
    if trigger["type"] not in SUPPORTED_TRIGGERS:
        raise SettingError(
            f"function {name} has a {trigger['type']}, which the local host does not support"
        )
    clients = tuple(str(b["name"]) for b in bindings if b["type"] == "durableClient")
    return Function(name, trigger, clients)


def _is_disabled(name: str, env: Mapping[str, str]) -> bool:
    return any(
        env.get(key, "").lower() in ("true", "1")
        for key in (f"AzureWebJobs.{name}.Disabled", f"AzureWebJobs_{name}_Disabled")
    )
