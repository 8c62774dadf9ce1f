"""Compare-and-swap: the one loop by which a row is changed while others may write it.

Each attempt reads the newest version, asks for the body that it should have, and writes
that over exactly the version read. Where somebody else wrote in between, it backs off
for a random time, which doubles at most with each attempt, and reads again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress

from tenacity import AsyncRetrying, RetryError, retry_if_exception_type
from tenacity.stop import stop_after_attempt
from tenacity.wait import wait_random_exponential

from shared.errors import RowChanged, RowExists, StoreUnavailable
from shared.store.contract import Body, Store

ATTEMPTS = 50
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.01, 0.5
type Change = Callable[[Body | None], Awaitable[Body]]
"""From the newest body, None where there is no row, to the body that it should have.
Called once an attempt, so it must be repeatable; what it raises ends the update."""


async def update(store: Store, table: str, partition: str, key: str, change: Change) -> Body:
    """Apply `change` to the newest version of a row, which is inserted where there is
    none. Returns the body that the row then has; nothing is written where that is
    unchanged.

    Raises StoreUnavailable, also when others kept writing the row.
    """
    retrying = AsyncRetrying(
        retry=retry_if_exception_type((RowExists, RowChanged)),
        wait=wait_random_exponential(multiplier=FIRST_PAUSE_SECONDS, max=LONGEST_PAUSE_SECONDS),
        stop=stop_after_attempt(ATTEMPTS),
    )
    try:
        return await retrying(_update_once, store, table, partition, key, change)
    except RetryError as error:
        raise StoreUnavailable(
            f"the row {table}/{partition}/{key} was written by too many at once"
        ) from error


async def _update_once(store: Store, table: str, partition: str, key: str, change: Change) -> Body:
    """One attempt. Raises RowExists or RowChanged where somebody else wrote first."""
    row = await store.get(table, partition, key)
    body = await change(row.body if row else None)
    if row is None:
        return (await store.insert(table, partition, key, body)).body
    if body == row.body:
        return row.body
    return (await store.replace(row, body)).body


async def remove(store: Store, table: str, partition: str, key: str) -> None:
    """Delete the row as it is now. A row that is gone, or that somebody writes at this
    moment, is left to whoever did that."""
    row = await store.get(table, partition, key)
    if row is not None:
        with suppress(RowChanged):
            await store.delete(row)
