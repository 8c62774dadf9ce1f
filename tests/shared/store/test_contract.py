"""What the product needs of a store, of both in the same words."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from azure.data.tables.aio import TableServiceClient

from shared.errors import RowChanged, RowExists, StoreUnavailable
from shared.store.contract import Insert, Row, Store
from shared.store.sqlite import SqliteStore
from shared.store.tables import TablesStore
from tests.azurite import azurite

pytestmark = pytest.mark.asyncio(loop_scope="session")
AT_ONCE = 20


async def keys(store: Store, **narrowed: Any) -> list[tuple[str, str]]:
    return [(row.partition, row.key) async for row in store.query("rows", **narrowed)]


async def winners(attempts: list[Awaitable[Any]], loses: type[Exception]) -> int:
    ends = await asyncio.gather(*attempts, return_exceptions=True)
    assert all(not isinstance(end, BaseException) or isinstance(end, loses) for end in ends), ends
    return sum(not isinstance(end, BaseException) for end in ends)


@pytest.mark.parametrize(
    "key", ["", "a/b", "a\\b", "a#b", "a?b", "a%b", "a'b", "a\nb", "ü", "x" * 257]
)
async def test_a_key_that_not_every_store_takes_is_refused_by_both(store: Store, key: str) -> None:
    for partition, name in ((key, "fine"), ("fine", key)):
        with pytest.raises(ValueError):
            await store.insert("rows", partition, name, {})
        with pytest.raises(ValueError):
            await store.get("rows", partition, name)
    assert await keys(store) == []


@pytest.mark.parametrize(
    "body",
    [{"x": float("nan")}, {"x": "\ud800"}, {"x": "y" * 500_000}, {"x": object()}],
    ids=str.__class__,
)
async def test_a_body_that_cannot_be_kept_is_refused_by_both(
    store: Store, body: dict[str, Any]
) -> None:
    with pytest.raises((ValueError, TypeError)):
        await store.insert("rows", "p", "k", body)
    assert await keys(store) == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": "ü € 漢字 🚀 \u0000 \t", "number": 1.5, "none": None, "yes": True},
        {"nested": {"list": [1, {"deep": ["x"]}]}},
        {"Body00": "a name that the store itself uses", "PartitionKey": "x"},
        {"long": "🚀" * 70_000},
        {"long": "x" * 300_000},
    ],
    ids=["empty", "unicode", "nested", "own names", "long emoji", "300 KB"],
)
async def test_what_was_written_is_read(store: Store, body: dict[str, Any]) -> None:
    written = await store.insert("rows", "p", "k", body)
    read = await store.get("rows", "p", "k")
    assert read == written
    assert read is not None and read.body == body


async def test_insert_is_refused_where_a_row_is(store: Store) -> None:
    await store.insert("rows", "p", "k", {"first": True})
    with pytest.raises(RowExists):
        await store.insert("rows", "p", "k", {"first": False})
    row = await store.get("rows", "p", "k")
    assert row is not None and row.body == {"first": True}
    await store.insert("other", "p", "k", {})
    await store.insert("rows", "p2", "k", {})
    await store.insert("rows", "p", "K", {})


async def test_replace_and_delete_take_exactly_the_version_that_was_read(store: Store) -> None:
    old = await store.insert("rows", "p", "k", {"n": 1})
    new = await store.replace(old, {"n": 2})
    for stale in (lambda: store.replace(old, {"n": 3}), lambda: store.delete(old)):
        with pytest.raises(RowChanged):
            await stale()
    assert await store.get("rows", "p", "k") == new
    await store.delete(new)
    assert await store.get("rows", "p", "k") is None
    for gone in (lambda: store.replace(new, {"n": 3}), lambda: store.delete(new)):
        with pytest.raises(RowChanged):
            await gone()
    again = await store.insert("rows", "p", "k", {"n": 4})
    with pytest.raises(RowChanged):
        await store.replace(
            Row("rows", "p", "k", {}, "99" if again.version.isdecimal() else new.version), {}
        )


async def test_one_of_many_wins(store: Store) -> None:
    assert (
        await winners([store.insert("rows", "p", "k", {"n": n}) for n in range(AT_ONCE)], RowExists)
        == 1
    )
    row = await store.get("rows", "p", "k")
    assert row is not None
    assert await winners([store.replace(row, {"n": n}) for n in range(AT_ONCE)], RowChanged) == 1
    row = await store.get("rows", "p", "k")
    assert row is not None
    assert await winners([store.delete(row) for _ in range(AT_ONCE)], RowChanged) == 1


async def test_queries_are_in_order_and_narrowed(store: Store) -> None:
    for partition, key in [("b", "2"), ("a", "10"), ("a", "1"), ("a", "2"), ("b", "1")]:
        await store.insert("rows", partition, key, {})
    everything = [("a", "1"), ("a", "10"), ("a", "2"), ("b", "1"), ("b", "2")]
    assert await keys(store) == everything
    assert await keys(store, partition="a") == everything[:3]
    assert await keys(store, partition="a", after="1") == everything[1:3]
    assert await keys(store, partition="a", after="2") == []
    assert await keys(store, limit=2) == everything[:2]
    assert await keys(store, partition="none") == []
    with pytest.raises(ValueError):
        await keys(store, after="1")


async def test_queries_go_over_pages(store: Store) -> None:
    names = [f"{number:05d}" for number in range(1_100)]
    for start in range(0, len(names), 100):
        await asyncio.gather(
            *(store.insert("rows", "p", name, {}) for name in names[start : start + 100])
        )
    assert [key for _, key in await keys(store, partition="p")] == names
    assert len(await keys(store, limit=1_050)) == 1_050


async def test_ping_proves_that_it_takes_writes(store: Store) -> None:
    await store.ping()
    await store.ping()


USES: list[Callable[[Store], Awaitable[Any]]] = [
    lambda store: store.insert("rows", "p", "k", {}),
    lambda store: store.replace(Row("rows", "p", "k", {}, "1"), {}),
    lambda store: store.delete(Row("rows", "p", "k", {}, "1")),
    lambda store: store.transact("rows", "p", [Insert("k", {})]),
    lambda store: store.get("rows", "p", "k"),
    lambda store: keys(store),
    lambda store: store.ping(),
]


async def test_a_service_that_is_gone_is_said_to_be() -> None:
    async with azurite() as running:
        store = TablesStore.from_connection_string(running.connection_string(), "gone")
        await store.ping()
        await store.insert("rows", "p", "other", {})
        await running.stop()
        for use in USES:
            with pytest.raises(StoreUnavailable):
                await use(store)
        await store.close()


async def test_a_file_that_is_none_is_said_to_be(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "missing" / "store.db"):
        for use in USES:
            with pytest.raises(StoreUnavailable):
                await use(SqliteStore(place))


async def test_a_table_that_somebody_deleted_is_no_empty_table(running_azurite: Any) -> None:
    text = running_azurite.connection_string()
    store = TablesStore.from_connection_string(text, "deleted")
    await store.insert("rows", "p", "k", {})
    async with TableServiceClient.from_connection_string(text) as service:
        await service.delete_table("deletedrows")
    for use in USES[:-1]:
        with pytest.raises(StoreUnavailable):
            await use(store)
    await store.close()


async def test_a_table_that_was_read_and_deleted_since_is_no_empty_table(
    running_azurite: Any,
) -> None:
    text = running_azurite.connection_string()
    writer = TablesStore.from_connection_string(text, "readbefore")
    await writer.insert("rows", "p", "k", {})
    for use in (USES[4], USES[5]):
        reader = TablesStore.from_connection_string(text, "readbefore")
        await use(reader)
        async with TableServiceClient.from_connection_string(text) as service:
            await service.delete_table("readbeforerows")
        for again in USES[:-1]:
            with pytest.raises(StoreUnavailable):
                await again(reader)
        await reader.close()
        await writer.close()
        writer = TablesStore.from_connection_string(text, "readbefore")
        await writer.insert("rows", "p", "k", {})
    await writer.close()
