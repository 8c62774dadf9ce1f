"""The traces that broke simpler lock protocols, C1 to C14 of docs/lock-protocol.md,
driven through the real code: here those without a take-over, in test_taking_over.py the
others. Random schedules are in test_schedules.py.

O is the owner of the window, G whoever takes it over or watches, X a second execution
of O's activity. A late request lands, and a frozen process wakes, at a boundary, so
that no order depends on who is faster (at_will.py).
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from local.promises import LOCK
from shared.execution.lock_window.lock_row import LockState
from tests.faults.at_will import hold, land, order, writes_of
from tests.faults.cell import MADE
from tests.faults.settings import PATIENT_ALONE, SETTINGS
from tests.faults.test_windows import sent
from tests.faults.traces import (
    CHANGED,
    DELETION,
    MENDED,
    PROOF,
    PUT_BACK,
    WATCHED,
    blames_somebody,
    expect_the_planned_one,
    person,
    repaired,
    rows_of,
    told,
)
from tests.faults.world import Fault, Place, World

STALE_SECONDS = float(SETTINGS["REMEDIATOR_STALE_SECONDS"])
LATE_SECONDS = float(SETTINGS["REMEDIATOR_LATE_SECONDS"])
YOUNG_SECONDS = 600
"""R where a body is to be young whatever a run takes."""


async def test_c1_a_stale_read_does_not_end_a_put_back(tmp_path: Path) -> None:
    """No fault: DELETE 200; a stale GET says identical → "done". Lost."""
    before: Place = ("before ARM GET locks", "before store replace windows closing")
    stale = Fault("arm", {"action": {"stale_s": 60}, "times": 2})
    outcome = await repaired(tmp_path, {before: stale}, environment=PATIENT_ALONE)
    assert writes_of(outcome.requests) == ["PUT", "DELETE", "PUT"]


@pytest.mark.parametrize("young", [False, True], ids=["R after the plan", "within R of the plan"])
async def test_c2_who_wrote_another_body_is_not_blamed(tmp_path: Path, young: bool) -> None:
    """DELETE sent; a person writes another body; the DELETE takes it off, its answer is
    lost; a stale GET shows the person's body → "left alone". Lost, and the person is
    blamed.

    Within R of the plan no read tells which body is the younger: the planned one comes
    back, and both are reported.
    """

    async def is_old_by_then(_: World) -> None:
        await asyncio.sleep(STALE_SECONDS)

    def is_taken_off(world: World) -> None:
        order(world, "DELETE", reset="after")
        order(world, "GET", status=200, body=CHANGED)

    faults = {DELETION: person(is_old_by_then, "changes the lock", is_taken_off)}
    more = {}
    if young:
        faults = {
            DELETION: person("changes the lock", is_taken_off, expect_the_planned_one),
            WATCHED: Fault("clock", {"seconds": YOUNG_SECONDS}),
        }
        more = {"REMEDIATOR_STALE_SECONDS": str(YOUNG_SECONDS)}
    outcome = await repaired(tmp_path, faults, environment=PATIENT_ALONE | more)
    assert any(MENDED in text for text in told(outcome))
    assert blames_somebody(outcome) == []
    first, *_ = await rows_of(tmp_path)
    assert [body.notes for body in first.bodies] == [CHANGED["properties"]["notes"]]


async def test_c4_a_lost_connection_is_one_request(tmp_path: Path) -> None:
    """The transport sends the DELETE twice; both land late; one is mended."""
    faults = {DELETION: person(hold("DELETE")), WATCHED: person(land)}
    outcome = await repaired(tmp_path, faults, environment=PATIENT_ALONE)
    deletions = sent(outcome.requests, "DELETE", LOCK)
    assert len(deletions) == outcome.boundaries.count("before ARM DELETE locks")
    assert [bool(each.get("late")) for each in deletions] == [True, False]
    assert writes_of(outcome.requests) == ["PUT", "DELETE", "PUT", "PUT", "PUT", "DELETE", "PUT"]


async def test_c5_a_second_execution_at_the_same_time_lifts_nothing(tmp_path: Path) -> None:
    """X: DELETE 200; O's last look 404, or its DELETE 204 → "somebody took it off",
    removes the shared row; nobody puts back.

    X cannot come so far while O's window is there, and rows are not shared: each window
    has its own.
    """
    twice: dict[Place, Fault] = {("activity carry_out_unit", 1): Fault("twice")}
    outcome = await repaired(tmp_path, twice, environment=PATIENT_ALONE)
    assert writes_of(outcome.requests) == ["PUT", "DELETE", "PUT"]
    (row,) = await rows_of(tmp_path)
    assert (row.state, row.result) == (LockState.SETTLED, "done")


async def test_c5_a_lock_that_was_gone_before_our_deletion_is_put_back(tmp_path: Path) -> None:
    """The nearest to X's DELETE between O's last look and O's own DELETE, which is
    answered 204: another execution of ours may have taken it off."""

    def goes(world: World) -> None:
        world.simulator.world.state.remove(MADE["id"])

    outcome = await repaired(tmp_path, {DELETION: person(goes)}, environment=PATIENT_ALONE)
    assert writes_of(outcome.requests)[:3] == ["PUT", "DELETE", "PUT"]
    first, *_ = await rows_of(tmp_path)
    assert (first.out, first.lifted, first.mends) == (True, False, True)


async def test_c6_no_window_is_opened_while_a_row_is_watched(tmp_path: Path) -> None:
    """DELETE unanswered, put back, watched; the next window lifts under the same row;
    the watch's last look settles it."""
    faults = {DELETION: person(hold("DELETE")), WATCHED: person(land)}
    outcome = await repaired(tmp_path, faults, count=2, environment=PATIENT_ALONE)
    opened = [
        number
        for number, label in enumerate(outcome.boundaries)
        if label == "after store transact windows insert"
    ]
    settled = outcome.boundaries.index("after store replace locks settled")
    watched = outcome.boundaries.index("after store replace locks watched")
    assert opened[0] < watched < settled < opened[1]
    first, second, *_ = await rows_of(tmp_path)
    assert first.window_id != second.window_id
    assert (first.state, first.out, second.out) == (LockState.SETTLED, True, False)


