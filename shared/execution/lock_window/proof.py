"""Proves, right before a lock is lifted, that it can be put back: writes it once, as it
is, while it is still on.

One PUT asks rights, policies, deny assignments and the network at once, better than any
reasoning could. Its status is evidence only because it is one HTTP request:

    200 and the identical body   It was there and may be written: it may be lifted.
    201                          Somebody took it off just now, and we made it again:
                                 it stays, and nothing is lifted.
    anything else, no answer     It may not come back: nothing is lifted.
"""

from __future__ import annotations

from dataclasses import dataclass

from shared.audit.journal import Chain, Journal
from shared.azure.reader import ArmReader
from shared.azure.writer import ArmWriter, WrittenLock
from shared.codec import to_json
from shared.errors import AzureCallFailed
from shared.facts import Absent, Lock, Unreadable, why_unread

PROVE = "prove_lock"
MADE, IDENTICAL = 201, 200


@dataclass(frozen=True, slots=True)
class Proof:
    problem: str
    """Why nothing of the window may be lifted, "" when this lock may be."""
    absent: bool = False
    """Somebody took it off before us, so there is nothing to lift and nothing was
    written."""


async def prove(
    lock: Lock,
    reader: ArmReader,
    writer: ArmWriter,
    journal: Journal,
    chain: Chain,
    *,
    intent_open: bool,
) -> Proof:
    """Look at the lock once more, then write it. `intent_open`: the intent is on record
    from before a crash.

    Raises StoreUnavailable when intent or outcome cannot be recorded: then nothing may
    be lifted either.
    """
    # The PUT writes what is on record: it must not undo what a person changed since.
    found = await reader.lock(lock.id)
    if isinstance(found, Absent):
        return Proof("", absent=True)
    if isinstance(found, Unreadable):
        return Proof(why_unread(f"the lock {lock.name} is as it was", found))
    if not found.same_content(lock):
        return Proof(f"somebody changed the lock {lock.name} just now; it is not touched")
    if not intent_open:
        await journal.intent(chain, PROVE, lock.id, {"lock": to_json(lock)})
    try:
        written = await writer.prove_lock(lock)
    except AzureCallFailed as error:
        await journal.failed(chain, PROVE, lock.id, error)
        return Proof(_why_failed(lock, error))
    problem = _why_no_proof(lock, written)
    result = f"failed: {problem}" if problem else "done"
    detail = {"status": written.status, "answered": to_json(written.lock)}
    await journal.outcome(chain, PROVE, lock.id, result, written.correlation_id, detail)
    return Proof(problem)


def _why_failed(lock: Lock, error: AzureCallFailed) -> str:
    late = "" if error.status else "; the PUT may still arrive, and writes what was there before"
    return (
        f"the lock {lock.name} could not be written while it was on, so it might not come back:"
        f" {error}{late}"
    )


def _why_no_proof(lock: Lock, written: WrittenLock) -> str:
    if written.status == MADE:
        return (
            f"somebody took the lock {lock.name} off just now, and our look at it made it again: it"
            " stays, take it off again"
        )
    if written.status != IDENTICAL:
        return f"the PUT of the lock {lock.name} was answered with status {written.status}"
    if not written.lock.same_content(lock):
        return (
            f"the lock {lock.name} was written and is answered otherwise: {to_json(written.lock)}"
        )
    return ""
