"""Whether the new backup verifies a fix or is a second try, where that makes a
difference: in its name, for the person who takes over, and on record."""

from __future__ import annotations

from dataclasses import replace

from shared import clock
from shared.arm_ids import fold
from shared.diagnosis.advice import About, look_at_job, look_at_warnings
from shared.execution.fixes.delete_restore_point_collection import advise_on_locks
from shared.incident.model import RUN_BACKUP_AGAIN, Action, Incident
from shared.incident.outcome import Outcome
from shared.plan.told import each_once, name_others, tell_others
from shared.sentences import Sentence


def name_backup(incident: Incident) -> str:
    return "second try" if incident.is_second_try else "verifying backup"


def begin_order(incident: Incident) -> Incident:
    """The incident whose backup is about to be ordered. A fix is on record before its
    backup, so one without any is a second try: it is the action itself."""
    first = bool(incident.retry_at) and not incident.actions
    again = (Action(RUN_BACKUP_AGAIN, incident.vm_id, Outcome.UNDER_WAY, ""),) if first else ()
    since = incident.backup_since or clock.now()
    return replace(incident, backup_since=since, actions=(*incident.actions, *again))


def record_end(incident: Incident, outcome: Outcome, detail: str) -> Incident:
    """The incident with the outcome of its second try; a fix has its own already."""
    if not incident.is_second_try:
        return incident
    ended = replace(incident.actions[-1], outcome=outcome, detail=detail)
    return replace(incident, actions=(*incident.actions[:-1], ended))


def hand_over(incident: Incident, fixed: str, tried: str) -> tuple[str, tuple[Sentence, ...]]:
    """(reason, steps) for a person: `fixed` follows where a fix is in place, `tried`
    where the backup was run again."""
    about = About.of(incident)
    if incident.is_second_try:
        return f"no cause was found, and {tried}", (look_at_job(incident), about.backup_now)
    steps = (look_at_job(incident), *tell_others(incident), about.backup_now)
    steps = (*each_once(incident, steps), *advise_on_locks(incident))
    return f"the fix is in place, but {fixed}", steps


def tell_fixed(incident: Incident) -> tuple[str, tuple[Sentence, ...]]:
    """(what to add to the reason, steps) of an incident that is fixed: what stays with
    a person all the same."""
    shown, left = incident.verification, name_others(incident)
    steps = (*advise_on_locks(incident), *tell_others(incident))
    if shown is not None and fold(shown.outcome) != "completed":
        steps = (look_at_warnings(incident, shown.job_id), *steps)
    return f"; what stays with a person: {left}" if left else "", tuple(dict.fromkeys(steps))
