"""What the resources of a type were a while ago, for reads that lag behind.

Azure Resource Manager promises no bound for the age of an answer to GET, nor Resource
Graph for the time until it shows a change.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable

from local.simulator import ids
from local.simulator.state import Resource, State

KEPT_SECONDS = 300.0
"""How old a read may be at most; older versions are forgotten."""

type Version = tuple[float, Resource | None]
"""Since when (monotonic seconds), and what it was; None: it was not there."""


class History:
    """The versions of each resource of one type, from now on. What the state holds at
    first counts as always there."""

    def __init__(self, state: State, kind: str, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._versions: dict[str, list[Version]] = {
            ids.key(each["id"]): [(-math.inf, copy.deepcopy(each))] for each in state.of_type(kind)
        }
        state.watch(kind, self._note)

    def as_of(self, seconds: float) -> State:
        """The resources as they were so many seconds ago."""
        moment = self._monotonic() - seconds
        found = [_at(versions, moment) for versions in self._versions.values()]
        return State([each for each in found if each is not None])

    def _note(self, key: str, resource: Resource | None) -> None:
        now = self._monotonic()
        self._versions.setdefault(key, []).append((now, copy.deepcopy(resource)))
        self._versions = {
            key: kept
            for key, versions in self._versions.items()
            if (kept := _since(versions, now - KEPT_SECONDS))
        }


def _at(versions: list[Version], moment: float) -> Resource | None:
    return next((each for since, each in reversed(versions) if since <= moment), None)


def _since(versions: list[Version], moment: float) -> list[Version]:
    """The version of that moment and those after it; none for one that is gone."""
    older = sum(since <= moment for since, _ in versions)
    kept = versions[max(older - 1, 0) :]
    return [] if len(kept) == 1 and older and kept[0][1] is None else kept
