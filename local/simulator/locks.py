"""Management locks, and what they block.

1. A lock holds at its scope and everywhere below. CanNotDelete blocks DELETE; ReadOnly
   blocks DELETE, PUT, PATCH and POST.
2. A lock also blocks the DELETE of any parent of its scope, which would delete the
   locked resource, too.
3. A lock can always be created and deleted, unless an application owns it.
4. After its DELETE a lock keeps blocking for `lock_delete_propagation_s`.

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
        """Let a deleted lock keep blocking for some seconds."""
        if seconds > 0:
            until = self._monotonic() + seconds
            scope = ids.extension_scope(lock["id"])
            self._lingering.append(Lingering(scope, text(lock, "level"), until))

    def blocking(self, state: State, method: str, target: str) -> list[str]:
        """The locked scopes that forbid `method` on `target`, each once; empty when it
        is allowed."""
        self._lingering = [lock for lock in self._lingering if lock.until > self._monotonic()]
        locks = [
            (ids.extension_scope(lock["id"]), text(lock, "level"))
            for lock in state.of_type(ids.LOCK)
        ]
        locks += [(lock.scope, lock.level) for lock in self._lingering]
        # Reversed, so that a scope keeps the casing of its first lock.
        scopes = {
            ids.key(scope): scope
            for scope, level in reversed(locks)
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
