"""What the first owner of a window does, from the locked group to the locked group.

1. Read everything again, for every member.
2. Write ahead, with the locks still on: for each lock the intent to put it back, its
   row in the ledger, the intent to lift it; for each deletion its intent, in its own
   incident's chain. Then prove that each lock can be put back; where one cannot,
   nothing is lifted.
3. Lift the locks, at the same time. Look once more at what can have changed. Delete the
   collections, at the same time, trying again while the lifted locks go away. Members
   who join meanwhile are served as well.
4. When the last deletion has ended, or at the deadline, or when the lease is lost, or
   when anything at all goes wrong: put the locks back, at the same time.
5. Only then look whether the collections are gone, write each incident's outcomes, and
   end the window.

Between lifting and putting back nothing but Azure is waited for, and the one row that
says that the lock is off. Who runs again after a crash is another execution: it takes
the window over (keeper.py), and never comes here.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field, replace
from functools import partial

from shared import clock
from shared.arm_ids import fold
from shared.audit.journal import Journal
from shared.azure.one_look import OneLook
from shared.azure.reader import ArmReader
from shared.errors import AzureCallFailed, StoreError
from shared.execution.lock_window.deletions import KIND, Deletion, Deletions, Ready
from shared.execution.lock_window.entries import forget_window
from shared.execution.lock_window.late_writes import LateWrites
from shared.execution.lock_window.lease import Lease
from shared.execution.lock_window.outcomes import LockEnds, WindowRecord
from shared.execution.lock_window.side_by_side import raise_first
from shared.execution.lock_window.window_locks import Lifted, WindowLocks
from shared.execution.lock_window.windows import (
    CLOSING,
    OPEN,
    Held,
    LockWindows,
    Member,
    TargetOutcome,
    Window,
    is_of,
)
from shared.incident.book import IncidentBook
from shared.incident.model import Incident
from shared.incident.outcome import Outcome
from shared.settings import Settings

WATCH_SECONDS = 0.5
"""How often the owner looks for members who joined while it deletes, and at its
lease."""


@dataclass(slots=True)
class Session:
    incident: Incident
    """The window's leader."""
    held: Held
    lease: Lease
    settings: Settings
    book: IncidentBook
    journal: Journal
    windows: LockWindows
    reader: ArmReader
    deletions: Deletions
    locks: WindowLocks
    record: WindowRecord
    later: LateWrites
    results: dict[tuple[str, str], TargetOutcome] = field(default_factory=dict)
    """By (incident id, target)."""
    served: set[str] = field(default_factory=set)
    """Ids of the members whose turn has begun."""
    begun: list[Ready] = field(default_factory=list)
    """What a deletion was begun for."""
    probed: bool = False
    unlocked: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Take the window to its end. Raises StoreUnavailable only with the locks back,
        or in the ledger for the guardian."""
        await self._unlock_and_delete()
        await self._finish()

    async def _unlock_and_delete(self) -> None:
        """Steps 1 to 4. Whatever happens between, the locks are put back at its end."""
        self.locks.give_up = _now() + self._seconds_left()
        deletions: set[asyncio.Task[None]] = set()
        try:
            await self._serve(self.held.window.members, deletions, unlocked=False)
            while deletions and self._may_go_on():
                ended, deletions = await asyncio.wait(deletions, timeout=self._watch_seconds)
                for deletion in ended:
                    deletion.result()  # an unexpected exception ends the window
                if deletions:
                    await self._serve_joiners(deletions)
        finally:
            for deletion in deletions:
                deletion.cancel()
            # Beside each other: a store that does not answer keeps no lock off.
            endings = await asyncio.gather(
                self.locks.put_back(), self._close_window(), return_exceptions=True
            )
        raise_first(endings)

    def _may_go_on(self) -> bool:
        """A deletion that hangs does not keep the locks off once the lease is lost."""
        return self.lease.in_time and not self.locks.broken

    @property
    def _watch_seconds(self) -> float:
        return min(WATCH_SECONDS, self.settings.lease_seconds / 15)

    def _seconds_left(self) -> float:
        left = clock.as_time(self.held.window.deadline) - clock.as_time(clock.now())
        return min(max(0.1, left.total_seconds()), self.settings.window_seconds)

    async def _serve(
        self, members: tuple[Member, ...], deletions: set[asyncio.Task[None]], *, unlocked: bool
    ) -> None:
        """Steps 1 to 3 for these members. `unlocked`: a lock of the group may be off
        already."""
        self.served |= {member.incident_id for member in members}
        look = OneLook(self.reader.clients)
        examined = await asyncio.gather(
            *(self._examine(member, look, unlocked) for member in members)
        )
        ready = [each for found in examined for each in found]
        if not ready:
            return
        # Every intent before the first proof, every proof before the first lift: what
        # cannot be recorded or could not be put back leaves all locks on.
        wanted = self.locks.find_wanted(ready)
        await self.locks.write_ahead(wanted)
        await asyncio.gather(*(self._write_intent(each) for each in ready))
        lifted = await self.locks.lift(wanted)
        if lifted.problem:
            self._end_without(ready, lifted)
            return
        self.begun += ready
        again = OneLook(self.reader.clients)
        deletions |= {asyncio.create_task(self._delete(each, again)) for each in ready}

    def _end_without(self, ready: list[Ready], lifted: Lifted) -> None:
        """Nothing was deleted. Where it is not known whether a lock is off, nobody is
        refused: the members wait until it is, and ask again."""
        for each in ready:
            if lifted.unknown:
                self._close_intent(each, f"not begun: {lifted.problem}")
                continue
            result = Outcome.REFUSED if lifted.refused else Outcome.FAILED
            ended = TargetOutcome(each.collection.id, result, lifted.problem, lifted.code)
            self._record(each, ended, "", None)

    async def _examine(self, member: Member, look: ArmReader, unlocked: bool) -> list[Ready]:
        """What of this member may be deleted; the rest has its result then."""
        incident = await self.book.get(member.incident_id)
        if incident is None or not incident.at_work:
            for target in member.targets:
                self.results[member.incident_id, target] = TargetOutcome(
                    target, Outcome.REFUSED, "the incident has ended"
                )
            return []
        examine = partial(self.deletions.examine, look, incident, unlocked=unlocked)
        found = await asyncio.gather(*map(examine, member.targets))
        for each in found:
            if isinstance(each, TargetOutcome):
                self.results[member.incident_id, each.target] = each
        return [each for each in found if isinstance(each, Ready)]

    async def _write_intent(self, ready: Ready) -> None:
        detail = {
            "source": ready.collection.source_id,
            "restore_points": [point.name for point in ready.collection.points or ()],
        }
        known = await self.journal.open_intents(ready.incident.id)
        if (KIND, fold(ready.collection.id)) not in known:
            await self.journal.intent(ready.incident, KIND, ready.collection.id, detail)

    async def _delete(self, ready: Ready, look: ArmReader) -> None:
        """The first one asks again and again whether the lifted locks have gone; the
        others begin as soon as its request is taken."""
        probing, self.probed = not self.probed, True
        if not probing:
            await self.unlocked.wait()
        try:
            if late := await self._look_again(ready, look):
                self._record(ready, late, "", None)
                return
            ended = await Deletion(
                self.deletions,
                ready.collection.id,
                self.settings.unlock_wait_seconds,
                self.locks.give_up,
                self.unlocked.set,
                partial(self._look_once_more, ready),
            ).run()
        finally:
            self.unlocked.set()
        self._record(ready, *ended)

    async def _look_once_more(self, ready: Ready) -> TargetOutcome | None:
        """Before a further request: a person may have decided about a lock."""
        await self.locks.read_again(ready)
        return await self._look_again(ready, self.reader)

    async def _look_again(self, ready: Ready, look: ArmReader) -> TargetOutcome | None:
        """Why not to delete after all. A look that takes longer than the window is a
        no."""
        try:
            async with asyncio.timeout_at(self.locks.give_up):
                late = await self.deletions.look_again(look, ready, self.locks.off)
        except TimeoutError:
            late = TargetOutcome(
                ready.collection.id,
                Outcome.FAILED,
                "the window was over before the last look had ended",
            )
        if late is None and (problem := self.locks.why_not_delete(ready)):
            late = TargetOutcome(ready.collection.id, Outcome.FAILED, problem)
        return late

    def _record(
        self,
        ready: Ready,
        result: TargetOutcome,
        correlation_id: str,
        error: AzureCallFailed | None,
    ) -> None:
        target, incident = ready.collection.id, ready.incident
        self.results[incident.id, target] = result
        if error is not None:
            self.later.begin(self.journal.failed(incident, KIND, target, error))
            return
        text = "done" if result.result is Outcome.DONE else f"not begun: {result.detail}"
        self._close_intent(ready, text, correlation_id)

    def _close_intent(self, ready: Ready, text: str, correlation_id: str = "") -> None:
        self.later.begin(
            self.journal.outcome(ready.incident, KIND, ready.collection.id, text, correlation_id)
        )

    async def _serve_joiners(self, deletions: set[asyncio.Task[None]]) -> None:
        """Serve members who came while the window was open. A store that does not
        answer now hides them: they ask again later."""
        group_id = self.held.window.group_id
        try:
            found = await self.windows.get(group_id)
            if found is None or not self._is_ours(found) or found.window.state != OPEN:
                return
            self.held = found
            joined = [each for each in found.window.members if each.incident_id not in self.served]
            if joined:
                await self._serve(tuple(joined), deletions, unlocked=True)
        except StoreError as error:
            logging.warning(
                "window of %s: members who joined cannot be read now: %s", group_id, error
            )

    def _is_ours(self, held: Held) -> bool:
        return is_of(held, self.held.window.id, self.lease.token)

    async def _close_window(self) -> bool:
        """Let nobody join any more, and keep the results with the window, so that a
        crash does not lose them. False: the window is no longer ours."""
        while True:
            closing = replace(self._with_results(self.held.window), state=CLOSING)
            if moved := await self.windows.move(self.held, closing):
                self.held = moved
                return True
            found = await self.windows.get(self.held.window.group_id)
            if found is None or not self._is_ours(found):
                return False
            self.held = found

    def _with_results(self, window: Window) -> Window:
        members = tuple(
            replace(member, results=self._results_of(member.incident_id))
            for member in window.members
        )
        return replace(window, members=members)

    def _results_of(self, incident_id: str) -> tuple[TargetOutcome, ...]:
        return tuple(
            result for (member_id, _), result in self.results.items() if member_id == incident_id
        )

    async def _finish(self) -> None:
        """Step 5."""
        for ready in self.begun:
            if (ready.incident.id, ready.collection.id) not in self.results:
                text = "not known: the window ended before the answer was on record"
                self._close_intent(ready, text)
        # The outcomes first: the members' record is made of what is in the chain.
        await self.later.finish()
        rows = [hand.row for hand in self.locks.hands.values()]
        ends = LockEnds.of(rows, self.locks.never_lifted.values())
        await self.record.tell_all(self._with_results(self.held.window), ends)
        for member in self.held.window.members:
            if member.incident_id not in self.served:  # it joined after the last look
                await forget_window(self.book, member.incident_id, self.held.window)
        await self._end_window()

    async def _end_window(self) -> None:
        """Else it stays closing: nobody unlocks the group before its rows are over, and
        the guardian ends it."""
        found = await self.windows.get(self.held.window.group_id)
        if found is None or not self._is_ours(found):
            return
        if await self.locks.has_open_rows():
            await self.windows.move(found, replace(found.window, told=True))
        else:
            await self.windows.end(found.window)


def _now() -> float:
    return asyncio.get_running_loop().time()
