"""How many lock windows of a resource group an incident may have, and what became of
them.

A window is put on the incident once the incident is in it, and again whenever it is
found in it: whoever dies in between is counted all the same, and nobody twice. One that
closed before its turn came does not count.
"""

from __future__ import annotations

from dataclasses import replace

from shared.arm_ids import same
from shared.execution.lock_window.windows import Window
from shared.incident.book import IncidentBook
from shared.incident.model import EnteredWindow, Incident
from shared.incident.outcome import GroupHeld, Outcome, StepOutcome

MOST_WINDOWS = 2
"""Of one group, for one incident."""
NO_END = "its end is not on record, since its leader stopped"


def refuse_third(incident: Incident, group_id: str, held: GroupHeld | None) -> StepOutcome | None:
    """REFUSED where the incident has had its windows of this group; None while it may
    open or join another one. `held`: by what the group is held now, for the person."""
    had = [each for each in incident.windows if same(each.group_id, group_id)]
    if len(had) < MOST_WINDOWS:
        return None
    ends = "; ".join(f"{number}. {each.end or NO_END}" for number, each in enumerate(had, 1))
    reason = (
        f"two windows of {group_id} were opened for this failure, and there is no third: {ends}"
    )
    if held is None:
        return StepOutcome(Outcome.REFUSED, reason)
    return StepOutcome(Outcome.REFUSED, f"{reason}; now {held.why}", held.by_hand)


async def note_window(book: IncidentBook, incident: Incident, window: Window) -> Incident:
    """The incident with this window on record, which ends its wait for the group.
    Raises StoreUnavailable."""
    entered = EnteredWindow(window.group_id, window.id)

    def enter(now: Incident) -> Incident:
        if any(each.id == entered.id for each in now.windows):
            return now
        waiting = now.waiting and replace(now.waiting, group_id="", group_since="")
        return replace(now, windows=(*now.windows, entered), waiting=waiting)

    if any(each.id == entered.id for each in incident.windows):
        return incident
    return await book.change(incident.id, enter)


async def forget_window(book: IncidentBook, incident_id: str, window: Window) -> None:
    """Take a window off the incident's record in which nothing was begun for it. Raises
    StoreUnavailable."""

    def forget(now: Incident) -> Incident:
        return replace(now, windows=tuple(each for each in now.windows if each.id != window.id))

    if await book.get(incident_id) is not None:
        await book.change(incident_id, forget)


async def note_end(book: IncidentBook, incident: Incident, group_id: str, end: StepOutcome) -> None:
    """Keep how its last window of this group ended, where that is not on record. Raises
    StoreUnavailable."""
    had = [each for each in incident.windows if same(each.group_id, group_id)]
    if not had or had[-1].end:
        return
    ended = replace(had[-1], end=f"{end.result}: {end.detail}")

    def close(now: Incident) -> Incident:
        kept = (ended if each.id == ended.id else each for each in now.windows)
        return replace(now, windows=tuple(kept))

    await book.change(incident.id, close)
