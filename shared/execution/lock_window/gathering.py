"""Waiting for others before a group is unlocked, with the locks still on, so that they
are lifted once for all."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from shared import clock
from shared.arm_ids import group_of, same
from shared.execution.lock_window.windows import GATHERING, OPEN, Held, Window
from shared.execution.tools import Tools
from shared.incident.model import Incident, Status
from shared.plan.steps import StepKind

ALWAYS_GATHERED, GATHER_LOOK_SECONDS = 1 / 30, 0.2
"""Part of the longest gathering that is always waited, for events that are on their
way; and the pause between two looks after it."""
JOINABLE = 0.75
"""Part of the window's time in which others may join: a deletion needs the rest."""


async def opened_window(tools: Tools, held: Held) -> Held | None:
    """The window once its gathering is over, open; None when it is no longer ours to
    open."""
    await _gathered(tools, held.window)
    now, seconds = clock.now(), tools.settings.window_seconds
    join_until, deadline = clock.after(now, seconds * JOINABLE), clock.after(now, seconds)
    found = await tools.windows.get(held.window.group_id)
    while (
        found is not None
        and found.window.leader == held.window.leader
        and found.window.state == GATHERING
    ):
        opened = replace(found.window, state=OPEN, join_until=join_until, deadline=deadline)
        if moved := await tools.windows.move(found, opened):
            return moved
        found = await tools.windows.get(held.window.group_id)
    return None


async def _gathered(tools: Tools, window: Window) -> None:
    """Wait while failures are still being diagnosed, which may need this group as well:
    for a moment always, and not for ever."""
    began, longest = asyncio.get_running_loop().time(), tools.settings.gather_seconds
    left = (clock.as_time(window.gather_until) - clock.as_time(clock.now())).total_seconds()
    until = began + min(max(0.0, left), longest)
    await asyncio.sleep(min(until - began, longest * ALWAYS_GATHERED))
    since = clock.after(clock.now(), -2 * longest)
    while asyncio.get_running_loop().time() < until and await _expects_more(tools, window, since):
        await asyncio.sleep(min(GATHER_LOOK_SECONDS, until - asyncio.get_running_loop().time()))


async def _expects_more(tools: Tools, window: Window, since: str) -> bool:
    """Whether a failure of late may still join: not diagnosed yet, about to be fixed,
    or about to join this very window."""
    held = await tools.windows.get(window.group_id)
    members = {member.incident_id for member in held.window.members} if held else set()
    async for incident in tools.book.unfinished():
        if (
            incident.opened_at >= since
            and incident.id not in members
            and _may_need(incident, window.group_id)
        ):
            return True
    return False


def _may_need(incident: Incident, group_id: str) -> bool:
    if incident.status is not Status.FIXING:
        return incident.status in (Status.OPEN, Status.DIAGNOSING)
    begun = [action for action in incident.actions if not action.outcome]
    return not begun or any(
        each.kind == StepKind.DELETE_COLLECTION and same(group_of(each.target), group_id)
        for each in begun
    )
