"""Rows of the ledger that are over. Each is kept for a day: its outcome is put on
record where that is missing, and its lock is looked at each hour, without changing
anything. One that is absent then is reported: a deletion of ours that took effect later
than anything assumed here, or a person's."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from shared import clock
from shared.arm_ids import fold
from shared.azure.reader import ArmReader
from shared.execution.lock_window.ledger import Hand, LockLedger, Wrote
from shared.execution.lock_window.lock_journal import LockJournal
from shared.execution.lock_window.lock_reads import read_lock
from shared.execution.lock_window.lock_row import LockRow, LockState
from shared.execution.lock_window.side_by_side import do_all
from shared.execution.lock_window.times import KEPT_SECONDS, SETTLED_LOOK_SECONDS, Times
from shared.execution.lock_window.words import CHANGED, DONE, name_lock
from shared.facts import Absent, Lock

NEVER = "9999"


@dataclass(frozen=True, slots=True)
class SettledRows:
    """Every method raises StoreUnavailable."""

    reader: ArmReader
    ledger: LockLedger
    journal: LockJournal
    times: Times

    async def look_at_all(self) -> None:
        hands = await self.ledger.hands()
        # Of several rows of one lock the last one tells how it was left.
        newest: dict[str, LockRow] = {}
        for hand in sorted(hands, key=lambda each: each.row.settled_at or NEVER):
            newest[fold(hand.row.lock.id)] = hand.row
        looks = (
            self._look_at(hand, newest[fold(hand.row.lock.id)] is hand.row)
            for hand in hands
            if hand.row.state is LockState.SETTLED
        )
        await do_all(looks)

    async def _look_at(self, hand: Hand, newest: bool) -> None:
        row, now = hand.row, clock.now()
        if not row.recorded and clock.after(row.settled_at, self.times.grace) <= now:
            await self.journal.record(hand)  # who settled it died before it could
        if not newest and row.missing_since:
            await hand.force(lambda each: replace(each, missing_since=""))
        elif clock.after(row.settled_at, KEPT_SECONDS) <= now and not row.missing_since:
            await hand.remove(row.owner, LockState.SETTLED)
        elif newest and _is_due(row) and (row.result in (DONE, CHANGED) or row.missing_since):
            await self._look(hand)

    async def _look(self, hand: Hand) -> None:
        row, now = hand.row, clock.now()
        found = await read_lock(self.reader, row.lock, self.times)
        absent = isinstance(found, Absent)

        def remember(each: LockRow) -> LockRow | None:
            if each.state is not LockState.SETTLED:
                return None
            since = (each.missing_since or now) if absent else ""
            if not isinstance(found, Absent | Lock):
                since = each.missing_since
            return replace(each, looked_at=now, missing_since=since)

        wrote = await hand.force(remember)
        if wrote is Wrote.STORED and row.missing_since and isinstance(found, Lock):
            await self.journal.note(hand.row, "left alone: it is there again")
        if wrote is Wrote.STORED and absent and not row.missing_since:
            text = (
                f"{name_lock(row.lock)} is not there; its row was settled at {row.settled_at}: if"
                " nobody of you removed it, decide to put it back"
            )
            logging.error("%s", text)
            await self.journal.note(hand.row, text)


def _is_due(row: LockRow) -> bool:
    return clock.after(row.looked_at or row.settled_at, SETTLED_LOOK_SECONDS) <= clock.now()
