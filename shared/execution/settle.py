"""Settles a fix once all of its units are over: it is in place and a backup has to show
it, or a person takes over."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain

from shared import clock
from shared.arm_ids import fold, group_of
from shared.audit.journal import Journal
from shared.azure.reader import ArmReader
from shared.diagnosis.advice import About
from shared.diagnosis.by_hand import ask_governance
from shared.diagnosis.refusing_locks import name_refusing
from shared.execution.change import close_intents
from shared.execution.lock_window.ledger import LockLedger
from shared.execution.places import Places
from shared.incident.book import IncidentBook
from shared.incident.closing import Closing
from shared.incident.model import Action, Incident
from shared.incident.outcome import Outcome, StepOutcome
from shared.incident.status import Status
from shared.plan.planner import Plan
from shared.plan.told import advice_for, each_once, only, tell_others
from shared.sentences import Sentence


@dataclass(frozen=True, slots=True)
class Settle:
    book: IncidentBook
    journal: Journal
    ledger: LockLedger
    closing: Closing
    places: Places
    reader: ArmReader

    async def settle(self, incident_id: str, plan: Plan, outcomes: tuple[StepOutcome, ...]) -> bool:
        """True where the fix was carried out, so that a backup has to show it: nothing
        but the backup can, so no checker is asked again; False where the incident was
        closed. Raises StoreUnavailable."""
        incident = await self.book.get(incident_id)
        if incident is None or not incident.at_work:
            return False
        problems = [outcome.detail for outcome in outcomes if not outcome.done]
        if problems:
            await self._hand_over(incident, plan, problems, outcomes)
            return False
        # Those of a process that died after its request went out.
        await close_intents(self.journal, self.ledger, incident)
        incident = await self.book.change(incident_id, _begin_verifying)
        return incident.at_work  # else another execution brought it to its end meanwhile

    async def _hand_over(
        self,
        incident: Incident,
        plan: Plan,
        problems: list[str],
        outcomes: tuple[StepOutcome, ...],
    ) -> None:
        """To a person, with the reason, what is left to do by hand, and the advice for
        the cause."""
        advice = _advise(incident, plan)
        begun = await self.journal.intended(incident.id)
        if all(outcome.result is Outcome.REFUSED for outcome in outcomes) and not any(
            fold(step.target) in begun for step in plan.steps
        ):
            await self.places.give_back(incident, plan.cause)
        by_hand = tuple(step for outcome in outcomes for step in outcome.manual_steps)
        by_hand += await name_refusing(self.reader, incident, incident.findings, by_hand)
        # Before it ends: its window may be gone, and with it who would close them.
        await close_intents(self.journal, self.ledger, incident)
        others = tell_others(incident, plan.cause)
        reason = "; ".join(problems)
        steps = each_once(incident, (*by_hand, *advice, *others))
        await self.closing.close(incident.id, Status.NEEDS_PERSON, reason, steps)


def _advise(incident: Incident, plan: Plan) -> tuple[Sentence, ...]:
    """What is left to do by hand: not what is done, and not what is refused to a person
    too."""
    about = About.of(incident)
    finding = next((each for each in incident.findings if each.cause == plan.cause), None)
    if finding is None:
        return ()
    ended = [each for each in incident.actions if each.kind == plan.fix]
    refused = {each.target: steps for each in ended if (steps := _ask_governance(each))}
    over = {fold(target) for target in refused}
    over |= {fold(each.target) for each in ended if each.outcome is Outcome.DONE}
    left = [each.id for each in finding.targets if fold(each.id) not in over]
    whom = tuple(chain.from_iterable(refused.values()))
    if finding.targets and not left:
        return (*whom, about.backup_now)
    return (*whom, *advice_for(only(finding, left), about))


def _ask_governance(action: Action) -> tuple[Sentence, ...]:
    lock_stays = action.outcome is Outcome.REFUSED
    return ask_governance(action.code, group_of(action.target), lock_stays=lock_stays)


def _begin_verifying(incident: Incident) -> Incident:
    if not incident.at_work:
        return incident
    reason = "a new backup has to show it"
    if incident.status is Status.WAITING:  # an execution that was lost has put it off
        incident = incident.moved(Status.DIAGNOSING, reason, now=clock.now())
    return replace(incident.moved(Status.VERIFYING, reason, now=clock.now()), waiting=None)
