"""Puts one lock back: by the owner of its window, or by who took the window over.

1. The row says RETURNING. Somebody else's: stop. No answer from the store: go on; the
   store is never a condition for putting a lock back.
2. GET. Absent, identical or unreadable: PUT. Another body: no PUT; it is noted, and the
   lock is watched.
3. PUT, one request. The identical body in the answer to it is the proof that it is
   back. Without an answer: again, from 2.
4. SETTLED at once only where nothing of ours can be on its way: lifted by a DELETE that
   was answered, put back by its first owner, every PUT answered, and read back so. All
   else is WATCHED.

Who finds that its lease is lost after its DELETE went out opens the row again, whatever
anybody settled meanwhile, and puts back without waiting for that.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

from shared import clock
from shared.azure.reader import ArmReader
from shared.azure.writer import ArmWriter, LockAnswer
from shared.execution.lock_window.alerts import alert_not_back, is_told
from shared.execution.lock_window.bodies import choose_body, with_body
from shared.execution.lock_window.gone_groups import GoneGroups
from shared.execution.lock_window.ledger import Change, Hand, LockLedger, Wrote
from shared.execution.lock_window.lock_journal import LockJournal
from shared.execution.lock_window.lock_reads import read_lock
from shared.execution.lock_window.lock_row import NOT_BACK, LockRow, LockState
from shared.execution.lock_window.row_changes import begin_watch, settled, with_requests
from shared.execution.lock_window.times import Times
from shared.execution.lock_window.words import (
    DONE,
    GROUP_GONE,
    LEFT_OFF,
    LEFT_THERE,
    PUT_BACK,
    name_lock,
    say_state,
)
from shared.facts import Absent, Lock, Unreadable
from shared.incident.outcome import Outcome, StepOutcome
from shared.settings import Settings

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 30.0
SIGNED_OUT = 401
READ_BACKS = 5


class Owner(Protocol):
    """Who puts back: its token, and whether its lease still holds."""

    @property
    def token(self) -> str: ...

    @property
    def in_time(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class PutBack:
    reader: ArmReader
    writer: ArmWriter
    journal: LockJournal
    ledger: LockLedger
    gone: GoneGroups
    settings: Settings
    times: Times

    async def put_back(
        self,
        hand: Hand,
        owner: Owner,
        *,
        first: bool = False,
        reopen: bool = False,
        heard_off: bool = False,
        blind: bool = False,
        patience: float | None = None,
    ) -> StepOutcome:
        """Result DONE: it is back, or watched, or a person's; the detail says how.
        FAILED: it is not back yet; the guardian goes on.

        `first`: by the execution that lifted it. `reopen`: its lease or its row was
        lost after its DELETE went out; `heard_off`: that DELETE was answered 200.
        `blind`: by who took the window over, and the store did not take the row: as
        long as nobody else has it, that is no reason to leave the lock off.
        """
        way = _WayBack(self, hand, owner, first, reopen, heard_off, silent=blind)
        if blind:
            way.before = hand.row.owner
        return await way.go(self.times.patience if patience is None else patience)


@dataclass(slots=True)
class _WayBack:
    """One execution's attempt to put one lock back."""

    by: PutBack
    hand: Hand
    owner: Owner
    first: bool
    reopen: bool
    heard_off: bool
    missed: bool = False
    """A PUT of this execution had no answer: it may still land."""
    silent: bool = False
    """A store write of this execution had no answer."""
    before: str = ""
    """The dead owner's token, which may still be in the row."""
    signed_out: bool = False
    problem: str = ""
    pause: float = FIRST_PAUSE_SECONDS
    requests: list[str] = field(default_factory=list)
    answered: bool = False
    """A PUT of this execution was answered: the lock was made."""
    opened: bool = False
    """The row was opened again."""

    async def go(self, patience: float) -> StepOutcome:
        give_up = _now() + patience
        if self.reopen:
            await self._open_again()
            found = await self._read()
        elif self.silent:
            found = await self._read()
        else:
            wrote, found = await asyncio.gather(self._begin(), self._read())
            if wrote is Wrote.ANOTHERS:
                return await self._leave(give_up)
            self.silent = wrote is Wrote.SILENT
        while True:
            if (ended := await self._once(found, give_up)) is not None:
                return ended
            if _now() + self.pause >= give_up and not self._has_to_open:
                return await self._give_up()
            await asyncio.sleep(self.pause)
            self.pause = min(self.pause * 2, LONGEST_PAUSE_SECONDS)
            if not await self._look_at_row():
                return await self._leave(give_up)
            found = await self._read()

    @property
    def _has_to_open(self) -> bool:
        return self.reopen and not self.opened

    async def _begin(self) -> Wrote:
        return await self.hand.write(self.owner.token, _return, self.by.times.store)

    async def _read(self) -> Lock | Absent | Unreadable:
        return await read_lock(self.by.reader, self.hand.row.lock, self.by.times)

    async def _open_again(self) -> None:
        """RETURNING, whatever anybody settled. The watch starts anew with its end."""
        seconds = self.by.times.store
        token, lifted = self.owner.token, self.heard_off

        def open_again(row: LockRow) -> LockRow:
            return replace(
                row,
                state=LockState.RETURNING,
                owner=token,
                out=not lifted,
                lifted=lifted,
                reopened=True,
                recorded=False,
                missing_since="",
            )

        wrote = await self.hand.force(open_again, seconds)
        if wrote is Wrote.ANOTHERS:  # it is gone: settled long ago, and forgotten
            wrote = await self.hand.insert_again(open_again(self.hand.row))
        self.opened = wrote is not Wrote.SILENT

    async def _open_for_sure(self) -> None:
        """Again and again until the store answers: else nobody would know of a DELETE
        that is still on its way."""
        while self._has_to_open:
            await self._open_again()
            if self._has_to_open:
                await asyncio.sleep(self.by.times.store)

    async def _look_at_row(self) -> bool:
        """After a pause. False: the row is another's by now, a person's who decided, or
        that of who took over."""
        there = await self.hand.read_within(self.by.times.store)
        if there is None:
            return True
        return self.reopen or (there and self._is_mine(self.hand.row))

    def _is_mine(self, row: LockRow) -> bool:
        return row.owner == self.owner.token or (bool(self.before) and row.owner == self.before)

    async def _write(self, change: Change, seconds: float | None = None) -> Wrote:
        """Write the row as its owner."""

        def owned(row: LockRow) -> LockRow | None:
            changed = change(row) if self._is_mine(row) else None
            return changed and replace(changed, owner=self.owner.token)

        return await self.hand.force(owned, seconds)

    async def _once(self, found: Lock | Absent | Unreadable, give_up: float) -> StepOutcome | None:
        """One look and one PUT. None: again, after a pause."""
        if self._has_to_open and self.requests:
            await self._open_again()
        body, row = await self._choose_body(), self.hand.row
        if isinstance(found, Lock) and not (
            found.same_content(body) or found.same_content(row.lock)
        ):
            return await self._note(found, give_up)
        answer = await self._send(body)
        if answer.shows(body):
            self.answered = True
            return await self._finish(answer, give_up)
        return await self._hear(answer)

    async def _choose_body(self) -> Lock:
        """The last body on record: in this row, or, where this one was overtaken, in
        that of a newer window."""
        if self.first and not self.reopen:
            return self.hand.row.body
        return await choose_body(self.by.ledger, self.hand.row, self.by.times.store)

    async def _send(self, body: Lock) -> LockAnswer:
        request_id = str(uuid.uuid4())
        self.requests.append(request_id)
        return await self.by.writer.put_lock(body, request_id, self.by.times.write)

    async def _hear(self, answer: LockAnswer) -> StepOutcome | None:
        self.problem = answer.why
        if answer.error is None or answer.unanswered:
            self.missed = True  # an answer with another body is none
            return None
        if answer.passing:
            self.pause = min(max(self.pause, answer.retry_after_seconds), LONGEST_PAUSE_SECONDS)
            return None
        if answer.status == SIGNED_OUT and not self.signed_out:
            self.signed_out, self.pause = True, FIRST_PAUSE_SECONDS
            return None  # the SDK forgot its token: the next request has a fresh one
        if answer.status == 404 and await self.by.gone.is_gone(self.hand, self.owner.token):
            return await self._settle(GROUP_GONE)
        return await self._give_up(LockState.NEEDS_PERSON)

    async def _note(self, found: Lock, give_up: float) -> StepOutcome:
        """Another body: nothing has proved yet that the lock is back, so it is watched
        as for a DELETE."""
        stale = self.by.times.stale
        return await self._end(
            lambda row: self._watch(with_body(row, found, stale), mends=True), give_up
        )

    async def _finish(self, answer: LockAnswer, give_up: float) -> StepOutcome:
        at = clock.now()
        if answer.status == 200 and self._saw_it_off:
            await self.by.journal.note(
                self.hand.row,
                "it was there when it was put back: somebody had made a lock of that name"
                " meanwhile, and it was written over",
            )
        if not self._settles_at_once:
            return await self._watch_what_is_back(answer, at, give_up)
        found = await self._read_back()
        if isinstance(found, Lock) and found.same_content(self.hand.row.body):
            return await self._settle(DONE, answer.correlation_id)
        if isinstance(found, Lock):
            return await self._note(found, give_up)
        # An accepted PUT that cannot be seen proves too little.
        return await self._watch_what_is_back(answer, at, give_up, mends=True)

    async def _watch_what_is_back(
        self, answer: LockAnswer, at: str, give_up: float, *, mends: bool = False
    ) -> StepOutcome:
        """ARM answered at `at` that it is there. That goes on record now: the outcome
        comes with the end of the watch."""
        correlation_id = answer.correlation_id

        def watch(row: LockRow) -> LockRow:
            back = replace(row, put_at=at, correlation_id=correlation_id)
            return self._watch(back, mends=mends or row.out)

        ended = await self._end(watch, give_up)
        text = f"{PUT_BACK}: answered at {at} with {answer.status}; it is watched from now on"
        await self.by.journal.note(self.hand.row, text, correlation_id=correlation_id)
        return ended

    async def _read_back(self) -> Lock | Absent | Unreadable:
        """What is there now; reads may lag behind a PUT, so it looks a few times."""
        for look in range(READ_BACKS):
            found = await self._read()
            if isinstance(found, Lock):
                break
            await asyncio.sleep(min(0.1 * 2**look, self.by.settings.poll_seconds))
        return found

    @property
    def _saw_it_off(self) -> bool:
        """This execution saw the lock go, and lost neither a store write nor a PUT."""
        return self.first and self.hand.row.lifted and not (self.silent or self.missed)

    @property
    def _settles_at_once(self) -> bool:
        row = self.hand.row
        never_doubted = not (self.missed or self.reopen or row.reopened or row.missed or row.out)
        return self.first and row.lifted and never_doubted

    def _watch(self, row: LockRow, *, mends: bool) -> LockRow:
        watched = begin_watch(row, self.by.times.watch, mends=mends)
        return replace(watched, missed=row.missed or self.missed)

    async def _settle(self, result: str, correlation_id: str = "") -> StepOutcome:
        def settle(row: LockRow) -> LockRow:
            answered = correlation_id or row.correlation_id
            return settled(replace(row, correlation_id=answered), result)

        ended = await self._end(settle, _now() + self.by.times.patience)
        await self.by.journal.try_to_record(self.hand)
        return ended

    async def _end(self, change: Callable[[LockRow], LockRow], give_up: float) -> StepOutcome:
        """Write how it ended. Where the store does not take it, the guardian finds the
        row as it was, and looks for itself."""
        await self._open_for_sure()
        while True:
            wrote = await self._write(self._ending(change))
            if wrote is Wrote.STORED:
                return self._done()
            if wrote is Wrote.ANOTHERS:
                return await self._leave(give_up)
            if _now() + self.by.times.store >= give_up:
                detail = f"{name_lock(self.hand.row.lock)}: the store does not take how it ended"
                return StepOutcome(Outcome.FAILED, detail)
            await asyncio.sleep(self.by.times.store)

    def _ending(self, change: Callable[[LockRow], LockRow]) -> Change:
        def end(row: LockRow) -> LockRow | None:
            if row.state not in NOT_BACK:
                return None
            return with_requests(change(row), self.requests)

        return end

    def _done(self) -> StepOutcome:
        return StepOutcome(
            Outcome.DONE, f"{name_lock(self.hand.row.lock)} {say_state(self.hand.row)}"
        )

    async def _leave(self, give_up: float) -> StepOutcome:
        """The row is another's. While a PUT of ours may still land, the lock is watched
        for it, whatever anybody settled."""
        while self.missed:
            wrote = await self.hand.force(self._watch_late_put)
            if wrote is Wrote.ANOTHERS:  # gone
                late = self._watch_late_put(settled(self.hand.row, DONE))
                wrote = Wrote.STORED if late is None else await self.hand.insert_again(late)
            if wrote is not Wrote.SILENT:
                break
            if _now() >= give_up:
                logging.error("%s: a PUT may still land", self.hand.row.lock.id)
                break
            await asyncio.sleep(self.by.times.store)
        if self.answered and self.hand.row.result in (LEFT_OFF, LEFT_THERE):
            text = "a PUT of ours was answered after a person decided to leave it off: it is there"
            await self.by.journal.note(self.hand.row, text)
        return self._done()

    def _watch_late_put(self, row: LockRow) -> LockRow | None:
        until = clock.after(clock.now(), self.by.times.watch)
        if row.state is LockState.WATCHED:
            return replace(row, watch_until=until, missed=True)
        if row.state in (LockState.SETTLED, LockState.PLANNED):
            watched = self._watch(row, mends=False)
            return replace(watched, owner=self.owner.token, reopened=True, recorded=False)
        return None  # whoever has the row will watch it

    async def _give_up(self, state: LockState = LockState.RETURNING) -> StepOutcome:
        await self._open_for_sure()
        problem = self.problem

        def count(row: LockRow) -> LockRow:
            counted = replace(
                row,
                state=state,
                problem=problem,
                attempts=row.attempts + 1,
                missed=row.missed or self.missed,
            )
            return with_requests(counted, self.requests)

        wrote = await self._write(count, self.by.times.patience)
        if wrote is Wrote.ANOTHERS:
            return await self._leave(_now() + self.by.times.patience)
        row = self.hand.row if wrote is Wrote.STORED else count(self.hand.row)
        if is_told(row.attempts):
            await self.by.journal.note(row, f"not back yet: {problem}")
        await alert_not_back(self.by.settings, row, problem)
        return StepOutcome(
            Outcome.FAILED,
            f"{name_lock(row.lock)} is NOT back yet ({problem}); it is tried again each minute",
        )


def _return(row: LockRow) -> LockRow | None:
    return replace(row, state=LockState.RETURNING) if row.state in NOT_BACK else None


def _now() -> float:
    return asyncio.get_running_loop().time()
