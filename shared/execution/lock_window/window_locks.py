"""The locks of one window, in the hands of its first owner: written down ahead, proved,
lifted once, and put back.

    insert PLANNED → look → window, clock → proof → SENT → look → window, clock → DELETE

Nobody else lifts. Between two steps anything may have happened to the window, so each
step asks again for what it depends on; where it does not get an answer, nothing is
lifted.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from shared import clock
from shared.arm_ids import fold
from shared.audit.journal import Journal
from shared.azure.reader import ArmReader
from shared.azure.writer import ArmWriter, LockAnswer
from shared.codec import to_json
from shared.execution.lock_window.deletions import Ready
from shared.execution.lock_window.late_writes import LateWrites
from shared.execution.lock_window.lease import Lease
from shared.execution.lock_window.ledger import Change, Hand, LockLedger, Wrote
from shared.execution.lock_window.lock_reads import read_lock
from shared.execution.lock_window.lock_row import LockRow, LockState
from shared.execution.lock_window.proof import Proof, judge_last_look, judge_proof
from shared.execution.lock_window.put_back import PutBack
from shared.execution.lock_window.row_changes import begin_watch, with_requests
from shared.execution.lock_window.side_by_side import do_all
from shared.execution.lock_window.times import Times
from shared.execution.lock_window.windows import OPEN, LockWindows, Window, is_of
from shared.execution.lock_window.words import DONE, NEVER_LIFTED, SOMEBODY_ELSE, TAKEN_OFF
from shared.facts import Lock
from shared.incident.model import LIFT, PROVE, RESTORE, Incident

MOST_TRIES = 3
"""How often one lock's DELETE is sent, where ARM says that it was not carried out."""
ABSENT_BEFORE = 204


@dataclass(frozen=True, slots=True)
class Lifted:
    """Why not every lock could be lifted."""

    problem: str = ""
    """"" when all are off."""
    refused: bool = False
    """Nothing was sent for it, and nothing else may be: a person decides."""
    unknown: bool = False
    """A DELETE had no answer, or the window was lost: whoever waits asks again."""
    code: str = ""
    """ARM's `error.code`, where it refused to have a lock written or deleted."""


