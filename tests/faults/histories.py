"""The orchestration through the durable library itself, in virtual time: what its
histories come to.

Played: the extension. It starts what the orchestrator asks for, one completion an
episode, and moves its clock on to each timer. The library reads and replays the whole
history in each episode, as it does in Azure.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import functions.remediation as shells
from functions.activities import Remediate
from shared.codec import to_json

ACTIVITY, CONTINUE_AS_NEW, TIMER, ALL = 0, 4, 5, 12
"""`actionType` in the library's answer."""
EXECUTION_STARTED, SCHEDULED, COMPLETED, FAILED, TIMER_CREATED, TIMER_FIRED = 0, 4, 5, 6, 10, 11
ORCHESTRATOR_STARTED, ORCHESTRATOR_COMPLETED = 12, 13
"""`EventType` of the history."""
START = datetime(2026, 1, 31, tzinfo=UTC)
type Activities = Callable[[str, Any], Any]


class WorkerGone(Exception):
    """The worker of an activity died."""


@dataclass
class History:
    """One execution, up to its end or to the next one (`continue_as_new`)."""

    events: list[dict[str, Any]] = field(default_factory=list)
    episodes: int = 0
    cpu_seconds: float = 0.0
    longest_cpu_seconds: float = 0.0
    """Of one episode."""

    @property
    def bytes(self) -> int:
        return len(json.dumps(self.events))


class Engine:
    """Runs one orchestration to its end. `activities` answers a call, or raises
    WorkerGone."""

    def __init__(self, activities: Activities) -> None:
        self.now = START
        self.histories: list[History] = []
        self.calls: list[tuple[str, Any]] = []
        self._activities = activities
        self._orchestrator = shells.remediate._function.get_user_function()

    def run(self, given: Remediate) -> None:
        """Raises what the orchestrator raises."""
        again: dict[str, Any] | None = to_json(given)
        while again is not None:
            self.histories.append(History())
            again = self._executed(again)

    def _executed(self, given: dict[str, Any]) -> dict[str, Any] | None:
        text = json.dumps(given)
        self._event(ORCHESTRATOR_STARTED)
        self._event(EXECUTION_STARTED, Name="remediate", Version=None, Input=json.dumps(text))
        known, number = 0, 0
        while True:
            state = self._episode(text)
            self._event(ORCHESTRATOR_COMPLETED)
            wanted = list(_flat(state["actions"]))
            new, known = wanted[known:], len(wanted)
            if new and new[-1]["actionType"] == CONTINUE_AS_NEW:
                return dict(json.loads(new[-1]["input"]))
            if state["isDone"]:
                return None
            for action in new:
                self._scheduled(action, number)
                number += 1
            ends = [self._ended(action, number - len(new) + nth) for nth, action in enumerate(new)]
            self._event(ORCHESTRATOR_STARTED)
            for kind, fields in ends:
                self._event(kind, **fields)

    def _episode(self, text: str) -> dict[str, Any]:
        history = self.histories[-1]
        context = {
            "history": history.events,
            "input": text,
            "instanceId": "i",
            "isReplaying": history.episodes > 0,
            "parentInstanceId": None,
            "upperSchemaVersion": 1,
            "upperSchemaVersionNew": 2,
            "maximumShortTimerDuration": None,
            "longRunningTimerIntervalDuration": None,
        }
        told = json.dumps(context)
        began = time.process_time()
        answer = self._orchestrator(told)
        taken = time.process_time() - began
        history.cpu_seconds += taken
        history.longest_cpu_seconds = max(history.longest_cpu_seconds, taken)
        history.episodes += 1
        for event in history.events:
            event["IsPlayed"] = True
        return dict(json.loads(answer))

    def _scheduled(self, action: dict[str, Any], number: int) -> None:
        if action["actionType"] == TIMER:
            self._event(TIMER_CREATED, number, FireAt=action["fireAt"])
        else:
            assert action["actionType"] == ACTIVITY, action
            self._event(
                SCHEDULED,
                number,
                Name=action["functionName"],
                Version=None,
                Input=json.dumps(action["input"]),
            )

    def _ended(self, action: dict[str, Any], number: int) -> tuple[int, dict[str, Any]]:
        if action["actionType"] == TIMER:
            self.now = max(self.now, datetime.fromisoformat(action["fireAt"]).replace(tzinfo=UTC))
            return TIMER_FIRED, {"TimerId": number, "FireAt": action["fireAt"]}
        name, work = action["functionName"], json.loads(action["input"])
        self.calls.append((name, work))
        self.now += timedelta(seconds=1)
        try:
            answer = to_json(self._activities(name, work))
        except WorkerGone as gone:
            return FAILED, {
                "TaskScheduledId": number,
                "Reason": f"Activity function '{name}' failed: {gone}",
                "Details": "",
            }
        return COMPLETED, {"TaskScheduledId": number, "Result": json.dumps(answer)}

    def _event(self, kind: int, number: int = -1, **fields: Any) -> None:
        at = self.now.isoformat(timespec="microseconds").replace("+00:00", "Z")
        self.histories[-1].events.append(
            {"EventType": kind, "EventId": number, "IsPlayed": False, "Timestamp": at, **fields}
        )


def _flat(actions: list[Any]) -> Iterator[dict[str, Any]]:
    """The actions that take an id, in the order of their ids."""
    for action in actions:
        if isinstance(action, list):
            yield from _flat(action)
        elif action["actionType"] == ALL:
            yield from _flat(action["compoundActions"])
        else:
            yield action
