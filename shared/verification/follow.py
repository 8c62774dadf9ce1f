"""Follows the verifying backup: one look at its job, and the pause until the next."""

from __future__ import annotations

from dataclasses import dataclass, replace

from shared import clock
from shared.facts import Absent, Job
from shared.incident.model import Verification
from shared.verification.stage import Verifying

YOUNG_SECONDS, YOUNG_POLLS = 60.0, 10
"""A job that cannot be seen in its first minute (or at its first ten looks) is not
gone: Azure Backup may not show it yet."""
PART_OF_AGE = 0.1
"""The pause before the next look, as a part of the time that the job was followed: the
end of a backup of ten hours need not be known to the minute."""


@dataclass(frozen=True, slots=True)
class Look:
    ended: bool
    """The job has ended, or its time is over: nobody looks on."""
    seconds: float
    """Until the next look."""


async def look(verifying: Verifying, incident_id: str) -> Look:
    """A job that cannot be read has not ended. Raises StoreUnavailable."""
    incident = await verifying.book.get(incident_id)
    if incident is None or incident.verification is None:
        return Look(ended=True, seconds=0.0)
    shown = incident.verification
    if incident.restarts:  # a look is progress
        await verifying.book.change(incident_id, lambda each: replace(each, restarts=0))
    job = await verifying.reader.job(incident.vault_id, shown.job_id)
    ended = (
        not _is_young(verifying, shown)
        if isinstance(job, Absent)
        else isinstance(job, Job) and job.ended
    )
    return Look(
        ended=ended or not has_time_left(verifying, shown),
        seconds=seconds_until_next_look(verifying, shown),
    )


def seconds_until_next_look(verifying: Verifying, shown: Verification) -> float:
    """A tenth of the time that the job was followed, within the set pauses."""
    age = (
        (clock.as_time(clock.now()) - clock.as_time(shown.since)).total_seconds()
        if shown.since
        else 0.0
    )
    return min(max(verifying.job_poll_seconds, age * PART_OF_AGE), verifying.longest_pause_seconds)


def _is_young(verifying: Verifying, shown: Verification) -> bool:
    seconds = min(YOUNG_SECONDS, YOUNG_POLLS * verifying.job_poll_seconds)
    return bool(shown.since) and clock.now() < clock.after(shown.since, seconds)


def has_time_left(verifying: Verifying, shown: Verification) -> bool:
    seconds = verifying.job_wait_hours * 3600
    return bool(shown.since) and clock.now() < clock.after(shown.since, seconds)
