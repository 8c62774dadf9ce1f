"""Puts locks back: from the ledger, as often as it takes, and never over what a person
made meanwhile.

The intent to put a lock back is on record before the lock is lifted. So nothing but
Azure is needed to put it back: not even a store that takes writes. The one outcome is
written by whoever settles the ledger's entry; a failed attempt is a note.
"""

from __future__ import annotations

import asyncio
import logging
import shlex
from dataclasses import replace

from shared import clock
from shared.arm_ids import fold, parse
from shared.audit.journal import ChainOf
from shared.codec import to_json
from shared.errors import AccessDenied, AzureCallFailed, NotFound, StoreError, Unavailable
from shared.execution.lock_window.alerts import lock_not_back
from shared.execution.lock_window.ledger import BACK, OFF, OpenLock
from shared.execution.lock_window.windows import CLOSING
from shared.execution.tools import Tools
from shared.facts import Absent, Lock, Unreadable, why_unread
from shared.incident.outcome import Outcome, StepOutcome
from shared.sentences import quote

LIFT, RESTORE = "lift_lock", "restore_lock"
DONE = "done"
CHANGED = "left alone: a person changed it"
GROUP_GONE = "left off: its resource group is gone"
NOTHING_TO_PUT_BACK = "nothing to put back"
NEVER_LIFTED = f"{NOTHING_TO_PUT_BACK}: it was never lifted"
SOMEBODY_ELSE = f"{NOTHING_TO_PUT_BACK}: somebody else took it off first"
"""Outcomes of a `restore_lock`. The rest begin with "not on record", and are for a
person to look at."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.2, 30.0
READ_BACKS = 5
"""Reads may lag behind a PUT; this many looks, then the lock is put again."""


async def put_back(tools: Tools, entry: OpenLock, *, refusal: str = "") -> StepOutcome:
    """Make the identical lock again and read it back, for `restore_patience_seconds`;
    the ledger keeps it until that is done.

    Nothing is sent for a lock that was never lifted: whose DELETE was not sent, or was
    answered with a `refusal`. Results: done (it is settled, and how is told), failed.
    """
    if not entry.may_be_off:
        return await never_lifted(tools, entry)
    give_up = asyncio.get_running_loop().time() + tools.settings.restore_patience_seconds
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            return await _put_back_once(tools, entry, refusal)
        except AzureCallFailed as error:
            problem = str(error)
        if asyncio.get_running_loop().time() + pause >= give_up:
            return await _not_back(tools, entry, problem)
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


async def never_lifted(tools: Tools, entry: OpenLock, why: str = "") -> StepOutcome:
    """Settle a lock whose DELETE was never sent; where another process has sent it
    since, put it back."""
    told = await _settled(tools, entry, f"{NEVER_LIFTED} ({why})" if why else NEVER_LIFTED, "")
    now = await tools.ledger.current(entry)
    return await put_back(tools, now) if now is not None and now.state == OFF else told


async def _put_back_once(tools: Tools, entry: OpenLock, refusal: str) -> StepOutcome:
    found = await tools.reader.lock(entry.lock.id)
    if entry.state == BACK:
        return await _finish_for_another(tools, entry, found)
    if isinstance(found, Lock) and not found.same_content(entry.lock):
        return await _settled(tools, entry, CHANGED, "", found)
    if refusal and not isinstance(found, Absent):
        seen = "it is there, identical" if isinstance(found, Lock) else found.why
        read = found if isinstance(found, Lock) else None
        return await _settled(tools, entry, f"{NEVER_LIFTED} ({refusal}); {seen}", "", read)
    if isinstance(found, Unreadable):
        raise Unavailable(why_unread("somebody made a lock of that name meanwhile", found))
    try:
        # Sent even where the lock can be read: after a DELETE reads may still show what
        # is on its way out.
        written = await tools.writer.put_lock(entry.lock)
    except NotFound as error:
        return await _without_group(tools, entry, error)
    except AccessDenied:
        if not (entry.overdue and isinstance(found, Lock)):
            raise
        # A window's length after its DELETE at the latest a lock that is still to be
        # seen is there, and was never lifted.
        return await _settled(
            tools,
            entry,
            f"{NOTHING_TO_PUT_BACK}: it is there, identical, and may not be written",
            "",
            found,
        )
    await _read_back(tools, entry)
    return await _settled(tools, entry, DONE, written.correlation_id, entry.lock)


async def _finish_for_another(
    tools: Tools, entry: OpenLock, found: Lock | Absent | Unreadable
) -> StepOutcome:
    """Somebody settled the lock and is writing its outcome; long after, he died before
    he had, and what is there now is told."""
    if clock.after(entry.back_at, tools.settings.guardian_grace_seconds) > clock.now():
        return StepOutcome(
            Outcome.DONE, f"how the lock {entry.lock.name} ended is being put on record"
        )
    if isinstance(found, Unreadable):
        raise Unavailable(f"how it ended is not on record, and {found.why}")
    return await _settled(
        tools, entry, as_seen(entry.lock, found), "", found if isinstance(found, Lock) else None
    )


def as_seen(lock: Lock, found: Lock | Absent | Unreadable) -> str:
    """How a lock ended whose outcome is not on record, by what is there now."""
    if isinstance(found, Lock):
        return DONE if found.same_content(lock) else CHANGED
    return f"not on record how it ended; now {found.why}"


async def _read_back(tools: Tools, entry: OpenLock) -> None:
    """Raises Unavailable while Azure does not show exactly this lock."""
    for look in range(READ_BACKS):
        found = await tools.reader.lock(entry.lock.id)
        if isinstance(found, Lock) and found.same_content(entry.lock):
            return
        await asyncio.sleep(min(0.1 * 2**look, tools.settings.poll_seconds))
    told = found.why if isinstance(found, Absent | Unreadable) else f"it is {to_json(found)}"
    raise Unavailable(f"the lock was put back and does not read back so: {told}")


async def _without_group(tools: Tools, entry: OpenLock, error: NotFound) -> StepOutcome:
    """PUT answered 404: the group is gone, or Azure is wrong about it for now."""
    if isinstance(
        await tools.reader.resource_group_tags(parse(entry.group_id).resource_group), Absent
    ):
        return await _settled(tools, entry, GROUP_GONE, "")
    raise error


async def _settled(
    tools: Tools, entry: OpenLock, result: str, correlation_id: str, found: Lock | None = None
) -> StepOutcome:
    """Write the one outcome, then let the ledger forget the lock. Whoever comes second
    finds nothing left to do."""
    chain = ChainOf(entry.incident_id, entry.vm_id)
    if entry.state == BACK or await tools.ledger.is_back(entry):
        if (RESTORE, fold(entry.lock.id)) in await tools.journal.open_intents(entry.incident_id):
            detail = {"lock": to_json(entry.lock), "read_back": to_json(found) if found else None}
            await tools.journal.outcome(
                chain, RESTORE, entry.lock.id, result, correlation_id, detail
            )
        await tools.ledger.settle(entry)
    return StepOutcome(Outcome.DONE, f"the lock {entry.lock.name} {in_words(result)}")


def in_words(result: str) -> str:
    """The outcome of a `restore_lock`, as the sentence about its lock goes on."""
    return {
        DONE: "is back, identical",
        CHANGED: "was changed by a person meanwhile: it is left as that",
    }.get(result, f"({result})")


async def left_off(tools: Tools, entry: OpenLock) -> None:
    """Somebody took the lock off before we could: it is not ours to put back."""
    await _settled(tools, entry, SOMEBODY_ELSE, "")


async def _not_back(tools: Tools, entry: OpenLock, problem: str) -> StepOutcome:
    detail = (
        f"the lock {entry.lock.name} on {entry.lock.scope} is NOT back yet ({problem}); it is tried"
        " again each minute"
    )
    try:
        told = await tools.ledger.failed(entry, problem)
        await tools.journal.note(
            ChainOf(entry.incident_id, entry.vm_id),
            RESTORE,
            f"not back yet: {problem}",
            target=entry.lock.id,
        )
    except StoreError as error:
        logging.error("%s; and the store does not take that either: %s", detail, error)
        told = entry
    await lock_not_back(tools.settings, told, problem)
    return StepOutcome(Outcome.FAILED, detail, (quote(by_hand(entry.lock)),))


async def put_back_all_due(tools: Tools) -> list[StepOutcome]:
    """The guardian's part: windows whose time is over or whose leader is gone are
    closed, and their locks put back.

    Safe to run twice at once and beside the leader: a PUT of the identical lock changes
    nothing, and one of them settles it.
    """
    outcomes: list[StepOutcome] = []
    for held in await tools.windows.all():
        leader = await tools.book.get(held.window.leader)
        late = (
            clock.after(held.window.deadline, tools.settings.guardian_grace_seconds) <= clock.now()
        )
        if not late and leader is not None and not leader.ended:
            continue
        closing = (
            held
            if held.window.state == CLOSING
            else await tools.windows.move(held, replace(held.window, state=CLOSING))
        )
        if closing is None:
            continue  # somebody wrote just now: it is alive, or the next round finds it
        outcomes += await _put_back_all(tools, await tools.ledger.open_locks(held.window.group_id))
        if not await tools.ledger.open_locks(held.window.group_id):
            await tools.windows.end(closing)
    open_groups = {fold(held.window.group_id) for held in await tools.windows.all()}
    left = [
        entry
        for entry in await tools.ledger.open_locks()
        if fold(entry.group_id) not in open_groups
    ]
    return outcomes + await _put_back_all(tools, left)


async def _put_back_all(tools: Tools, entries: list[OpenLock]) -> list[StepOutcome]:
    """At the same time."""
    return list(await asyncio.gather(*(put_back(tools, entry) for entry in entries)))


def by_hand(lock: Lock) -> str:
    """The command that puts this lock back, for a POSIX shell.

    Name and notes are joined to their options by `=`: one that begins with a dash would
    be read as an option. https://learn.microsoft.com/cli/azure/lock#az-lock-create
    """
    scope = parse(lock.scope)
    where = f"--subscription {shlex.quote(scope.subscription)}"
    if scope.provider:
        where += f" --resource {shlex.quote(scope.text)}"
    elif scope.resource_group:
        where += f" --resource-group {shlex.quote(scope.resource_group)}"
    notes = f" --notes={shlex.quote(lock.notes)}" if lock.notes else ""
    return f"az lock create --name={shlex.quote(lock.name)} --lock-type {lock.level} {where}{notes}"
