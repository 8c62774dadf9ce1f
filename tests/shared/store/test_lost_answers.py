"""A write whose answer was lost was stored or not: the client of Azure Tables, which
sends it again by itself, is told that it was its own."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio

from shared.errors import RowChanged, RowExists, StoreUnavailable
from shared.store.contract import Delete, Insert, Replace, Row, Store, Write
from shared.store.keys import LONGEST_TRANSACTION_BYTES, MOST_WRITES
from tests.azurite import Azurite
from tests.shared.store.lossy import Lossy, open_lossy

pytestmark = pytest.mark.asyncio(loop_scope="session")
_numbers = itertools.count()
AZURE_TAKES_BYTES = 4 * 1024 * 1024


@pytest_asyncio.fixture(loop_scope="session")
async def wire(running_azurite: Azurite) -> AsyncIterator[Lossy]:
    wire = open_lossy(running_azurite.connection_string(), f"lossy{next(_numbers)}")
    yield wire
    await wire.store.close()


async def transact(store: Store, *writes: Write) -> list[Row | None]:
    return await store.transact("rows", "p", writes)


type Use = Callable[[Store, Row], Awaitable[Any]]
RECOGNISED: dict[str, Use] = {
    "insert": lambda store, _: store.insert("rows", "p", "new", {"n": 2}),
    "replace": lambda store, row: store.replace(row, {"n": 2}),
    "a transaction with a deletion": lambda store, row: transact(
        store, Delete(row), Insert("new", {"n": 2}), Insert("other", {"n": 3})
    ),
    "a transaction of one": lambda store, row: transact(store, Replace(row, {"n": 2})),
}


@pytest.mark.parametrize("case", RECOGNISED)
async def test_a_write_that_the_client_sent_twice_is_its_own(wire: Lossy, case: str) -> None:
    row = await wire.store.insert("rows", "p", "old", {"n": 1})
    sent, wire.lost = len(wire.sizes), 1
    after = await RECOGNISED[case](wire.store, row)
    assert len(wire.sizes) == sent + 2
    written = [each for each in (after if isinstance(after, list) else [after]) if each]
    assert written == [await wire.store.get("rows", "p", each.key) for each in written]


@pytest.mark.parametrize("case", RECOGNISED)
async def test_an_equal_body_of_another_is_not_taken_for_its_own(wire: Lossy, case: str) -> None:
    row = await wire.store.insert("rows", "p", "old", {"n": 1})
    await wire.store.replace(row, {"n": 2})
    await wire.store.insert("rows", "p", "new", {"n": 2})
    with pytest.raises((RowExists, RowChanged)):
        await RECOGNISED[case](wire.store, row)


async def test_a_transaction_is_its_own_where_one_row_was_written_over(wire: Lossy) -> None:
    row = await wire.store.insert("rows", "p", "old", {"n": 1})
    by_another: list[Row] = []

    async def write_over() -> None:
        for key in ("old", "new"):
            found = await wire.store.get("rows", "p", key)
            assert found is not None
            by_another.append(await wire.store.replace(found, {"by": "another"}))

    wire.lost, wire.meanwhile = 1, write_over
    writes = (Replace(row, {"n": 2}), Insert("new", {"n": 2}), Insert("kept", {"n": 2}))
    after = await transact(wire.store, *writes)
    assert [each and each.body for each in after] == [{"n": 2}] * 3
    for each in after[:2]:
        assert each is not None
        with pytest.raises(RowChanged):
            await wire.store.replace(each, {"n": 3})
    assert [await wire.store.get("rows", "p", key) for key in ("old", "new")] == by_another
    assert after[2] == await wire.store.get("rows", "p", "kept")


async def test_deletions_alone_are_not_recognised(wire: Lossy) -> None:
    """As the contract says: nothing of them is left to know them by."""
    row = await wire.store.insert("rows", "p", "old", {"n": 1})
    wire.lost = 1
    with pytest.raises(RowChanged):
        await transact(wire.store, Delete(row))
    assert await wire.store.get("rows", "p", "old") is None


async def test_a_transaction_without_an_answer_is_unknown(wire: Lossy) -> None:
    row = await wire.store.insert("rows", "p", "old", {"n": 1})
    wire.lost, wire.connection = 1, True
    with pytest.raises(StoreUnavailable):
        await transact(wire.store, Replace(row, {"n": 2}))


@pytest.mark.parametrize(
    ("count", "body"),
    [
        (4, {"x": "\\" * ((LONGEST_TRANSACTION_BYTES // 4 - 30) // 4)}),
        (MOST_WRITES, {"x": "漢" * ((LONGEST_TRANSACTION_BYTES // MOST_WRITES - 30) // 6)}),
    ],
)
async def test_the_largest_transaction_is_one_that_azure_takes(
    wire: Lossy, count: int, body: dict[str, str]
) -> None:
    partition, last = '"' * 256, "<" * 253
    await wire.store.transact(
        "rows", partition, [Insert(f"{n:03d}{last}", body) for n in range(count)]
    )
    assert LONGEST_TRANSACTION_BYTES < max(wire.sizes) < AZURE_TAKES_BYTES
