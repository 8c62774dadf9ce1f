"""Decides: which confirmed cause is fixed first (shared/plan/ranking.py), its fix, and
whether policy lets it be applied. Where no cause is confirmed, a second try if there is
one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from shared import catalogue
from shared.arm_ids import fold
from shared.diagnosis.advice import unknown_code
from shared.incident.model import RUN_BACKUP_AGAIN, Finding, Incident, Verdict
from shared.incident.status import Status
from shared.plan.policy import Mode
from shared.plan.ranking import Machine, Ranked, rank
from shared.plan.steps import NotFixable, Step
from shared.plan.told import name_causes, not_done, tell, tell_others
from shared.sentences import Sentence


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be changed and why; the command line, the audit log and the executor
    see this same value."""

    cause: str
    """"" with a second try: no cause is found."""
    fix: str
    """Kind of the fix, or RUN_BACKUP_AGAIN."""
    steps: tuple[Step, ...]
    because: tuple[Sentence, ...]
    loses: str
    order: str = ""
    """Why its cause goes ahead of others; "" where the catalogue's order says so."""

    @property
    def is_second_try(self) -> bool:
        return self.fix == RUN_BACKUP_AGAIN


@dataclass(frozen=True, slots=True)
class NoPlan:
    """Why nothing is changed, where the incident goes, and what a person can do."""

    status: Status
    reason: str
    manual_steps: tuple[Sentence, ...] = ()
    would: Plan | None = None
    """The plan that policy held back."""


def units(found: Plan) -> tuple[tuple[Step, ...], ...]:
    """The steps as they are carried out: those of one unit together."""
    grouped: dict[str, list[Step]] = {}
    for step in found.steps:
        grouped.setdefault(fold(step.unit), []).append(step)
    return tuple(tuple(each) for each in grouped.values())


def plan(
    incident: Incident,
    findings: tuple[Finding, ...],
    mode: Mode,
    lately: Mapping[str, str] = MappingProxyType({}),
    again: Plan | str = "",
    vm: Machine = None,
) -> Plan | NoPlan:
    """`findings` in the catalogue's order; `lately`: cause -> the other incident that
    fixed it on this VM within the cooling time; `again`: the second try where no cause
    is confirmed, or why there is none; `vm`: as it is now.

    Never guesses: a code without a row, or no confirmed cause, is for a person.
    """
    confirmed = [found for found in findings if found.verdict is Verdict.CONFIRMED]
    row = catalogue.error_code(incident.code_now)
    if row is None or not row.fixable:
        return _for_person(incident, confirmed, row, vm)
    left = [
        found
        for found in confirmed
        if found.cause not in incident.tried and found.cause not in lately
    ]
    if not left and isinstance(again, Plan):
        return allow(incident, again, mode)
    if not left:
        reason = _why_none(incident, findings, lately)
        if again:
            reason = f"{reason}; the backup is not run again: {again}"
        steps = tell(incident, findings, vm, lately)
        return NoPlan(Status.NEEDS_PERSON, reason, steps)
    decided = _for_cause(incident, left, confirmed, vm)
    return allow(incident, decided, mode)


def _for_person(
    incident: Incident,
    confirmed: list[Finding],
    row: catalogue.ErrorCode | None,
    vm: Machine,
) -> NoPlan:
    """For a code without a row, or one that does not say what failed."""
    if row is None:
        code = incident.code_now or "unknown"
        why, told = f"the error code is {code}: not in the catalogue", unknown_code(incident)
    else:
        why = f"{row.name} does not say what failed, only the job's message does"
        told = unknown_code(incident, row.link)
    steps = tuple(dict.fromkeys(told + tell(incident, confirmed, vm)))
    return NoPlan(Status.NEEDS_PERSON, f"{why}, so nothing is fixed by guess", steps)


def _for_cause(
    incident: Incident, left: list[Finding], confirmed: list[Finding], vm: Machine
) -> Plan | NoPlan:
    """The first cause in its turn that has a fix for it; else why there is none."""
    found: NoPlan | None = None
    for ranked in rank(left, tuple(confirmed), vm):
        decided = _fix(incident, ranked, confirmed, vm)
        if isinstance(decided, Plan):
            return decided
        found = found or decided
    if found is not None:
        return found
    title = catalogue.cause(left[0].cause).title
    reason = f"{title}: only a person can mend this"
    return NoPlan(Status.NEEDS_PERSON, reason, tell(incident, confirmed, vm))


def _fix(
    incident: Incident, ranked: Ranked, confirmed: list[Finding], vm: Machine
) -> Plan | NoPlan:
    cause = catalogue.cause(ranked.finding.cause)
    assert cause.fix is not None
    problem, steps = "", cause.fix.steps(ranked.finding, incident.vm_id)
    if ranked.held_up_by:
        others = name_causes(ranked.held_up_by)
        problem = f"held up by another cause, with which no new backup can pass: {others}"
    elif isinstance(steps, NotFixable):
        problem = steps.reason
    if problem or isinstance(steps, NotFixable):
        reason = f"{cause.title}: {problem}"
        return NoPlan(Status.NEEDS_PERSON, reason, tell(incident, confirmed, vm))
    order = (
        f"a new backup can pass without {name_causes(ranked.ahead)}, which only a person can mend"
    )
    return Plan(
        cause.slug,
        cause.fix.kind,
        steps,
        ranked.finding.evidence,
        cause.fix.loses,
        order if ranked.ahead else "",
    )


def allow(incident: Incident, found: Plan | NoPlan, mode: Mode) -> Plan | NoPlan:
    """The plan, or its end where the mode holds it back."""
    if isinstance(found, NoPlan) or mode.name == "auto":
        return found
    ends = {"observe": Status.OBSERVED, "off": Status.IGNORED}
    status = ends.get(mode.name, Status.NEEDS_PERSON)
    return hold_back(incident, found, status, mode.because)


def hold_back(incident: Incident, found: Plan, status: Status, why: str) -> NoPlan:
    """The end of a plan that is not carried out: a person learns what would have been
    done, and what would have stayed with him."""
    steps = (*not_done(found.steps), *tell_others(incident, found.cause))
    return NoPlan(status, f"held back: {why}", steps, would=found)


def _why_none(incident: Incident, findings: tuple[Finding, ...], lately: Mapping[str, str]) -> str:
    confirmed = [found.cause for found in findings if found.verdict is Verdict.CONFIRMED]
    again = [f"{cause} by incident {lately[cause]}" for cause in confirmed if cause in lately]
    cooling = (
        f"; fixed on this VM a short while ago, and not the same way again: {', '.join(again)}"
        if again
        else ""
    )
    tried = f"; tried already: {', '.join(sorted(incident.tried))}" if incident.tried else ""
    open_causes = [found.cause for found in findings if found.verdict is Verdict.UNKNOWN]
    unknown = f"; not known: {', '.join(open_causes)}" if open_causes else ""
    return f"no cause of {incident.code_now} is confirmed and left to fix{tried}{cooling}{unknown}"