@dataclass(slots=True)
class WindowLocks:
    incident: Incident
    """The window's leader: what happens to the locks is in its chain."""
    window: Window
    lease: Lease
    reader: ArmReader
    writer: ArmWriter
    journal: Journal
    windows: LockWindows
    ledger: LockLedger
    restorer: PutBack
    later: LateWrites
    times: Times
    give_up: float = 0.0
    """The loop's time at which the locks have to go back."""
    hands: dict[str, Hand] = field(default_factory=dict)
    """The rows of this window, by folded lock id."""
    lost: set[str] = field(default_factory=set)
    """Locks whose row, or whose lease, was lost after the DELETE went out."""
    heard_off: set[str] = field(default_factory=set)
    """Locks whose DELETE was answered 200."""
    never_lifted: dict[str, tuple[Lock, str]] = field(default_factory=dict)
    """Locks whose row was taken away, with the reason."""
    pauses: dict[str, float] = field(default_factory=dict)
    """Seconds until a DELETE that ARM did not carry out may be sent again."""
    broken: str = ""
    """Why the window has to end at once."""
    refused_with: str = ""
    """ARM's `error.code`, where it refused to write a lock that is on."""

    @property
    def off(self) -> set[str]:
        """Folded ids of the locks that we took off."""
        return {key for key, hand in self.hands.items() if hand.row.state is LockState.OFF}

    def find_wanted(self, ready: Iterable[Ready]) -> list[Lock]:
        """The locks that are still to be lifted for these collections, each once."""
        found: dict[str, Lock] = {}
        for each in ready:
            for lock in each.locks:
                if fold(lock.id) not in self.hands:
                    found.setdefault(fold(lock.id), lock)
        return list(found.values())

    def why_not_delete(self, ready: Ready) -> str:
        """Why this collection may not be deleted now, by what this execution knows:
        the row of each of its locks is OFF and ours, the lease holds, and the deadline
        is ahead."""
        if self.broken or not self.lease.in_time:
            return self.broken or "the window was lost: its heartbeat was not on record in time"
        if _now() >= self.give_up:
            return "the window's time was over"
        hands = [hand for lock in ready.locks if (hand := self.hands.get(fold(lock.id)))]
        if any(hand.row.state is not LockState.OFF for hand in hands):
            return "a lock of the collection is not known to be off"
        return ""

    async def read_again(self, ready: Ready) -> None:
        """The rows of this collection's locks as they are now. A store that does not
        answer within a moment keeps no lock off, and stops no deletion."""
        for lock in ready.locks:
            hand = self.hands.get(fold(lock.id))
            if hand is not None and await hand.read_within(self.times.store) is False:
                self.broken = f"the row of the lock {lock.name} is gone"

    async def write_ahead(self, wanted: list[Lock]) -> None:
        """Before anything is lifted: the intent to put each lock back, its row, the
        intent to lift it. Raises StoreUnavailable: then nothing is lifted."""
        chain, deadline = self.incident, self.window.deadline
        known = await self.journal.open_intents(chain.id)
        for lock in wanted:
            detail = {"lock": to_json(lock), "back_by": deadline}
            if (RESTORE, fold(lock.id)) not in known:
                result = f"will be put back by {deadline}"
                await self.journal.intent(chain, RESTORE, lock.id, detail, result)
            self.hands[fold(lock.id)] = await self.ledger.insert(self._plan(lock))
            if (LIFT, fold(lock.id)) not in known:
                await self.journal.intent(chain, LIFT, lock.id, detail)

    def _plan(self, lock: Lock) -> LockRow:
        window, leader = self.window, self.incident
        return LockRow(
            window_id=window.id,
            group_id=window.group_id,
            lock=lock,
            incident_id=leader.id,
            vm_id=leader.vm_id,
            deadline=window.deadline,
            owner=self.lease.token,
            epoch=window.epoch,
            noted_at=clock.now(),
        )

    async def lift(self, wanted: list[Lock]) -> Lifted:
        """Prove all, then lift all, at the same time. Where one cannot be proved none
        is lifted."""
        keys = [fold(lock.id) for lock in wanted]
        for _ in range(MOST_TRIES):
            if problem := "; ".join(filter(None, await do_all(map(self._prove, keys)))):
                return await self._give_up_all(keys, problem)
            keys = [key for key in keys if key in self.hands]
            lifted, keys, pause = await self._send_all(keys)
            if lifted.problem or not keys:
                return lifted
            await asyncio.sleep(pause)
        return await self._give_up_all(keys, "Azure did not take the deletion of a lock now")

    async def _give_up_all(self, keys: list[str], problem: str) -> Lifted:
        """Nothing was sent. Where only the window was lost, or its time was over, its
        members ask again."""
        await do_all(self._abandon(key, problem) for key in keys)
        again = bool(self.broken) or self._is_over
        return Lifted(problem, refused=not again, unknown=again, code=self.refused_with)

    # -- The proof

    async def _prove(self, key: str) -> str:
        """Why this lock may not be lifted, or ""."""
        lock = self.hands[key].row.lock
        known = await self.journal.open_intents(self.incident.id)
        if (PROVE, key) not in known:
            await self.journal.intent(self.incident, PROVE, lock.id, {"lock": to_json(lock)})
        looked_at = _now()
        proof = judge_last_look(lock, await read_lock(self.reader, lock, self.times))
        problem = proof.problem or await self._why_not_now()
        if proof.absent or problem:
            self._end_intent(PROVE, lock, f"not begun: {problem or 'it is not there'}")
            if proof.absent and not problem:
                await self._forget(key)
            return problem
        return await self._put_proof(key, looked_at)

    async def _put_proof(self, key: str, looked_at: float) -> str:
        hand, request_id = self.hands[key], str(uuid.uuid4())
        answer = await self.writer.put_lock(hand.row.lock, request_id, self.times.write)
        proof = judge_proof(hand.row.lock, answer)
        await self._record_proof(hand, proof, answer, _now() - looked_at > self.times.write)
        if proof.late:
            await self._watch_proof(key, proof.problem, request_id)
        return proof.problem

    async def _record_proof(
        self, hand: Hand, proof: Proof, answer: LockAnswer, took_long: bool
    ) -> None:
        lock = hand.row.lock
        if answer.error is not None:
            self.refused_with = answer.error.code
            await self.journal.failed(self.incident, PROVE, lock.id, answer.error)
            return
        detail = {"status": answer.status, "answered": to_json(answer.lock)}
        if took_long:
            detail["told"] = "a change since the last look was written over"
        result = f"failed: {proof.problem}" if proof.problem else "done"
        await self.journal.outcome(
            self.incident, PROVE, lock.id, result, answer.correlation_id, detail
        )

    async def _watch_proof(self, key: str, problem: str, request_id: str) -> None:
        """The proof may still land: its row is watched for that PUT."""
        hand = self.hands.pop(key)

        def watch(row: LockRow) -> LockRow | None:
            if row.state is not LockState.PLANNED:
                return None
            watched = begin_watch(row, self.times.watch, mends=False)
            return with_requests(replace(watched, missed=True), [request_id])

        await hand.write(self.lease.token, watch)
        self.never_lifted[key] = (hand.row.lock, problem)
        self._end_intent(LIFT, hand.row.lock, f"not begun: {problem}")
        # Nothing is to be put back; the end of the watch is a note.
        self._end_intent(RESTORE, hand.row.lock, f"{NEVER_LIFTED} ({problem})")

    async def _why_not_now(self) -> str:
        """Why nothing may be sent, by window and clock, or ""."""
        if self._is_over:
            return "the window's time was over before anything was lifted"
        held = await self.windows.get(self.window.group_id)
        if held is None or not is_of(held, self.window.id, self.lease.token):
            return self._lose("another process has it in hand")
        if held.window.state != OPEN or held.window.deadline <= clock.now():
            return self._lose("its time was over")
        return "" if self.lease.in_time else self._lose("its heartbeat was not on record in time")

    @property
    def _is_over(self) -> bool:
        """What would be sent now might not have its answer in time."""
        return _now() >= self.give_up - self.times.last_start

    def _lose(self, why: str) -> str:
        """The window has to end. Nothing was lifted."""
        self.broken = f"the window was lost before anything was lifted: {why}"
        return self.broken

    # -- The DELETE

    async def _send_all(self, keys: list[str]) -> tuple[Lifted, list[str], float]:
        """How it ended, the locks whose DELETE was not carried out and may be sent
        again, and the pause until then."""
        wrote = await do_all(self._mark_sent(key) for key in keys)
        problem = "" if set(wrote) <= {Wrote.STORED} else self._lose("its rows are not ours")
        # Once more: a person may have written since the proof.
        problem = problem or "; ".join(filter(None, await do_all(map(self._look_again, keys))))
        problem = problem or await self._why_not_now()
        if problem:
            return await self._give_up_all(keys, problem), [], 0
        keys = [key for key in keys if key in self.hands]
        ended = await do_all(map(self._send, keys))
        problems = "; ".join(each.problem for each in ended if each.problem)
        if problems:
            unknown = any(each.unknown for each in ended)
            self.broken = self.broken or (problems if unknown else "")
            code = next((each.code for each in ended if each.code), "")
            return Lifted(problems, unknown=unknown, code=code), [], 0
        again = [key for key in keys if self.hands[key].row.state is LockState.PLANNED]
        return Lifted(), again, max((self.pauses.pop(key, 0.0) for key in again), default=0.0)

    async def _mark_sent(self, key: str) -> Wrote:
        """PLANNED → SENT: this write and a taker's exclude each other."""
        request_id = str(uuid.uuid4())

        def send(row: LockRow) -> LockRow | None:
            if row.state is not LockState.PLANNED:
                return None
            return with_requests(replace(row, state=LockState.SENT, out=True), [request_id])

        return await self.hands[key].write(self.lease.token, send, self.times.write)

    async def _look_again(self, key: str) -> str:
        """Why this lock may not be lifted, or ""."""
        lock = self.hands[key].row.lock
        look = judge_last_look(lock, await read_lock(self.reader, lock, self.times))
        if look.absent:
            await self._forget(key)
        return look.problem

    async def _send(self, key: str) -> Lifted:
        """Look at the clock, and send the one DELETE."""
        hand = self.hands[key]
        lock = hand.row.lock
        if not self.lease.in_time:
            problem = f"the window was lost before the lock {lock.name} was lifted"
            await self._abandon(key, problem)
            return Lifted(problem, unknown=True)
        answer = await self.writer.delete_lock(lock, hand.row.requests[-1], self.times.write)
        if answer.error is None:
            self._end_intent(LIFT, lock, DONE, answer.correlation_id, {"status": answer.status})
        elif not answer.passing:
            self.later.begin(self.journal.failed(self.incident, LIFT, lock.id, answer.error))
        return await self._hear(key, answer)

    async def _hear(self, key: str, answer: LockAnswer) -> Lifted:
        hand, lock = self.hands[key], self.hands[key].row.lock
        if answer.passing:
            return await self._take_back(key, answer)
        if answer.error is not None and not answer.unanswered:
            problem = f"the lock {lock.name} could not be lifted: {answer.error}"
            await self._abandon(key, problem, ended=True)
            return Lifted(problem, code=answer.error.code)
        if answer.error is None and answer.status != ABSENT_BEFORE:
            self.heard_off.add(key)
            if await self._mark(hand, _off) and self.lease.in_time:
                return Lifted()
            self.lost.add(key)
            return Lifted("the window was lost while its locks were lifted", unknown=True)
        if not await self._mark(hand, _returning) or not self.lease.in_time:
            self.lost.add(key)
        why = (
            "somebody took it off between our proof and our deletion; it is put back: if you"
            " removed it, decide to leave it off"
            if answer.error is None
            else f"{answer.error}: whether it is off is not known, so it is put back"
        )
        return Lifted(f"the lock {lock.name} could not be lifted: {why}", unknown=True)

    async def _mark(self, hand: Hand, change: Change) -> bool:
        wrote = await hand.write(self.lease.token, change, self.times.store)
        return wrote is Wrote.STORED

    async def _take_back(self, key: str, answer: LockAnswer) -> Lifted:
        """ARM did not carry it out: again from the last look, after its Retry-After."""
        hand = self.hands[key]
        pause = max(answer.retry_after_seconds, self.times.margin)
        self.pauses[key] = pause
        problem = f"the lock {hand.row.lock.name} could not be lifted: {answer.error}"
        in_time = _now() + pause < self.give_up - self.times.last_start
        if in_time and await hand.write(self.lease.token, _planned) is Wrote.STORED:
            return Lifted()
        self._end_intent(LIFT, hand.row.lock, f"failed: {answer.error}")
        await self._abandon(key, problem, ended=True)
        return Lifted(problem)

    # -- What was never lifted

    async def _abandon(self, key: str, reason: str, *, ended: bool = False) -> None:
        """No DELETE was sent, or ARM refused it: the row goes, as long as it is ours.
        Where the store does not say, the guardian looks. `ended`: the intent to lift it
        has its outcome."""
        if key not in self.hands:
            return
        hand = self.hands.pop(key)
        self.never_lifted[key] = (hand.row.lock, reason)
        if not ended:
            self._end_intent(LIFT, hand.row.lock, f"not begun: {reason}")
        self.later.begin(self._take_away(hand, f"{NEVER_LIFTED} ({reason})"))

    async def _forget(self, key: str) -> None:
        """Somebody took it off before us: it is not ours to lift, nor to put back."""
        hand = self.hands.pop(key)
        self.never_lifted[key] = (hand.row.lock, "")
        self._end_intent(LIFT, hand.row.lock, TAKEN_OFF)
        self.later.begin(self._take_away(hand, SOMEBODY_ELSE))

    async def _take_away(self, hand: Hand, result: str) -> None:
        if hand.row.state is LockState.SENT:
            await hand.write(self.lease.token, _planned)
        if await hand.remove(self.lease.token, LockState.PLANNED):
            await self.journal.outcome(self.incident, RESTORE, hand.row.lock.id, result, "")

    def _end_intent(
        self,
        kind: str,
        lock: Lock,
        result: str,
        correlation_id: str = "",
        detail: dict[str, object] | None = None,
    ) -> None:
        self.later.begin(
            self.journal.outcome(self.incident, kind, lock.id, result, correlation_id, detail)
        )

    # -- Back

    async def has_open_rows(self) -> bool:
        """Of this group, in any window. Raises StoreUnavailable."""
        return bool(await self.ledger.open_locks(self.window.group_id))

    async def put_back(self) -> None:
        """Put back all that this execution took off, at the same time, each to its end
        even where another one's fails."""
        await do_all(
            self.restorer.put_back(
                hand,
                self.lease,
                first=True,
                reopen=key in self.lost,
                heard_off=key in self.heard_off,
            )
            for key, hand in list(self.hands.items())
            if hand.row.state is not LockState.PLANNED
        )
        await do_all(
            self._abandon(key, f"the window ended before the lock {hand.row.lock.name} was lifted")
            for key, hand in list(self.hands.items())
            if hand.row.state is LockState.PLANNED
        )


def _off(row: LockRow) -> LockRow | None:
    if row.state is not LockState.SENT:
        return None
    return replace(row, state=LockState.OFF, out=False, lifted=True)


def _returning(row: LockRow) -> LockRow | None:
    return replace(row, state=LockState.RETURNING) if row.state is LockState.SENT else None


def _planned(row: LockRow) -> LockRow | None:
    if row.state not in (LockState.SENT, LockState.PLANNED):
        return None
    return replace(row, state=LockState.PLANNED, out=False)


def _now() -> float:
    return asyncio.get_running_loop().time()
