"""Waits for others before a group is unlocked, with the locks still on, so that they
are lifted once for all."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from shared import clock
from shared.arm_ids import group_of, parse, same
from shared.execution.lock_window.windows import GATHERING, OPEN, Held, LockWindows, Window, is_of
from shared.incident.book import IncidentBook
from shared.incident.model import Incident
from shared.incident.status import Status

LEAST_GATHERING, GATHER_LOOK_SECONDS = 1 / 30, 0.2
"""Part of the longest gathering that is waited in any case, for events that are on
their way; and the pause between two looks after it."""
JOINABLE = 0.75
"""Part of the window's time in which others may join: a deletion needs the rest."""


@dataclass(frozen=True, slots=True)
class Gathering:
    book: IncidentBook
    windows: LockWindows
    gather_seconds: float
    window_seconds: float

    async def open_window(self, held: Held) -> Held | None:
        """Wait for others, then open the window; its time counts from here. None when
        it is no longer ours to open. Raises StoreUnavailable."""
        await self._wait_for_others(held.window)
        now, seconds = clock.now(), self.window_seconds
        join_until, deadline = clock.after(now, seconds * JOINABLE), clock.after(now, seconds)
        found = await self.windows.get(held.window.group_id)
        # Somebody who joins writes the row as well: then it is read again and opened.
        while found is not None and _is_ours(found, held.window):
            opened = replace(found.window, state=OPEN, join_until=join_until, deadline=deadline)
            if moved := await self.windows.move(found, opened):
                return moved
            found = await self.windows.get(held.window.group_id)
        return None

    async def _wait_for_others(self, window: Window) -> None:
        """Wait while failures are still being diagnosed that may need this group as
        well: a minimum in any case, bounded by `gather_seconds`."""
        began, longest = _now(), self.gather_seconds
        left = (clock.as_time(window.gather_until) - clock.as_time(clock.now())).total_seconds()
        until = began + min(max(0.0, left), longest)
        await asyncio.sleep(min(until - began, longest * LEAST_GATHERING))
        since = clock.after(clock.now(), -2 * longest)
        while _now() < until and await self._expects_more(window, since):
            await asyncio.sleep(min(GATHER_LOOK_SECONDS, until - _now()))

    async def _expects_more(self, window: Window, since: str) -> bool:
        """Whether a recent failure may still join: it is not diagnosed yet, is about to
        be fixed, or is about to join this very window."""
        held = await self.windows.get(window.group_id)
        members = {member.incident_id for member in held.window.members} if held else set()
        async for incident in self.book.unfinished():
            if (
                incident.opened_at >= since
                and incident.id not in members
                and _may_need(incident, window)
            ):
                return True
        return False


def _is_ours(found: Held, window: Window) -> bool:
    return is_of(found, window.id, window.token) and found.window.state == GATHERING


def _may_need(incident: Incident, window: Window) -> bool:
    if incident.status is not Status.FIXING:
        return incident.status in (Status.OPEN, Status.DIAGNOSING)
    begun = [action.target for action in incident.actions if not action.outcome]
    return not begun or any(_fits(target, window) for target in begun)


def _fits(target: str, window: Window) -> bool:
    """Whether the target is in the window's group, and of the type that it deletes."""
    deleted = parse(window.members[0].targets[0]).type
    return parse(target).type == deleted and same(group_of(target), window.group_id)


def _now() -> float:
    return asyncio.get_running_loop().time()
