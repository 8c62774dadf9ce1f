"""Puts locks back: from the ledger, as often as it takes, and never over what a person made meanwhile.

The intent to put a lock back is on record before the lock is lifted. So nothing but Azure is needed to put it back: not even a store
that takes writes. The one outcome is written by whoever settles the ledger's entry; a failed attempt is a note.
"""

from __future__ import annotations

import asyncio
import logging
import shlex
from dataclasses import replace

from shared import clock
from shared.arm_ids import fold, group_of, parse, same
from shared.codec import to_json
from shared.errors import AccessDenied, AzureCallFailed, NotFound, StoreError, Unavailable
from shared.execution import guards
from shared.execution.alerts import lock_not_back
from shared.execution.ledger import BACK, OpenLock
from shared.execution.tools import ChainOf, StepOutcome, Tools, note, open_intents, outcome
from shared.execution.windows import CLOSING
from shared.facts import Absent, Lock, Unreadable

LIFT, RESTORE = "lift_lock", "restore_lock"
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.2, 30.0
READ_BACKS = 5
"""Reads may lag behind a PUT; this many looks, then the lock is put again."""


async def put_back(tools: Tools, entry: OpenLock, *, last_try: bool = False) -> StepOutcome:
    """Make the identical lock again and read it back, for `restore_patience_seconds`; the ledger keeps it until that is done.

    `last_try`: where the locked thing itself is gone, settle the entry and report it instead of waiting for the thing to come back.
    Results: done, waiting (its scope is gone, a backup may make it again), failed.
    """
    give_up = asyncio.get_running_loop().time() + tools.settings.restore_patience_seconds
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            return await _put_back_once(tools, entry, last_try)
        except AzureCallFailed as error:
            problem = str(error)
        if asyncio.get_running_loop().time() + pause >= give_up:
            return await _not_back(tools, entry, problem)
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


async def _put_back_once(tools: Tools, entry: OpenLock, last_try: bool) -> StepOutcome:
    if entry.state == BACK:
        if clock.after(entry.back_at, tools.settings.guardian_grace_seconds) > clock.now():
            return StepOutcome("done", f"the lock {entry.lock.name} is back; its outcome is being written")
        return await _settled(tools, entry, "done", "")
    found = await tools.reader.lock(entry.lock.id)
    if isinstance(found, Unreadable):
        raise Unavailable(f"whether somebody made a lock of that name meanwhile cannot be read: {found.reason}")
    if isinstance(found, Lock) and not found.same_content(entry.lock):
        return await _settled(tools, entry, "left alone: a person changed it", "", found)
    try:
        # Sent even where the lock can be read: after a DELETE reads may still show what is on its way out.
        correlation_id = await tools.writer.put_lock(entry.lock)
    except NotFound as error:
        return await _without_scope(tools, entry, error, last_try)
    except AccessDenied:
        if not (entry.overdue and isinstance(found, Lock)):
            raise
        # A window's length after its DELETE at the latest a lock that is still to be seen is there, and was never lifted.
        return await _settled(tools, entry, "nothing to put back: it is there, identical, and may not be written", "", found)
    await _read_back(tools, entry)
    return await _settled(tools, entry, "done", correlation_id, entry.lock)


async def _read_back(tools: Tools, entry: OpenLock) -> None:
    """Raises Unavailable while Azure does not show exactly this lock."""
    for look in range(READ_BACKS):
        found = await tools.reader.lock(entry.lock.id)
        if isinstance(found, Lock) and found.same_content(entry.lock):
            return
        await asyncio.sleep(min(0.1 * 2**look, tools.settings.poll_seconds))
    told = guards.why(found) if isinstance(found, Absent | Unreadable) else f"it is {to_json(found)}"
    raise Unavailable(f"the lock was put back and does not read back so: {told}")


async def _without_scope(tools: Tools, entry: OpenLock, error: NotFound, last_try: bool) -> StepOutcome:
    """PUT answered 404. What the lock protected is gone, or Azure is wrong about it for now."""
    group = await tools.reader.resource_group_tags(parse(entry.group_id).resource_group)
    if isinstance(group, Absent):
        return await _settled(tools, entry, "left off: its resource group is gone", "")
    on_group = same(entry.lock.scope, entry.group_id)
    if on_group or not isinstance(await tools.reader.restore_point_collection(entry.lock.scope), Absent):
        raise error
    if last_try:
        detail = f"the lock {entry.lock.name} was on the deleted collection {entry.lock.scope} and has nothing to be on"
        settled = await _settled(tools, entry, "left off: what it was on is deleted", "")
        return StepOutcome(settled.result, detail, (by_hand(entry.lock),))
    return StepOutcome(
        "waiting", f"the lock {entry.lock.name} was on the collection that was deleted; the next backup makes it again"
    )


