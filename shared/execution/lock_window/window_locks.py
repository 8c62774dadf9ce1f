"""The locks of one window: written down ahead, proved, lifted, and put back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass, field, replace

from shared.arm_ids import fold
from shared.audit.journal import Journal
from shared.azure.reader import ArmReader
from shared.azure.writer import ArmWriter
from shared.codec import to_json
from shared.execution.lock_window.deletions import Ready
from shared.execution.lock_window.late_writes import LateWrites
from shared.execution.lock_window.ledger import BACK, PLANNED, LockLedger, OpenLock
from shared.execution.lock_window.outcomes import TAKEN_OFF, LockEnd, read_lock_ends
from shared.execution.lock_window.proof import PROVE, prove
from shared.execution.lock_window.put_back import LIFT, RESTORE, PutBack, describe_end
from shared.execution.lock_window.windows import Window
from shared.facts import Absent, Lock, Unreadable
from shared.incident.model import Incident


@dataclass(slots=True)
class WindowLocks:
    incident: Incident
    """The window's leader: what happens to the locks is in its chain."""
    window: Window
    reader: ArmReader
    writer: ArmWriter
    journal: Journal
    ledger: LockLedger
    restorer: PutBack
    later: LateWrites
    tried: set[str] = field(default_factory=set)
    """Folded ids of the locks that we tried to lift."""
    entries: dict[str, OpenLock] = field(default_factory=dict)
    """What has to go back, kept here as well: the store may be gone when it is time."""
    recovered: set[str] = field(default_factory=set)
    """Locks that a process before this one proved and may have lifted."""
    refusals: dict[str, str] = field(default_factory=dict)
    """Locks that were never lifted although they count as off, with the reason."""

    async def in_ledger(self) -> list[OpenLock]:
        """What the ledger has of this group, from windows before this one as well."""
        return await self.ledger.open_locks(self.window.group_id)

    def find_wanted(self, ready: Iterable[Ready]) -> list[tuple[Lock, str]]:
        """Each lock that is still to be lifted for these collections, with the id of
        the first that it keeps."""
        found: dict[str, tuple[Lock, str]] = {}
        for each in ready:
            for lock in each.locks:
                if fold(lock.id) not in self.tried:
                    found.setdefault(fold(lock.id), (lock, each.collection.id))
        return list(found.values())

    async def write_ahead(self, wanted: list[tuple[Lock, str]]) -> None:
        """Before anything is lifted: the intent to put each lock back, its entry in the
        ledger, the intent to lift it.

        In this order: a process that dies in between leaves a lock that is on and
        counts as never lifted, not a ledger entry of which the record knows nothing.
        """
        chain = self.incident
        known = await self.journal.open_intents(chain.id)
        for lock, collection_id in wanted:
            detail = {"lock": to_json(lock), "back_by": self.window.deadline}
            if (RESTORE, fold(lock.id)) not in known:
                result = f"will be put back by {self.window.deadline}"
                await self.journal.intent(chain, RESTORE, lock.id, detail, result)
            await self._write_down(lock, collection_id)
            if (LIFT, fold(lock.id)) not in known:
                await self.journal.intent(chain, LIFT, lock.id, detail)

    async def _write_down(self, lock: Lock, collection_id: str) -> None:
        group_id, deadline, leader = self.window.group_id, self.window.deadline, self.incident
        entry = OpenLock(lock, group_id, leader.id, leader.vm_id, collection_id, deadline, PLANNED)
        in_force = await self.ledger.record(entry)
        self.entries[fold(lock.id)] = in_force
        if in_force.may_be_off:
            self.recovered.add(fold(lock.id))

    async def prove(self, wanted: list[tuple[Lock, str]], give_up: float) -> str:
        """Prove that each lock can be put back, and mark all of them as about to be
        lifted. Returns "", or why none of them may be lifted; that is recorded then.

        `give_up`: the loop's time at which the window is over.
        """
        locks = [lock for lock, _ in wanted]
        planned = [each for lock in locks if not (each := self.entries[fold(lock.id)]).may_be_off]
        known = await self.journal.open_intents(self.incident.id)
        proofs = await _all(
            self._prove_one(entry, (PROVE, fold(entry.lock.id)) in known) for entry in planned
        )
        problem = "; ".join(each for each in proofs if each)
        if not problem and asyncio.get_running_loop().time() >= give_up:
            problem = "the window's time was over before anything was lifted"
        if not problem:
            # Only once all are proved: one lock that may not come back keeps all on.
            return await self._begin_lift([lock for lock in locks if fold(lock.id) in self.entries])
        for entry in planned:
            if self.entries.pop(fold(entry.lock.id), None):
                self._record_not_begun(entry, problem)
                self.later.begin(self.restorer.settle_never_lifted(entry, problem))
        return problem

    async def _prove_one(self, entry: OpenLock, intent_open: bool) -> str:
        found = await prove(
            entry.lock, self.reader, self.writer, self.journal, entry.chain, intent_open=intent_open
        )
        if found.absent:
            self._forget_taken_off(entry)
        return found.problem

    async def _begin_lift(self, locks: list[Lock]) -> str:
        """Mark each lock as off: from here on, a process that finds it in the ledger
        puts it back. Returns "", or why none may be lifted."""
        begun = await _all(self.ledger.begin_lift(self.entries[fold(lock.id)]) for lock in locks)
        self.entries.update({fold(entry.lock.id): entry for entry in begun if entry})
        taken = [lock.name for lock, entry in zip(locks, begun, strict=True) if entry is None]
        if not taken:
            return ""
        problem = f"another process has these locks in hand: {', '.join(taken)}"
        for lock in locks:
            self._record_not_begun(self.entries[fold(lock.id)], problem)
            self._keep_refusal(lock, problem)
        return problem

    async def lift(self, wanted: list[tuple[Lock, str]]) -> str:
        """Lift these locks, at the same time. Returns why not all could be lifted, or
        ""."""
        problems = await _all(
            self._lift_one(lock) for lock, _ in wanted if fold(lock.id) in self.entries
        )
        return "; ".join(problem for problem in problems if problem)

    async def _lift_one(self, lock: Lock) -> str:
        self.tried.add(fold(lock.id))
        entry = self.entries[fold(lock.id)]
        # Looks again right before: a person may have written since the proof.
        found = await self.reader.lock(lock.id)
        if problem := _why_left(found, entry.lock):
            self._record_not_begun(entry, problem)
            self._keep_refusal(lock, problem)
            return f"the lock {lock.name} is not touched: {problem}"
        if isinstance(found, Absent) and fold(lock.id) not in self.recovered:
            self._forget_taken_off(entry)
            return ""
        lifting = await self.writer.delete_lock(lock)
        if lifting.error is None:
            self.later.begin(
                self.journal.outcome(entry.chain, LIFT, lock.id, "done", lifting.correlation_id)
            )
            return ""
        self.later.begin(self.journal.failed(entry.chain, LIFT, lock.id, lifting.error))
        if lifting.refused:
            self._keep_refusal(lock, str(lifting.error))
        return f"the lock {lock.name} could not be lifted: {lifting.error}"

    def _forget_taken_off(self, entry: OpenLock) -> None:
        """Somebody took it off before us: it is not ours to lift, nor to put back."""
        self.later.begin(self.journal.outcome(entry.chain, LIFT, entry.lock.id, TAKEN_OFF, ""))
        self.later.begin(self.restorer.settle_taken_off(self.entries.pop(fold(entry.lock.id))))

    def _record_not_begun(self, entry: OpenLock, problem: str) -> None:
        result = f"not begun: {problem}"
        self.later.begin(self.journal.outcome(entry.chain, LIFT, entry.lock.id, result, ""))

    def _keep_refusal(self, lock: Lock, problem: str) -> None:
        """We did not lift it; only where no process before us may have, it is sure to
        be on."""
        if fold(lock.id) not in self.recovered:
            self.refusals[fold(lock.id)] = problem

    async def put_back(self, entries: Iterable[OpenLock] | None = None) -> None:
        """Put back these, or all that this process has written down; at the same time,
        and each to its end even where another one's fails."""
        off, refusals = self.entries.values() if entries is None else entries, self.refusals
        await _all(
            self.restorer.put_back(entry, refusal=refusals.get(fold(entry.lock.id), ""))
            for entry in list(off)
        )

    async def read_ends(self, open_locks: list[OpenLock]) -> tuple[LockEnd, ...]:
        """How each lock of the window ended: by its outcome, and where another process
        is writing that, by its state now."""
        chain = [entry async for entry in self.journal.log.entries(incident=self.incident.id)]
        being_settled = {fold(entry.lock.id) for entry in open_locks if entry.state == BACK}

        async def complete(end: LockEnd) -> LockEnd:
            if end.back or fold(end.lock.id) not in being_settled:
                return end
            seen = describe_end(end.lock, await self.reader.lock(end.lock.id))
            return replace(end, back=seen)

        ends = read_lock_ends(chain, self.window.group_id)
        return tuple(await _all(complete(end) for end in ends))


def _why_left(found: Lock | Absent | Unreadable, recorded: Lock) -> str:
    """Why a lock is not lifted as it is read now, or "". Absent is another matter."""
    if isinstance(found, Unreadable):
        return found.why
    if isinstance(found, Lock) and not found.same_content(recorded):
        return "somebody changed it just now"
    return ""


async def _all[T](calls: Iterable[Awaitable[T]]) -> list[T]:
    """At the same time, and each to its end even where another one fails; then the
    first failure is raised."""
    endings = await asyncio.gather(*calls, return_exceptions=True)
    raise_first(endings)
    return [ending for ending in endings if not isinstance(ending, BaseException)]


def raise_first(endings: Iterable[object]) -> None:
    for ending in endings:
        if isinstance(ending, BaseException):
            raise ending
