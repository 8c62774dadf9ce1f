"""The guardian's part in execution: locks whose time is over go back, whatever became
of the process that lifted them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from shared import clock
from shared.arm_ids import fold
from shared.audit.journal import Journal
from shared.execution.change import close_intents
from shared.execution.lock_window.ledger import LockLedger
from shared.execution.lock_window.put_back import PutBack
from shared.execution.lock_window.windows import CLOSING, Held, LockWindows
from shared.incident.book import IncidentBook
from shared.incident.outcome import StepOutcome


@dataclass(frozen=True, slots=True)
class Guardian:
    """Every method raises StoreUnavailable. Safe to run twice at once and beside the
    leader: a PUT of the identical lock changes nothing, and one of them settles it."""

    book: IncidentBook
    journal: Journal
    windows: LockWindows
    ledger: LockLedger
    restorer: PutBack
    grace_seconds: float
    """How long after its deadline a window is left to its leader."""

    async def guard(self) -> list[StepOutcome]:
        """Put back what is due. Where a leader ended before its record was whole (the
        store did not answer), nobody else gives its open intents an outcome."""
        leaders = [held.window.leader for held in await self.windows.all()]
        outcomes = await self.put_back_due()
        for leader_id in leaders:
            # Read after: it may have ended meanwhile, and its window with it.
            leader = await self.book.get(leader_id)
            if leader is not None and leader.ended:
                await close_intents(self.journal, self.ledger, leader)
        return outcomes

    async def put_back_due(self) -> list[StepOutcome]:
        """Close the windows whose time is over or whose leader has ended, and put their
        locks back; and those in the ledger that have no window."""
        outcomes: list[StepOutcome] = []
        for held in await self.windows.all():
            if await self._is_led(held):
                continue
            # Closed first: nobody may join a window whose locks go back.
            closing = await self._close(held)
            if closing is None:
                continue  # somebody wrote just now: it is alive, or the next round finds it
            group_id = held.window.group_id
            outcomes += await self.restorer.put_back_all(await self.ledger.open_locks(group_id))
            if not await self.ledger.open_locks(group_id):
                await self.windows.end(closing)
        open_groups = {fold(held.window.group_id) for held in await self.windows.all()}
        left = [
            entry
            for entry in await self.ledger.open_locks()
            if fold(entry.group_id) not in open_groups
        ]
        return outcomes + await self.restorer.put_back_all(left)

    async def _is_led(self, held: Held) -> bool:
        """Whether its leader may still be at work on it."""
        leader = await self.book.get(held.window.leader)
        late = clock.after(held.window.deadline, self.grace_seconds) <= clock.now()
        return not late and leader is not None and not leader.ended

    async def _close(self, held: Held) -> Held | None:
        if held.window.state == CLOSING:
            return held
        return await self.windows.move(held, replace(held.window, state=CLOSING))
