"""How the first owner takes a lock off: written ahead, proved, looked at, sent once;
and what each answer to its DELETE means."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Any

import pytest

from shared import clock
from shared.execution.lock_window.deletions import Ready
from shared.execution.lock_window.late_writes import LateWrites
from shared.execution.lock_window.lease import Lease, read_clocks
from shared.execution.lock_window.lock_row import LockState
from shared.execution.lock_window.row_changes import settled
from shared.execution.lock_window.window_locks import Lifted, WindowLocks
from shared.execution.lock_window.windows import Beat, Held
from shared.execution.lock_window.words import DONE
from shared.facts import Lock, RestorePointCollection
from shared.incident.model import Incident
from shared.incident.status import Status
from tests.shared.execution.bench import THEIRS, Bench
from tests.shared.execution.rows import GROUP, LOCK, LONG_AGO, NOW, VM, lock_on, window

LEADER = "20260101T000000-lead"
INCIDENT = Incident(LEADER, Status.FIXING, "s", "v", VM, "c", "i", "j", "Code", NOW)
OTHER = lock_on(name="other")


@dataclass
class Owner:
    """The execution that opened the window."""

    bench: Bench
    locks: WindowLocks
    held: Held
    beat: Beat
    wanted: list[Lock]

    async def lift(self) -> Lifted:
        return await self.locks.lift(self.wanted)

    async def lift_and_put_back(self) -> Lifted:
        lifted = await self.lift()
        await self.locks.put_back()
        await self.locks.later.finish()
        return lifted

    async def is_taken_over(self) -> None:
        assert await self.bench.windows.take_over(self.held, self.beat, "taker") is not None

    def loses_its_lease(self) -> None:
        self.locks.lease._lost = True


@pytest.fixture
async def owner(bench: Bench) -> Owner:
    return await an_owner(bench)


async def an_owner(bench: Bench, *locks: Lock) -> Owner:
    """With its locks on and written down ahead."""
    bench.times = replace(bench.times, lease=15)
    opened = await bench.windows.open(window())
    assert opened is not None
    lease = Lease(bench.windows, bench.times, opened[0].window, opened[1], read_clocks())
    made = WindowLocks(
        incident=INCIDENT,
        window=opened[0].window,
        lease=lease,
        reader=bench.reader,
        writer=bench.writer,
        journal=bench.journal,
        windows=bench.windows,
        ledger=bench.ledger,
        restorer=bench.restorer,
        later=LateWrites(),
        times=bench.times,
        give_up=asyncio.get_running_loop().time() + 600,
    )
    wanted = list(locks or (LOCK,))
    for lock in wanted:
        bench.make(lock)
    await made.write_ahead(wanted)
    return Owner(bench, made, *opened, wanted)


def sent(bench: Bench) -> list[str]:
    return [each for each in bench.steps.passed if each in ("PUT", "DELETE")]


async def test_it_is_proved_written_down_as_sent_and_sent_once(owner: Owner, bench: Bench) -> None:
    assert await owner.lift() == Lifted()
    found = await bench.only()
    assert (found.state, found.lifted, found.out, bench.has()) == (
        LockState.OFF,
        True,
        False,
        False,
    )
    passed = bench.steps.passed
    order = ("locks planned stored", "PUT answered", "locks sent stored", "DELETE")
    assert [passed.index(each) for each in order] == sorted(map(passed.index, order))
    assert sent(bench) == ["PUT", "DELETE"]
    assert passed[passed.index("locks sent stored") :].count("GET") == 1, "the last look"


async def test_the_row_is_sent_while_the_delete_is_under_way(owner: Owner, bench: Bench) -> None:
    states = []

    async def look() -> None:
        found = await bench.only()
        states.append((found.state, found.out, len(found.requests)))

    bench.steps.hands["DELETE"] = look
    await owner.lift()
    assert states == [(LockState.SENT, True, 1)]


async def test_what_was_lifted_and_heard_off_is_settled_when_it_is_back(
    owner: Owner, bench: Bench
) -> None:
    assert await owner.lift_and_put_back() == Lifted()
    found = await bench.only()
    assert (found.state, found.result, bench.has()) == (LockState.SETTLED, DONE, True)


# -- Before the DELETE


def changed(bench: Bench) -> None:
    bench.make(THEIRS)


def unreadable(bench: Bench) -> None:
    bench.answer("GET", status=503)


@pytest.mark.parametrize("step", ["GET", "locks sent"])
@pytest.mark.parametrize("what", [changed, unreadable])
async def test_what_is_not_surely_as_it_was_is_not_lifted(
    owner: Owner, bench: Bench, step: str, what: Any
) -> None:
    """At the look before the proof, and at the one after it."""
    bench.steps.hands[step] = lambda: what(bench)
    lifted = await owner.lift_and_put_back()
    assert (lifted.refused, bool(lifted.problem)) == (True, True)
    assert "DELETE" not in sent(bench) and sent(bench).count("PUT") == (step != "GET")
    assert (await bench.ledger.hands(), bench.has()) == ([], True)


@pytest.mark.parametrize("step", ["GET", "locks sent"])
async def test_what_somebody_took_off_is_not_ours_to_put_back(
    owner: Owner, bench: Bench, step: str
) -> None:
    bench.steps.hands[step] = bench.remove
    assert await owner.lift_and_put_back() == Lifted()
    assert ("DELETE" in sent(bench), await bench.ledger.hands(), bench.has()) == (False, [], False)


async def takes_the_row(owner: Owner) -> None:
    """As who takes over does with a row in PLANNED."""
    (hand,) = await owner.bench.ledger.hands()
    now = clock.now()
    watch = {"watch_since": now, "watch_until": clock.after(now, 60)}
    await hand.force(lambda row: replace(row, state=LockState.WATCHED, owner="taker", **watch))


async def takes_the_window(owner: Owner) -> None:
    await owner.is_taken_over()


async def ends_the_window(owner: Owner) -> None:
    held = await owner.bench.windows.get(GROUP)
    assert held is not None
    await owner.bench.windows.move(held, replace(held.window, deadline=LONG_AGO))


async def closes_the_window(owner: Owner) -> None:
    held = await owner.bench.windows.get(GROUP)
    assert held is not None
    await owner.bench.windows.move(held, replace(held.window, state="closing"))


async def lease_is_lost(owner: Owner) -> None:
    owner.loses_its_lease()


LOST = [takes_the_row, takes_the_window, ends_the_window, closes_the_window, lease_is_lost]


@pytest.mark.parametrize("what", LOST)
async def test_nothing_is_sent_once_the_window_or_the_row_is_lost(
    owner: Owner, bench: Bench, what: Any
) -> None:
    """Since the proof; a row that is written as sent is no longer planned."""
    bench.steps.hands["PUT answered"] = lambda: what(owner)
    lifted = await owner.lift_and_put_back()
    assert (bool(lifted.problem), sent(bench), bench.has()) == (True, ["PUT"], True)
    assert (lifted.refused, lifted.unknown) == (False, True), "who lost it asks again"


async def test_who_was_overtaken_is_told_so(owner: Owner, bench: Bench) -> None:
    """And not that its time was over, which takes a longer lease to mend."""
    bench.steps.hands["PUT answered"] = lambda: takes_the_window(owner)
    assert "another process has it in hand" in (await owner.lift_and_put_back()).problem


@pytest.mark.parametrize("what", LOST[1:])
async def test_nothing_is_proved_once_the_window_is_lost(
    owner: Owner, bench: Bench, what: Any
) -> None:
    bench.steps.hands["GET"] = lambda: what(owner)
    lifted = await owner.lift_and_put_back()
    assert (bool(lifted.problem), sent(bench), bench.has()) == (True, [], True)


@pytest.mark.parametrize("what", [takes_the_window, ends_the_window, lease_is_lost])
async def test_nothing_is_sent_once_the_window_is_lost_although_the_row_says_sent(
    owner: Owner, bench: Bench, what: Any
) -> None:
    bench.steps.hands["locks sent stored"] = lambda: what(owner)
    lifted = await owner.lift_and_put_back()
    assert (bool(lifted.problem), sent(bench), bench.has()) == (True, ["PUT"], True)


async def test_the_clock_is_looked_at_last(
    owner: Owner, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process was frozen once it had seen that the window is its own."""
    look = WindowLocks._why_not_now

    async def look_and_freeze(locks: WindowLocks) -> str:
        why = await look(locks)
        if bench.steps.count("locks sent"):
            owner.loses_its_lease()
        return why

    monkeypatch.setattr(WindowLocks, "_why_not_now", look_and_freeze)
    lifted = await owner.lift_and_put_back()
    assert (lifted.unknown, sent(bench), bench.has()) == (True, ["PUT"], True)


