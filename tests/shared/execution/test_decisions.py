"""A person's word about a lock: put it back, or leave it off. Obeyed at once, by the
person's name, and refused only where a fix has the lock off just now."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from local.scenarios import parts
from local.simulator.server import Simulator
from shared import clock
from shared.app import App
from shared.audit.entry import Entry
from shared.codec import to_json
from shared.errors import StoreUnavailable
from shared.execution.executor import Execution
from shared.execution.lock_window.ledger import LOCKS, PARTITION, Wrote
from shared.execution.lock_window.lock_row import LockRow, LockState
from shared.execution.lock_window.words import DONE, LEFT_OFF, LEFT_THERE
from shared.facts import Lock
from shared.incident.model import RESTORE
from shared.incident.outcome import Outcome
from tests.kql.lock_queries import find_not_back
from tests.shared.execution.rows import LATER, LONG_AGO, SOON, lock_on, row, settled_row, watched

ME = "somebody (command line)"
GROUP = parts.group("rg")
LOCK = lock_on(GROUP["id"])
STATES = list(LockState)


@pytest.fixture
def times() -> dict[str, str]:
    return {"REMEDIATOR_RESTORE_PATIENCE_SECONDS": "0.2"}


@pytest.fixture
async def execution(app: App) -> Execution:
    return await app.execution()


async def only(app: App) -> LockRow:
    (hand,) = await app.ledger.hands()
    return hand.row


async def written(app: App, incident: str = "20260101T000000-lead") -> list[Entry]:
    return [entry async for entry in app.audit.entries(incident=incident)]


async def in_azure(execution: Execution) -> bool:
    return isinstance(await execution.reader.lock(LOCK.id), Lock)


def in_state(state: LockState, **given: Any) -> LockRow:
    if state is LockState.WATCHED:
        return watched(lock=LOCK, **given)
    if state is LockState.SETTLED:
        return settled_row(DONE, lock=LOCK, missing_since=LATER, **given)
    return row(state, LOCK, **given)


# -- Leave it off


async def test_a_lock_that_is_there_is_left_alone_not_off(
    app: App, execution: Execution, arm: Simulator
) -> None:
    arm.world.state.put(parts.lock(GROUP["id"], LOCK.name, LOCK.notes or ""))
    await app.ledger.insert(in_state(LockState.WATCHED))
    (outcome,) = await execution.leave_lock_off(LOCK.id, ME)
    assert outcome.detail.endswith("is there, and left alone: a person decided so")
    assert (await only(app)).result == LEFT_THERE
    assert f"{LEFT_THERE}: {ME}" in [entry.result for entry in await written(app)]


@pytest.mark.parametrize("state", STATES)
async def test_it_is_left_off_unless_a_fix_has_it_off(
    app: App, execution: Execution, state: LockState
) -> None:
    await app.ledger.insert(in_state(state))
    (outcome,) = await execution.leave_lock_off(LOCK.id.upper(), ME)
    found = await only(app)
    if state in (LockState.PLANNED, LockState.SENT, LockState.OFF):
        assert outcome.result is Outcome.REFUSED
        assert outcome.detail.endswith(": decide when it is back")
        assert (found.state, found.decided_by, await written(app)) == (state, "", [])
        return
    assert outcome.result is Outcome.DONE
    assert outcome.detail.endswith("is left off: a person decided so")
    assert (found.state, found.result) == (LockState.SETTLED, LEFT_OFF)
    assert (found.decided_by, found.recorded, found.needs_somebody) == (ME, True, False)
    assert f"{LEFT_OFF}: {ME}" in [entry.result for entry in await written(app)]
    assert not await in_azure(execution)


async def test_whoever_had_it_in_hand_puts_it_back_no_more(app: App, execution: Execution) -> None:
    hand = await app.ledger.insert(in_state(LockState.RETURNING))
    await execution.leave_lock_off(LOCK.id, ME)
    again = await hand.write(hand.row.owner, lambda each: replace(each, state=LockState.OFF))
    assert again is Wrote.ANOTHERS
    _, problems = await execution.guard()
    assert problems == []
    assert not await in_azure(execution)


async def test_a_missing_lock_that_is_left_off_is_not_reported_again(
    app: App, execution: Execution
) -> None:
    """The look of the next hour finds it absent, as decided."""
    now = clock.now()
    asked_for = {"settled_at": clock.after(now, -7200), "looked_at": LONG_AGO, "recorded": True}
    await app.ledger.insert(in_state(LockState.SETTLED, **asked_for))
    await execution.leave_lock_off(LOCK.id, ME)
    await execution.guard()
    assert not (await only(app)).needs_somebody


async def test_nothing_is_decided_of_a_lock_that_is_settled_and_there(
    app: App, execution: Execution
) -> None:
    await app.ledger.insert(settled_row(DONE, lock=LOCK))
    assert await execution.leave_lock_off(LOCK.id, ME) == []
    assert await execution.leave_lock_off(f"{LOCK.id}2", ME) == []
    assert (await only(app)).result == DONE


# -- Put it back


@pytest.mark.parametrize("state", STATES)
async def test_it_is_put_back_at_once_and_watched(
    app: App, execution: Execution, state: LockState
) -> None:
    await app.ledger.insert(in_state(state))
    (outcome,) = await execution.put_back_lock(LOCK.id.upper(), ME)
    found = await only(app)
    assert outcome.result is Outcome.DONE
    if state is LockState.PLANNED:
        assert outcome.detail.endswith("is on; it is about to be lifted")
        assert (found, await in_azure(execution)) == (in_state(state), False)
        return
    assert "is back (answered at" in outcome.detail
    assert (found.state, found.decided_by) == (LockState.WATCHED, ME)
    assert found.put_at and found.requests and not found.needs_somebody
    assert await in_azure(execution)
    assert f"{ME} decided to put it back" in [entry.result for entry in await written(app)]


async def test_nobody_is_alerted_once_what_a_person_decided_is_carried_out(
    app: App, execution: Execution
) -> None:
    """The rule of lock-not-back, over what is on record."""
    given = in_state(LockState.NEEDS_PERSON, problem="refused")
    await app.journal.intent(given.chain, RESTORE, LOCK.id, None, "will be put back")
    hand = await app.ledger.insert(given)
    assert list(find_not_back(await written(app))) == [LOCK.id.lower()]
    await execution.leave_lock_off(LOCK.id, ME)
    assert find_not_back(await written(app)) == {}
    (outcome,) = await execution.put_back_lock(LOCK.id, ME)
    assert outcome.done and find_not_back(await written(app)) == {}
    await hand.force(lambda each: replace(each, watch_until=LONG_AGO, noted_at=LONG_AGO))
    await execution.guard()
    assert (await only(app)).result == DONE
    assert [each.phase for each in await written(app)].count("outcome") == 1
    assert find_not_back(await written(app)) == {}


async def test_who_took_it_off_learns_that_it_is_another_s(app: App, execution: Execution) -> None:
    hand = await app.ledger.insert(in_state(LockState.OFF))
    await execution.put_back_lock(LOCK.id, ME)
    again = await hand.write(hand.row.owner, lambda each: replace(each, problem="late"))
    assert again is Wrote.ANOTHERS


async def test_of_a_settled_lock_the_newest_body_is_put_back(
    app: App, execution: Execution
) -> None:
    older = replace(LOCK, notes="as it was before")
    await app.ledger.insert(settled_row(DONE, lock=older, window_id="w0", deadline=SOON))
    await app.ledger.insert(settled_row(DONE, lock=LOCK, window_id="w1", deadline=LATER))
    assert len(await execution.put_back_lock(LOCK.id, ME)) == 1
    found = await execution.reader.lock(LOCK.id)
    assert isinstance(found, Lock) and found.same_content(LOCK)


@pytest.mark.parametrize(
    "times", [{"REMEDIATOR_RESTORE_PATIENCE_SECONDS": "0.2", "REMEDIATOR_WATCH_SECONDS": "0"}]
)
async def test_a_refusal_of_azure_is_told_and_tried_again(
    app: App, execution: Execution, arm: Simulator
) -> None:
    arm.world.faults.add(
        {"method": "PUT", "path_regex": "/locks/", "times": 1, "action": {"status": 403}}
    )
    await app.ledger.insert(in_state(LockState.OFF))
    (outcome,) = await execution.put_back_lock(LOCK.id, ME)
    assert outcome.result is Outcome.FAILED and "is NOT back yet" in outcome.detail
    assert (await only(app)).state is LockState.NEEDS_PERSON
    outcomes, problems = await execution.guard()
    assert (problems, [each.result for each in outcomes]) == ([], [Outcome.DONE])
    assert await in_azure(execution)


async def test_a_lock_that_the_ledger_does_not_know_is_no_lock_of_ours(
    execution: Execution,
) -> None:
    assert await execution.put_back_lock(LOCK.id, ME) == []
    assert not await in_azure(execution)


@pytest.mark.parametrize("decide", ["put_back_lock", "leave_lock_off"])
async def test_a_word_that_the_store_does_not_take_is_not_reported_as_done(
    app: App, execution: Execution, decide: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await app.ledger.insert(in_state(LockState.RETURNING))

    async def replace_row(*_: Any) -> None:
        raise StoreUnavailable("no answer")

    monkeypatch.setattr(app.store, "replace", replace_row)
    (outcome,) = await getattr(execution, decide)(LOCK.id, ME)
    assert outcome.result is Outcome.FAILED and "decide again" in outcome.detail
    assert (await only(app)).decided_by == ""


# -- Rows that cannot be read


@pytest.mark.parametrize("body", [{"schema": 7} | {"lock": to_json(LOCK)}, {"schema": 7}])
async def test_a_row_that_cannot_be_read_is_taken_away_by_its_name_and_that_is_on_record(
    app: App, execution: Execution, body: dict[str, Any]
) -> None:
    await app.store.insert(LOCKS, PARTITION, "strange", body | {"incident_id": "i7"})
    (strange,) = await app.ledger.strange()
    assert await execution.leave_lock_off("/another", ME) == []
    (outcome,) = await execution.leave_lock_off(strange.name, ME)
    assert outcome.result is Outcome.DONE and "which cannot be read" in outcome.detail
    assert await app.ledger.strange() == []
    (entry,) = await written(app, "i7")
    assert (entry.kind, entry.target, entry.phase) == (RESTORE, strange.name, "note")
    assert ME in entry.result and entry.detail == {"row": body | {"incident_id": "i7"}}
