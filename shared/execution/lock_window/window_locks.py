"""The locks of one window: written down ahead, proved, lifted, put back, and told of."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace

from shared.arm_ids import fold
from shared.audit.journal import ChainOf
from shared.codec import to_json
from shared.execution.lock_window import outcomes
from shared.execution.lock_window.collection import Ready
from shared.execution.lock_window.ledger import BACK, PLANNED, OpenLock
from shared.execution.lock_window.proof import PROVE, prove
from shared.execution.lock_window.put_back import (
    LIFT,
    RESTORE,
    as_seen,
    left_off,
    never_lifted,
    put_back,
)
from shared.execution.lock_window.windows import Window
from shared.execution.tools import Tools
from shared.facts import Absent, Lock, Unreadable
from shared.incident.model import Incident


@dataclass(slots=True)
class WindowLocks:
    tools: Tools
    incident: Incident
    """The window's leader: what happens to the locks is in its chain."""
    window: Window
    later: Callable[[Awaitable[object]], None]
    """Takes outcomes that nothing waits for."""
    lifted: set[str] = field(default_factory=set)
    """Locks that were tried."""
    entries: dict[str, OpenLock] = field(default_factory=dict)
    """What has to go back, kept here as well: the store may be gone when it is time."""
    recovered: set[str] = field(default_factory=set)
    """Locks that a process before this one proved and may have lifted."""
    refusals: dict[str, str] = field(default_factory=dict)
    """Locks that were never lifted although they count as off, with the reason."""

    def wanted(self, ready: Iterable[Ready]) -> list[tuple[Lock, str]]:
        """Each lock that is to be lifted for these collections, with the id of the
        first that it keeps."""
        found: dict[str, tuple[Lock, str]] = {}
        for each in ready:
            for lock in each.locks:
                if fold(lock.id) not in self.lifted:
                    found.setdefault(fold(lock.id), (lock, each.collection.id))
        return list(found.values())

    async def write_ahead(self, wanted: list[tuple[Lock, str]]) -> None:
        """What will be put back, the ledger, what will be lifted, in the leader's
        chain. Nothing has been lifted yet."""
        window, tools, chain = self.window, self.tools, self.incident
        for lock, collection_id in wanted:
            known = await tools.journal.open_intents(chain.id)
            told = {"lock": to_json(lock), "back_by": window.deadline}
            if (RESTORE, fold(lock.id)) not in known:
                await tools.journal.intent(
                    chain, RESTORE, lock.id, told, f"will be put back by {window.deadline}"
                )
            entry = OpenLock(
                lock,
                window.group_id,
                chain.id,
                chain.vm_id,
                collection_id,
                window.deadline,
                PLANNED,
            )
            recorded = await tools.ledger.record(entry)
            self.entries[fold(lock.id)] = recorded
            if recorded.may_be_off:
                self.recovered.add(fold(lock.id))
            if (LIFT, fold(lock.id)) not in known:
                await tools.journal.intent(chain, LIFT, lock.id, told)

    async def why_not_lifted(self, wanted: list[tuple[Lock, str]], give_up: float) -> str:
        """Prove all locks; "" where each may be lifted. Else nothing of these was
        lifted, and that is on record.

        `give_up`: the loop's time at which the window is over.
        """
        locks = [lock for lock, _ in wanted]
        planned = [each for lock in locks if not (each := self.entries[fold(lock.id)]).may_be_off]
        known = await self.tools.journal.open_intents(self.incident.id)
        proofs = await _all(
            self._proof(entry, (PROVE, fold(entry.lock.id)) in known) for entry in planned
        )
        problem = "; ".join(each for each in proofs if each)
        if not problem and asyncio.get_running_loop().time() >= give_up:
            problem = "the window's time was over before anything was lifted"
        if not problem:
            return await self._begin_lift([lock for lock in locks if fold(lock.id) in self.entries])
        for entry in planned:
            if self.entries.pop(fold(entry.lock.id), None):
                self._not_begun(entry, problem)
                self.later(never_lifted(self.tools, entry, problem))
        return problem

    def _not_begun(self, entry: OpenLock, why: str) -> None:
        chain = ChainOf(entry.incident_id, entry.vm_id)
        self.later(self.tools.journal.outcome(chain, LIFT, entry.lock.id, f"not begun: {why}", ""))

    async def _proof(self, entry: OpenLock, intent_open: bool) -> str:
        tools, lock, chain = self.tools, entry.lock, ChainOf(entry.incident_id, entry.vm_id)
        found = await prove(
            lock, tools.reader, tools.writer, tools.journal, chain, intent_open=intent_open
        )
        if found.absent:
            self.later(tools.journal.outcome(chain, LIFT, lock.id, outcomes.TAKEN_OFF, ""))
            self.later(left_off(tools, self.entries.pop(fold(lock.id))))
        return found.problem

    async def _begin_lift(self, locks: list[Lock]) -> str:
        """From here on each lock counts as off: whoever finds it in the ledger puts it
        back."""
        begun = await _all(
            self.tools.ledger.begin_lift(self.entries[fold(lock.id)]) for lock in locks
        )
        self.entries.update({fold(entry.lock.id): entry for entry in begun if entry})
        taken = [lock.name for lock, entry in zip(locks, begun, strict=True) if entry is None]
        if not taken:
            return ""
        problem = f"another process has these locks in hand: {', '.join(taken)}"
        for lock in locks:
            self._not_begun(self.entries[fold(lock.id)], problem)
            self._never_lifted(lock, problem)
        return problem

    def _never_lifted(self, lock: Lock, why: str) -> None:
        if fold(lock.id) not in self.recovered:
            self.refusals[fold(lock.id)] = why

    async def lift(self, wanted: list[tuple[Lock, str]]) -> str:
        """Why not all could be lifted, or ""."""
        problems = await _all(
            self._lift_one(lock) for lock, _ in wanted if fold(lock.id) in self.entries
        )
        return "; ".join(problem for problem in problems if problem)

    async def _lift_one(self, lock: Lock) -> str:
        """Looks again right before, since a person may have written since the proof."""
        self.lifted.add(fold(lock.id))
        entry = self.entries[fold(lock.id)]
        chain = ChainOf(entry.incident_id, entry.vm_id)
        found = await self.tools.reader.lock(lock.id)
        if isinstance(found, Unreadable) or (
            isinstance(found, Lock) and not found.same_content(entry.lock)
        ):
            why = found.why if isinstance(found, Unreadable) else "somebody changed it just now"
            self._not_begun(entry, why)
            self._never_lifted(lock, why)
            return f"the lock {lock.name} is not touched: {why}"
        if isinstance(found, Absent) and fold(lock.id) not in self.recovered:
            self.later(self.tools.journal.outcome(chain, LIFT, lock.id, outcomes.TAKEN_OFF, ""))
            self.later(left_off(self.tools, self.entries.pop(fold(lock.id))))
            return ""
        lifting = await self.tools.writer.delete_lock(lock)
        if lifting.error is None:
            self.later(
                self.tools.journal.outcome(chain, LIFT, lock.id, "done", lifting.correlation_id)
            )
            return ""
        self.later(self.tools.journal.failed(chain, LIFT, lock.id, lifting.error))
        if lifting.refused:
            self._never_lifted(lock, str(lifting.error))
        return f"the lock {lock.name} could not be lifted: {lifting.error}"

    async def put_back(self, entries: list[OpenLock] | None = None) -> None:
        """These, or all that this process has written down; at the same time, and each
        to its end even where another one's fails."""
        off, refusals = list(self.entries.values()) if entries is None else entries, self.refusals
        await _all(
            put_back(self.tools, entry, refusal=refusals.get(fold(entry.lock.id), ""))
            for entry in off
        )

    async def ends(self, open_locks: list[OpenLock]) -> tuple[outcomes.LockEnd, ...]:
        """How each lock of the window ended: by its outcome, and where another process
        is writing that, by what is there."""
        chain = [entry async for entry in self.tools.audit.entries(incident=self.incident.id)]
        being_settled = {fold(entry.lock.id) for entry in open_locks if entry.state == BACK}

        async def known(end: outcomes.LockEnd) -> outcomes.LockEnd:
            if end.back or fold(end.lock.id) not in being_settled:
                return end
            return replace(end, back=as_seen(end.lock, await self.tools.reader.lock(end.lock.id)))

        return tuple(
            await _all(known(end) for end in outcomes.lock_ends(chain, self.window.group_id))
        )


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
