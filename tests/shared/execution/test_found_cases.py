"""What a hostile reader found in the parts of the lock protocol, each a case."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from shared import clock
from shared.errors import StoreUnavailable
from shared.execution.lock_window.decisions import Decisions
from shared.execution.lock_window.ledger import Wrote
from shared.execution.lock_window.lock_row import LockState
from shared.execution.lock_window.row_changes import settled
from shared.execution.lock_window.words import DONE, LEFT_OFF
from shared.execution.settle import _begin_verifying
from shared.incident.model import Incident
from shared.incident.status import Status
from tests.shared.execution.bench import THEIRS, Bench
from tests.shared.execution.rows import (
    GROUP,
    LOCK,
    LONG_AGO,
    SOON,
    row,
    settled_row,
    watched,
    window,
)
from tests.shared.execution.test_keeper import LIFTED, a_living_owner, a_window


async def test_a_group_that_cannot_be_kept_is_tried_at_each_look(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """Eleven looks in a tick."""
    await a_window(bench)
    await bench.hand(LIFTED)
    beat = await bench.windows.heartbeat(GROUP)
    assert beat is not None
    await bench.store.replace(beat.row, {"count": 1})
    bench.times = replace(bench.times, lease=0.3)
    await bench.guardian.guard()
    failures = [each for each in caplog.records if "could not be kept" in each.getMessage()]
    assert 0 < len(failures) <= 12


async def test_a_row_whose_window_is_gone_does_not_wait_for_the_next_window(bench: Bench) -> None:
    """Its owner woke late, opened it again and died; another window is open by now."""
    await a_living_owner(bench, window(id="w2", token="the next owner"))
    await bench.hand(row(LockState.RETURNING, window_id="w1", out=True, deadline=LONG_AGO))
    await bench.keeper().keep(asyncio.get_running_loop().time() + 0.5)
    assert bench.has()


async def test_a_person_s_body_that_was_put_back_is_not_called_identical(bench: Bench) -> None:
    over = {"noted_at": SOON, "watch_since": LONG_AGO, "watch_until": SOON}
    await bench.watch.look(await bench.hand(watched(noted=THEIRS, **over)))
    found = await bench.only()
    assert (found.state, bench.notes()) == (LockState.SETTLED, THEIRS.notes)
    assert found.result != DONE


async def test_a_person_s_word_is_obeyed_by_a_look_that_has_begun(bench: Bench) -> None:
    async def decide() -> None:
        (hand,) = await bench.ledger.hands()
        await hand.force(lambda each: replace(settled(each, LEFT_OFF), owner="a person"))

    hand = await bench.hand(watched())
    bench.steps.hands["GET"] = decide
    await bench.watch.look(hand)
    assert not bench.has()


async def test_a_lock_that_is_left_off_is_not_missed_by_an_older_row(bench: Bench) -> None:
    long_settled = clock.after(clock.now(), -7200)
    await bench.hand(settled_row(DONE, window_id="w0", settled_at=long_settled, recorded=True))
    await bench.hand(row(LockState.RETURNING))
    await Decisions(bench.ledger, bench.windows, bench.lock_journal, bench.restorer).leave_off(
        LOCK.id, "me"
    )
    await bench.settled.look_at_all()
    assert [hand.row.missing_since for hand in await bench.ledger.hands()] == ["", ""]


async def test_a_row_that_is_there_again_and_cannot_be_read_is_silent(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hide(*_: str) -> None:
        raise StoreUnavailable("no answer")

    hand = await bench.hand(settled_row(DONE))
    monkeypatch.setattr(bench.store, "get", hide)
    assert await hand.insert_again(hand.row) is Wrote.SILENT


@pytest.mark.parametrize("status", [Status.FIXING, Status.WAITING])
def test_what_was_carried_out_is_verified_although_a_lost_execution_put_it_off(
    status: Status,
) -> None:
    incident = Incident("i", status, "s", "v", "/vm", "c", "i", "j", "", "2026-01-01T00:00:00Z")
    assert _begin_verifying(incident).status is Status.VERIFYING
