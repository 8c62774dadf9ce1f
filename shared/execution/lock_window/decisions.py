"""What a person decides about a lock that this product took off: leave it off, or put
it back now. Obeyed at once, by conditional write, whoever has the lock in hand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial

from shared.arm_ids import same
from shared.audit.journal import ChainOf
from shared.errors import RowChanged
from shared.execution.lock_window.lease import NoLease, make_token
from shared.execution.lock_window.ledger import Hand, LockLedger, Wrote
from shared.execution.lock_window.lock_journal import LockJournal
from shared.execution.lock_window.lock_row import IN_A_WINDOW, TO_TAKE_OVER, LockRow, LockState
from shared.execution.lock_window.put_back import PutBack
from shared.execution.lock_window.row_changes import settled
from shared.execution.lock_window.windows import LockWindows
from shared.execution.lock_window.words import (
    LEFT_OFF,
    LEFT_THERE,
    name_lock,
    say_state,
    unreadable,
)
from shared.facts import Lock
from shared.incident.model import RESTORE
from shared.incident.outcome import Outcome, StepOutcome
from shared.store.contract import Row


@dataclass(frozen=True, slots=True)
class Decisions:
    """Every method raises StoreUnavailable. One outcome for each row of the lock; none
    where the ledger has nothing to decide about such a lock."""

    ledger: LockLedger
    windows: LockWindows
    journal: LockJournal
    restorer: PutBack

    async def leave_off(self, name: str, person: str) -> list[StepOutcome]:
        """`name`: a lock's id; or the name of a row or a window that cannot be read,
        which is taken away. Nothing is done about the lock any more. Refused while a
        fix has it off: it puts it back first."""
        outcomes = [
            await self._leave_off(hand, person)
            for hand in await self._find(name, lambda row: row.open or bool(row.missing_since))
        ]
        outcomes += await self._forget_strange(name, person)
        return outcomes + await self._forget_window(name, person)

    async def put_back(self, lock_id: str, person: str) -> list[StepOutcome]:
        """Put it back and read the answer. A fix that has it off ends."""
        hands = await self._find(lock_id, lambda _: True)
        open_hands = [hand for hand in hands if hand.row.open]
        return [await self._put_back(hand, person) for hand in open_hands or hands[-1:]]

    async def _find(self, lock_id: str, wanted: Callable[[LockRow], bool]) -> list[Hand]:
        found = [
            hand
            for hand in await self.ledger.hands()
            if same(hand.row.lock.id, lock_id) and wanted(hand.row)
        ]
        return sorted(found, key=lambda hand: hand.row.deadline)

    async def _leave_off(self, hand: Hand, person: str) -> StepOutcome:
        found = await self.restorer.reader.lock(hand.row.lock.id)
        result = LEFT_THERE if isinstance(found, Lock) else LEFT_OFF

        def leave_off(row: LockRow) -> LockRow | None:
            if row.state in IN_A_WINDOW:
                return None
            # Whatever it had as its result: an hour later it would be missing again.
            return replace(settled(row, result), owner=person, decided_by=person, missing_since="")

        wrote = await hand.force(leave_off)
        if wrote is Wrote.SILENT:
            return _say_silent(hand)
        if wrote is Wrote.ANOTHERS:
            detail = f"{name_lock(hand.row.lock)} {say_state(hand.row)}: decide when it is back"
            return StepOutcome(Outcome.REFUSED, detail)
        await self.journal.note(hand.row, f"{result}: {person}")
        await self.journal.record(hand)
        return StepOutcome(Outcome.DONE, f"{name_lock(hand.row.lock)} {say_state(hand.row)}")

    async def _put_back(self, hand: Hand, person: str) -> StepOutcome:
        token = make_token()

        def take(row: LockRow) -> LockRow | None:
            if row.state is LockState.PLANNED:
                return None
            again = row.state not in TO_TAKE_OVER
            return replace(
                row,
                state=LockState.RETURNING,
                owner=token,
                decided_by=person,
                missing_since="",
                reopened=row.reopened or again,
                recorded=False,
            )

        wrote = await hand.force(take)
        if wrote is Wrote.SILENT:
            return _say_silent(hand)
        if wrote is Wrote.ANOTHERS:
            return StepOutcome(Outcome.DONE, f"{name_lock(hand.row.lock)} {say_state(hand.row)}")
        await self.journal.note(hand.row, f"{person} decided to put it back")
        return await self.restorer.put_back(hand, NoLease(token))

    async def _forget_strange(self, name: str, person: str) -> list[StepOutcome]:
        """A row that cannot be read is taken away: nobody looks after it then. Its text
        stays in the audit log."""
        outcomes = []
        for row in await self.ledger.strange():
            if row.lock is not None and same(row.lock.id, name):
                # Another row of this lock may be readable, and was meant.
                told = f"{unreadable(row)}; to take that row away, name it: {row.name}"
                outcomes.append(StepOutcome(Outcome.REFUSED, told))
            if row.name == name:
                chain, what = ChainOf(row.incident_id, name), f"the row of {name}"
                forget = partial(self.ledger.forget, row)
                outcomes.append(await self._take_away(row.place, chain, what, person, forget))
        return outcomes

    async def _forget_window(self, name: str, person: str) -> list[StepOutcome]:
        """As `_forget_strange`."""
        outcomes = []
        for row in await self.windows.unreadable():
            if row.place == name:
                leader = row.body.get("leader")
                chain = ChainOf(leader if isinstance(leader, str) else row.partition, name)
                forget = partial(self.windows.forget, row)
                what = f"the lock window {name}"
                outcomes.append(await self._take_away(row, chain, what, person, forget))
        return outcomes

    async def _take_away(
        self,
        row: Row,
        chain: ChainOf,
        what: str,
        person: str,
        forget: Callable[[], Awaitable[None]],
    ) -> StepOutcome:
        text = f"its row, which cannot be read, is taken away: {person}"
        await self.journal.journal.note(
            chain, RESTORE, text, target=row.place, detail={"row": dict(row.body)}
        )
        try:
            await forget()
        except RowChanged:
            return StepOutcome(Outcome.FAILED, f"{row.place} was written just now")
        return StepOutcome(Outcome.DONE, f"{what}, which cannot be read, is taken away")


def _say_silent(hand: Hand) -> StepOutcome:
    detail = f"{name_lock(hand.row.lock)}: the store does not take what you decided; decide again"
    return StepOutcome(Outcome.FAILED, detail)