async def test_c8_a_late_deletion_and_stale_reads_end_no_watch(tmp_path: Path) -> None:
    """The watch is shorter than L + R: the late DELETE lands just before t, the last
    look is stale.

    The settings name a watch that is too short (`Times.find_problems`). In one that is
    long enough a DELETE that lands at L is seen although each read is as old as R.
    """
    late = Fault("late", {"seconds": LATE_SECONDS})
    outcome = await repaired(
        tmp_path,
        {DELETION: late},
        settings={"lock_read_lag_s": STALE_SECONDS},
        environment={"REMEDIATOR_WATCH_SECONDS": "4"},
    )
    assert any(MENDED in text for text in told(outcome))


async def test_c9_the_lock_is_put_back_while_the_store_is_down(tmp_path: Path) -> None:
    """O asks the store before its PUT while the store is down: off for the whole
    outage.

    Here the outage ends with that PUT, so who waits for the store is never at rest.
    """

    def comes_back(world: World) -> None:
        world.store_down_until = 0.0

    faults = {
        ("before store replace windows closing", 1): Fault("store", {"seconds": 600}),
        ("after ARM PUT locks", "after ARM DELETE locks"): person(comes_back),
    }
    outcome = await repaired(tmp_path, faults)
    assert writes_of(outcome.requests)[:3] == ["PUT", "DELETE", "PUT"]


@pytest.mark.parametrize("act", ["takes the lock off", "changes the lock"])
async def test_c11_what_a_late_proof_undid_is_reported(tmp_path: Path, act: str) -> None:
    """Proof PUT without answer → row removed; a person deletes or changes the lock; the
    late PUT undoes it, silently."""
    faults = {PROOF: person(hold("PUT")), WATCHED: person(act, land, expect_the_planned_one)}
    outcome = await repaired(tmp_path, faults, environment=PATIENT_ALONE)
    assert writes_of(outcome.requests) == ["PUT"]
    (row,) = await rows_of(tmp_path)
    assert row.state is LockState.SETTLED
    says = (
        "a PUT of it had no answer, and may have written over or brought back anything"
        f" between {row.watch_since} and {row.watch_until}"
    )
    assert any(says in text for text in told(outcome))


@pytest.mark.parametrize("act", ["takes the lock off", "changes the lock"])
async def test_c11_a_put_back_with_a_late_request_is_not_settled_at_once(
    tmp_path: Path, act: str
) -> None:
    """The same with a repeated put-back that is settled at once: here it is watched,
    and told with its span and the bodies that were read."""
    faults = {
        PUT_BACK: person(hold("PUT")),
        WATCHED: person(act, land, expect_the_planned_one),
    }
    outcome = await repaired(tmp_path, faults, environment=PATIENT_ALONE)
    (row,) = await rows_of(tmp_path)
    (ended,) = [each for each in outcome.entries if each["result"].startswith("the watch is over")]
    assert row.missed and not row.mends
    assert row.watch_since == ended["detail"]["from"] < ended["detail"]["to"]
