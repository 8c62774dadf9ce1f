"""Decides: which confirmed cause is fixed first (shared/plan/ranking.py), its fix, and
whether policy lets it be applied. Where no cause is confirmed, a second try if there is
one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shared import catalogue
from shared.arm_ids import fold
from shared.diagnosis.advice import unknown_code
from shared.incident.model import RUN_BACKUP_AGAIN, Finding, Incident, Verdict
from shared.incident.status import Status
from shared.plan.policy import Mode
from shared.plan.ranking import Machine, Ranked, rank
from shared.plan.steps import NotFixable, Step
from shared.plan.told import NOBODY, each_once, left_to_person, name_causes, not_done, tell
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
    lately: Mapping[str, str] = NOBODY,
    again: Plan | str = "",
    vm: Machine = None,
) -> Plan | NoPlan:
    """`findings` in the catalogue's order; `lately`: cause -> the other incident that
    fixed it on this VM within the cooling time; `again`: the second try where no cause
    is confirmed, or why there is none; `vm`: as it is now.

    Never guesses: a code without a row, or no confirmed cause, is for a person.
    """
    case = _Case(incident, findings, lately, vm)
    row = catalogue.error_code(incident.code_now)
    if row is None or not row.fixable:
        return _for_person(case, row)
    left = [
        found
        for found in case.confirmed
        if found.cause not in incident.tried and found.cause not in lately
    ]
    if left:
        return allow(incident, _for_cause(case, left), mode)
    if isinstance(again, Plan):
        return allow(incident, again, mode)
    reason = _why_none(incident, findings, lately)
    if again:
        reason = f"{reason}; the backup is not run again: {again}"
    return NoPlan(Status.NEEDS_PERSON, reason, tell(incident, findings, vm, lately))


@dataclass(frozen=True, slots=True)
class _Case:
    """What `plan` is given."""

    incident: Incident
    findings: tuple[Finding, ...]
    lately: Mapping[str, str]
    vm: Machine

    @property
    def confirmed(self) -> tuple[Finding, ...]:
        return tuple(found for found in self.findings if found.verdict is Verdict.CONFIRMED)

    def hand_over(self, reason: str, first: tuple[Sentence, ...] = ()) -> NoPlan:
        """To a person, with `first`, then the steps of what is confirmed."""
        steps = tell(self.incident, self.findings, self.vm, self.lately, confirmed_only=True)
        return NoPlan(Status.NEEDS_PERSON, reason, each_once(self.incident, (*first, *steps)))


def _for_person(case: _Case, row: catalogue.ErrorCode | None) -> NoPlan:
    """For a code without a row, or one that does not say what failed."""
    incident = case.incident
    if row is None:
        code = incident.code_now or "unknown"
        why, first = f"the error code is {code}: not in the catalogue", unknown_code(incident)
    else:
        why = f"{row.name} does not say what failed, only the job's message does"
        first = unknown_code(incident, row.link)
    return case.hand_over(f"{why}, so nothing is fixed by guess", first)


def _for_cause(case: _Case, left: list[Finding]) -> Plan | NoPlan:
    """The first cause in its turn that has a fix for it; else why there is none."""
    problems = []
    for ranked in rank(left, case.confirmed, case.vm):
        decided = _fix(case.incident, ranked)
        if isinstance(decided, Plan):
            return decided
        problems.append(decided)
    if problems:
        return case.hand_over(problems[0].reason, problems[0].by_hand)
    return case.hand_over(f"{catalogue.cause(left[0].cause).title}: only a person can mend this")


def _fix(incident: Incident, ranked: Ranked) -> Plan | NotFixable:
    """The plan; or why the cause is not fixed."""
    cause = catalogue.cause(ranked.finding.cause)
    if cause.fix is None or ranked.held_up_by:
        others = name_causes(ranked.held_up_by)
        return NotFixable(
            f"{cause.title}: not fixed, since no new backup can pass while this holds: {others}"
        )
    steps = cause.fix.steps(ranked.finding, incident.vm_id)
    ahead = name_causes(ranked.ahead)
    if isinstance(steps, NotFixable):
        also = f"; only a person can mend this either: {ahead}" if ahead else ""
        return NotFixable(f"{cause.title}: {steps.reason}{also}", steps.by_hand)
    order = f"a new backup can pass without what only a person can mend: {ahead}" if ahead else ""
    evidence, loses = ranked.finding.evidence, cause.fix.loses
    return Plan(cause.slug, cause.fix.kind, steps, evidence, loses, order)


def allow(incident: Incident, found: Plan | NoPlan, mode: Mode) -> Plan | NoPlan:
    """The plan, or its end where the mode holds it back."""
    if isinstance(found, NoPlan) or mode.name == "auto":
        return found
    ends = {"observe": Status.OBSERVED, "off": Status.IGNORED}
    status = ends.get(mode.name, Status.NEEDS_PERSON)
    return hold_back(incident, found, status, mode.because)


def hold_back(incident: Incident, found: Plan, status: Status, why: str) -> NoPlan:
    """The end of a plan that is not carried out: a person learns what would have been
    done, how to do it by hand, and what would have stayed with him. Under `off` only
    what would have been done."""
    steps = (
        not_done(found.steps)
        if status is Status.IGNORED
        else left_to_person(incident, found.cause, found.steps)
    )
    return NoPlan(status, f"held back: {why}", steps, would=found)


def _why_none(incident: Incident, findings: tuple[Finding, ...], lately: Mapping[str, str]) -> str:
    confirmed = [found.cause for found in findings if found.verdict is Verdict.CONFIRMED]
    again = [
        f"{name_causes([cause])} by incident {lately[cause]}"
        for cause in confirmed
        if cause in lately
    ]
    cooling = (
        f"; fixed on this VM a short while ago, and not the same way again: {', '.join(again)}"
        if again
        else ""
    )
    tried = f"; tried already: {name_causes(sorted(incident.tried))}" if incident.tried else ""
    open_causes = name_causes(each.cause for each in findings if each.verdict is Verdict.UNKNOWN)
    unknown = f"; not known: {open_causes}" if open_causes else ""
    none = f"no cause of {incident.code_now} is confirmed and left to fix"
    return f"{none}{tried}{cooling}{unknown}{_say_elsewhere(findings)}"


def _say_elsewhere(findings: tuple[Finding, ...]) -> str:
    """What the backup extension itself names, where that rules its own cause out."""
    said = [
        str(evidence)
        for found in findings
        if found.verdict is Verdict.RULED_OUT and found.by_hand
        for evidence in found.evidence
        if evidence.key == "extension_last_said"
    ]
    return "".join(f"; {each}" for each in dict.fromkeys(said))
