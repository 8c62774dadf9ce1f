"""Which resource groups are held, and how many windows an incident may have."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from shared import clock
from shared.execution.lock_window.entries import NO_END, note_end, note_window, refuse_third
from shared.execution.lock_window.held import why_held, why_in_hand
from shared.execution.lock_window.ledger import LOCKS, PARTITION, LockLedger
from shared.execution.lock_window.lock_row import LockRow, LockState
from shared.execution.lock_window.windows import (
    CLOSING,
    GATHERING,
    LockWindows,
    Member,
    TargetOutcome,
    Window,
)
from shared.incident.book import IncidentBook
from shared.incident.model import Awaited, EnteredWindow, Incident, Waiting
from shared.incident.outcome import GroupHeld, Outcome, StepOutcome
from shared.incident.status import Status
from shared.sentences import quote
from shared.store.sqlite import SqliteStore
from tests.shared.execution.rows import GROUP, LATER, LOCK, NOW, SOON, lock_on, row, window

GRACE_SECONDS = 15.0
ANOTHERS = window(leader="leader", deadline=LATER)
MEMBER = replace(ANOTHERS, members=(*ANOTHERS.members, Member("me", ("c2",))))
GONE = TargetOutcome("c2", Outcome.DONE, "gone")
SERVED = replace(
    ANOTHERS, state=CLOSING, members=(*ANOTHERS.members, Member("me", ("c2",), (GONE,)))
)
OFF = row(deadline=SOON)
WATCHED = row(LockState.WATCHED, watch_until=SOON, put_at=NOW)
BY_HAND = (LockState.SENT, LockState.OFF, LockState.RETURNING, LockState.NEEDS_PERSON)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    made = SqliteStore(tmp_path / "store.db")
    yield made
    await made.close()


async def held(store: SqliteStore) -> GroupHeld | None:
    return await why_held(LockWindows(store), LockLedger(store), GROUP, "me", GRACE_SECONDS)


IN_NEED = row(LockState.NEEDS_PERSON, deadline=SOON, problem="403")
CASES: dict[str, tuple[Window | None, str, LockRow | None, str, str]] = {
    "nothing": (None, NOW, None, "", ""),
    "a settled row": (None, NOW, row(LockState.SETTLED), "", ""),
    "others gather": (replace(ANOTHERS, state=GATHERING), LATER, None, "", ""),
    "it may join": (ANOTHERS, NOW, OFF, "", ""),
    "a member": (MEMBER, SOON, OFF, "", ""),
    "a member, at closing": (replace(MEMBER, state=CLOSING), SOON, OFF, "", ""),
    "too late to join": (ANOTHERS, SOON, None, "the incident leader has the lock window", LATER),
    "closing": (
        replace(ANOTHERS, state=CLOSING),
        NOW,
        None,
        "the incident leader has the lock window",
        LATER,
    ),
    "too late, and off": (ANOTHERS, SOON, OFF, "the lock keep on {} is off, until 2026", SOON),
    "planned": (
        None,
        NOW,
        replace(OFF, state=LockState.PLANNED),
        "the lock keep on {} is on",
        SOON,
    ),
    "sent": (None, NOW, replace(OFF, state=LockState.SENT), "the lock keep on {} is off", SOON),
    "off": (None, NOW, OFF, "the lock keep on {} is off, until 2026", SOON),
    "returning": (
        None,
        NOW,
        replace(OFF, state=LockState.RETURNING),
        "the lock keep on {} is being put back",
        SOON,
    ),
    "not back": (None, NOW, IN_NEED, "the lock keep on {} is NOT back yet: 403", SOON),
    "watched": (None, NOW, WATCHED, "the lock keep on {} is back (answered at", ""),
    "it has its result, and is not told": (SERVED, NOW, OFF, "", ""),
    "it was told": (
        replace(MEMBER, state=CLOSING, told=True),
        NOW,
        OFF,
        "the lock keep on {} is off",
        SOON,
    ),
    "its window was taken over": (
        replace(MEMBER, state=CLOSING, epoch=2),
        NOW,
        OFF,
        "the lock keep on {} is off",
        SOON,
    ),
}
"""Window, time, row; what is said, and the time to which the grace is added."""


@pytest.mark.parametrize("name", CASES)
async def test_a_group_is_held_by_another_s_window_and_by_an_open_row(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    given, now, found_row, says, ends = CASES[name]
    monkeypatch.setattr(clock, "now", lambda: now)
    if given is not None:
        await LockWindows(store).open(given)
    if found_row is not None:
        await LockLedger(store).insert(found_row)
    found = await held(store)
    if not says:
        assert found is None
        return
    assert found is not None and found.why.startswith(says.format(GROUP))
    until = clock.after(ends, GRACE_SECONDS) if ends else SOON
    assert (found.group_id, found.until) == (GROUP, until)
    assert found.why.endswith(f"until {until} at the latest") is bool(ends)
    off = found_row is not None and found_row.state in BY_HAND
    assert any("az lock create" in str(step) for step in found.by_hand) is off


async def test_a_row_of_another_group_holds_nobody(store: SqliteStore) -> None:
    await LockLedger(store).insert(row(group_id=GROUP + "2"))
    assert await held(store) is None


@pytest.mark.parametrize(
    ("group", "holds"),
    [({"group_id": GROUP}, True), ({"group_id": GROUP + "2"}, False), ({}, True)],
)
async def test_a_row_that_cannot_be_read_holds_its_group_or_any(
    store: SqliteStore, group: dict[str, str], holds: bool
) -> None:
    await store.insert(LOCKS, PARTITION, "a", {"schema": 99} | group)
    found = await held(store)
    assert (found is not None) is holds
    if found is not None:
        assert "cannot be read" in found.why and "it has the schema number 99" in found.why
        assert (found.until, found.by_hand) == ("", ())


async def test_the_lock_that_is_off_for_longest_is_named_with_its_problem(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its time is over, so nobody knows when the group will be free."""
    monkeypatch.setattr(clock, "now", lambda: clock.after(LATER, GRACE_SECONDS))
    await LockLedger(store).insert(row(deadline=SOON, problem="an older one"))
    await LockLedger(store).insert(row(lock=lock_on(name="keep2"), deadline=LATER, problem="403"))
    found = await held(store)
    assert found is not None
    assert found.why == (
        f"the lock keep2 on {GROUP} is NOT back yet: 403; it is tried again each minute, and 1"
        f" more of the group, which should have been over at {clock.after(LATER, GRACE_SECONDS)}"
    )
    assert (found.until, len(found.by_hand)) == ("", 2)


