"""The one way to make a single change: intent, call, outcome."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from shared.audit.journal import Chain, Detail, Journal
from shared.errors import AzureCallFailed


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
