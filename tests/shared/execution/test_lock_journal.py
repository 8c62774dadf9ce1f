"""What happens to a lock has one intent and one outcome, whoever writes them."""

from __future__ import annotations

from shared.execution.lock_window.words import DONE
from shared.incident.model import RESTORE
from tests.shared.execution.bench import Bench
from tests.shared.execution.rows import LOCK, settled_row


async def phases(bench: Bench) -> list[tuple[str, str]]:
    return [(each.phase, each.result) async for each in bench.journal.log.entries()]


async def test_the_second_outcome_of_an_intent_is_a_note(bench: Bench) -> None:
    given = settled_row(DONE)
    await bench.journal.intent(given.chain, RESTORE, LOCK.id, None, "planned")
    for _ in range(2):
        await bench.journal.outcome(given.chain, RESTORE, LOCK.id.upper(), DONE, "")
    assert await phases(bench) == [("intent", "planned"), ("outcome", DONE), ("note", DONE)]


async def test_a_settled_row_is_recorded_once(bench: Bench) -> None:
    given = settled_row(DONE)
    await bench.journal.intent(given.chain, RESTORE, LOCK.id, None, "planned")
    hand = await bench.hand(given)
    for _ in range(2):
        await bench.lock_journal.record(hand)
    assert await phases(bench) == [("intent", "planned"), ("outcome", DONE)]
    assert (await bench.only()).recorded
