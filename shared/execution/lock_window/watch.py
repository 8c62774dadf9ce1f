"""Watches one lock until no request of ours can change it any more.

Absent, where a DELETE of ours may still take effect: the last body on record is put
back, always. Another body: it is noted, and not written over. The watch ends when its
time is over and the body on record is so old that a read can be believed. After that
nothing is mended on sight: a person's deletion stands. No lease is needed: each write
of the row is conditional, and a PUT of the same body twice changes nothing.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace

from shared import clock
from shared.audit.journal import Detail
from shared.azure.reader import ArmReader
from shared.azure.writer import ArmWriter
from shared.codec import to_json
from shared.execution.lock_window.alerts import alert_not_back, is_told
from shared.execution.lock_window.bodies import choose_body, with_body
from shared.execution.lock_window.gone_groups import GoneGroups
from shared.execution.lock_window.ledger import Hand, LockLedger, Wrote
from shared.execution.lock_window.lock_journal import LockJournal
from shared.execution.lock_window.lock_reads import read_lock
from shared.execution.lock_window.lock_row import LockRow, LockState
from shared.execution.lock_window.row_changes import settled, with_requests
from shared.execution.lock_window.times import Times
from shared.execution.lock_window.words import (
    CHANGED,
    DONE,
    GROUP_GONE,
    NEVER_LIFTED,
    NOTHING_TO_PUT_BACK,
    PUT_BACK,
)
from shared.facts import Absent, Lock, Unreadable
from shared.settings import Settings


@dataclass(frozen=True, slots=True)
class Watch:
    """Every method raises StoreUnavailable."""

    reader: ArmReader
    writer: ArmWriter
    journal: LockJournal
    ledger: LockLedger
    gone: GoneGroups
    settings: Settings
    times: Times

    async def look(self, hand: Hand) -> None:
        """One look at a watched lock, and what follows from it."""
        row = hand.row
        # Before the read: a look that began in time does not end the watch.
        over = row.watch_until <= clock.now() and not row.is_young(self.times.stale)
        found = await read_lock(self.reader, row.lock, self.times)
        if isinstance(found, Unreadable):
            return  # neither mended nor over
        if isinstance(found, Absent) and row.mends:
            await self._mend(hand, final=over)
        elif isinstance(found, Absent):
            if _was_there(row):
                await self._note_missing(hand)
            if over:
                await self._settle(hand, found)
        elif over and found.same_content(row.body):
            await self._settle(hand, found)
        else:
            await self._note(hand, found)

    async def _note_missing(self, hand: Hand) -> None:
        """It was back, and a person took it off: told, not mended."""
        if hand.row.missing_since:
            return
        now = clock.now()

        def note(row: LockRow) -> LockRow | None:
            return replace(row, missing_since=now) if row.state is LockState.WATCHED else None

        if await hand.force(note) is Wrote.STORED:
            text = "is not there, and no deletion of ours can still take effect: left alone"
            await self.journal.note(hand.row, text)

    async def _note(self, hand: Hand, found: Lock) -> None:
        if self._with_body(hand.row, found) == hand.row:
            return

        def note(row: LockRow) -> LockRow | None:
            noted = self._with_body(row, found)
            return noted if row.state is LockState.WATCHED and noted != row else None

        await hand.force(note)

    def _with_body(self, row: LockRow, found: Lock) -> LockRow:
        return replace(with_body(row, found, self.times.stale), missing_since="")

    async def _mend(self, hand: Hand, *, final: bool) -> None:
        if not await self._is_still_watched(hand):
            return
        body = await choose_body(self.ledger, hand.row, self.times.store)
        at, request_id = clock.now(), str(uuid.uuid4())
        answer = await self.writer.put_lock(body, request_id, self.times.write)
        back = answer.shows(body)
        attempts = 0 if back else hand.row.attempts + 1
        if back or is_told(attempts):
            done = f"{PUT_BACK}: it was absent" if back else "not back yet: it is absent"
            await self.journal.note(
                hand.row,
                f"{done} at {at}, and a deletion of ours may still have been on its way"
                f" ({answer.why}); if you removed it, remove it again after"
                f" {hand.row.watch_until}, or decide to leave it off",
                {"put": to_json(body), "request": request_id},
                answer.correlation_id,
            )
        if answer.status == 404 and await self.gone.is_gone(hand, hand.row.owner):
            await self._end(hand, GROUP_GONE)
            return
        put_at = clock.now()
        problem = "" if back else f"it is absent, and its PUT: {answer.why}"

        def keep(row: LockRow) -> LockRow | None:
            if row.state is not LockState.WATCHED:
                return None
            kept = with_requests(row, [request_id])
            kept = replace(kept, problem=problem, attempts=attempts)
            if not back:
                return kept
            return replace(kept, put_at=put_at, correlation_id=answer.correlation_id)

        wrote = await hand.force(keep)
        if wrote is Wrote.STORED and back and final:
            await self._end(hand, DONE if body.same_content(hand.row.lock) else CHANGED)
        if not back and wrote is not Wrote.ANOTHERS:
            await alert_not_back(self.settings, replace(hand.row, attempts=attempts), problem)

    async def _is_still_watched(self, hand: Hand) -> bool:
        """Whether nobody decided otherwise since the look began. No answer: yes."""
        there = await hand.read_within(self.times.store)
        return there is None or (there and hand.row.state is LockState.WATCHED)

    async def _settle(self, hand: Hand, found: Lock | Absent) -> None:
        await self._end(hand, result_of_watch(hand.row, found), self._tell(hand.row, found))

    def _tell(self, row: LockRow, found: Lock | Absent) -> Detail:
        """The span of the watch, to when a PUT of the watch itself can land last, and
        the bodies that were read."""
        return {
            "from": row.watch_since,
            "to": clock.after(clock.now(), self.times.late if row.put_at else 0),
            "seen": to_json(found) if isinstance(found, Lock) else found.why,
            "bodies": to_json(row.bodies),
        }

    async def _end(self, hand: Hand, result: str, told: Detail = None) -> None:
        def end(row: LockRow) -> LockRow | None:
            return settled(row, result) if row.state is LockState.WATCHED else None

        if await hand.force(end) is not Wrote.STORED:
            return
        await self.journal.note(hand.row, f"the watch is over: {result}", told)
        await self.journal.try_to_record(hand)


def _was_there(row: LockRow) -> bool:
    """Whether it was ours to put back, so that its absence is a person's doing."""
    return row.mends or row.lifted or bool(row.put_at)


def result_of_watch(row: LockRow, found: Lock | Absent) -> str:
    """How the lock of a row ended whose watch is over, by the last look."""
    if isinstance(found, Lock) and not found.same_content(row.lock):
        return CHANGED
    if _was_there(row):
        if isinstance(found, Absent):
            return f"{NOTHING_TO_PUT_BACK}: it was back, and somebody removed it since"
        return DONE
    late = (
        f"{NEVER_LIFTED}; a PUT of it had no answer, and may have written over or brought back"
        f" anything between {row.watch_since} and {row.watch_until}"
    )
    return late + (f"; now {found.why}" if isinstance(found, Absent) else "")
