"""Intents and their outcomes, where several processes write one chain."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from shared.audit.journal import ChainOf, Journal
from shared.audit.log import AuditLog
from shared.errors import AzureCallFailed
from shared.store.sqlite import SqliteStore

CHAIN = ChainOf("i", "/subscriptions/s/resourceGroups/g")
KIND, TARGET = "lift_lock", "/subscriptions/s/resourceGroups/g/lock"
COUNT = 12


@pytest.fixture
async def journals(tmp_path: Path) -> list[Journal]:
    """Of as many processes; one of them has written the intent."""
    made = [Journal(AuditLog(SqliteStore(tmp_path / "store.db"))) for _ in range(COUNT)]
    await made[0].intent(CHAIN, KIND, TARGET)
    return made


async def phases(journal: Journal) -> Counter[str]:
    return Counter([entry.phase async for entry in journal.log.entries()])


async def test_an_intent_that_many_end_at_once_has_one_outcome(journals: list[Journal]) -> None:
    await asyncio.gather(*(each.outcome(CHAIN, KIND, TARGET, "done", "") for each in journals))
    assert await phases(journals[0]) == {"intent": 1, "outcome": 1, "note": COUNT - 1}


async def test_one_that_failed_as_well(journals: list[Journal]) -> None:
    error = AzureCallFailed("no", status=403)
    await asyncio.gather(*(each.failed(CHAIN, KIND, TARGET, error) for each in journals))
    assert await phases(journals[0]) == {"intent": 1, "outcome": 1, "note": COUNT - 1}


async def test_an_intent_that_many_close_at_once_has_one_outcome(journals: list[Journal]) -> None:
    closing = (each.close_intents(CHAIN, "not known", lambda *_: True) for each in journals)
    await asyncio.gather(*closing)
    found = await phases(journals[0])
    assert (found["intent"], found["outcome"]) == (1, 1)


async def test_an_intent_that_was_begun_again_is_ended_again(journals: list[Journal]) -> None:
    first, *_ = journals
    await first.outcome(CHAIN, KIND, TARGET, "done", "")
    await first.intent(CHAIN, KIND, TARGET)
    await first.outcome(CHAIN, KIND, TARGET.upper(), "done", "")
    assert await phases(first) == {"intent": 2, "outcome": 2}
    assert await first.open_intents(CHAIN.id) == set()
