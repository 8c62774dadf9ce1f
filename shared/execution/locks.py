"""Carries out `lift_locks` and `restore_locks`, and puts back what a crash left off.

Order: window, ledger, intent, DELETE ... PUT, read back, outcome, ledger, window. A lock is in the ledger for as long as it may be off.
"""

from __future__ import annotations

import asyncio
import shlex
from functools import partial

from shared import clock
from shared.arm_ids import group_of
from shared.codec import to_json
from shared.errors import AzureCallFailed, RemediatorError, Unavailable
from shared.execution import guards
from shared.execution.ledger import OpenLock, Window
from shared.execution.tools import StepOutcome, Tools, change, note
from shared.facts import Absent, Lock, Unreadable
from shared.fixes.contract import Step
from shared.fixes.delete_restore_point_collection import why_kept
from shared.incident.model import Incident

LIFT, RESTORE = "lift_lock", "restore_lock"
LONGEST_PAUSE_SECONDS = 30.0


async def lift(tools: Tools, incident: Incident, step: Step) -> StepOutcome:
    """Take off every lock that blocks the deletion of the collection, or none."""
    group_id = group_of(step.target)
    deadline = clock.after(clock.now(), tools.settings.window_seconds)
    window = await tools.ledger.open_window(Window(group_id, incident.id, deadline))
    if window.incident_id != incident.id:
        return StepOutcome("busy", f"the incident {window.incident_id} has the locks of {group_id} off")
    locks = await _to_lift(tools, incident, step)
    if isinstance(locks, StepOutcome):
        return locks
    for lock in locks:
        entry = OpenLock(lock, incident.id, incident.vm_id, step.target, window.deadline)
        recorded = await tools.ledger.record(entry)
        if recorded.incident_id != incident.id:
            return StepOutcome("busy", f"the lock {lock.name} is still to be put back by incident {recorded.incident_id}")
    return await _lifted(tools, incident, locks)


async def _lifted(tools: Tools, incident: Incident, locks: tuple[Lock, ...]) -> StepOutcome:
    for lock in locks:
        try:
            await change(tools, incident, LIFT, lock.id, partial(tools.writer.delete_lock, lock), {"lock": to_json(lock)})
        except AzureCallFailed as error:
            return StepOutcome("failed", f"the lock {lock.name} could not be lifted: {error}")
    return StepOutcome("done", f"lifted: {', '.join(lock.name for lock in locks) or 'no lock was in the way'}")


async def _to_lift(tools: Tools, incident: Incident, step: Step) -> tuple[Lock, ...] | StepOutcome:
    """The locks in the way, read afresh; or why none may be lifted."""
    if problem := await guards.switched_off(tools, incident):
        return StepOutcome("refused", problem)
    collection = await tools.reader.restore_point_collection(step.target)
    if isinstance(collection, Absent):
        return StepOutcome("done", "the collection is already gone; no lock was lifted")
    if isinstance(collection, Unreadable):
        return StepOutcome("refused", guards.why(collection))
    if problem := guards.not_ours(collection, incident.vm_id) or await guards.job_running(tools, incident):
        return StepOutcome("refused", problem)
    locks = await tools.reader.locks(step.target)
    if isinstance(locks, Absent | Unreadable):
        return StepOutcome("refused", guards.why(locks))
    blocking = tuple(lock for lock in locks if lock.blocks_deletion)
    if kept := [reason for lock in blocking if (reason := why_kept(lock, step.target))]:
        return StepOutcome("refused", "; ".join(kept))
    return blocking


async def restore(tools: Tools, incident: Incident, step: Step) -> StepOutcome:
    """Put back what this incident lifted for the collection, and give the group back."""
    mine = [each for each in await tools.ledger.open_locks() if each.incident_id == incident.id]
    outcomes = [await put_back(tools, incident, each) for each in mine]
    await tools.ledger.close_window(group_of(step.target), incident.id)
    left = [outcome for outcome in outcomes if not outcome.done]
    if left:
        steps = tuple(step for outcome in left for step in outcome.manual_steps)
        return StepOutcome("failed", "; ".join(outcome.detail for outcome in left), steps)
    return StepOutcome("done", "; ".join(outcome.detail for outcome in outcomes) or "no lock was off")