async def test_the_command_by_hand_makes_the_body_that_is_on_record(store: SqliteStore) -> None:
    theirs = replace(LOCK, notes="a person's")
    await LockLedger(store).insert(row(LockState.RETURNING, noted=theirs))
    found = await held(store)
    assert found is not None
    (step,) = found.by_hand
    assert "a person" in str(step)


# Windows of an incident

INCIDENT = Incident("me", Status.FIXING, "s", "v", "vm", "c", "i", "j", "Code", NOW)


async def opened(book: IncidentBook, **more: object) -> Incident:
    return await book.open(replace(INCIDENT, **more))  # type: ignore[arg-type]


async def test_a_window_is_counted_once_and_ends_the_wait_for_its_group(
    store: SqliteStore,
) -> None:
    book = IncidentBook(store)
    since = Waiting(NOW, Awaited.GROUP, "cause", GROUP, SOON)
    before = await opened(book, waiting=since)
    first = await note_window(book, before, MEMBER)
    assert [each.group_id for each in first.windows] == [GROUP]
    assert first.waiting == Waiting(NOW, Awaited.GROUP, "cause")
    for read in (before, first):  # an activity is called again, with an older incident
        assert await note_window(book, read, replace(MEMBER, state=CLOSING)) == first
    again = await note_window(book, first, replace(MEMBER, id="w2"))
    assert len(again.windows) == 2


async def test_the_third_window_of_a_group_is_refused_with_the_ends_of_two(
    store: SqliteStore,
) -> None:
    book = IncidentBook(store)
    incident = await opened(book)
    assert refuse_third(incident, GROUP, None) is None
    incident = await note_window(book, incident, MEMBER)
    await note_end(book, incident, GROUP, StepOutcome(Outcome.WAITING, "a job runs"))
    incident = await book.change("me", lambda each: each)
    assert refuse_third(incident, GROUP, None) is None
    incident = await note_window(book, incident, replace(MEMBER, id="w2"))
    refused = refuse_third(incident, GROUP.upper(), None)
    assert refused is not None and refused.result is Outcome.REFUSED
    assert refused.detail.startswith(f"two windows of {GROUP.upper()} were opened")
    assert refused.detail.endswith(f"1. waiting: a job runs; 2. {NO_END}")
    off = GroupHeld(GROUP, "the lock is off", "", (quote("make it"),))
    told = refuse_third(incident, GROUP, off)
    assert told is not None
    assert told.detail.endswith(f"2. {NO_END}; now the lock is off")
    assert told.manual_steps == off.by_hand
    assert refuse_third(incident, GROUP + "2", None) is None, "a plan may need several groups"


async def test_only_the_window_that_has_just_ended_gets_that_end(store: SqliteStore) -> None:
    book = IncidentBook(store)
    had = (
        EnteredWindow(GROUP, "1"),
        EnteredWindow(GROUP, "2"),
        EnteredWindow(GROUP + "2", "3"),
    )
    incident = await opened(book, windows=had)
    for detail in ("first", "called again"):
        await note_end(book, incident, GROUP, StepOutcome(Outcome.FAILED, detail))
        incident = await book.change("me", lambda each: each)
        assert [each.end for each in incident.windows] == ["", "failed: first", ""]


IN_HAND: dict[str, tuple[Window | LockRow | dict[str, str], str]] = {
    "it leads a window": (window(leader="me"), "its lock window of"),
    "it is a member of one": (MEMBER, "its lock window of"),
    "it was served, and its locks are not over": (SERVED, "its lock window of"),
    "another's window": (ANOTHERS, ""),
    "a lock of its own is off": (row(incident_id="me"), "the lock keep on"),
    "one is watched still": (replace(WATCHED, incident_id="me"), "is watched until"),
    "one is not back": (replace(IN_NEED, incident_id="me"), "is NOT back yet"),
    "another's lock is off": (row(incident_id="you"), ""),
    "all is settled": (row(LockState.SETTLED, incident_id="me"), ""),
    "a row of its own cannot be read": ({"incident_id": "me"}, "cannot be read"),
    "another's row cannot be read": ({"incident_id": "you"}, ""),
}


@pytest.mark.parametrize("case", IN_HAND)
async def test_whose_windows_are_not_over(store: SqliteStore, case: str) -> None:
    what, reason = IN_HAND[case]
    if isinstance(what, Window):
        await LockWindows(store).open(what)
    elif isinstance(what, LockRow):
        await LockLedger(store).insert(what)
    else:
        await store.insert(LOCKS, PARTITION, "odd", what)
    found = await why_in_hand(LockWindows(store), LockLedger(store), "me")
    assert (reason in found) if reason else found == ""
