"""The library's JSON actions, run against the history, give the protobuf actions that are still to be sent.

The library lists every action since the beginning and gives them no ids, so this does what the real extension does:

1. Top-level actions run one after the other: the next one starts when the one before it has settled.
2. An action takes its id, from 0 upwards and depth first, when it starts. Waiting for an event takes none.
3. History events settle actions in the order in which they came. `any` settles with its first child,
   `all` with its last, also after a failure.
4. A retry is one action: each failure takes an id for a timer, each new attempt one when that timer has fired,
   and the last failure is followed by one more timer.
5. A cancelled timer keeps its id, settles at once and is not sent.
6. An id that the history holds already is not sent again; if it was another kind of work there, the orchestrator
   is not deterministic, and ReplayError says so.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from local_host.durable import actions as build

Action = dict[str, Any]


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

    def __init__(self, instance_id: str, actions: Sequence[Action], history: Sequence[Any]) -> None:
        self._instance_id = instance_id
        self._actions = actions
        self._history = history
        self._scheduled = build.scheduled_work(history)
        self._claimed: set[int] = set()
        self._next_id = 0
        self._next_action = 0
        self._current: _Node | None = None
        self._now = datetime.min.replace(tzinfo=UTC)
        self._waiting: dict[int | str, _Node] = {}
        self._open: set[int] = set()
        self._raised: defaultdict[str, deque[None]] = defaultdict(deque)
        self._listeners: defaultdict[str, deque[_Node]] = defaultdict(deque)
        self.to_send: list[Any] = []

    def run(self) -> bool:
        """Fill `to_send`. True when every top-level action has settled and no activity, sub-orchestration or
        uncancelled timer is open any more: only then may the orchestration end. Raises ReplayError."""
        for event in self._history:
            self._take(event)
        unclaimed = sorted(set(self._scheduled) - self._claimed)
        if unclaimed:
            work = ", ".join(f"{n}: {' '.join(self._scheduled[n])}" for n in unclaimed)
            raise ReplayError(f"Non-Deterministic workflow detected: the history holds work that was not asked for ({work})")
        all_settled = self._next_action == len(self._actions) and (self._current is None or self._current.settled)
        return all_settled and not self._open

    def _take(self, event: Any) -> None:
        if event.HasField("orchestratorStarted"):
            self._now = max(self._now, event.timestamp.ToDatetime(tzinfo=UTC))
        elif event.HasField("executionStarted"):
            self._advance()
        elif event.HasField("eventRaised"):
            self._raise(event.eventRaised.name.lower())
        else:
            outcome = build.settled_work(event)
            if outcome is not None:
                self._settle(*outcome)

    def _settle(self, key: int | str, failed: bool) -> None:
        if isinstance(key, int):
            self._open.discard(key)
        node = self._waiting.pop(key, None)
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
            0: self._activity, 1: self._activity_with_retry, 2: self._sub, 3: self._sub_with_retry,
            4: self._nothing, 5: self._timer, 6: self._event, 7: self._call_entity, 9: self._signal_entity,
            11: self._any, 12: self._all,
        }.get(kind)  # fmt: skip
        if begin is None:
            raise ReplayError(f"action type {kind} (durable HTTP calls are 8) is not played by the local host")
        return begin(action)

    def _claim(self, kind: str, name: str) -> tuple[int, bool]:
        """The next id, and whether it is new. Raises ReplayError when the history has other work under it."""
        number, self._next_id = self._next_id, self._next_id + 1
        self._claimed.add(number)
        known = self._scheduled.get(number)
        if known is not None and known != (kind, name):
            raise ReplayError(
                f"Non-Deterministic workflow detected: the history has {' '.join(known)} as number {number}, "
                f"and the orchestrator now asks for {kind} {name}"
            )
        return number, known is None

    def _wait(self, key: int | str) -> _Node:
        node = self._waiting[key] = _Node()
        if isinstance(key, int):
            self._open.add(key)
        return node

    def _activity(self, action: Action) -> _Node:
        number, new = self._claim("activity", action["functionName"])
        if new:
            self.to_send.append(build.activity(number, action))
        return self._wait(number)

    def _sub(self, action: Action) -> _Node:
        number, new = self._claim("sub-orchestration", action["functionName"])
        if new:
            self.to_send.append(build.sub_orchestration(number, action, self._instance_id))
        return self._wait(number)

    def _activity_with_retry(self, action: Action) -> _Node:
        return self._retry(action, self._activity)

    def _sub_with_retry(self, action: Action) -> _Node:
        return self._retry(action, self._sub)

    def _retry(self, action: Action, begin: Callable[[Action], _Node]) -> _Node:
        node = _Node()
        options = action["retryOptions"]
        interval = timedelta(milliseconds=options["firstRetryIntervalInMilliseconds"])
        attempts = 0

        def attempt() -> None:
            nonlocal attempts
            attempts += 1
            child = begin(action)
            child.then(lambda: pause() if child.failed else node.settle())

        def pause() -> None:
            self._timer_at(self._now + interval).then(again)

        def again() -> None:
            if attempts >= options["maxNumberOfAttempts"]:
                node.settle(failed=True)
            else:
                attempt()

        attempt()
        return node

    def _timer(self, action: Action) -> _Node:
        fire_at = datetime.fromisoformat(action["fireAt"]).astimezone(UTC)
        return self._timer_at(fire_at, cancelled=bool(action.get("isCanceled")))

    def _timer_at(self, fire_at: datetime, *, cancelled: bool = False) -> _Node:
        number, new = self._claim("timer", "")
        if cancelled:
            return self._nothing({})
        if new:
            self.to_send.append(build.timer(number, fire_at))
        return self._wait(number)

    def _event(self, action: Action) -> _Node:
        node, name = _Node(), action["externalEventName"].lower()
        if self._raised[name]:
            self._raised[name].popleft()
            node.settle()
        else:
            self._listeners[name].append(node)
        return node

    def _call_entity(self, action: Action) -> _Node:
        number, new = self._claim("entity", action["operation"])
        request_id = build.request_id(self._instance_id, self._history, number)
        if new:
            self.to_send.append(build.call_entity(number, action, self._instance_id, request_id))
        return self._wait(request_id)

    def _signal_entity(self, action: Action) -> _Node:
        number, new = self._claim("entity", action["operation"])
        if new:
            request_id = build.request_id(self._instance_id, self._history, number)
            self.to_send.append(build.signal_entity(number, action, request_id))
        return self._nothing(action)

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
