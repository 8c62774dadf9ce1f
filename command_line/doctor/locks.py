"""Whether a lock is off because of the app, by its ledger. A deployment or a tear-down
would take away what puts it back."""

from __future__ import annotations

from collections.abc import AsyncIterator

from command_line.doctor.installation import Installation, Result, properties
from command_line.opening import open_at
from command_line.unsettled import find_unsettled
from shared.errors import RemediatorError
from shared.store.open import PREFIX

LOCKS = "locks are back"
RIGHT = "sign in as somebody with Storage Table Data Reader on the storage account"


async def check_locks(on: Installation, storage: str | None) -> AsyncIterator[Result]:
    """`storage`: where the ledger is; None: the tables of the installation's own
    storage account."""
    where = storage or _table_endpoint(on)
    if not where:
        yield Result(LOCKS, None, "where the lock ledger is, is not known", "name it: --storage")
        return
    prefix = on.settings.get("REMEDIATOR_TABLE_PREFIX") or PREFIX
    try:
        store = open_at(where, prefix, write=False)
        try:
            found = await find_unsettled(store)
        finally:
            await store.close()
    except RemediatorError as error:
        yield Result(LOCKS, None, f"the lock ledger cannot be read: {error}", RIGHT)
        return
    for each in found:
        yield Result(LOCKS, False, each.what, each.mend)
    if not found:
        yield Result(LOCKS, True, "none is off, no window is open")


def _table_endpoint(on: Installation) -> str:
    endpoints = properties(on.storage).get("primaryEndpoints") or {}
    return str(endpoints.get("table") or "").rstrip("/")