async def _settled(tools: Tools, entry: OpenLock, result: str, correlation_id: str, found: Lock | None = None) -> StepOutcome:
    """Write the one outcome, then let the ledger forget the lock. Whoever comes second finds nothing left to do."""
    chain = ChainOf(entry.incident_id, entry.vm_id)
    if entry.state == BACK or await tools.ledger.is_back(entry):
        if (RESTORE, fold(entry.lock.id)) in await open_intents(tools, entry.incident_id):
            detail = {"lock": to_json(entry.lock), "read_back": to_json(found) if found else None}
            await outcome(tools, chain, RESTORE, entry.lock.id, result, correlation_id, detail)
        await tools.ledger.settle(entry)
    says = "is back, identical" if result == "done" else result
    return StepOutcome("done", f"the lock {entry.lock.name} {says}")


async def left_off(tools: Tools, entry: OpenLock) -> None:
    """Somebody took the lock off before we could: it is not ours to put back."""
    await _settled(tools, entry, "nothing to put back: somebody else took it off first", "")


async def _not_back(tools: Tools, entry: OpenLock, problem: str) -> StepOutcome:
    detail = f"the lock {entry.lock.name} on {entry.lock.scope} is NOT back yet ({problem}); it is tried again each minute"
    try:
        told = await tools.ledger.failed(entry, problem)
        await note(tools, ChainOf(entry.incident_id, entry.vm_id), RESTORE, f"not back yet: {problem}", target=entry.lock.id)
    except StoreError as error:
        logging.error("%s; and the store does not take that either: %s", detail, error)
        told = entry
    await lock_not_back(tools.settings, told, problem)
    return StepOutcome("failed", detail, (by_hand(entry.lock),))


async def put_back_all_due(tools: Tools) -> list[StepOutcome]:
    """The guardian's part: windows whose time is over or whose leader is gone are closed, and their locks put back.

    Safe to run twice at once and beside the leader: a PUT of the identical lock changes nothing, and one of them settles it.
    """
    outcomes: list[StepOutcome] = []
    for held in await tools.windows.all():
        leader = await tools.book.get(held.window.leader)
        late = clock.after(held.window.deadline, tools.settings.guardian_grace_seconds) <= clock.now()
        if not late and leader is not None and not leader.ended:
            continue
        closing = held if held.window.state == CLOSING else await tools.windows.move(held, replace(held.window, state=CLOSING))
        if closing is None:
            continue  # somebody wrote just now: it is alive, or the next round finds it
        outcomes += await put_back_group(tools, held.window.group_id, last_try=leader is None or leader.ended)
        if not await tools.ledger.open_locks(held.window.group_id):
            await tools.windows.end(closing)
    open_groups = {fold(held.window.group_id) for held in await tools.windows.all()}
    for entry in await tools.ledger.open_locks():
        if fold(entry.group_id) not in open_groups:
            incident = await tools.book.get(entry.incident_id)
            outcomes.append(await put_back(tools, entry, last_try=incident is None or incident.ended))
    return outcomes


async def put_back_group(tools: Tools, group_id: str, *, last_try: bool) -> list[StepOutcome]:
    """Everything that is off in one resource group, at the same time."""
    entries = await tools.ledger.open_locks(group_id)
    return list(await asyncio.gather(*(put_back(tools, entry, last_try=last_try) for entry in entries)))


async def put_back_of_incident(tools: Tools, incident_id: str) -> list[StepOutcome]:
    """Locks that wait for their collection, once the incident's backup has ended: now or never."""
    waiting = [entry for entry in await tools.ledger.open_locks() if entry.incident_id == incident_id]
    return list(await asyncio.gather(*(put_back(tools, entry, last_try=True) for entry in waiting)))


def by_hand(lock: Lock) -> str:
    """The command that puts this lock back."""
    group = same(lock.scope, group_of(lock.scope)) if "/resourcegroups/" in fold(lock.scope) else False
    subscription = parse(lock.scope).subscription
    where = (
        f"--subscription {subscription} --resource-group {shlex.quote(lock.scope.rsplit('/', 1)[1])}"
        if group
        else f"--resource {shlex.quote(lock.scope)}"
    )
    notes = f" --notes {shlex.quote(lock.notes)}" if lock.notes else ""
    return f"az lock create --name {shlex.quote(lock.name)} --lock-type {lock.level} {where}{notes}"
