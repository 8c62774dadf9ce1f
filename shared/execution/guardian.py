"""The guardian's part in execution: every group with an open window or an open row of
the ledger is kept, whatever became of the process that lifted its locks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass

from shared.arm_ids import fold
from shared.audit.journal import Journal
from shared.execution.change import close_intents
from shared.execution.lock_window.keeper import Keeper, Keeping
from shared.execution.lock_window.settled_rows import SettledRows
from shared.execution.lock_window.strange_locks import StrangeLocks
from shared.incident.book import IncidentBook
from shared.incident.outcome import StepOutcome

GROUP_SHARE = 50 / 55
"""Of a tick: the time of one group."""


@dataclass(frozen=True, slots=True)
class Guardian:
    book: IncidentBook
    journal: Journal
    keeping: Keeping
    settled: SettledRows
    strange: StrangeLocks

    async def guard(self) -> tuple[list[StepOutcome], list[Exception]]:
        """One tick: at most 55 s, and short where no row and no window is open. Groups
        are kept side by side, and no part waits for another one, or for its failure.

        Returns what was put back, or could not be, and what failed.
        """
        until = _now() + self.keeping.times.tick
        outcomes: list[StepOutcome] = []
        problems = await _run_all(
            [
                self._keep_groups(until, outcomes),
                self.strange.put_back_all(outcomes),
                self.settled.look_at_all(),
            ]
        )
        return outcomes, problems

    async def close_led_by(self, incident_id: str) -> list[StepOutcome]:
        """Bring the windows that this incident led to their end, as soon as their owner
        is known to be dead. Raises StoreUnavailable."""
        keepers = [
            Keeper(self.keeping, held.window.group_id)
            for held in await self.keeping.windows.all()
            if held.window.leader == incident_id
        ]
        endings = await asyncio.gather(
            *(keeper.close_if_dead(self.keeping.times.closing) for keeper in keepers)
        )
        return [outcome for ending in endings for outcome in ending]

    async def _keep_groups(self, until: float, outcomes: list[StepOutcome]) -> None:
        """Until nothing is open, or the tick is over: a window may open meanwhile."""
        leaders: set[str] = set()
        problems: list[Exception] = []
        begun: dict[str, asyncio.Task[list[StepOutcome]]] = {}
        try:
            while groups := await self._find_open(leaders):
                self._begin_keeping(groups, begun, until)
                running = [task for task in begun.values() if not task.done()]
                if not running or _now() >= until:
                    break
                left = max(0.0, until - _now())
                await asyncio.wait(running, timeout=min(self.keeping.times.look, left))
                known = len(problems)
                for key in [key for key, task in begun.items() if task.done()]:
                    _collect(begun.pop(key), outcomes, problems)
                if len(problems) > known:  # a group that fails at once is not begun at once
                    await asyncio.sleep(min(self.keeping.times.look, max(0.0, until - _now())))
        finally:
            # Each to its end, also where the store hides what else is open.
            if begun:
                await asyncio.wait(begun.values())
            for task in begun.values():
                _collect(task, outcomes, problems)
        await self._close_intents_of(leaders)
        if problems:
            raise problems[0]

    def _begin_keeping(
        self,
        groups: dict[str, str],
        begun: dict[str, asyncio.Task[list[StepOutcome]]],
        until: float,
    ) -> None:
        budget = self.keeping.times.tick * GROUP_SHARE
        for key, group_id in groups.items():
            if key not in begun and _now() + self.keeping.times.look < until:
                keeper = Keeper(self.keeping, group_id)
                begun[key] = asyncio.create_task(keeper.keep(min(until, _now() + budget)))

    async def _find_open(self, leaders: set[str]) -> dict[str, str]:
        """Group ids with something open, by folded id; `leaders` collects who led
        there."""
        windows = await self.keeping.windows.all()
        rows = await self.keeping.ledger.open_locks()
        leaders |= {held.window.leader for held in windows} | {row.incident_id for row in rows}
        ids = [held.window.group_id for held in windows] + [row.group_id for row in rows]
        return {fold(group_id): group_id for group_id in ids}

    async def _close_intents_of(self, leaders: Iterable[str]) -> None:
        """Where a leader ended before its record was whole (the store did not answer),
        nobody else gives its open intents an outcome."""
        for leader_id in leaders:
            leader = await self.book.get(leader_id)
            if leader is not None and leader.ended:
                await close_intents(self.journal, self.keeping.ledger, leader)


def _collect(
    task: asyncio.Task[list[StepOutcome]],
    outcomes: list[StepOutcome],
    problems: list[Exception],
) -> None:
    error = task.exception()
    if error is None:
        outcomes += task.result()
    elif isinstance(error, Exception):
        logging.error("guardian: a group could not be kept", exc_info=error)
        problems.append(error)
    else:
        raise error


async def _run_all(parts: Iterable[Awaitable[None]]) -> list[Exception]:
    """Side by side, each to its end. Returns what failed."""
    problems = []
    for ending in await asyncio.gather(*parts, return_exceptions=True):
        if isinstance(ending, Exception):
            logging.error("guardian: a part of a tick failed", exc_info=ending)
            problems.append(ending)
        elif isinstance(ending, BaseException):
            raise ending
    return problems


def _now() -> float:
    return asyncio.get_running_loop().time()