async def test_the_time_of_the_window_has_to_be_enough_for_the_answer(
    owner: Owner, bench: Bench
) -> None:
    owner.locks.give_up = asyncio.get_running_loop().time() + bench.times.write / 2
    lifted = await owner.lift_and_put_back()
    assert (bool(lifted.problem), sent(bench)) == (True, [])


async def test_a_row_that_the_store_did_not_take_as_sent_is_not_sent(
    owner: Owner, bench: Bench
) -> None:
    def goes_down() -> None:
        bench.store.down = True

    bench.steps.hands["locks sent"] = goes_down
    lifted = await owner.lift_and_put_back()
    assert (lifted.unknown, sent(bench), bench.has()) == (True, ["PUT"], True)


# -- The proof


async def test_a_proof_without_an_answer_is_watched_for(owner: Owner, bench: Bench) -> None:
    """It may still land, and undo what a person did."""
    bench.answer("PUT", reset=True)
    lifted = await owner.lift_and_put_back()
    found = await bench.only()
    assert (found.state, found.mends, found.missed) == (LockState.WATCHED, False, True)
    assert (lifted.refused, sent(bench), len(found.requests)) == (True, ["PUT"], 1)


async def test_where_one_cannot_be_proved_none_is_lifted(bench: Bench) -> None:
    owner = await an_owner(bench, LOCK, OTHER)
    bench.answer("PUT", path="/locks/other$", status=403)
    lifted = await owner.lift_and_put_back()
    assert (lifted.refused, "DELETE" in sent(bench)) == (True, False)
    assert await bench.ledger.hands() == []


