"""One incident's turn at a locked resource group: it opens a window and leads it, joins
one, or waits until it may.

The way through this room is turn → gathering → session → put_back.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from shared import clock
from shared.arm_ids import fold, group_of
from shared.audit.journal import Journal
from shared.azure.one_look import OneLook
from shared.azure.reader import ArmReader
from shared.azure.writer import ArmWriter
from shared.diagnosis.by_hand import end_access
from shared.diagnosis.gathered import is_just_diagnosed
from shared.execution.lock_window.deletions import IN_USE, Deletions
from shared.execution.lock_window.entries import note_end, note_window, refuse_third
from shared.execution.lock_window.gathering import Gathering
from shared.execution.lock_window.held import held_by_rows, serves, why_held
from shared.execution.lock_window.keeper import Keeper, Keeping
from shared.execution.lock_window.late_writes import LateWrites
from shared.execution.lock_window.lease import Lease, make_token, read_clocks
from shared.execution.lock_window.session import Session
from shared.execution.lock_window.window_locks import WindowLocks
from shared.execution.lock_window.windows import (
    GATHERING,
    Beat,
    Held,
    Member,
    TargetOutcome,
    Window,
)
from shared.execution.lock_window.words import by_hand
from shared.incident.book import IncidentBook
from shared.incident.model import Action, Incident
from shared.incident.outcome import GroupHeld, Outcome, StepOutcome
from shared.sentences import Sentence, quote
from shared.settings import Settings


@dataclass(frozen=True, slots=True)
class Turns:
    """Every method raises StoreUnavailable."""

    book: IncidentBook
    journal: Journal
    keeping: Keeping
    reader: ArmReader
    writer: ArmWriter
    deletions: Deletions
    settings: Settings

    async def take(self, incident: Incident, targets: tuple[str, ...]) -> StepOutcome:
        """Have these targets, all of one resource group, deleted with its locks off.
        BUSY: its window's leader deletes for it, so call again later; WAITING: a job of
        the VM runs, or the group is held; REFUSED: it has had its windows.

        Whoever calls is an execution of its own: the same activity run again never
        lifts what the first run planned, it only closes what that one left.
        """
        group_id, token = group_of(targets[0]), make_token()
        while True:
            if (ended := await self._read_end(incident.id, group_id, targets)) is not None:
                await note_end(self.book, incident, group_id, ended)
                return ended
            held = await self.keeping.windows.get(group_id)
            if held is not None and serves(held.window, incident.id):
                incident = await note_window(self.book, incident, held.window)
                return await self._wait_as_member(incident, held)
            began = read_clocks()
            entered = await self._enter(incident, targets, group_id, held, token)
            if isinstance(entered, StepOutcome):
                return entered
            if entered is None:
                continue
            mine, beat = entered
            # Before anything is lifted: whoever dies after this has had the window.
            incident = await note_window(self.book, incident, mine.window)
            if beat is not None:
                keeping = self.keeping
                async with Lease(keeping.windows, keeping.times, mine.window, beat, began) as lease:
                    await self._lead(incident, mine, lease)

    async def look_after(self, incident: Incident, group_id: str) -> None:
        """While the incident waits for its own watched lock, look at it: the guardian
        may be a minute away."""
        await Keeper(self.keeping, group_id).look_after(incident.id)

    async def _wait_as_member(self, incident: Incident, held: Held) -> StepOutcome:
        """Somebody else deletes for this incident. Where that is an earlier execution
        of its own, it may be dead: then its window is closed now, not in a minute."""
        group_id, leader = held.window.group_id, held.window.leader
        if leader == incident.id:
            await Keeper(self.keeping, group_id).close_if_dead(self.keeping.times.closing)
            return StepOutcome(
                Outcome.BUSY, f"the window of {group_id} that was opened for it is not over yet"
            )
        return StepOutcome(
            Outcome.BUSY,
            f"the incident {leader} has the locks of {group_id} off and deletes for this one too",
        )

    async def _read_end(
        self, incident_id: str, group_id: str, targets: tuple[str, ...]
    ) -> StepOutcome | None:
        """How this turn ended, once a window has recorded it; None while none has."""
        incident = await self.book.get(incident_id)
        wanted = {fold(target) for target in targets}
        actions = incident.actions if incident else ()
        mine = [action for action in actions if fold(action.target) in wanted]
        if not mine or any(not action.outcome and not action.detail for action in mine):
            return None
        ended = {action.outcome for action in mine}
        problems = [action.detail for action in mine if action.outcome is not Outcome.DONE]
        details = problems or [action.detail for action in mine if action.detail]
        detail = "; ".join(dict.fromkeys(details))
        if not problems:
            return StepOutcome(Outcome.DONE, detail)
        if ended <= {Outcome.DONE, Outcome.UNDER_WAY}:
            return StepOutcome(
                Outcome.WAITING, detail, held=await self._why_held(group_id, incident_id)
            )
        refused = ended <= {Outcome.DONE, Outcome.REFUSED, Outcome.UNDER_WAY}
        off = [row for row in await self.keeping.ledger.open_locks(group_id) if row.red]
        steps = (*(quote(by_hand(row.body)) for row in off), *_end_use(mine))
        return StepOutcome(Outcome.REFUSED if refused else Outcome.FAILED, detail, steps)

    async def _enter(
        self,
        incident: Incident,
        targets: tuple[str, ...],
        group_id: str,
        held: Held | None,
        token: str,
    ) -> tuple[Held, Beat | None] | StepOutcome | None:
        """The window that was opened, with its first heartbeat, or that was joined;
        None when somebody wrote first; or why not now, or not at all."""
        waits = await self._why_held(group_id, incident.id)
        if refused := refuse_third(incident, group_id, waits):
            return refused
        if waits is not None:
            return StepOutcome(Outcome.WAITING, waits.why, held=waits)
        # Before it joins: a failure that may not be fixed opens no window. Who opens
        # one looks again before it lifts: a diagnosis of a moment ago will do.
        opens = held is None and is_just_diagnosed(incident)
        if not opens and (ended := await self._examine(incident, targets)):
            return ended
        member = Member(incident.id, targets)
        if held is not None:
            joined = await self.keeping.windows.join(held, member)
            return None if joined is None else (joined, None)
        return await self._open(self._new_window(group_id, member, token))

    async def _open(self, window: Window) -> tuple[Held, Beat] | StepOutcome | None:
        opened = await self.keeping.windows.open(window)
        # Again: a window may have come and gone since the rows were read, and left one.
        waits = await held_by_rows(self.keeping.ledger, window.group_id, self.keeping.times.grace)
        if opened is None or waits is None:
            return opened
        await self.keeping.windows.end(window)
        return StepOutcome(Outcome.WAITING, waits.why, held=waits)

    async def _why_held(self, group_id: str, incident_id: str) -> GroupHeld | None:
        keeping = self.keeping
        return await why_held(
            keeping.windows, keeping.ledger, group_id, incident_id, keeping.times.grace
        )

    async def _examine(self, incident: Incident, targets: tuple[str, ...]) -> StepOutcome | None:
        """Why nothing is deleted for this incident, or not now, found before any lock
        is touched; DONE when all its targets are gone; None when they may go.

        The leader of the window looks again, and at locks that came meanwhile.
        """
        look = OneLook(self.reader.clients)
        found = [
            await self.deletions.examine(look, incident, target, unlocked=False)
            for target in targets
        ]
        ended = [each for each in found if isinstance(each, TargetOutcome)]
        for result in (Outcome.REFUSED, Outcome.WAITING):
            if reasons := [each.detail for each in ended if each.result is result]:
                return StepOutcome(result, "; ".join(dict.fromkeys(reasons)))
        if len(ended) == len(found):
            return StepOutcome(Outcome.DONE, "; ".join(dict.fromkeys(e.detail for e in ended)))
        return None

    def _new_window(self, group_id: str, member: Member, token: str) -> Window:
        now, settings = clock.now(), self.settings
        gathered = clock.after(now, settings.gather_seconds)
        return Window(
            id=secrets.token_hex(8),
            group_id=group_id,
            leader=member.incident_id,
            token=token,
            state=GATHERING,
            gather_until=gathered,
            join_until=gathered,
            # Counted again when the group is unlocked.
            deadline=clock.after(gathered, settings.window_seconds),
            members=(member,),
        )

    async def _lead(self, incident: Incident, held: Held, lease: Lease) -> None:
        """Take the window to its end. Raises StoreUnavailable only with the locks back,
        or in the ledger for the guardian."""
        settings = self.settings
        gathering = Gathering(
            self.book, self.keeping.windows, settings.gather_seconds, settings.window_seconds
        )
        opened = await gathering.open_window(held)
        if opened is not None:  # else it was taken over
            await self._session(incident, opened, lease).run()

    def _session(self, incident: Incident, held: Held, lease: Lease) -> Session:
        later, keeping = LateWrites(), self.keeping
        locks = WindowLocks(
            incident=incident,
            window=held.window,
            lease=lease,
            reader=self.reader,
            writer=self.writer,
            journal=self.journal,
            windows=keeping.windows,
            ledger=keeping.ledger,
            restorer=keeping.restorer,
            later=later,
            times=keeping.times,
        )
        return Session(
            incident=incident,
            held=held,
            lease=lease,
            settings=self.settings,
            book=self.book,
            journal=self.journal,
            windows=keeping.windows,
            reader=self.reader,
            deletions=self.deletions,
            locks=locks,
            record=keeping.record,
            later=later,
        )


def _end_use(actions: Iterable[Action]) -> tuple[Sentence, ...]:
    """What a person does about collections that are in use."""
    used = (each.target for each in actions if fold(each.code) == fold(IN_USE))
    return tuple(step for target in used for step in end_access(target))
