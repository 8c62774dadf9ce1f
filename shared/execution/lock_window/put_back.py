"""Puts locks back: from the ledger, as often as it takes, and never over what a person
made meanwhile.

The intent to put a lock back is recorded before the lock is lifted. So nothing but
Azure is needed to put it back: not even a store that takes writes. The one outcome is
written by the process that settles the ledger's entry; a failed attempt is a note.
"""

from __future__ import annotations

import asyncio
import logging
import shlex
from collections.abc import Iterable
from dataclasses import dataclass

from shared import clock
from shared.arm_ids import fold, parse
from shared.audit.journal import Journal
from shared.azure.reader import ArmReader
from shared.azure.writer import ArmWriter
from shared.codec import to_json
from shared.errors import AccessDenied, AzureCallFailed, NotFound, StoreError, Unavailable
from shared.execution.lock_window.alerts import alert_not_back
from shared.execution.lock_window.ledger import BACK, OFF, LockLedger, OpenLock
from shared.facts import Absent, Lock, Unreadable, why_unread
from shared.incident.outcome import Outcome, StepOutcome
from shared.sentences import quote
from shared.settings import Settings

LIFT, RESTORE = "lift_lock", "restore_lock"
"""Kinds of a lock's entries in the audit log."""
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
"""Reads may lag behind a PUT; after this many looks the lock is put again."""


