"""Compare-and-swap: the one loop that changes a row while others may write it.

Each attempt reads the newest version, computes the new body, and writes it over exactly
the version that was read. Where another writer was first, it backs off, exponentially
and with jitter, and reads again.
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
"""From the newest body, None where there is no row, to the new one. It is called once
per attempt, so it must be repeatable; an exception ends the update."""


async def update(store: Store, table: str, partition: str, key: str, change: Change) -> Body:
    """Apply `change` to the newest version of a row, or insert the row where there is
    none. Returns its body afterwards. Where the body stays the same nothing is written.

    Raises StoreUnavailable, also where other writers were first at every attempt.
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
    """One attempt. Raises RowExists or RowChanged where another writer was first."""
    row = await store.get(table, partition, key)
    body = await change(row.body if row else None)
    if row is None:
        return (await store.insert(table, partition, key, body)).body
    if body == row.body:
        return row.body
    return (await store.replace(row, body)).body


async def remove(store: Store, table: str, partition: str, key: str) -> None:
    """Delete a row in its current version. Does nothing where the row is gone, or where
    another writer changes it at this moment."""
    row = await store.get(table, partition, key)
    if row is not None:
        with suppress(RowChanged):
            await store.delete(row)
