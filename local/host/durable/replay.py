"""Runs the library's JSON actions against the history; what remains are the protobuf
actions that are still to be sent.

The library lists every action since the start and gives them no ids, so this follows
the real extension:

1. Top-level actions run one after the other: the next one starts when the previous one
   has settled.
2. An action takes its id when it starts, from 0 upwards and depth first. Waiting for an
   event takes no id.
3. History events settle actions in their order. `any` settles with its first child,
   `all` with its last, even after a failure.
4. A cancelled timer keeps its id, settles at once and is not sent.
5. An id that the history already has is not sent again. If the history has other work
   under it, the orchestrator is not deterministic: ReplayError.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from local.host.durable import actions as build

Action = dict[str, Any]

NOT_SUPPORTED = {
    1: "an activity with the library's retries",
    2: "a sub-orchestration",
    3: "a sub-orchestration with the library's retries",
    7: "a call of an entity",
    8: "a durable HTTP call",
    9: "a signal to an entity",
}


class ReplayError(Exception):
    """The actions do not fit the history, or one of them is not supported."""


class _Node:
    """A task that settles once, by success or failure."""

    def __init__(self) -> None:
        self.settled = False
        self.failed = False
        self._then: list[Callable[[], None]] = []

    def settle(self, *, failed: bool = False) -> None:
        if self.settled:
            return
        self.settled, self.failed = True, failed
        for action in self._then:
            action()

    def then(self, action: Callable[[], None]) -> None:
        if self.settled:
            action()
        else:
            self._then.append(action)


class Replay:
    """One run of an orchestration's actions against its history."""

    def __init__(self, actions: Sequence[Action], history: Sequence[Any]) -> None:
        self._actions = actions
        self._history = history
        self._scheduled = build.scheduled_work(history)
        self._claimed: set[int] = set()
        self._next_id = 0
        self._next_action = 0
        self._current: _Node | None = None
        self._waiting: dict[int, _Node] = {}
        self._open: set[int] = set()
        self._raised: defaultdict[str, deque[None]] = defaultdict(deque)
        self._listeners: defaultdict[str, deque[_Node]] = defaultdict(deque)
        self.to_send: list[Any] = []

    def run(self) -> bool:
        """Fill `to_send` and return whether the orchestration may end: every top-level
        action has settled, and no activity or uncancelled timer is open. Raises
        ReplayError."""
        for event in self._history:
            self._take(event)
        unclaimed = sorted(set(self._scheduled) - self._claimed)
        if unclaimed:
            work = ", ".join(f"{n}: {' '.join(self._scheduled[n])}" for n in unclaimed)
            raise ReplayError(
                "Non-Deterministic workflow detected: the history holds work that the orchestrator"
                f" did not request ({work})"
            )
        all_settled = self._next_action == len(self._actions) and (
            self._current is None or self._current.settled
        )
        return all_settled and not self._open

    def _take(self, event: Any) -> None:
        if event.HasField("executionStarted"):
            self._advance()
        elif event.HasField("eventRaised"):
            self._raise(event.eventRaised.name.lower())
        else:
            outcome = build.settled_work(event)
            if outcome is not None:
                self._settle(*outcome)

    def _settle(self, number: int, failed: bool) -> None:
        self._open.discard(number)
        node = self._waiting.pop(number, None)
        if node is not None:
            node.settle(failed=failed)

    def _raise(self, name: str) -> None:
        if self._listeners[name]:
            self._listeners[name].popleft().settle()
        else:
            self._raised[name].append(None)

    def _advance(self) -> None:
        while self._next_action < len(self._actions):
            action = self._actions[self._next_action]
            self._next_action += 1
            self._current = self._begin(action)
            if not self._current.settled:
                self._current.then(self._advance)
                return

    def _begin(self, action: Action) -> _Node:
        kind = action["actionType"]
        begin = {
            0: self._begin_activity,
            4: self._begin_nothing,
            5: self._begin_timer,
            6: self._begin_event,
            11: self._begin_any,
            12: self._begin_all,
        }.get(kind)
        if begin is None:
            name = NOT_SUPPORTED.get(kind, f"action type {kind}")
            raise ReplayError(f"{name}: not supported by the local host")
        return begin(action)

    def _claim(self, kind: str, name: str) -> tuple[int, bool]:
        """Take the next id; returns it and whether it is new. Raises ReplayError when
        the history has other work under it."""
        number, self._next_id = self._next_id, self._next_id + 1
        self._claimed.add(number)
        known = self._scheduled.get(number)
        if known is not None and known != (kind, name):
            raise ReplayError(
                f"Non-Deterministic workflow detected: the history has {' '.join(known)} as number"
                f" {number}, and the orchestrator now requests {kind} {name}"
            )
        return number, known is None

    def _wait(self, number: int) -> _Node:
        node = self._waiting[number] = _Node()
        self._open.add(number)
        return node

    def _begin_activity(self, action: Action) -> _Node:
        number, new = self._claim("activity", action["functionName"])
        if new:
            self.to_send.append(build.schedule_activity(number, action))
        return self._wait(number)

    def _begin_timer(self, action: Action) -> _Node:
        number, new = self._claim("timer", "")
        if action.get("isCanceled"):
            return self._begin_nothing(action)
        if new:
            fire_at = datetime.fromisoformat(action["fireAt"])
            self.to_send.append(build.create_timer(number, fire_at))
        return self._wait(number)

    def _begin_event(self, action: Action) -> _Node:
        node, name = _Node(), action["externalEventName"].lower()
        if self._raised[name]:
            self._raised[name].popleft()
            node.settle()
        else:
            self._listeners[name].append(node)
        return node

    def _begin_any(self, action: Action) -> _Node:
        node = _Node()
        children = [self._begin(child) for child in action["compoundActions"]]
        for child in children:
            child.then(node.settle)
        if not children:
            node.settle()
        return node

    def _begin_all(self, action: Action) -> _Node:
        node = _Node()
        children = [self._begin(child) for child in action["compoundActions"]]

        def check() -> None:
            if all(child.settled for child in children):
                node.settle(failed=any(child.failed for child in children))

        for child in children:
            child.then(check)
        check()
        return node

    def _begin_nothing(self, _: Action) -> _Node:
        node = _Node()
        node.settle()
        return node
