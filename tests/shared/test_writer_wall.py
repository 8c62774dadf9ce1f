"""Only execution is handed the writer: every signature outside of it is read, and what
its types hold is followed."""

from __future__ import annotations

import importlib
import inspect
import itertools
import pkgutil
import sys
import types
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import functions
import shared
from shared.azure.writer import ArmWriter
from shared.execution.executor import Execution

INSIDE = ("shared.execution", "shared.azure", "shared.app")


def modules() -> Iterator[types.ModuleType]:
    for room in (shared, functions):
        for found in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
            if not found.name.startswith(INSIDE):
                yield importlib.import_module(found.name)


def takers(module: types.ModuleType) -> Iterator[Callable[..., Any]]:
    """What is defined in a module and takes arguments: functions, classes, methods."""
    for each in vars(module).values():
        if getattr(each, "__module__", "") == module.__name__:
            if inspect.isclass(each):
                yield each
                own = filter(inspect.isfunction, vars(each).values())
                yield from (method for method in own if method.__module__ == module.__name__)
            elif inspect.isfunction(each):
                yield each


def given_types(taker: Callable[..., Any]) -> set[type]:
    """The classes that the parameters name, in unions, containers and aliases too."""
    hints: dict[str, Any] = {}
    names = type_parameters(sys.modules[taker.__module__])
    for source in [taker, taker.__init__] if inspect.isclass(taker) else [taker]:
        if hasattr(source, "__annotations__"):
            hints |= typing.get_type_hints(source, localns=names)
    hints.pop("return", None)
    return {found for hint in hints.values() for found in classes_in(hint)}


def type_parameters(module: types.ModuleType) -> dict[str, Any]:
    made = (getattr(each, "__type_params__", ()) for each in vars(module).values())
    return {each.__name__: each for each in itertools.chain.from_iterable(made)}


def classes_in(hint: Any) -> Iterator[type]:
    if isinstance(hint, typing.TypeAliasType):
        yield from classes_in(hint.__value__)
    for each in typing.get_args(hint):
        yield from classes_in(each)
    if inspect.isclass(hint):
        yield hint


def way_to_the_writer(taker: Callable[..., Any], seen: frozenset[Any] = frozenset()) -> list[str]:
    """The names from what is taken down to the writer; empty when there is no way. A
    Protocol says what is asked, and holds nothing."""
    for kind in given_types(taker):
        if kind is ArmWriter:
            return ["ArmWriter"]
        ours = kind.__module__.startswith(("shared.", "functions."))
        new = ours and kind not in seen and not getattr(kind, "_is_protocol", False)
        if new and (way := way_to_the_writer(kind, seen | {kind})):
            return [kind.__name__, *way]
    return []


def test_only_execution_is_handed_the_writer() -> None:
    ways = {
        f"{module.__name__}.{taker.__qualname__}": way
        for module in modules()
        for taker in takers(module)
        if (way := way_to_the_writer(taker))
    }
    assert ways == {}


@dataclass(frozen=True)
class Bag:
    stages: dict[str, tuple[Execution | None, ...]]


def test_a_writer_in_a_bag_is_found() -> None:
    assert way_to_the_writer(Execution)[-1] == "ArmWriter"
    assert way_to_the_writer(Bag)[0] == "Execution"


def test_every_room_is_read() -> None:
    names = {module.__name__ for module in modules()}
    assert names >= {
        "functions.guardian",
        "functions.remediation",
        "shared.diagnosis.begin",
        "shared.incident.restarts",
        "shared.intake.take",
        "shared.plan.turn",
        "shared.verification.start",
    }
