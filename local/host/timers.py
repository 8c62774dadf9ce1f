"""timerTrigger functions fire by schedule, and at startup where `runOnStartup` is set.

One run of a timer never overlaps the next. Past runs are not remembered over a restart,
so no run is ever past due.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from local.host.channel import Message, json_datum
from local.host.errors import WorkerGone
from local.host.functions import Function
from local.host.invoker import Invoker
from local.host.ncrontab import Schedule, parse

log = logging.getLogger("local.host.timers")


class Timers:
    """The app's timers. Raises SettingError at once for a schedule that cannot be read
    or never fires."""

    def __init__(self, functions: Sequence[Function], invoker: Invoker) -> None:
        self._invoker = invoker
        self._schedules = [
            (function, parse(str(function.trigger["schedule"]))) for function in functions
        ]
        for _, schedule in self._schedules:
            schedule.next_after(datetime.now(UTC))
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start firing by schedule."""
        self._tasks = [asyncio.create_task(self._run(f, s)) for f, s in self._schedules]

    async def stop(self) -> None:
        """Stop firing; cancels a run in progress."""
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _run(self, function: Function, schedule: Schedule) -> None:
        if function.trigger.get("runOnStartup"):
            await self._fire(function)
        due = datetime.now(UTC)
        while True:
            # The sleep may end a little early: counted from now alone, the same due
            # time would fire twice.
            due = schedule.next_after(max(due, datetime.now(UTC)))
            await asyncio.sleep((due - datetime.now(UTC)).total_seconds())
            await self._fire(function)

    async def _fire(self, function: Function) -> None:
        try:
            await self._invoker.run(function, timer_datum(datetime.now(UTC)))
        except WorkerGone as error:
            log.warning("timer %s was lost: %s", function.name, error)


def timer_datum(now: datetime) -> Message:
    """The payload of a timer function."""
    moment = now.isoformat()
    status = {"Last": moment, "Next": moment, "LastUpdated": moment}
    return json_datum(
        json.dumps(
            {"IsPastDue": False, "Schedule": {"AdjustForDST": True}, "ScheduleStatus": status}
        )
    )
