"""A repair that comes back: restore points were deleted, the lock that kept them is
back as promised, and so they pile up again. The incident is fixed, and says when about
the same failure returns, and which repair of this kind it is.

docs/causes/locked_restore_points.md, "A repair that comes back", has how it is counted.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from shared import clock
from shared.arm_ids import parse, same
from shared.audit.journal import Journal
from shared.counts import count_of
from shared.execution.fixes.delete_restore_point_collection import FIX
from shared.incident.book import IncidentBook
from shared.incident.listing import Summary, Wanted
from shared.incident.model import Incident
from shared.incident.outcome import Outcome
from shared.incident.returning import Returning, ordinal
from shared.incident.status import Status

RETURNS = "returns"
"""Kind of the notes about it."""
SOMEBODY = "somebody has to act: "
OVER = "over: "
"""How such a note begins where a lock has to be removed, and where nobody has to do
anything about it any more. infra/queries/needs-a-person.kql reads the first."""
DAY_SECONDS = 24 * 3600
COUNTED_DAYS = 365
MOST_REPAIRS = 1_000


class Record(Protocol):
    """Where incidents and their chains are kept."""

    @property
    def book(self) -> IncidentBook: ...

    @property
    def journal(self) -> Journal: ...


async def tell_return(record: Record, incident: Incident) -> str:
    """How the reason of a fixed incident goes on, once it is on record in the incident
    and in its chain; "" where the failure does not return. Idempotent. Raises
    StoreUnavailable."""
    if incident.returning is None or not _has_deleted(incident):
        return ""
    earlier = await _find_earlier_repairs(record, incident)
    returning = _fill_in(incident, incident.returning, earlier)
    for each in earlier:
        if each.lock_stays:  # what has to be done is told by this incident from now on
            await end_return(record, each.id, f"repaired again by incident {incident.id}")
    await record.book.change(incident.id, lambda each: replace(each, returning=returning))
    told = say_return(returning)
    result = f"{SOMEBODY}{told}" if returning.locks else told
    await record.journal.note(incident, RETURNS, result, detail={"at": returning.at})
    return told


def say_return(returning: Returning) -> str:
    """When the failure comes back, under which lock, and which repair this was.

    It is not said that the lock is back: its own outcome says how it stands, and a
    person may have decided to leave it off.
    """
    when = (
        f"returns about {returning.at[:10]}"
        if returning.at
        else f"returns after about {count_of(returning.room, 'backup')}"
    )
    unless = (
        f"unless somebody removes {_name(returning.locks)}"
        if returning.locks
        else "under the lock on the VM's own group, which protects the VM"
    )
    which = f"the {ordinal(returning.nth)} repair of this kind"
    since = f" since {returning.since[:10]}" if returning.nth > 1 else ""
    return f"the same failure {when} {unless}; {which}{since}"


async def end_return(record: Record, incident_id: str, why: str) -> None:
    """Nobody has to do anything about it any more. Raises StoreUnavailable."""

    def end(each: Incident) -> Incident:
        if each.returning is None or each.returning.over:
            return each
        return replace(each, returning=replace(each.returning, over=why))

    incident = await record.book.change(incident_id, end)
    await record.journal.note(incident, RETURNS, f"{OVER}{why}")


def _has_deleted(incident: Incident) -> bool:
    return any(
        action.kind == FIX.kind and action.outcome is Outcome.DONE
        for action in incident.all_actions
    )


async def _find_earlier_repairs(record: Record, incident: Incident) -> list[Summary]:
    """Of this VM, as far as their incidents are kept and within a year."""
    since = clock.after(clock.now(), -COUNTED_DAYS * DAY_SECONDS)
    wanted = Wanted(
        status=Status.FIXED, vm=parse(incident.vm_id).name, changed=FIX.kind, since=since
    )
    page = await record.book.listing.page(wanted, MOST_REPAIRS)
    return [
        each
        for each in page.summaries
        if same(each.vm_id, incident.vm_id) and each.id != incident.id
    ]


def _fill_in(incident: Incident, returning: Returning, earlier: list[Summary]) -> Returning:
    a_week = returning.backups_a_week
    seconds = returning.room * 7 * DAY_SECONDS / a_week if a_week else 0.0
    at = clock.after(clock.now(), seconds) if a_week else ""
    since = min((each.opened_at for each in earlier), default=incident.opened_at)
    return replace(returning, at=at, nth=len(earlier) + 1, since=since)


def _name(lock_ids: tuple[str, ...]) -> str:
    named = (
        f"the lock {lock_id.rsplit('/', 1)[1]} on {parse(lock_id.rsplit('/', 4)[0]).name}"
        for lock_id in lock_ids
    )
    return " and ".join(named)
