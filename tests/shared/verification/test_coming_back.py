"""A repair that comes back: when, which one it is, until when somebody has to act."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from shared import clock
from shared.arm_ids import fold
from shared.audit.journal import Journal
from shared.audit.log import AuditLog
from shared.facts import Absent, Lock, Unreadable
from shared.incident.book import IncidentBook
from shared.incident.listing import Wanted, summary_of
from shared.incident.model import Action, Incident
from shared.incident.outcome import Outcome
from shared.incident.returning import Returning
from shared.incident.status import Status
from shared.store.sqlite import SqliteStore
from shared.verification.coming_back import OVER, RETURNS, SOMEBODY, tell_return
from shared.verification.locks_gone import look_at_standing_locks
from tests.shared.incident.test_attempts import FULL, VM

KIND = "delete_restore_point_collection"
SUBSCRIPTION = "/subscriptions/11111111-1111-1111-1111-111111111111"
GROUP = f"{SUBSCRIPTION}/resourceGroups/AzureBackupRG_westeurope_1"
LOCK = Lock(
    f"{GROUP}/providers/Microsoft.Authorization/locks/keep", "keep", "CanNotDelete", None, ()
)
DELETED = Action(KIND, f"{GROUP}/x/AzureBackup_vm", Outcome.DONE, "locked_restore_points")
RETURNING = Returning(room=18, backups_a_week=7, locks=(LOCK.id,))
DONE = replace(
    FULL,
    id="20260102T000000-j-1",
    status=Status.VERIFYING,
    opened_at="2026-01-02T00:00:00.000000Z",
    closed_at="",
    actions=(DELETED,),
    earlier_actions=(),
    returning=RETURNING,
)


def days_ago(days: float) -> str:
    return clock.after(clock.now(), -days * 24 * 3600)


def fixed(number: int, days: float, **changed: Any) -> Incident:
    """An earlier repair, told."""
    told = replace(RETURNING, at=days_ago(days - 18), nth=1, since=days_ago(days))
    made = replace(
        DONE,
        id=f"2026010{number}T000000-e-{number}",
        status=Status.FIXED,
        opened_at=days_ago(days),
        closed_at=days_ago(days),
        returning=told,
    )
    return replace(made, **changed)


@dataclass
class Record:
    store: SqliteStore

    @property
    def book(self) -> IncidentBook:
        return IncidentBook(self.store)

    @property
    def journal(self) -> Journal:
        return Journal(AuditLog(self.store))

    async def get(self, incident_id: str = DONE.id) -> Incident:
        found = await self.book.get(incident_id)
        assert found is not None
        return found

    async def notes(self, incident_id: str = DONE.id) -> list[str]:
        entries = AuditLog(self.store).entries(incident=incident_id)
        return [each.result async for each in entries if each.kind == RETURNS]

    async def on_the_list(self) -> list[str]:
        page = await self.book.listing.page(Wanted(somebody=True), 100)
        return [each.id for each in page.summaries]

    async def end(self, incident: Incident = DONE) -> str:
        await self.book.open(incident)
        told = await tell_return(self, incident)
        await self.book.change(
            incident.id, lambda each: each.moved(Status.FIXED, told, now=clock.now())
        )
        return told


@pytest.fixture
async def record(tmp_path: Path) -> AsyncIterator[Record]:
    made = Record(SqliteStore(tmp_path / "remediator.db"))
    yield made
    await made.store.close()


SCHEDULES = {
    "18 backups, one a day": (18, 7, 18),
    "9 backups, two a week": (9, 2, 31.5),
    "90 backups, six a day": (90, 42, 15),
}


@pytest.mark.parametrize("case", SCHEDULES)
async def test_it_returns_when_the_room_is_used_up(record: Record, case: str) -> None:
    room, a_week, days = SCHEDULES[case]
    told = await record.end(
        replace(DONE, returning=replace(RETURNING, room=room, backups_a_week=a_week))
    )
    found = (await record.get()).returning
    assert found is not None
    assert found.at[:10] == clock.after(clock.now(), days * 24 * 3600)[:10]
    assert f"returns about {found.at[:10]} unless somebody removes the lock keep on" in told


async def test_without_a_schedule_it_says_after_how_many_backups(record: Record) -> None:
    told = await record.end(replace(DONE, returning=replace(RETURNING, backups_a_week=None)))
    assert "returns after about 18 backups unless" in told
    assert await record.on_the_list() == [DONE.id]


async def test_it_stays_on_the_list_of_what_needs_somebody(record: Record) -> None:
    told = await record.end()
    assert await record.on_the_list() == [DONE.id]
    assert await record.notes() == [f"{SOMEBODY}{told}"]


async def test_while_it_is_followed_it_is_not_on_the_list(record: Record) -> None:
    await record.book.open(DONE)
    await tell_return(record, DONE)
    assert await record.on_the_list() == []


async def test_a_lock_on_the_vm_s_own_group_needs_nobody(record: Record) -> None:
    told = await record.end(replace(DONE, returning=replace(RETURNING, locks=())))
    found = (await record.get()).returning
    assert found is not None and found.at
    assert "under the lock on the VM's own group, which protects the VM" in told
    assert (await record.on_the_list(), await record.notes()) == ([], [told])


NOTHING_RETURNS = {
    "another fix": replace(DONE, actions=(replace(DELETED, kind="uninstall_extension"),)),
    "nothing was deleted": replace(DONE, actions=(replace(DELETED, outcome=Outcome.REFUSED),)),
    "nothing was foreseen": replace(DONE, returning=None),
}


@pytest.mark.parametrize("case", NOTHING_RETURNS)
async def test_what_deleted_no_collection_does_not_return(record: Record, case: str) -> None:
    assert await record.end(NOTHING_RETURNS[case]) == ""
    assert (await record.on_the_list(), await record.notes()) == ([], [])


async def test_a_deletion_of_an_earlier_attempt_counts(record: Record) -> None:
    told = await record.end(replace(DONE, actions=(), earlier_actions=(DELETED,)))
    assert "the 1st repair of this kind" in told and "since 2" not in told


async def test_it_says_which_repair_of_this_vm_it_is(record: Record) -> None:
    for each in (
        fixed(1, 36),
        fixed(2, 18),
        fixed(3, 400),  # too long ago
        fixed(4, 5, vm_id=f"{VM}0"),
        fixed(5, 5, actions=(replace(DELETED, kind="uninstall_extension"),)),
        fixed(6, 5, status=Status.NEEDS_PERSON),
    ):
        await record.book.open(each)
    told = await record.end()
    assert f"the 3rd repair of this kind since {days_ago(36)[:10]}" in told
    found = (await record.get()).returning
    assert found is not None and (found.nth, found.since[:10]) == (3, days_ago(36)[:10])


async def test_the_newest_repair_alone_is_on_the_list(record: Record) -> None:
    await record.book.open(fixed(1, 18))
    await record.end()
    assert await record.on_the_list() == [DONE.id]
    assert await record.notes(fixed(1, 18).id) == [f"{OVER}repaired again by incident {DONE.id}"]


async def test_told_twice_it_counts_once(record: Record) -> None:
    await record.book.open(fixed(1, 18))
    await record.book.open(DONE)
    assert await tell_return(record, DONE) == await tell_return(record, await record.get())
    assert len(await record.notes(fixed(1, 18).id)) == 1


def test_an_open_incident_is_not_fixed_for_a_time() -> None:
    told = replace(RETURNING, nth=1)
    by_status = {
        status: summary_of(replace(DONE, status=status, returning=told)).lock_stays
        for status in Status
    }
    assert [status for status, stays in by_status.items() if stays] == [Status.FIXED]


# The daily look


class Azure:
    def __init__(self, answers: Mapping[str, Any]) -> None:
        self.answers = {fold(scope): answer for scope, answer in answers.items()}
        self.asked: list[str] = []

    async def locks(self, scope: str) -> Any:
        self.asked.append(scope)
        return self.answers[fold(scope)]

    async def open(self) -> Azure:
        return self


STAYS: dict[str, Any] = {
    "the lock is there": (LOCK,),
    "another one is there": (replace(LOCK, id=f"{LOCK.id}-2", name="keep-2", level="ReadOnly"),),
    "the locks cannot be read": Unreadable("the locks", "403"),
}
GONE: dict[str, Any] = {
    "no lock is there": (),
    "none that blocks": (replace(LOCK, level="NotSpecified"),),
    "the group is gone": Absent("the locks"),
}


@pytest.mark.parametrize("case", STAYS)
async def test_it_stays_until_no_lock_is_seen(record: Record, case: str) -> None:
    await record.end()
    azure = Azure({GROUP: STAYS[case]})
    await look_at_standing_locks(record, azure.open)
    assert (await record.on_the_list(), azure.asked) == ([DONE.id], [GROUP])


@pytest.mark.parametrize("case", GONE)
async def test_once_the_lock_is_gone_nobody_has_to_act(record: Record, case: str) -> None:
    await record.end()
    azure = Azure({GROUP: GONE[case]})
    told = await look_at_standing_locks(record, azure.open)
    assert "of 1 of them the locks are gone" in told
    assert await record.on_the_list() == []
    assert (await record.notes())[1].startswith(OVER)
    assert (await record.get()).status is Status.FIXED
    assert await look_at_standing_locks(record, azure.open) == "no lock has to be removed"
    assert azure.asked == [GROUP]


async def test_all_of_its_groups_have_to_be_free(record: Record) -> None:
    other = LOCK.id.replace("_1/", "_2/")
    await record.end(replace(DONE, returning=replace(RETURNING, locks=(LOCK.id, other))))
    azure = Azure({GROUP: (), GROUP.replace("_1", "_2"): (LOCK,)})
    await look_at_standing_locks(record, azure.open)
    assert await record.on_the_list() == [DONE.id]


async def test_a_group_is_asked_about_once(record: Record) -> None:
    for number in (1, 2, 3):
        await record.book.open(fixed(number, 5, vm_id=f"{VM}{number}"))
    azure = Azure({GROUP: (LOCK,)})
    await look_at_standing_locks(record, azure.open)
    assert azure.asked == [GROUP]


async def test_azure_is_not_asked_where_nothing_comes_back(record: Record) -> None:
    await record.book.open(fixed(1, 5, status=Status.NEEDS_PERSON))

    async def fail() -> Azure:
        raise AssertionError("no reader is needed")

    assert await look_at_standing_locks(record, fail) == "no lock has to be removed"
    assert await record.on_the_list() == [fixed(1, 5).id]