@dataclass(frozen=True, slots=True)
class PutBack:
    reader: ArmReader
    writer: ArmWriter
    journal: Journal
    ledger: LockLedger
    settings: Settings

    async def put_back(self, entry: OpenLock, *, refusal: str = "") -> StepOutcome:
        """Make the identical lock again and read it back, trying for
        `restore_patience_seconds`; the ledger keeps it until that is done.

        Nothing is sent for a lock that was never lifted: its DELETE was not sent, or
        was answered with a `refusal`. Result DONE: it is settled, and the detail says
        how. FAILED: it is not back yet.
        """
        if not entry.may_be_off:
            return await self.settle_never_lifted(entry)
        give_up = asyncio.get_running_loop().time() + self.settings.restore_patience_seconds
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                return await self._put_back_once(entry, refusal)
            except AzureCallFailed as error:
                problem = str(error)
            if asyncio.get_running_loop().time() + pause >= give_up:
                return await self._record_not_back(entry, problem)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def put_back_all(self, entries: Iterable[OpenLock]) -> list[StepOutcome]:
        """All at the same time."""
        return list(await asyncio.gather(*(self.put_back(entry) for entry in entries)))

    async def settle_never_lifted(self, entry: OpenLock, reason: str = "") -> StepOutcome:
        """Settle a lock whose DELETE was never sent; where another process has sent it
        since, put it back."""
        result = f"{NEVER_LIFTED} ({reason})" if reason else NEVER_LIFTED
        settled = await self._settle(entry, result, "")
        now = await self.ledger.current(entry)
        return await self.put_back(now) if now is not None and now.state == OFF else settled

    async def settle_taken_off(self, entry: OpenLock) -> None:
        """Somebody took the lock off before we could: it is not ours to put back."""
        await self._settle(entry, SOMEBODY_ELSE, "")

    async def _put_back_once(self, entry: OpenLock, refusal: str) -> StepOutcome:
        """Raises AzureCallFailed where it has to be tried again."""
        found = await self.reader.lock(entry.lock.id)
        if entry.state == BACK:
            return await self._finish_for_another(entry, found)
        if isinstance(found, Lock) and not found.same_content(entry.lock):
            return await self._settle(entry, CHANGED, "", found)
        if refusal and not isinstance(found, Absent):
            return await self._settle_refused(entry, refusal, found)
        # An unknown state is not "off": a PUT would overwrite what a person made.
        if isinstance(found, Unreadable):
            raise Unavailable(why_unread("somebody made a lock of that name meanwhile", found))
        try:
            # Sent even where the lock can be read: after a DELETE reads may still show
            # what is on its way out.
            written = await self.writer.put_lock(entry.lock)
        except NotFound as error:
            return await self._settle_without_group(entry, error)
        except AccessDenied:
            if not (entry.overdue and isinstance(found, Lock)):
                raise
            # No read lags a window's length behind a DELETE: a lock that can still be
            # read then was never lifted.
            result = f"{NOTHING_TO_PUT_BACK}: it is there, identical, and may not be written"
            return await self._settle(entry, result, "", found)
        # Read back before it is settled: an accepted PUT is no proof that it is there.
        await self._read_back(entry)
        return await self._settle(entry, DONE, written.correlation_id, entry.lock)

    async def _settle_refused(
        self, entry: OpenLock, refusal: str, found: Lock | Unreadable
    ) -> StepOutcome:
        if isinstance(found, Lock):
            result = f"{NEVER_LIFTED} ({refusal}); it is there, identical"
            return await self._settle(entry, result, "", found)
        result = f"{NEVER_LIFTED} ({refusal}); {found.why}"
        return await self._settle(entry, result, "")

    async def _finish_for_another(
        self, entry: OpenLock, found: Lock | Absent | Unreadable
    ) -> StepOutcome:
        """Another process settled the lock and records its outcome. Long after, it died
        before it had: then record what is there now. Raises Unavailable."""
        if clock.after(entry.back_at, self.settings.guardian_grace_seconds) > clock.now():
            detail = f"how the lock {entry.lock.name} ended is being put on record"
            return StepOutcome(Outcome.DONE, detail)
        if isinstance(found, Unreadable):
            raise Unavailable(f"how it ended is not on record, and {found.why}")
        read = found if isinstance(found, Lock) else None
        return await self._settle(entry, describe_end(entry.lock, found), "", read)

    async def _read_back(self, entry: OpenLock) -> None:
        """Raises Unavailable while Azure does not show exactly this lock."""
        for look in range(READ_BACKS):
            found = await self.reader.lock(entry.lock.id)
            if isinstance(found, Lock) and found.same_content(entry.lock):
                return
            await asyncio.sleep(min(0.1 * 2**look, self.settings.poll_seconds))
        seen = found.why if isinstance(found, Absent | Unreadable) else f"it is {to_json(found)}"
        raise Unavailable(f"the lock was put back and does not read back so: {seen}")

    async def _settle_without_group(self, entry: OpenLock, error: NotFound) -> StepOutcome:
        """PUT answered 404: the group is gone, or Azure is wrong about it for now."""
        group = parse(entry.group_id).resource_group
        if isinstance(await self.reader.resource_group_tags(group), Absent):
            return await self._settle(entry, GROUP_GONE, "")
        raise error

    async def _settle(
        self, entry: OpenLock, result: str, correlation_id: str, found: Lock | None = None
    ) -> StepOutcome:
        """Write the one outcome, then let the ledger forget the lock. A process that
        comes second finds nothing left to do.

        In this order: one that dies between the two leaves an entry that is settled
        again, never a lock without an outcome.
        """
        if entry.state == BACK or await self.ledger.mark_back(entry):
            if (RESTORE, fold(entry.lock.id)) in await self.journal.open_intents(entry.incident_id):
                detail = {
                    "lock": to_json(entry.lock),
                    "read_back": to_json(found) if found else None,
                }
                await self.journal.outcome(
                    entry.chain, RESTORE, entry.lock.id, result, correlation_id, detail
                )
            await self.ledger.settle(entry)
        return StepOutcome(Outcome.DONE, f"the lock {entry.lock.name} {in_words(result)}")

    async def _record_not_back(self, entry: OpenLock, problem: str) -> StepOutcome:
        detail = (
            f"the lock {entry.lock.name} on {entry.lock.scope} is NOT back yet ({problem}); it is"
            " tried again each minute"
        )
        try:
            counted = await self.ledger.count_failure(entry, problem)
            await self.journal.note(
                entry.chain, RESTORE, f"not back yet: {problem}", target=entry.lock.id
            )
        except StoreError as error:
            logging.error("%s; and the store does not take that either: %s", detail, error)
            counted = entry
        await alert_not_back(self.settings, counted, problem)
        return StepOutcome(Outcome.FAILED, detail, (quote(by_hand(entry.lock)),))


def describe_end(lock: Lock, found: Lock | Absent | Unreadable) -> str:
    """How a lock ended whose outcome is not on record, by its state now."""
    if isinstance(found, Lock):
        return DONE if found.same_content(lock) else CHANGED
    return f"not on record how it ended; now {found.why}"


def in_words(result: str) -> str:
    """The outcome of a `restore_lock`, as the sentence about its lock goes on."""
    return {
        DONE: "is back, identical",
        CHANGED: "was changed by a person meanwhile: it is left as that",
    }.get(result, f"({result})")


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
