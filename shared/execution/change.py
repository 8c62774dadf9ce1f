"""The one way to make a single change, intent, call, outcome; and the end of intents
whose process died before the outcome."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from shared.arm_ids import fold
from shared.audit.journal import PROCESS_ENDED, Chain, Detail, Journal
from shared.errors import AzureCallFailed
from shared.execution.lock_window.ledger import LockLedger


async def change(
    journal: Journal,
    chain: Chain,
    kind: str,
    target: str,
    call: Callable[[], Awaitable[str]],
    detail: Detail = None,
) -> str:
    """Write the intent, make the call, write the outcome. Returns ARM's correlation id.

    Where the intent cannot be written nothing is called. Raises what the call raises,
    after its outcome is written.
    """
    await journal.intent(chain, kind, target, detail)
    try:
        correlation_id = await call()
    except AzureCallFailed as error:
        await journal.failed(chain, kind, target, error)
        raise
    await journal.outcome(chain, kind, target, "done", correlation_id)
    return correlation_id


async def close_intents(journal: Journal, ledger: LockLedger, chain: Chain) -> None:
    """Record of each change without an outcome that its answer is not known. A lock
    that is off keeps its intent until it is back. Raises StoreUnavailable."""
    off = {fold(entry.lock.id) for entry in await ledger.open_locks()}
    await journal.close_intents(chain, PROCESS_ENDED, lambda _, target: target not in off)
