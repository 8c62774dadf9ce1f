"""Management locks: what they block, and where they are seen.

1. A lock holds at its scope and everywhere below. CanNotDelete blocks DELETE; ReadOnly
   blocks DELETE, PUT, PATCH and POST.
2. A lock below blocks the DELETE of what holds it, because the DELETE would take the
   locked thing along.
3. Locks themselves can always be made and deleted, unless an application owns them.
4. After its DELETE a lock goes on blocking for `lock_delete_propagation_s`.
5. A list shows locks at, above and below the scope; with `atScope()` those at and
   above.

https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from local.simulator import errors, ids
from local.simulator.ids import fold
from local.simulator.state import Resource, State, text

WRITES = ("PUT", "PATCH", "POST")


@dataclass(frozen=True, slots=True)
class Lingering:
    """A deleted lock that still blocks until `until` (monotonic seconds)."""

    scope: str
    level: str
    until: float


class Locks:
    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._lingering: list[Lingering] = []

    def linger(self, lock: Resource, seconds: float) -> None:
        if seconds > 0:
            until = self._monotonic() + seconds
            self._lingering.append(
                Lingering(ids.extension_scope(lock["id"]), text(lock, "level"), until)
            )

    def blocking(self, state: State, method: str, target: str) -> list[str]:
        """The locked scopes that forbid `method` on `target`, each once; empty when it
        is allowed."""
        self._lingering = [each for each in self._lingering if each.until > self._monotonic()]
        held = [
            (ids.extension_scope(lock["id"]), text(lock, "level"))
            for lock in state.of_type(ids.LOCK)
        ]
        held += [(each.scope, each.level) for each in self._lingering]
        scopes = {
            ids.key(scope): scope
            for scope, level in reversed(held)
            if _blocks(scope, level, method, target)
        }
        return [scopes[key] for key in sorted(scopes)]

    def check(self, state: State, method: str, target: str) -> None:
        """Raises ArmError 409 ScopeLocked."""
        if scopes := self.blocking(state, method, target):
            raise errors.scope_locked(target, "delete" if method == "DELETE" else "write", scopes)


def _blocks(scope: str, level: str, method: str, target: str) -> bool:
    if method == "DELETE":
        return ids.at_or_above(scope, target) or ids.at_or_above(target, scope)
    return method in WRITES and fold(level) == "readonly" and ids.at_or_above(scope, target)


def seen_from(state: State, scope: str, at_scope_only: bool) -> list[Resource]:
    """The locks that a list at `scope` shows."""
    return [
        lock
        for lock in state.of_type(ids.LOCK)
        if _seen(ids.extension_scope(lock["id"]), scope, at_scope_only)
    ]


def _seen(lock_scope: str, scope: str, at_scope_only: bool) -> bool:
    return ids.at_or_above(lock_scope, scope) or (
        not at_scope_only and ids.at_or_above(scope, lock_scope)
    )
