"""What the guardian does with rows that no version of this product would write, and
with a person's decision that comes between a request and its answer."""

from __future__ import annotations

import asyncio

import pytest

from local.scenarios import parts
from local.simulator.server import Simulator
from shared.app import App
from shared.codec import to_json
from shared.execution.lock_window.lease import NoLease
from shared.execution.lock_window.ledger import LOCKS, PARTITION
from shared.execution.lock_window.lock_row import LockState
from shared.execution.lock_window.windows import WINDOW, WINDOWS
from shared.facts import Lock
from shared.store.keys import key_of_text
from tests.shared.execution.rows import LONG_AGO, lock_on, row

GROUP = parts.group("rg")
KEEP = lock_on(GROUP["id"])
NO_READ = {"method": "GET", "path_regex": "/locks/", "times": 1000, "action": {"status": 403}}


@pytest.fixture
def times() -> dict[str, str]:
    return {"REMEDIATOR_LEASE_SECONDS": "1", "REMEDIATOR_GUARDIAN_GRACE_SECONDS": "0.1"}


async def test_a_window_that_cannot_be_read_holds_up_no_other_group(
    app: App, arm: Simulator
) -> None:
    await app.store.insert(WINDOWS, key_of_text("/another"), WINDOW, {"nonsense": 1})
    await app.ledger.insert(row(LockState.OFF, KEEP, deadline=LONG_AGO))
    await (await app.execution()).guard()
    assert arm.world.state.has(KEEP.id)
    assert len(await app.windows.unreadable()) == 1


async def test_a_row_of_another_version_is_put_back_also_where_its_lock_cannot_be_read(
    app: App, arm: Simulator
) -> None:
    body = to_json(row(LockState.OFF, KEEP)) | {"schema": 9}
    await app.store.insert(LOCKS, PARTITION, "a", body)
    arm.world.faults.add(NO_READ)
    await (await app.execution()).guard()
    assert arm.world.state.has(KEEP.id)


async def test_a_put_that_is_answered_after_leave_it_off_is_on_record(
    app: App, arm: Simulator
) -> None:
    given = row(LockState.RETURNING, KEEP, owner="somebody")
    await app.ledger.insert(given)
    execution = await app.execution()
    arm.world.faults.add(
        {"method": "PUT", "path_regex": "/locks/", "times": 1, "action": {"delay_s": 0.3}}
    )
    (hand,) = await app.ledger.hands()
    putting = asyncio.create_task(execution._keeping().restorer.put_back(hand, NoLease("somebody")))
    while arm.world.arrived < 2:  # the look, and the PUT that is on its way
        await asyncio.sleep(0.01)
    await execution.leave_lock_off(KEEP.id, "a person")
    await putting
    assert isinstance(await execution.reader.lock(KEEP.id), Lock)
    notes = [each.result async for each in app.audit.entries(incident=given.incident_id)]
    assert any("a PUT of ours was answered after" in each for each in notes)
