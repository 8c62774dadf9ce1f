"""What a person is told: the steps of every confirmed cause, then of what is not known,
and what stands beside the causes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from shared import catalogue
from shared.arm_ids import fold
from shared.diagnosis.advice import About, look_at_job
from shared.diagnosis.by_hand import protect_otherwise, uninstall, unlock_collections
from shared.diagnosis.failed_extensions import name_failed
from shared.facts import VirtualMachine
from shared.incident.model import Finding, Incident, Verdict
from shared.plan.ranking import Machine, order_repairs
from shared.plan.steps import Step
from shared.sentences import Sentence, phrase

NOBODY: Mapping[str, str] = MappingProxyType({})


def tell(
    incident: Incident,
    findings: Iterable[Finding],
    vm: Machine = None,
    lately: Mapping[str, str] = NOBODY,
    *,
    confirmed_only: bool = False,
) -> tuple[Sentence, ...]:
    """Every step for these findings, each once; where there is none, where to look.

    The job of a backup of ours that failed comes first. `lately`: as in
    `shared.plan.planner.plan`. `confirmed_only`: what is not known, or ruled out, gets
    no steps of its own.
    """
    findings = tuple(findings)
    about = About.of(incident)
    shown = incident.verification
    steps: list[Sentence] = []
    if incident.is_second_try or (shown and shown.outcome and not shown.completed):
        steps.append(look_at_job(incident))
    steps += _advise(incident, order_repairs(findings, vm), Verdict.CONFIRMED, lately)
    if isinstance(vm, VirtualMachine):
        steps += name_failed(incident, findings, vm)
    if not confirmed_only:
        steps += _advise(incident, findings, Verdict.UNKNOWN, lately)
        for finding in findings:
            if finding.verdict is Verdict.RULED_OUT and finding.by_hand:
                steps += advice_for(finding, about)
    return each_once(incident, steps) or (look_at_job(incident), about.backup_now)


def tell_others(incident: Incident, but: str = "") -> tuple[Sentence, ...]:
    """The steps of each confirmed cause that stays with a person, whatever becomes of
    the rest: all but the causes that were fixed, and `but`."""
    done = incident.tried | {but}
    about = About.of(incident)
    steps = [
        step
        for finding in incident.findings
        if finding.verdict is Verdict.CONFIRMED and finding.cause not in done
        for step in advice_for(finding, about)
    ]
    return each_once(incident, steps)


def name_others(incident: Incident) -> str:
    """Titles of the causes that `tell_others` has steps for; "" where there is none."""
    return name_causes(
        finding.cause
        for finding in incident.findings
        if finding.verdict is Verdict.CONFIRMED and finding.cause not in incident.tried
    )


def name_causes(slugs: Iterable[str]) -> str:
    """Titles, in quotation marks: they have commas of their own."""
    return ", ".join(f'"{catalogue.cause(slug).title}"' for slug in slugs)


def not_done(steps: tuple[Step, ...]) -> tuple[Sentence, ...]:
    """What a person is told of steps that a plan has and that were not carried out."""
    return tuple(phrase("not_done", step=step.says) for step in steps)


def left_to_person(incident: Incident, cause: str, steps: tuple[Step, ...]) -> tuple[Sentence, ...]:
    """Of a plan that will not be carried out: what was not done, the commands for it,
    and what would have stayed with a person. `cause`: as `Plan.cause`."""
    about = About.of(incident)
    planned = [
        only(finding, {step.target for step in steps})
        for finding in incident.findings
        if finding.cause == cause
    ]
    by_hand = [step for finding in planned for step in advice_for(finding, about)]
    others = tell_others(incident, cause)
    return each_once(incident, (*not_done(steps), *by_hand, *others, about.backup_now))


def only(finding: Finding, targets: Iterable[str]) -> Finding:
    """The finding, of its targets no more than these."""
    wanted = {fold(each) for each in targets}
    return replace(
        finding, targets=tuple(each for each in finding.targets if fold(each.id) in wanted)
    )


def advice_for(finding: Finding, about: About, *, again: bool = False) -> tuple[Sentence, ...]:
    """What a person can do. `again`: its fix was made on this VM before."""
    if finding.by_hand and (again or not finding.targets):
        return (*finding.by_hand, about.backup_now)
    cause = catalogue.cause(finding.cause)
    if cause.number == 5 and finding.targets:
        running = phrase("see_running", vm=about.vm, command=about.instance_view)
        return (running, *uninstall(finding.targets), about.backup_now)
    if cause.number == 6 and finding.targets:
        lasting = finding.returning.locks if finding.returning else ()
        return (
            about.see_points,
            *unlock_collections(finding.targets, lasting),
            *protect_otherwise(about.vm_id, lasting),
            about.backup_now,
        )
    return cause.advice(about)


def _advise(
    incident: Incident,
    findings: tuple[Finding, ...],
    verdict: Verdict,
    lately: Mapping[str, str],
) -> list[Sentence]:
    about = About.of(incident)
    return [
        step
        for finding in findings
        if finding.verdict is verdict
        for step in advice_for(
            finding, about, again=finding.cause in incident.tried or finding.cause in lately
        )
    ]


def each_once(incident: Incident, steps: Iterable[Sentence]) -> tuple[Sentence, ...]:
    """Each step once, and the new backup last: it is of use once the rest is done."""
    found, backup_now = list(dict.fromkeys(steps)), About.of(incident).backup_now
    if backup_now in found:
        found.remove(backup_now)
        found.append(backup_now)
    return tuple(found)
