"""The library's JSON actions, run against the history, give the protobuf actions that
are still to be sent.

The library lists every action since the beginning and gives them no ids, so this does
what the real extension does:

1. Top-level actions run one after the other: the next one starts when the one before it
   has settled.
2. An action takes its id, from 0 upwards and depth first, when it starts. Waiting for
   an event takes none.
3. History events settle actions in the order in which they came. `any` settles with its
   first child, `all` with its last, also after a failure.
4. A cancelled timer keeps its id, settles at once and is not sent.
5. An id that the history holds already is not sent again; if it was another kind of
   work there, the orchestrator is not deterministic, and ReplayError says so.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from local.host.durable import actions as build

Action = dict[str, Any]

NOT_PLAYED = {
    1: "an activity with the library's retries",
    2: "a sub-orchestration",
    3: "a sub-orchestration with the library's retries",
    7: "a call of an entity",
    8: "a durable HTTP call",
    9: "a signal to an entity",
}


class ReplayError(Exception):
    """The actions do not fit the history, or ask for something that is not played here."""


class _Node:
    """Something that settles once, well or badly."""

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
    """One run of one orchestration's actions against its history."""

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
        """Fill `to_send`. True when every top-level action has settled and no activity
        or uncancelled timer is open any more: only then may the orchestration end.
        Raises ReplayError."""
        for event in self._history:
            self._take(event)
        unclaimed = sorted(set(self._scheduled) - self._claimed)
        if unclaimed:
            work = ", ".join(f"{n}: {' '.join(self._scheduled[n])}" for n in unclaimed)
            raise ReplayError(
                "Non-Deterministic workflow detected: the history holds work that was not asked"
                f" for ({work})"
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
            0: self._activity, 4: self._nothing, 5: self._timer, 6: self._event, 11: self._any, 12: self._all,
        }.get(kind)  # fmt: skip
        if begin is None:
            raise ReplayError(
                f"{NOT_PLAYED.get(kind, f'action type {kind}')}: not played by the local host"
            )
        return begin(action)

    def _claim(self, kind: str, name: str) -> tuple[int, bool]:
        """The next id, and whether it is new. Raises ReplayError when the history has
        other work under it."""
        number, self._next_id = self._next_id, self._next_id + 1
        self._claimed.add(number)
        known = self._scheduled.get(number)
        if known is not None and known != (kind, name):
            raise ReplayError(
                f"Non-Deterministic workflow detected: the history has {' '.join(known)} as number"
                f" {number}, and the orchestrator now asks for {kind} {name}"
            )
        return number, known is None

    def _wait(self, number: int) -> _Node:
        node = self._waiting[number] = _Node()
        self._open.add(number)
        return node

    def _activity(self, action: Action) -> _Node:
        number, new = self._claim("activity", action["functionName"])
        if new:
            self.to_send.append(build.activity(number, action))
        return self._wait(number)

    def _timer(self, action: Action) -> _Node:
        number, new = self._claim("timer", "")
        if action.get("isCanceled"):
            return self._nothing(action)
        if new:
            self.to_send.append(
                build.timer(number, datetime.fromisoformat(action["fireAt"]).astimezone(UTC))
            )
        return self._wait(number)

    def _event(self, action: Action) -> _Node:
        node, name = _Node(), action["externalEventName"].lower()
        if self._raised[name]:
            self._raised[name].popleft()
            node.settle()
        else:
            self._listeners[name].append(node)
        return node

    def _any(self, action: Action) -> _Node:
        node = _Node()
        children = [self._begin(child) for child in action["compoundActions"]]
        for child in children:
            child.then(node.settle)
        if not children:
            node.settle()
        return node

    def _all(self, action: Action) -> _Node:
        node = _Node()
        children = [self._begin(child) for child in action["compoundActions"]]

        def check() -> None:
            if all(child.settled for child in children):
                node.settle(failed=any(child.failed for child in children))

        for child in children:
            child.then(check)
        check()
        return node

    def _nothing(self, _: Action) -> _Node:
        node = _Node()
        node.settle()
        return node
