"""A transaction writes all or nothing, in both stores in the same way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from shared.errors import NotAKey, RowChanged, RowExists, StoreError
from shared.store.contract import Delete, Insert, Replace, Row, Store, Write
from shared.store.keys import MOST_WRITES

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def rows(store: Store) -> list[Row]:
    return [row async for row in store.query("rows")]


async def bodies(store: Store) -> dict[str, Any]:
    return {row.key: row.body for row in await rows(store)}


async def transact(store: Store, *writes: Write) -> list[Row | None]:
    return await store.transact("rows", "p", writes)


async def test_a_transaction_writes_all(store: Store) -> None:
    old = await store.insert("rows", "p", "old", {"n": 1})
    gone = await store.insert("rows", "p", "gone", {})
    after = await transact(
        store, Insert("new", {"n": "ü"}), Delete(gone), Replace(old, {"n": [2, {}]})
    )
    assert after == [
        await store.get("rows", "p", "new"),
        None,
        await store.get("rows", "p", "old"),
    ]
    assert await bodies(store) == {"new": {"n": "ü"}, "old": {"n": [2, {}]}}
    new, _, replaced = after
    assert new is not None and replaced is not None
    await transact(store, Replace(replaced, {"n": 3}), Delete(new))
    assert await bodies(store) == {"old": {"n": 3}}


type Refused = Callable[[dict[str, Row]], Write]
REFUSED: dict[str, tuple[Refused, type[StoreError], str]] = {
    "insert over a row": (lambda _: Insert("taken", {}), RowExists, "rows/p/taken"),
    "replace an old version": (lambda old: Replace(old["taken"], {}), RowChanged, "rows/p/taken"),
    "replace a gone row": (lambda old: Replace(old["gone"], {}), RowChanged, "rows/p/gone"),
    "delete an old version": (lambda old: Delete(old["taken"]), RowChanged, "rows/p/taken"),
    "delete a gone row": (lambda old: Delete(old["gone"]), RowChanged, "rows/p/gone"),
}


@pytest.mark.parametrize("place", [0, 1, 3])
@pytest.mark.parametrize("case", REFUSED)
async def test_one_that_does_not_hold_leaves_everything(
    store: Store, case: str, place: int
) -> None:
    made = {key: await store.insert("rows", "p", key, {"n": 1}) for key in ("a", "b", "taken")}
    old = {"taken": made["taken"], "gone": await store.insert("rows", "p", "gone", {})}
    await store.replace(old["taken"], {"n": 2})
    await store.delete(old["gone"])
    refused, error, named = REFUSED[case]
    writes: list[Write] = [Insert("c", {}), Replace(made["a"], {"n": 2}), Delete(made["b"])]
    writes.insert(place, refused(old))
    before = await rows(store)
    with pytest.raises(error, match=named):
        await transact(store, *writes)
    assert await rows(store) == before
    writes.pop(place)
    assert len(await transact(store, *writes)) == 3, "and the store goes on"


async def test_the_first_that_does_not_hold_is_named(store: Store) -> None:
    one = await store.insert("rows", "p", "one", {})
    await store.replace(one, {"n": 2})
    await store.insert("rows", "p", "two", {})
    for writes, error in (
        ([Insert("three", {}), Replace(one, {}), Insert("two", {})], RowChanged),
        ([Insert("three", {}), Insert("two", {}), Delete(one)], RowExists),
    ):
        with pytest.raises(error):
            await transact(store, *writes)


async def test_one_of_many_transactions_wins(store: Store) -> None:
    row = await store.insert("rows", "p", "shared", {"n": 0})
    ends = await asyncio.gather(
        *(
            transact(store, Insert(f"by{n}", {}), Replace(row, {"n": n}), Insert(f"too{n}", {}))
            for n in range(1, 11)
        ),
        return_exceptions=True,
    )
    assert [type(end) for end in ends].count(RowChanged) == 9, ends
    left = await bodies(store)
    winner = left["shared"]["n"]
    assert left == {"shared": {"n": winner}, f"by{winner}": {}, f"too{winner}": {}}


def row_of(table: str, partition: str, key: str = "k") -> Row:
    return Row(table, partition, key, {}, "1")


ASCII, WIDE = "x" * 310_000, "漢" * 60_000
NO_TRANSACTION: dict[str, list[Write]] = {
    "nothing": [],
    "too many": [Insert(f"{n:03d}", {}) for n in range(MOST_WRITES + 1)],
    "two of a key": [Insert("k", {}), Delete(row_of("rows", "p"))],
    "a row of another table": [Replace(row_of("other", "p"), {})],
    "a row of another partition": [Insert("k", {}), Delete(row_of("rows", "q", "l"))],
    "a body too long": [Insert("k", {}), Insert("l", {"x": "y" * 500_000})],
    "no JSON": [Insert("k", {}), Insert("l", {"x": float("nan")})],
    "too long in sum": [Insert(f"{n}", {"x": ASCII}) for n in range(10)],
    "too long in sum as it is sent": [Insert(f"{n}", {"x": WIDE}) for n in range(9)],
}


@pytest.mark.parametrize("case", NO_TRANSACTION)
async def test_what_cannot_be_one_transaction_is_refused_by_both(store: Store, case: str) -> None:
    with pytest.raises(ValueError):
        await transact(store, *NO_TRANSACTION[case])
    assert await rows(store) == []


@pytest.mark.parametrize("place", [("Rows", "p", "k"), ("rows", "p/q", "k"), ("rows", "p", "k'")])
async def test_a_key_that_not_every_store_takes_is_refused(
    store: Store, place: tuple[str, str, str]
) -> None:
    table, partition, key = place
    with pytest.raises(ValueError if table == "Rows" else NotAKey):
        await store.transact(table, partition, [Insert(key, {})])
