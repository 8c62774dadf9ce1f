"""What a Log Analytics workspace tells of a failed backup: earlier failures of the VM,
when a backup last completed, and its newest heartbeat.

Evidence only. The log is late, keeps what its owner wants, and takes heartbeats from
whoever has the workspace's key, so it confirms and rules out nothing; without a log a
diagnosis is the same. It is read once a diagnosis.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from shared import clock
from shared.arm_ids import fold
from shared.azure.log_rows import LoggedJob
from shared.azure.vm_log import VmLog
from shared.diagnosis.checkers.agent_evidence import AGENT_CAUSES
from shared.diagnosis.stage import Diagnosis
from shared.facts import COMPLETED_JOB_STATUSES, Unreadable
from shared.incident.model import Finding, Incident, Verdict
from shared.sentences import Sentence, join, phrase

DAYS = 30
SAME_JOB = timedelta(minutes=1)
"""The log's copy of the failed job may begin this much earlier; no two backups of a VM
begin so close together."""
ALIVE = "log_heartbeat_since"
"""Key of the sentence that is told beside an agent that is silent."""


@dataclass(frozen=True, slots=True)
class EarlierFailure:
    error_code: str
    """"" where the log has none."""
    began_at: str
    """ISO 8601, as every time here."""


@dataclass(frozen=True, slots=True)
class LogEvidence:
    """What the log has, or `unread`."""

    unread: str = ""
    """Why it could not be read, or ""."""
    has_jobs: bool = False
    """Whether it has any backup of this VM that ended before the failed one began."""
    failures: tuple[EarlierFailure, ...] = ()
    """Before the failed one, newest first."""
    last_completed: str = ""
    """When the last backup that completed began; "" where the log has none."""
    has_heartbeats: bool = False
    """Whether the workspace has a table of heartbeats."""
    heartbeat: str = ""
    """The newest; "" where it has none of this VM."""
    why_not_whole: str = ""
    """Why rows may be missing, or ""."""


async def read_log_evidence(log: VmLog, vm_id: str, failed_at: str) -> LogEvidence | None:
    """What the log has of this VM; None where no workspace is configured. `failed_at`:
    when the failed backup began, ISO 8601, or "" where none is known. One request;
    raises nothing for what Azure answers."""
    now = datetime.now(UTC)
    found = await log.read(vm_id, now - timedelta(days=DAYS), now)
    if found is None:
        return None
    if isinstance(found, Unreadable):
        return LogEvidence(unread=found.reason)
    before = clock.as_time(failed_at) - SAME_JOB if clock.normal(failed_at) else now
    earlier = [job for job in found.jobs if job.started_at < before]
    completed = [job for job in earlier if _has_completed(job)]
    return LogEvidence(
        has_jobs=bool(earlier),
        failures=tuple(
            EarlierFailure(job.error_code, clock.as_text(job.started_at))
            for job in earlier
            if not _has_completed(job)
        ),
        last_completed=clock.as_text(completed[0].started_at) if completed else "",
        has_heartbeats=found.has_heartbeats,
        heartbeat=clock.as_text(found.heartbeat) if found.heartbeat else "",
        why_not_whole=found.why_not_whole,
    )


def _has_completed(job: LoggedJob) -> bool:
    return fold(job.status) in COMPLETED_JOB_STATUSES


def say(found: LogEvidence, failed_at: str) -> tuple[Sentence, ...]:
    """The evidence as sentences. Pure."""
    if found.unread:
        return (phrase("log_unread", reason=found.unread),)
    said = [*_say_jobs(found), _say_heartbeat(found, clock.normal(failed_at))]
    if found.why_not_whole:
        said.append(phrase("log_not_whole", reason=found.why_not_whole))
    return tuple(said)


def _say_jobs(found: LogEvidence) -> tuple[Sentence, ...]:
    days = str(DAYS)
    if not found.has_jobs:
        return (phrase("log_no_job", days=days),)
    failed = phrase("log_no_failure", days=days)
    if found.failures:
        failed = phrase("log_failures", days=days, failures=join(_say_by_code(found.failures)))
    completed = phrase("log_none_completed", days=days)
    if found.last_completed:
        completed = phrase("log_completed", at=clock.for_people(found.last_completed))
    return failed, completed


def _say_by_code(failures: Iterable[EarlierFailure]) -> list[Sentence]:
    """Each code with its days, the newest first."""
    days: dict[str, dict[str, None]] = {}
    for each in failures:
        days.setdefault(each.error_code, {})[each.began_at[:10]] = None
    return [
        phrase("log_failures_of", code=code or phrase("log_no_code"), days=", ".join(on))
        for code, on in days.items()
    ]


def _say_heartbeat(found: LogEvidence, failed_at: str) -> Sentence:
    if not found.has_heartbeats:
        return phrase("log_no_heartbeats")
    if not found.heartbeat:
        return phrase("log_no_heartbeat", days=str(DAYS))
    at = clock.for_people(found.heartbeat)
    if not failed_at:
        return phrase("log_heartbeat", at=at)
    if found.heartbeat > failed_at:
        return phrase("log_heartbeat_since", at=at)
    return phrase("log_heartbeat_before", at=at)


def tell_beside_agents(
    findings: Iterable[Finding], said: Iterable[Sentence]
) -> tuple[Finding, ...]:
    """The findings; a heartbeat after the failure stands in the evidence of an agent
    that is not ruled out. No verdict changes. Pure."""
    alive = tuple(each for each in said if each.key == ALIVE)
    return tuple(
        replace(each, evidence=(*each.evidence, *alive)) if _is_of_agent(each) else each
        for each in findings
    )


def _is_of_agent(finding: Finding) -> bool:
    return finding.cause in AGENT_CAUSES and finding.verdict is not Verdict.RULED_OUT


async def record_log_evidence(diagnosis: Diagnosis, incident_id: str, failed_at: str) -> None:
    """Put what the log has on the incident and on record; nothing where no workspace is
    configured. Idempotent. Raises StoreUnavailable."""
    incident = await diagnosis.book.get(incident_id)
    if incident is None or not incident.at_work:
        return
    found = await read_log_evidence(diagnosis.log, incident.vm_id, failed_at)
    if found is None:
        return
    said = say(found, failed_at)

    def change(each: Incident) -> Incident:
        return each if each.ended else replace(each, from_log=said)

    incident = await diagnosis.book.change(incident_id, change)
    result = "the log of the workspace was not read" if found.unread else "what the log has"
    detail = {"evidence": [str(each) for each in said]}
    await diagnosis.journal.note(incident, "diagnosis", result, detail=detail)
