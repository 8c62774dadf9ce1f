"""Who may only read (Storage Table Data Reader) can look: a read of Azure Tables sends
nothing but GET, and finds a table that is not there yet empty."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, override

import pytest
import pytest_asyncio
from azure.core.pipeline.transport import AioHttpTransport
from azure.data.tables.aio import TableServiceClient

from shared.errors import RowChanged, RowExists
from shared.store.contract import Delete, Insert, Row, Store
from shared.store.tables import OPTIONS, TablesStore
from tests.azurite import Azurite

pytestmark = pytest.mark.asyncio(loop_scope="session")
_numbers = itertools.count()


class Wire(AioHttpTransport):
    """Keeps what is sent: method and the path below the account."""

    store: TablesStore
    """That sends through it."""
    sent: tuple[tuple[str, str], ...] = ()

    @override
    async def send(self, request: Any, **given: Any) -> Any:
        path = request.url.partition("/devstoreaccount1/")[2]
        self.sent += ((request.method, path.partition("?")[0].partition("(")[0]),)
        return await super().send(request, **given)

    def take(self) -> tuple[tuple[str, str], ...]:
        sent, self.sent = self.sent, ()
        return sent


@pytest_asyncio.fixture(loop_scope="session")
async def wire(running_azurite: Azurite) -> AsyncIterator[Wire]:
    wire = Wire()
    text = running_azurite.connection_string()
    service = TableServiceClient.from_connection_string(text, **OPTIONS, transport=wire)
    wire.store = TablesStore(service, f"reads{next(_numbers)}")
    yield wire
    await wire.store.close()


async def get(store: Store) -> list[Row]:
    row = await store.get("rows", "p", "k")
    return [] if row is None else [row]


async def query(store: Store) -> list[Row]:
    return [row async for row in store.query("rows")]


async def query_partition(store: Store) -> list[Row]:
    return [row async for row in store.query("rows", "p", after="a", limit=3)]


READS: list[Callable[[Store], Awaitable[list[Row]]]] = [get, query, query_partition]
STALE = Row("rows", "p", "k", {}, "W/\"datetime'2026-01-31T00%3A00%3A00.0000000Z'\"")
WRITES: dict[str, Callable[[Store], Awaitable[Any]]] = {
    "insert": lambda store: store.insert("rows", "p", "k", {}),
    "transact": lambda store: store.transact("rows", "p", [Insert("k", {})]),
    "replace": lambda store: store.replace(STALE, {}),
    "delete": lambda store: store.delete(STALE),
    "transact a deletion": lambda store: store.transact("rows", "p", [Delete(STALE)]),
}


@pytest.mark.parametrize("read", READS)
async def test_a_table_that_is_not_there_reads_as_empty_and_is_not_made(
    wire: Wire, read: Callable[[Store], Awaitable[list[Row]]]
) -> None:
    for _ in range(2):
        assert await read(wire.store) == []
        assert {method for method, _ in wire.take()} == {"GET"}


@pytest.mark.parametrize("read", READS)
async def test_a_read_of_rows_that_are_there_writes_nothing(
    wire: Wire, running_azurite: Azurite, read: Callable[[Store], Awaitable[list[Row]]]
) -> None:
    prefix = f"reads{next(_numbers)}"
    by_another = TablesStore.from_connection_string(running_azurite.connection_string(), prefix)
    row = await by_another.insert("rows", "p", "k", {})
    reader = TablesStore(wire.store._service, prefix)
    assert await read(reader) == [row]
    assert {method for method, _ in wire.take()} == {"GET"}
    await by_another.close()


@pytest.mark.parametrize("write", WRITES)
async def test_a_write_makes_the_table_once(wire: Wire, write: str) -> None:
    for read in READS:
        assert await read(wire.store) == []
    wire.take()
    for _ in range(2):
        with contextlib.suppress(RowChanged, RowExists):
            await WRITES[write](wire.store)
    assert [path for method, path in wire.take() if method == "POST"].count("Tables") == 1
    assert len(await query(wire.store)) == (write in ("insert", "transact"))


async def test_a_table_that_another_makes_meanwhile_is_found(
    wire: Wire, running_azurite: Azurite
) -> None:
    assert await query(wire.store) == []
    by_another = TablesStore.from_connection_string(
        running_azurite.connection_string(), wire.store._prefix
    )
    row = await by_another.insert("rows", "p", "k", {})
    assert await query(wire.store) == await get(wire.store) == [row]
    assert {method for method, _ in wire.take()} == {"GET"}
    await by_another.close()
