"""Keeps one resource group: takes a dead owner's window over, puts its locks back,
watches what may still change, and ends the window.

It never lifts and never deletes a collection. An owner is dead when its heartbeat did
not change for the lease, by this keeper's own clock from when it first saw that
heartbeat; or when its window is open past deadline and grace. Clocks of two machines
are never compared.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from shared import clock
from shared.execution.lock_window.lease import Lease, NoLease, make_token, read_clocks
from shared.execution.lock_window.ledger import Hand, LockLedger, Wrote
from shared.execution.lock_window.lock_journal import LockJournal
from shared.execution.lock_window.lock_row import NOT_BACK, TO_TAKE_OVER, LockRow, LockState
from shared.execution.lock_window.outcomes import LockEnds, WindowRecord
from shared.execution.lock_window.put_back import PutBack
from shared.execution.lock_window.row_changes import begin_watch
from shared.execution.lock_window.side_by_side import do_all
from shared.execution.lock_window.times import Times
from shared.execution.lock_window.watch import Watch
from shared.execution.lock_window.windows import (
    CLOSING,
    OPEN,
    Beat,
    Heartbeat,
    Held,
    LockWindows,
)
from shared.incident.outcome import StepOutcome


@dataclass(frozen=True, slots=True)
class Keeping:
    """What a keeper works with."""

    windows: LockWindows
    ledger: LockLedger
    restorer: PutBack
    watch: Watch
    journal: LockJournal
    record: WindowRecord
    times: Times


@dataclass(slots=True)
class Keeper:
    """For one tick of the guardian, or one activity. Every method raises
    StoreUnavailable."""

    by: Keeping
    group_id: str
    token: str = field(default_factory=make_token)
    outcomes: list[StepOutcome] = field(default_factory=list)
    """Of the locks that were put back, or could not be."""
    _seen: tuple[Heartbeat | None, float] | None = None
    """The heartbeat of somebody else, and the loop's time when it was first seen."""
    _tried: set[str] = field(default_factory=set)
    """Ids of the locks that Azure refused to have back, in this tick."""
    _looks: dict[str, float] = field(default_factory=dict)
    """The loop's time of the next look at a watched row."""
    _lease: Lease | None = None
    _putting: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    """By lock id: one that hangs does not keep the others unwatched."""

    async def keep(self, until: float) -> list[StepOutcome]:
        """Stay until nothing of the group is open, or until the loop's time `until`."""
        return await self._stay(until, lambda held, hands: held is None and not hands)

    async def look_after(self, incident_id: str) -> list[StepOutcome]:
        """Stay while a lock is watched that a window of this incident took off, until
        the guardian's next tick is sure to have begun: a late request lands soon or
        never."""

        def is_over(_: Held | None, hands: list[Hand]) -> bool:
            return not any(
                hand.row.state is LockState.WATCHED and hand.row.incident_id == incident_id
                for hand in hands
            )

        return await self._stay(_now() + self.by.times.next_tick, is_over)

    async def close_if_dead(self, seconds: float) -> list[StepOutcome]:
        """Stay until the owner of the group's window is known to live, or what it left
        is back or watched; `seconds` at most."""
        first: list[Heartbeat | None] = []

        def is_over(held: Held | None, hands: list[Hand]) -> bool:
            if held is None or held.window.told or held.window.token == self.token:
                return not any(hand.row.state in TO_TAKE_OVER for hand in hands)
            beat = self._seen[0] if self._seen else None
            first.append(beat)
            return beat != first[0]

        return await self._stay(_now() + seconds, is_over)

    async def _stay(
        self, until: float, is_over: Callable[[Held | None, list[Hand]], bool]
    ) -> list[StepOutcome]:
        try:
            while True:
                held, hands = await self._look(until)
                if is_over(held, hands) or _now() + self.by.times.look / 5 >= until:
                    return self.outcomes
                await asyncio.sleep(min(self._pause(held, hands), max(0.0, until - _now())))
        finally:
            await do_all(self._putting.values())
            await self._let_go()

    async def _look(self, until: float) -> tuple[Held | None, list[Hand]]:
        """Do what is due. Returns the window and the open rows afterwards."""
        held, hands = await self.by.windows.get(self.group_id), await self._open_hands()
        left_over = any(hand.row.state in TO_TAKE_OVER for hand in hands)
        held = await self._own_or_take(held, left_over)
        mine = held is not None and held.window.token == self.token
        # A row whose window is gone waits for nobody.
        left = [
            hand
            for hand in hands
            if hand.row.state in TO_TAKE_OVER
            and (mine or held is None or hand.row.window_id != held.window.id)
        ]
        await self._begin_putting_back(left, until)
        await do_all(self._watch(hand) for hand in hands if self._is_due(hand))
        hands = await self._open_hands()
        if held is not None and not hands and (mine or _is_done(held)):
            await self._end(held)
            held = await self.by.windows.get(self.group_id)
        return held, hands

    async def _open_hands(self) -> list[Hand]:
        return [hand for hand in await self.by.ledger.hands(self.group_id) if hand.row.open]

    # -- Ownership

    async def _own_or_take(self, held: Held | None, left_over: bool) -> Held | None:
        """The window, taken over where its owner is dead, or has left it although a
        lock is not back."""
        if held is None or held.window.token == self.token:
            return held
        beat = await self.by.windows.heartbeat(self.group_id)
        if not (left_over if _is_done(held) else self._is_dead(held, beat)):
            return held
        began = read_clocks()
        taken = await self.by.windows.take_over(held, beat, self.token)
        if taken is None:
            return held  # somebody wrote just now: it lives, or the next look finds it
        logging.warning(
            "the window of %s is taken over: its owner is dead, or has left it", self.group_id
        )
        await self._let_go()
        self._lease = Lease(self.by.windows, self.by.times, taken[0].window, taken[1], began)
        await self._lease.__aenter__()
        return taken[0]

    def _is_dead(self, held: Held, beat: Beat | None) -> bool:
        heartbeat = beat.heartbeat if beat else None
        if self._seen is None or self._seen[0] != heartbeat:
            self._seen = heartbeat, _now()
        late = clock.after(held.window.deadline, self.by.times.grace) <= clock.now()
        silent = _now() - self._seen[1] >= self.by.times.lease
        return silent or (late and held.window.state == OPEN)

    async def _let_go(self) -> None:
        if self._lease is not None:
            await self._lease.__aexit__(None, None, None)
        self._lease = None

    # -- Rows

    async def _begin_putting_back(self, hands: list[Hand], until: float) -> None:
        """Put these back, side by side, and wait for that as long as a look takes."""
        for hand in hands:
            key = hand.row.lock.id
            if key in self._putting and self._putting[key].done():
                await self._putting.pop(key)
            if key not in self._putting:
                self._putting[key] = asyncio.create_task(self._put_back(hand, until))
        if self._putting:
            await asyncio.wait(self._putting.values(), timeout=self.by.times.look)

    async def _put_back(self, hand: Hand, until: float) -> None:
        """The row is written before any request for it."""
        key = hand.row.lock.id
        if hand.row.state is LockState.NEEDS_PERSON and key in self._tried:
            return
        self._tried.add(key)
        if hand.row.state is LockState.PLANNED:
            await hand.force(self._watch_for_proof)
            return
        wrote = await hand.force(self._take, self.by.times.store)
        if wrote is Wrote.ANOTHERS:
            return
        # Without an answer of the store all the same: it is no condition.
        owner, blind = self._lease or NoLease(self.token), wrote is Wrote.SILENT
        patience = max(0.0, until - _now() - self.by.times.write)
        outcome = await self.by.restorer.put_back(hand, owner, blind=blind, patience=patience)
        self.outcomes.append(outcome)

    def _take(self, row: LockRow) -> LockRow | None:
        if row.state not in NOT_BACK:
            return None
        return replace(row, state=LockState.RETURNING, owner=self.token, epoch=row.epoch + 1)

    def _watch_for_proof(self, row: LockRow) -> LockRow | None:
        """No DELETE was sent. A proof may be on its way: no PUT of ours, and absent is
        left alone."""
        if row.state is not LockState.PLANNED:
            return None
        watched = begin_watch(row, self.by.times.watch, mends=False)
        return replace(watched, owner=self.token, epoch=row.epoch + 1, missed=True)

    def _is_due(self, hand: Hand) -> bool:
        if hand.row.state is not LockState.WATCHED:
            return False
        return _now() >= self._looks.get(hand.row.lock.id, 0.0)

    async def _watch(self, hand: Hand) -> None:
        await self.by.watch.look(hand)
        watched = clock.as_time(clock.now()) - clock.as_time(hand.row.watch_since)
        pause = self.by.times.watch_pause(watched.total_seconds())
        self._looks[hand.row.lock.id] = _now() + pause

    def _pause(self, held: Held | None, hands: list[Hand]) -> float:
        """Until something is due: the next look at the window, or at a watched lock."""
        due = [_now() + self.by.times.look]
        for hand in hands:
            if hand.row.state is LockState.WATCHED:
                due.append(self._looks.get(hand.row.lock.id, 0.0))
                left = clock.as_time(hand.row.watch_until) - clock.as_time(clock.now())
                due.append(_now() + left.total_seconds())
        least = self.by.times.look / 25
        if held is not None and held.window.state == OPEN:
            least = self.by.times.look
        return max(least, min(due) - _now())

    async def _end(self, held: Held) -> None:
        """Record what the window has of its members, and end it."""
        window = held.window
        rows = [
            hand.row
            for hand in await self.by.ledger.hands(self.group_id)
            if hand.row.window_id == window.id
        ]
        ends = LockEnds.of(rows)
        if window.told:
            await self.by.record.say_how_locks_ended(window, ends)
        else:
            await self.by.record.close_lock_intents(window.members)
            await self.by.record.tell_all(window, ends)
        await self.by.windows.end(window)


def _is_done(held: Held) -> bool:
    """Whether its owner has left it: only its rows are looked after."""
    return held.window.state == CLOSING and held.window.told


def _now() -> float:
    return asyncio.get_running_loop().time()