# -- The answer


async def test_a_lock_that_was_not_there_is_put_back_and_watched(
    owner: Owner, bench: Bench
) -> None:
    """204: somebody's deletion, or one of ours that nobody knows of."""
    bench.steps.hands["DELETE"] = bench.remove
    lifted = await owner.lift_and_put_back()
    found = await bench.only()
    assert lifted.unknown and "decide to leave it off" in lifted.problem
    assert (found.state, found.mends, found.lifted) == (LockState.WATCHED, True, False)
    assert bench.has()


@pytest.mark.parametrize("how", [{"reset": True}, {"reset": "after"}, {"status": 500}])
async def test_a_delete_without_an_answer_is_not_sent_again(
    owner: Owner, bench: Bench, how: dict[str, Any]
) -> None:
    bench.answer("DELETE", **how)
    lifted = await owner.lift_and_put_back()
    found = await bench.only()
    assert (lifted.unknown, sent(bench)) == (True, ["PUT", "DELETE", "PUT"])
    assert (found.state, found.mends, bench.has()) == (LockState.WATCHED, True, True)


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_delete_that_was_refused_was_none(owner: Owner, bench: Bench, status: int) -> None:
    bench.answer("DELETE", status=status)
    lifted = await owner.lift_and_put_back()
    assert (bool(lifted.problem), lifted.unknown) == (True, False)
    assert (sent(bench), await bench.ledger.hands()) == (["PUT", "DELETE"], [])


