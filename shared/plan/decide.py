"""Findings and policy become a plan, or the reason why nothing is done.

1. The findings are recorded, in the catalogue's order.
2. Where a lost process had made the fix already, a backup has to show it.
3. Where no cause is confirmed, it is found out whether a second try is allowed.
4. A plan is made as if everything were allowed: what it would change has a say in the
   mode, which then holds it back or not.
5. Where a person takes over, the locks that will refuse his steps are read.
6. The plan, or the reason why there is none, goes on record.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from shared import catalogue, clock
from shared.azure.reader import ArmReader
from shared.codec import to_english
from shared.diagnosis import later
from shared.diagnosis.advice import About, vm_gone
from shared.diagnosis.check import in_order
from shared.diagnosis.checkers.contract import Reader
from shared.diagnosis.gathered import recorded
from shared.diagnosis.log_evidence import tell_beside_agents
from shared.diagnosis.refusing_locks import name_refusing
from shared.facts import Absent, Unreadable
from shared.incident.model import Finding, Incident, Verdict
from shared.incident.next_step import Next
from shared.incident.outcome import Outcome
from shared.incident.status import Status
from shared.plan import second_try
from shared.plan.mode import ModeNotKnown, mode_now
from shared.plan.planner import NoPlan, Plan, allow, hold_back, plan
from shared.plan.policy import Mode
from shared.plan.stage import Planning
from shared.plan.told import NOBODY

ANY_MODE = Mode("auto", "asked only for what would be changed")
FIXES = tuple(cause.fix.kind for cause in catalogue.CAUSES if cause.fix)


@dataclass(frozen=True, slots=True)
class Decision:
    next: Next
    """ACT: there is a plan, which has to wait for its turn. BACK_UP: the fix is in
    place. STOP: the incident has ended."""
    plan: Plan | None = None
    """Set with ACT."""


async def decide(
    planning: Planning, incident_id: str, found: Iterable[Finding], failed_at: str
) -> Decision:
    """`found` in any order, for the failure of `failed_at`. Raises StoreUnavailable."""
    incident = await planning.book.get(incident_id)
    if incident is None or not incident.at_work:
        return Decision(Next.STOP)
    findings = tell_beside_agents(in_order(found, incident.code_now), incident.from_log)
    incident = await planning.book.change(incident_id, lambda each: _found(each, findings))
    await _record(planning, incident)
    if _is_fix_in_place(incident):
        return await _verify(planning, incident)
    decided = await _plan(planning, incident, failed_at)
    if isinstance(decided, NoPlan):
        return await _end(planning, incident, decided)
    why = f"{decided.fix}: {decided.order}" if decided.order else decided.fix
    await planning.book.change(
        incident_id, lambda each: each.moved(Status.FIXING, why, now=clock.now())
    )
    cause = decided.cause or f"no cause that is confirmed: {decided.because[0]}"
    result = f"{decided.fix} because of {cause}"
    result = f"{result}: {decided.order}" if decided.order else result
    await planning.journal.note(incident, "plan", result, detail=to_english(decided))
    return Decision(Next.ACT, decided)


def _found(incident: Incident, findings: tuple[Finding, ...]) -> Incident:
    """What a fix comes to is kept while its backup is followed: then nothing shows it
    any more."""
    returning = next((each.returning for each in findings if each.returning), incident.returning)
    return replace(incident, findings=findings, returning=returning)


async def _record(planning: Planning, incident: Incident) -> None:
    for finding in incident.findings:
        result = f"{finding.cause}: {finding.verdict}"
        detail = {
            "verdict": finding.verdict.value,
            "evidence": [str(each) for each in finding.evidence],
        }
        await planning.journal.note(incident, "finding", result, detail=detail)


def _is_fix_in_place(incident: Incident) -> bool:
    """A fix was begun before the engine lost the incident, or in an earlier attempt,
    nothing is confirmed any more, and no backup has shown it yet."""
    begun = any(
        action.kind in FIXES and action.outcome in (Outcome.UNDER_WAY, Outcome.DONE)
        for action in (incident.actions if incident.shown_before else incident.all_actions)
    )
    confirmed = any(finding.verdict is Verdict.CONFIRMED for finding in incident.findings)
    return begun and not confirmed and incident.verification is None


async def _verify(planning: Planning, incident: Incident) -> Decision:
    reason = "the fix is in place already; a new backup has to show it"
    await planning.limiter.leave(incident.attempt_key)

    def change(each: Incident) -> Incident:
        return _mark_done(each.moved(Status.VERIFYING, reason, now=clock.now()), incident.findings)

    await planning.book.change(incident.id, change)
    await planning.journal.note(incident, "plan", f"no change: {reason}")
    return Decision(Next.BACK_UP)


def _mark_done(incident: Incident, findings: tuple[Finding, ...]) -> Incident:
    """Only where the cause, or what its fix acts on, is seen to be gone: what cannot be
    read is not done, and may be tried again."""
    detail = "found so after its process died"
    gone = {each.cause for each in findings if each.gone or each.verdict is Verdict.RULED_OUT}
    actions = tuple(
        (
            replace(each, outcome=Outcome.DONE, detail=detail)
            if not each.outcome and each.cause in gone
            else each
        )
        for each in incident.actions
    )
    return replace(incident, actions=actions, waiting=None)


async def _end(planning: Planning, incident: Incident, decided: NoPlan) -> Decision:
    detail = {"would": to_english(decided.would) if decided.would else None}
    await planning.journal.note(incident, "plan", f"no change: {decided.reason}", detail=detail)
    steps = decided.manual_steps
    await planning.closing.close(incident.id, decided.status, decided.reason, steps)
    return Decision(Next.STOP)


async def _plan(planning: Planning, incident: Incident, failed_at: str) -> Plan | NoPlan:
    reader, facts = planning.reader, recorded(incident, failed_at, planning.reader)
    lately = await planning.cooling.fixed_lately(incident.vm_id, incident.attempt_key)
    wanted = await consider(reader, facts, incident, failed_at, lately)
    if isinstance(wanted, Plan):
        vm = await facts.virtual_machine(incident.vm_id)
        targets = [step.target for step in wanted.steps]
        known = None if isinstance(vm, Absent) else vm
        mode = await mode_now(planning.mode, reader, incident, targets, known)
        decided = _in_mode(incident, wanted, mode)
    else:
        decided = wanted
    if isinstance(decided, NoPlan) and decided.status is not Status.IGNORED:
        return await name_locks(facts, incident, decided)
    return decided


async def consider(
    reader: ArmReader,
    facts: Reader,
    incident: Incident,
    failed_at: str,
    lately: Mapping[str, str] = NOBODY,
) -> Plan | NoPlan:
    """What would be done if policy allowed everything, or why nothing would be.
    `facts`: those of the diagnosis."""
    vm = await facts.virtual_machine(incident.vm_id)
    if isinstance(vm, Absent):
        reason = f"{vm.what} does not exist any more: deleted, moved or renamed"
        return NoPlan(Status.NEEDS_PERSON, reason, vm_gone(About.of(incident)))
    again = await consider_second_try(reader, facts, incident, failed_at)
    return plan(incident, incident.findings, ANY_MODE, lately, again, vm)


def _in_mode(incident: Incident, wanted: Plan, mode: Mode | ModeNotKnown) -> Plan | NoPlan:
    if isinstance(mode, ModeNotKnown):
        return hold_back(incident, wanted, Status.NEEDS_PERSON, mode.reason)
    return allow(incident, wanted, mode)


async def name_locks(facts: Reader, incident: Incident, decided: NoPlan) -> NoPlan:
    """With the locks that will refuse what a person does next, ahead of his steps. Of a
    VM that is gone none do."""
    if isinstance(await facts.virtual_machine(incident.vm_id), Absent):
        return decided
    steps = decided.manual_steps
    locks = await name_refusing(facts, incident, incident.findings, steps)
    return replace(decided, manual_steps=(*locks, *steps))


async def consider_second_try(
    reader: ArmReader, facts: Reader, incident: Incident, failed_at: str
) -> Plan | str:
    """The second try, or why there is none; "" where a cause is confirmed. The vault's
    jobs are read only where all else speaks for it. `facts`: those of the diagnosis."""
    if any(finding.verdict is Verdict.CONFIRMED for finding in incident.findings):
        return ""
    vm = await facts.virtual_machine(incident.vm_id)
    if told := second_try.why_not_tried(incident, incident.findings, vm):
        return told
    cancelled = await later.find_cancelled(reader, incident, failed_at)
    if told := second_try.why_cancelled(cancelled):
        return told
    if second_try.may_be_migration(incident) and (told := await _why_migrated(facts, incident)):
        return told
    return second_try.make_plan(incident)


async def _why_migrated(facts: Reader, incident: Incident) -> str:
    item = await facts.protected_item(incident.item_id)
    if isinstance(item, Absent | Unreadable):
        return second_try.why_migrated(item, item)
    return second_try.why_migrated(item, await facts.backup_policy(item.policy_id))
