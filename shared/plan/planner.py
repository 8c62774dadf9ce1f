"""Decides: the first confirmed cause in the catalogue's order, its fix, and whether
policy lets it be applied. Where no cause is confirmed, a second try if there is one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from shared import catalogue
from shared.arm_ids import fold
from shared.diagnosis.advice import About, look_at_job, unknown_code
from shared.incident.model import RUN_BACKUP_AGAIN, Finding, Incident, Verdict
from shared.incident.status import Status
from shared.plan.policy import Mode
from shared.plan.steps import NotFixable, Step
from shared.sentences import Sentence, phrase


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
) -> Plan | NoPlan:
    """`findings` in the catalogue's order; `lately`: cause -> the other incident that
    fixed it on this VM within the cooling time; `again`: the second try where no cause
    is confirmed, or why there is none.

    Never guesses: a code without a row, or no confirmed cause, is for a person.
    """
    confirmed = [found for found in findings if found.verdict is Verdict.CONFIRMED]
    row = catalogue.error_code(incident.code_now)
    if row is None or not row.fixable:
        return _for_person(incident, confirmed, row)
    left = [
        found
        for found in confirmed
        if found.cause not in incident.tried and found.cause not in lately
    ]
    if not left and isinstance(again, Plan):
        return _allowed(again, mode)
    if not left:
        reason = _why_none(incident, findings, lately)
        if again:
            reason = f"{reason}; the backup is not run again: {again}"
        steps = _steps(incident, list(findings), lately)
        return NoPlan(Status.NEEDS_PERSON, reason, steps)
    return _allowed(_for_cause(incident, left), mode)


def _for_person(
    incident: Incident, confirmed: list[Finding], row: catalogue.ErrorCode | None
) -> NoPlan:
    """For a code without a row, or one that does not say what failed."""
    if row is None:
        code = incident.code_now or "unknown"
        why, told = f"the error code is {code}: not in the catalogue", unknown_code(incident)
    else:
        why = f"{row.name} does not say what failed, only the job's message does"
        told = unknown_code(incident, row.link)
    steps = tuple(dict.fromkeys(told + _steps(incident, confirmed)))
    return NoPlan(Status.NEEDS_PERSON, f"{why}, so nothing is fixed by guess", steps)


def _for_cause(incident: Incident, confirmed: list[Finding]) -> Plan | NoPlan:
    finding = confirmed[0]
    cause = catalogue.cause(finding.cause)
    if cause.fix is None:
        reason = f"{cause.title}: only a person can mend this"
        return NoPlan(Status.NEEDS_PERSON, reason, _steps(incident, confirmed))
    steps = cause.fix.steps(finding, incident.vm_id)
    if isinstance(steps, NotFixable):
        told = dict.fromkeys((*steps.by_hand, *_steps(incident, confirmed)))
        return NoPlan(Status.NEEDS_PERSON, f"{cause.title}: {steps.reason}", tuple(told))
    return Plan(cause.slug, cause.fix.kind, steps, finding.evidence, cause.fix.loses)


def _allowed(found: Plan | NoPlan, mode: Mode) -> Plan | NoPlan:
    if isinstance(found, NoPlan) or mode.name == "auto":
        return found
    told = not_done(found.steps)
    ends = {"observe": Status.OBSERVED, "off": Status.IGNORED}
    return NoPlan(
        ends.get(mode.name, Status.NEEDS_PERSON), f"held back: {mode.because}", told, would=found
    )


def not_done(steps: tuple[Step, ...]) -> tuple[Sentence, ...]:
    """What a person is told of steps that a plan has and that were not carried out."""
    return tuple(phrase("not_done", step=step.says) for step in steps)


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


def _steps(
    incident: Incident,
    findings: list[Finding],
    lately: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Sentence, ...]:
    """Advice for what is confirmed, then for what is unknown, then what a cause that is
    ruled out points at; where there is none, or a second try has failed, where to
    look."""
    about = About.of(incident)
    steps: list[Sentence] = [look_at_job(incident)] if incident.is_second_try else []
    for verdict in (Verdict.CONFIRMED, Verdict.UNKNOWN):
        for finding in findings:
            if finding.verdict is verdict:
                again = finding.cause in incident.tried or finding.cause in lately
                steps += advice_for(finding, about, again=again)
    for finding in findings:
        if finding.verdict is Verdict.RULED_OUT and finding.by_hand:
            steps += advice_for(finding, about)
    return tuple(dict.fromkeys(steps)) or (look_at_job(incident), about.backup_now)


def advice_for(finding: Finding, about: About, *, again: bool = False) -> tuple[Sentence, ...]:
    """What a person can do. `again`: its fix was made on this VM before.

    A missing extension on Linux is mended at the agent, so cause 5 without a target is
    advised as cause 3.
    """
    if finding.by_hand and (again or not finding.targets):
        return (*finding.by_hand, about.backup_now)
    cause = catalogue.cause(finding.cause)
    if cause.number == 5 and not finding.targets and finding.verdict is Verdict.CONFIRMED:
        return catalogue.cause("linux_agent").advice(about)
    return cause.advice(about)