@pytest.mark.parametrize("status", [409, 429])
async def test_a_delete_that_was_not_carried_out_is_proved_and_sent_again(
    owner: Owner, bench: Bench, status: int
) -> None:
    bench.answer("DELETE", status=status, headers={"Retry-After": "0"})
    assert await owner.lift() == Lifted()
    assert sent(bench) == ["PUT", "DELETE", "PUT", "DELETE"]
    assert (await bench.only()).state is LockState.OFF


# -- After the answer


async def is_taken_and_settled(owner: Owner) -> None:
    """By who found the owner dead: put back, watched, and over."""
    (hand,) = await owner.bench.ledger.hands()
    await hand.force(lambda row: replace(settled(row, DONE), owner="taker"))
    owner.bench.make()


async def is_taken_settled_and_lands(owner: Owner) -> None:
    await is_taken_and_settled(owner)
    owner.bench.remove()


@pytest.mark.parametrize("how", [{}, {"reset": True}])
async def test_who_is_overtaken_opens_the_row_again_and_puts_back(
    owner: Owner, bench: Bench, how: dict[str, Any]
) -> None:
    """It was frozen before it sent: its DELETE took the lock off that was settled."""
    if how:
        bench.answer("DELETE", **how)
    bench.steps.hands["DELETE"] = lambda: is_taken_and_settled(owner)
    bench.steps.hands["DELETE answered"] = bench.remove
    lifted = await owner.lift_and_put_back()
    found = await bench.only()
    assert (lifted.unknown, bench.has()) == (True, True)
    assert (found.state, found.reopened, found.mends) == (LockState.WATCHED, True, bool(how))
    assert found.owner == owner.locks.lease.token


@pytest.mark.parametrize("how", [{}, {"reset": "after"}])
async def test_who_has_no_lease_after_the_answer_watches_what_it_puts_back(
    owner: Owner, bench: Bench, how: dict[str, Any]
) -> None:
    if how:
        bench.answer("DELETE", **how)
    bench.steps.hands["DELETE answered"] = owner.loses_its_lease
    lifted = await owner.lift_and_put_back()
    found = await bench.only()
    assert (lifted.unknown, bench.has()) == (True, True)
    assert (found.state, found.reopened, found.mends) == (LockState.WATCHED, True, bool(how))


@pytest.mark.parametrize("step", ["GET", "PUT answered", ""])
async def test_where_the_time_is_over_its_members_ask_again(
    owner: Owner, bench: Bench, step: str
) -> None:
    """Before the proof, after it, and for a member whose locks are off already: nobody
    has refused anything, so nobody is sent to a person."""

    def ends() -> None:
        owner.locks.give_up = 0.0

    if step:
        bench.steps.hands[step] = ends
        lifted = await owner.lift_and_put_back()
    else:
        ends()
        lifted = await owner.locks.lift([])
    assert (lifted.unknown, lifted.refused, bench.has()) == (True, False, True)
    assert "time was over" in lifted.problem and owner.locks.broken == ""
    assert "DELETE" not in sent(bench)


# -- The deletion


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("nothing", ""),
        ("the lease", "its heartbeat was not on record in time"),
        ("the time", "the window's time was over"),
        ("the row", "a lock of the collection is not known to be off"),
        ("the window", "lost"),
    ],
)
async def test_a_collection_is_deleted_only_while_all_its_locks_are_off_and_ours(
    owner: Owner, bench: Bench, what: str, why: str
) -> None:
    await owner.lift()
    collection = RestorePointCollection(f"{GROUP}/c", "c", VM, "region", "Succeeded", ())
    ready = Ready(INCIDENT, collection, (LOCK,))
    (hand,) = owner.locks.hands.values()
    if what == "the lease":
        owner.loses_its_lease()
    if what == "the time":
        owner.locks.give_up = 0.0
    if what == "the row":
        hand.row = replace(hand.row, state=LockState.RETURNING)
    if what == "the window":
        owner.locks.broken = "lost"
    assert owner.locks.why_not_delete(ready).endswith(why)
    assert bool(owner.locks.why_not_delete(ready)) is bool(why)
    assert bench.steps.count("DELETE") == 1
