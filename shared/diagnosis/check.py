"""Runs the checkers that the catalogue names for a failure, one for each cause, over
the facts that were gathered for all, and puts their findings back in order."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from shared import catalogue, clock
from shared.diagnosis.checkers.contract import Reader, Subject
from shared.diagnosis.gathered import GatheredFacts, recorded
from shared.diagnosis.stage import Diagnosis
from shared.errors import RemediatorError
from shared.incident.model import FactsOnRecord, Finding, Incident
from shared.incident.next_step import Next, NextStep


def to_diagnose(incident: Incident, failed_at: str) -> NextStep:
    """DIAGNOSE the incident's newest failure, which began at `failed_at`."""
    causes = tuple(cause.slug for cause in catalogue.causes_of(incident.code_now))
    return NextStep(Next.DIAGNOSE, failed_at, causes)


async def check_cause(
    diagnosis: Diagnosis, incident_id: str, failed_at: str, cause: str
) -> Finding:
    """The finding of one cause. Raises StoreUnavailable, or RemediatorError for an
    incident that does not exist."""
    incident = await diagnosis.book.get(incident_id)
    if incident is None:
        raise RemediatorError(f"incident {incident_id} is not in the store")
    return await check_incident(diagnosis, incident, failed_at, cause)


async def check_incident(
    diagnosis: Diagnosis, incident: Incident, failed_at: str, cause: str
) -> Finding:
    """The finding of one cause for the newest failure, which began at `failed_at`, from
    the facts on record."""
    reader = recorded(incident, failed_at, diagnosis.checker_reader)
    return await check(cause, _subject(diagnosis, incident, failed_at), reader)


async def gather(
    diagnosis: Diagnosis, incident: Incident, failed_at: str, causes: Iterable[str]
) -> FactsOnRecord:
    """The facts that the checkers of these causes ask for, each read once."""
    facts = GatheredFacts(diagnosis.checker_reader, network=False)
    subject = _subject(diagnosis, incident, failed_at)
    # One that fails does so again where it is a finding, and says why.
    await asyncio.gather(
        *(check(cause, subject, facts) for cause in causes), return_exceptions=True
    )
    return facts.to_record(failed_at)


def _subject(diagnosis: Diagnosis, incident: Incident, failed_at: str) -> Subject:
    return Subject(
        vm_id=incident.vm_id,
        failed_at=failed_at,
        minimum_linux_agent=diagnosis.minimum_linux_agent,
        error_code=incident.code_now,
        item_id=incident.item_id,
        now=clock.now(),
        stuck_extension_seconds=diagnosis.stuck_extension_seconds,
    )


async def check(cause: str, subject: Subject, reader: Reader) -> Finding:
    """Run the checker of a cause, named by its slug."""
    return await catalogue.cause(cause).checker.check(subject, reader)


def in_order(findings: Iterable[Finding], error_code: str) -> tuple[Finding, ...]:
    """Findings in the order in which the catalogue lists the causes of that code."""
    slugs = [cause.slug for cause in catalogue.causes_of(error_code)]
    return tuple(sorted(findings, key=lambda finding: slugs.index(finding.cause)))