async def put_back(tools: Tools, incident: Incident, entry: OpenLock) -> StepOutcome:
    """Make the identical lock again and read it back, for `restore_patience_seconds`; the ledger keeps it until that is done."""
    give_up = clock.after(clock.now(), tools.settings.restore_patience_seconds)
    pause = 0.5
    while True:
        try:
            return await _put_back_once(tools, incident, entry)
        except AzureCallFailed as error:
            if clock.after(clock.now(), pause) >= give_up:
                detail = (
                    f"the lock {entry.lock.name} on {entry.lock.scope} is NOT back yet ({error}); it is tried again each minute"
                )
                return StepOutcome("failed", detail, (by_hand(entry.lock),))
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


async def _put_back_once(tools: Tools, incident: Incident, entry: OpenLock) -> StepOutcome:
    lock = entry.lock
    found = await tools.reader.lock(lock.id)
    if isinstance(found, Lock) and not found.same_content(lock):
        return await _left_to_person(tools, incident, entry, found)
    # The PUT is sent even where the lock can be read: after a DELETE reads may still show what is on its way out.
    await change(tools, incident, RESTORE, lock.id, partial(tools.writer.put_lock, lock), {"lock": to_json(lock)})
    return await _settled(tools, incident, entry)


async def _settled(tools: Tools, incident: Incident, entry: OpenLock) -> StepOutcome:
    found = await tools.reader.lock(entry.lock.id)
    if isinstance(found, Absent | Unreadable):
        raise Unavailable(f"the lock was put back and cannot be read yet: {guards.why(found)}")
    if not found.same_content(entry.lock):
        raise Unavailable(f"the lock reads back otherwise than it was put: {to_json(found)}")
    await note(tools, incident, RESTORE, "read back: identical", target=entry.lock.id)
    await tools.ledger.settle(entry)
    return StepOutcome("done", f"the lock {entry.lock.name} is back, identical")


async def _left_to_person(tools: Tools, incident: Incident, entry: OpenLock, found: Lock) -> StepOutcome:
    """Somebody made a lock of that name meanwhile: theirs stays, and both are on record."""
    told = {"ours": to_json(entry.lock), "found": to_json(found)}
    await note(tools, incident, RESTORE, "left alone: a person changed it", target=entry.lock.id, detail=told)
    await tools.ledger.settle(entry)
    return StepOutcome("done", f"a person changed the lock {entry.lock.name} meanwhile; theirs stays")


async def put_back_all_due(tools: Tools) -> list[StepOutcome]:
    """The guardian's part: every lock whose time is over or whose incident has ended. Safe to run twice at once."""
    outcomes = []
    for entry in await tools.ledger.open_locks():
        incident = await tools.book.get(entry.incident_id)
        if incident is None:
            raise RemediatorError(f"the ledger names the incident {entry.incident_id}, which is not in the store")
        if entry.overdue or incident.ended:
            outcomes.append(await put_back(tools, incident, entry))
            await tools.ledger.close_window(group_of(entry.collection_id), incident.id)
    for window in await tools.ledger.windows():
        owner = await tools.book.get(window.incident_id)
        if owner is not None and owner.ended:
            await tools.ledger.close_window(window.group_id, window.incident_id)
    return outcomes


def by_hand(lock: Lock) -> str:
    """The command that puts this lock back."""
    group = lock.scope.casefold().count("/") == 4
    where = f"--resource-group {shlex.quote(lock.scope.rsplit('/', 1)[1])}" if group else f"--resource {shlex.quote(lock.scope)}"
    notes = f" --notes {shlex.quote(lock.notes)}" if lock.notes else ""
    return f"az lock create --name {shlex.quote(lock.name)} --lock-type {lock.level} {where}{notes}"
