"""The audit log of each VM of a lock window says that its group was unlocked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.audit.entry import Entry
from shared.execution.lock_window.lock_row import LockRow, LockState
from shared.execution.lock_window.outcomes import LockEnds, WindowRecord
from shared.execution.lock_window.windows import Member, TargetOutcome
from shared.execution.lock_window.words import CHANGED, DONE, NEVER_LIFTED
from shared.incident.model import LIFT, RESTORE, Incident
from shared.incident.outcome import Outcome
from shared.incident.status import Status
from tests.shared.execution.bench import Bench
from tests.shared.execution.rows import LOCK, row, settled_row, window

LEADER, SECOND = "i1", "i2"
VM_2 = f"{LOCK.scope}/providers/Microsoft.Compute/virtualMachines/second"
TARGET = f"{LOCK.scope}/providers/Microsoft.Compute/restorePointCollections/AzureBackup_second"


async def entries_of_second(bench: Bench, given: LockRow) -> list[Entry]:
    """What `?vm=` of the second VM answers about the lock after the window."""
    await bench.book.open(
        Incident(
            SECOND,
            Status.FIXING,
            "s",
            "/subscriptions/s/resourceGroups/v/providers/Microsoft.RecoveryServices/vaults/v",
            VM_2,
            "c",
            "i",
            "j",
            "BackUpOperationFailed",
            "2026-01-01T00:00:00Z",
        )
    )
    result = TargetOutcome(TARGET, Outcome.DONE, "deleted")
    members = (Member(SECOND, (TARGET,), (result,)),)
    record = WindowRecord(bench.book, bench.journal, bench.deletions)
    await record.tell_all(replace(window(), leader=LEADER, members=members), LockEnds.of((given,)))
    return [
        each
        async for each in bench.journal.log.entries(vm=VM_2.upper())
        if each.kind in (LIFT, RESTORE)
    ]


@pytest.mark.parametrize(
    ("given", "lifted", "stands"),
    [
        (settled_row(DONE, lifted=True), "was lifted", "is back, identical"),
        (settled_row(CHANGED, lifted=True), "was lifted", "was changed by a person"),
        (row(LockState.RETURNING, lifted=True), "was lifted", "is being put back"),
        (row(LockState.RETURNING, out=True), "may have been lifted", "is being put back"),
    ],
)
async def test_the_second_vm_of_a_window_shows_that_its_group_was_unlocked(
    bench: Bench, given: LockRow, lifted: str, stands: str
) -> None:
    off, on = await entries_of_second(bench, given)
    assert (off.kind, off.phase, off.target) == (LIFT, "note", LOCK.id)
    assert off.result.startswith(lifted) and LEADER in off.result
    assert (on.kind, on.phase, on.target) == (RESTORE, "note", LOCK.id)
    assert stands in on.result and on.detail["lock"]["notes"] == LOCK.notes


async def test_a_lock_that_stayed_on_is_not_said_to_have_been_lifted(bench: Bench) -> None:
    assert await entries_of_second(bench, settled_row(NEVER_LIFTED)) == []


async def test_the_leader_has_the_entries_of_its_own_requests_alone(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{__name__}.LEADER", SECOND)
    assert await entries_of_second(bench, settled_row(DONE, lifted=True)) == []
