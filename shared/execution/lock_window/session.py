"""What the leader of a window does, from the locked group to the locked group.

1. While gathering, wait for others. Then read everything again, for every member.
2. Write ahead, with the locks still on: each lock in the ledger, the intent to lift it,
   the intent to put it back, the intent of each deletion in its own incident's chain.
   Then prove that each lock can be put back; where one cannot, nothing is lifted.
3. Lift the locks, at the same time. Look once more at what can have changed. Delete the
   collections, at the same time, trying again while the lifted locks go away. Whoever
   joins meanwhile is served as well.
4. When the last deletion has ended, or the deadline is there, or anything at all went
   wrong: put the locks back, at the same time.
5. Only then look whether the collections are gone, write each incident's outcomes, and
   end the window.

Between lifting and putting back nothing is waited for but Azure. Run again after a
crash it goes on from what is so.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from dataclasses import dataclass, field, replace
from functools import partial

from shared import clock
from shared.arm_ids import fold
from shared.errors import AzureCallFailed, StoreError
from shared.execution.lock_window import collection, outcomes
from shared.execution.lock_window.gathering import opened_window
from shared.execution.lock_window.proof import PROVE
from shared.execution.lock_window.put_back import LIFT
from shared.execution.lock_window.window_locks import WindowLocks, raise_first
from shared.execution.lock_window.windows import CLOSING, GATHERING, OPEN, Held, Member, Result
from shared.execution.tools import Tools, for_one_look
from shared.incident.model import Incident
from shared.incident.outcome import Outcome, StepOutcome

WATCH_SECONDS = 0.5
"""How often the leader looks for members who joined while it deletes."""


async def lead(tools: Tools, incident: Incident, held: Held) -> None:
    """Take the window to its end. Raises StoreUnavailable only with the locks back, or
    in the ledger for the guardian."""
    opened = await opened_window(tools, held) if held.window.state == GATHERING else held
    if opened is None:
        return  # the guardian closed it
    session = _Session(tools, incident, opened)
    if opened.window.state == OPEN:
        await session.unlock_and_delete()
    await session.finish()


@dataclass(slots=True)
class _Session:
    tools: Tools
    incident: Incident
    held: Held
    results: dict[tuple[str, str], Result] = field(default_factory=dict)
    """By (incident id, target)."""
    begun: set[str] = field(default_factory=set)
    """Members that are being served."""
    give_up: float = 0.0
    locks: WindowLocks = field(init=False)
    probed: bool = False
    unlocked: asyncio.Event = field(default_factory=asyncio.Event)
    writes: list[asyncio.Future[object]] = field(default_factory=list)
    """Outcomes on their way to the store: the locks do not wait for them."""

    def __post_init__(self) -> None:
        self.locks = WindowLocks(self.tools, self.incident, self.held.window, self._later)

    async def unlock_and_delete(self) -> None:
        """Steps 1 to 4. Whatever happens in between, the locks are put back at its end."""
        self.give_up = _now() + self._seconds_left()
        deletions: set[asyncio.Task[None]] = set()
        try:
            await self._serve(
                self.held.window.members, deletions, unlocked=await self._has_lifted()
            )
            while deletions:
                ended, deletions = await asyncio.wait(
                    deletions, timeout=WATCH_SECONDS, return_when=asyncio.ALL_COMPLETED
                )
                for deletion in ended:
                    deletion.result()  # what nobody thought of ends the window, with the locks put back
                if deletions:
                    await self._look_for_joiners(deletions)
        finally:
            for deletion in deletions:
                deletion.cancel()
            endings = await asyncio.gather(
                self.locks.put_back(), self._closed(), return_exceptions=True
            )
        raise_first(endings)

    async def finish(self) -> None:
        """Step 5."""
        await self.locks.put_back(await self.tools.ledger.open_locks(self.held.window.group_id))
        if self.held.window.state == OPEN and not await self._closed():
            return  # the guardian took over; whoever has no result asks again
        for member in self.held.window.members:
            for result in member.results:
                self.results.setdefault((member.incident_id, result.target), result)
        await asyncio.gather(*self.writes)
        await self._close_lifts()
        open_locks = await self.tools.ledger.open_locks(self.held.window.group_id)
        off = [entry for entry in open_locks if entry.problem]
        ends = await self.locks.ends(open_locks)
        lifted, restored = outcomes.lifted(ends), outcomes.restored(ends, off)
        served = [
            member for member in self.held.window.members if member.incident_id in self._served()
        ]
        await asyncio.gather(*(self._tell(member, lifted, restored) for member in served))
        if not off:
            await self.tools.windows.end(
                self.held
            )  # else it stays closing: nobody unlocks the group before its locks are back

    def _served(self) -> set[str]:
        return {incident_id for incident_id, _ in self.results}

    def _seconds_left(self) -> float:
        left = (
            clock.as_time(self.held.window.deadline) - clock.as_time(clock.now())
        ).total_seconds()
        return min(max(0.1, left), self.tools.settings.window_seconds)

    async def _has_lifted(self) -> bool:
        return any(
            entry.may_be_off
            for entry in await self.tools.ledger.open_locks(self.held.window.group_id)
        )

    async def _serve(
        self, members: tuple[Member, ...], deletions: set[asyncio.Task[None]], *, unlocked: bool
    ) -> None:
        """Steps 1 to 3 for these members."""
        self.begun |= {member.incident_id for member in members}
        look = for_one_look(self.tools)
        examined = await asyncio.gather(
            *(self._examined(look, member, unlocked) for member in members)
        )
        ready = [each for found in examined for each in found]
        if not ready:
            return
        wanted = self.locks.wanted(ready)
        await self.locks.write_ahead(wanted)
        await asyncio.gather(*(self._intend(each) for each in ready))
        refused = await self.locks.why_not_lifted(wanted, self.give_up)
        if problem := refused or await self.locks.lift(wanted):
            for each in ready:
                self._ended(
                    each,
                    Result(
                        each.collection.id, Outcome.REFUSED if refused else Outcome.FAILED, problem
                    ),
                    "",
                    None,
                )
            return
        again = for_one_look(self.tools)
        deletions |= {asyncio.create_task(self._delete(each, again)) for each in ready}

    async def _examined(
        self, look: Tools, member: Member, unlocked: bool
    ) -> list[collection.Ready]:
        incident = await self.tools.book.get(member.incident_id)
        if incident is None or incident.ended:
            for target in member.targets:
                self.results[(member.incident_id, target)] = Result(
                    target, Outcome.REFUSED, "the incident has ended"
                )
            return []
        found = await asyncio.gather(
            *(
                collection.examined(look, incident, target, unlocked=unlocked)
                for target in member.targets
            )
        )
        for each in found:
            if isinstance(each, Result):
                self.results[(member.incident_id, each.target)] = each
        return [each for each in found if isinstance(each, collection.Ready)]

    async def _intend(self, ready: collection.Ready) -> None:
        detail = {
            "source": ready.collection.source_id,
            "restore_points": [point.name for point in ready.collection.points or ()],
        }
        known = await self.tools.journal.open_intents(ready.incident.id)
        if (collection.KIND, fold(ready.collection.id)) not in known:
            await self.tools.journal.intent(
                ready.incident, collection.KIND, ready.collection.id, detail
            )

    async def _delete(self, ready: collection.Ready, look: Tools) -> None:
        """The first one asks again and again whether the lifted locks have gone; the
        others begin as soon as its request is taken."""
        probing, self.probed = not self.probed, True
        if not probing:
            await self.unlocked.wait()
        try:
            if late := await self._look_again(ready, look):
                self._ended(ready, late, "", None)
                return
            again = partial(self._look_again, ready, self.tools)
            ended = await collection.deleted(
                self.tools, ready.collection.id, self.give_up, self.unlocked.set, again
            )
        finally:
            self.unlocked.set()
        self._ended(ready, *ended)

    async def _look_again(self, ready: collection.Ready, look: Tools) -> Result | None:
        """Why not to delete after all. A look that takes longer than the window is a
        no."""
        try:
            async with asyncio.timeout_at(self.give_up):
                return await collection.stopped_meanwhile(look.reader, ready, self.locks.lifted)
        except TimeoutError:
            return Result(
                ready.collection.id,
                Outcome.FAILED,
                "the window was over before the last look had ended",
            )

    def _ended(
        self,
        ready: collection.Ready,
        result: Result,
        correlation_id: str,
        error: AzureCallFailed | None,
    ) -> None:
        target = ready.collection.id
        self.results[(ready.incident.id, target)] = result
        if error is not None:
            self._later(self.tools.journal.failed(ready.incident, collection.KIND, target, error))
        else:
            told = "done" if result.result is Outcome.DONE else f"not begun: {result.detail}"
            self._later(
                self.tools.journal.outcome(
                    ready.incident, collection.KIND, target, told, correlation_id
                )
            )

    def _later(self, write: Awaitable[object]) -> None:
        self.writes.append(asyncio.ensure_future(write))

    async def _look_for_joiners(self, deletions: set[asyncio.Task[None]]) -> None:
        """Members who came while the window was open. A store that does not answer now
        hides them: they ask again later."""
        try:
            found = await self.tools.windows.get(self.held.window.group_id)
            if (
                found is None
                or found.window.leader != self.incident.id
                or found.window.state != OPEN
            ):
                return
            self.held = found
            joined = tuple(
                member for member in found.window.members if member.incident_id not in self.begun
            )
            if joined:
                await self._serve(joined, deletions, unlocked=True)
        except StoreError as error:
            logging.warning(
                "window of %s: members who joined cannot be read now: %s",
                self.held.window.group_id,
                error,
            )

    async def _close_lifts(self) -> None:
        """Where the process died between a call and its outcome: the record says what
        is known."""
        for member in self.held.window.members:
            incident = await self.tools.book.get(member.incident_id)
            for kind, target in (
                await self.tools.journal.open_intents(member.incident_id) if incident else ()
            ):
                if kind in (LIFT, PROVE) and incident is not None:
                    await self.tools.journal.outcome(
                        incident,
                        kind,
                        target,
                        "not known: the answer was not put on record",
                        "",
                    )

    async def _closed(self) -> bool:
        """Keep the results with the window, so that a crash does not lose them. False:
        the window is no longer ours."""
        while True:
            members = tuple(self._with_results(member) for member in self.held.window.members)
            moved = await self.tools.windows.move(
                self.held, replace(self.held.window, state=CLOSING, members=members)
            )
            if moved is not None:
                self.held = moved
                return True
            found = await self.tools.windows.get(self.held.window.group_id)
            if found is None or found.window.leader != self.incident.id:
                return False
            self.held = found

    def _with_results(self, member: Member) -> Member:
        mine = tuple(
            result
            for (incident_id, _), result in self.results.items()
            if incident_id == member.incident_id
        )
        return replace(member, results=mine)

    async def _tell(self, member: Member, lifted: StepOutcome, restored: StepOutcome) -> None:
        """The member's incident gets its actions: what was lifted, deleted and put back
        for it."""
        incident = await self.tools.book.get(member.incident_id)
        if incident is None:
            return
        mine = [
            result
            for (incident_id, _), result in self.results.items()
            if incident_id == member.incident_id
        ]
        mine = list(
            await asyncio.gather(*(collection.seen_gone(self.tools, result) for result in mine))
        )
        change = partial(outcomes.with_outcomes, results=mine, lifted=lifted, restored=restored)
        await self.tools.book.change(member.incident_id, change)
        known = await self.tools.journal.open_intents(incident.id)
        for result in mine:
            if (collection.KIND, fold(result.target)) in known:
                told = f"{result.result}: {result.detail} (the answer was not put on record)"
                await self.tools.journal.outcome(incident, collection.KIND, result.target, told, "")
            detail = {
                "detail": result.detail,
                "window_of": self.incident.id,
                "locks": restored.detail,
            }
            says = f"{collection.KIND}: {result.result}"
            await self.tools.journal.note(
                incident, "step", says, target=result.target, detail=detail
            )


def _now() -> float:
    return asyncio.get_running_loop().time()
