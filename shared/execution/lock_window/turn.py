"""One incident's turn at a locked resource group: it opens a window and leads it, joins
one, or asks again later.

The way through this room is turn → gathering → session → put_back.
"""

from __future__ import annotations

from dataclasses import dataclass

from shared import clock
from shared.arm_ids import fold, group_of
from shared.audit.journal import Journal
from shared.azure.one_look import OneLook
from shared.azure.reader import ArmReader
from shared.azure.writer import ArmWriter
from shared.execution.change import close_intents
from shared.execution.lock_window.deletions import Deletions
from shared.execution.lock_window.gathering import Gathering
from shared.execution.lock_window.late_writes import LateWrites
from shared.execution.lock_window.ledger import LockLedger
from shared.execution.lock_window.outcomes import WindowRecord
from shared.execution.lock_window.put_back import PutBack, by_hand
from shared.execution.lock_window.session import Session
from shared.execution.lock_window.window_locks import WindowLocks
from shared.execution.lock_window.windows import (
    GATHERING,
    Held,
    LockWindows,
    Member,
    TargetOutcome,
    Window,
)
from shared.incident.book import IncidentBook
from shared.incident.model import Incident
from shared.incident.outcome import Outcome, StepOutcome
from shared.sentences import quote
from shared.settings import Settings


@dataclass(frozen=True, slots=True)
class Turns:
    """Every method raises StoreUnavailable."""

    book: IncidentBook
    journal: Journal
    windows: LockWindows
    ledger: LockLedger
    reader: ArmReader
    writer: ArmWriter
    restorer: PutBack
    deletions: Deletions
    settings: Settings

    async def take(self, incident: Incident, targets: tuple[str, ...]) -> StepOutcome:
        """Have these targets, all of one resource group, deleted with its locks off.
        BUSY: call again later; WAITING: a job of the VM runs. Safe to run again after a
        crash."""
        group_id = group_of(targets[0])
        while True:
            if (ended := await self._read_end(incident.id, group_id, targets)) is not None:
                return ended
            held = await self.windows.get(group_id)
            if held is None or held.window.member(incident.id) is None:
                entered = await self._enter(incident, targets, group_id, held)
                if isinstance(entered, StepOutcome):
                    return entered
                held = entered
            if held is not None and held.window.leader == incident.id:
                await self._lead(incident, held)
            elif held is not None:
                return StepOutcome(
                    Outcome.BUSY,
                    f"the incident {held.window.leader} has the locks of {group_id} off and"
                    " deletes for this one too",
                )

    async def recover(self, incident: Incident) -> None:
        """After the engine lost this incident: bring the window that it leads to its
        end, and record of each change that its answer is not known."""
        for held in await self.windows.all():
            if held.window.leader != incident.id:
                continue
            if held.window.state == GATHERING:
                await self.windows.end(held)  # nothing was lifted; who joined asks again
            else:
                await self._lead(incident, held)
        await close_intents(self.journal, self.ledger, incident)

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
            return StepOutcome(Outcome.WAITING, detail)
        refused = ended <= {Outcome.DONE, Outcome.REFUSED, Outcome.UNDER_WAY}
        off = [entry for entry in await self.ledger.open_locks(group_id) if entry.problem]
        steps = tuple(quote(by_hand(entry.lock)) for entry in off)
        return StepOutcome(Outcome.REFUSED if refused else Outcome.FAILED, detail, steps)

    async def _enter(
        self, incident: Incident, targets: tuple[str, ...], group_id: str, held: Held | None
    ) -> Held | StepOutcome | None:
        """The window with this incident in it; None when somebody wrote first; or why
        not now, or not at all."""
        if held is not None and not held.window.may_join():
            return StepOutcome(
                Outcome.BUSY, f"the incident {held.window.leader} has the locks of {group_id} off"
            )
        if held is None and await self.ledger.open_locks(group_id):
            return StepOutcome(
                Outcome.BUSY, f"a lock of {group_id} is still to be put back from before"
            )
        # Before it joins: a failure that may not be fixed opens no window.
        if refused := await self._examine(incident, targets):
            return refused
        member = Member(incident.id, targets)
        if held is None:
            return await self.windows.open(self._new_window(group_id, member))
        return await self.windows.join(held, member)

    async def _examine(self, incident: Incident, targets: tuple[str, ...]) -> StepOutcome | None:
        """Why nothing is deleted for this incident, or not now, found before any lock
        is touched; None when all its targets may go.

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
        return None

    def _new_window(self, group_id: str, member: Member) -> Window:
        now, settings = clock.now(), self.settings
        gathered = clock.after(now, settings.gather_seconds)
        # Counted again when the group is unlocked.
        deadline = clock.after(now, settings.gather_seconds + settings.window_seconds)
        leader, members = member.incident_id, (member,)
        return Window(group_id, leader, GATHERING, gathered, gathered, deadline, members)

    async def _lead(self, incident: Incident, held: Held) -> None:
        """Take the window to its end. Raises StoreUnavailable only with the locks back,
        or in the ledger for the guardian."""
        settings = self.settings
        if held.window.state == GATHERING:
            gathering = Gathering(
                self.book, self.windows, settings.gather_seconds, settings.window_seconds
            )
            opened = await gathering.open_window(held)
            if opened is None:
                return  # the guardian closed it
            held = opened
        await self._session(incident, held).run()

    def _session(self, incident: Incident, held: Held) -> Session:
        later = LateWrites()
        locks = WindowLocks(
            incident=incident,
            window=held.window,
            reader=self.reader,
            writer=self.writer,
            journal=self.journal,
            ledger=self.ledger,
            restorer=self.restorer,
            later=later,
        )
        return Session(
            incident=incident,
            held=held,
            settings=self.settings,
            book=self.book,
            journal=self.journal,
            windows=self.windows,
            reader=self.reader,
            deletions=self.deletions,
            locks=locks,
            record=WindowRecord(self.book, self.journal, self.deletions),
            later=later,
        )
