"""The one way to make a single change, in this order: fence, intent, last look,
request, outcome, answer. And the end of intents whose process died before the outcome.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from shared.arm_ids import fold
from shared.audit.journal import NOT_BEGUN, PROCESS_ENDED, Chain, Journal
from shared.errors import AzureCallFailed, StoreUnavailable
from shared.execution.fence import Fence, Pass
from shared.execution.lock_window.ledger import LockLedger
from shared.incident.model import Answer, Incident
from shared.incident.outcome import Outcome, StepOutcome

type Accepted = Callable[[], Awaitable[None]]
"""To be called once Azure has accepted the request."""


class NotSent(Exception):
    """Nothing was sent, and why: BUSY where another execution was first."""

    def __init__(self, outcome: StepOutcome) -> None:
        super().__init__(outcome.detail)
        self.outcome = outcome


async def _nothing_new() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Change:
    """One request that changes something."""

    kind: str
    target: str
    send: Callable[[Accepted], Awaitable[str]]
    """Sends one request and waits for its end. Returns ARM's correlation id."""
    look: Callable[[], Awaitable[StepOutcome | None]] = _nothing_new
    """The last look, right before the request: why not to send it after all."""
    ends: Answer = Answer.DONE
    """What it comes to once `send` has returned."""
    unanswered: Answer = Answer.NONE
    """What it comes to without an answer. NONE: the fence holds everybody back until it
    can take effect no more."""


async def change(fence: Fence, incident: Incident, wanted: Change) -> Pass:
    """Make the change, at most once for what `incident` says. Returns the leave that it
    was sent with.

    Raises NotSent; what the request raises, after its outcome is written; and
    StoreUnavailable: where fence or intent cannot be written, nothing is sent.
    """
    leave = await fence.enter(incident, wanted.kind, wanted.target)
    if leave is None:
        raise NotSent(StepOutcome(Outcome.BUSY, "another execution was first"))
    await fence.journal.intent(incident, wanted.kind, wanted.target)
    late = await wanted.look()
    if late is None and not leave.in_time:
        late = StepOutcome(Outcome.BUSY, "the last look took too long to act on it")
    if late is not None:
        result = f"{NOT_BEGUN}{late.detail}"
        await fence.journal.outcome(incident, wanted.kind, wanted.target, result, "")
        await fence.leave_unsent(incident.id, leave)
        raise NotSent(late)
    await _send(fence, incident, wanted, leave)
    return leave


async def _send(fence: Fence, incident: Incident, wanted: Change, leave: Pass) -> None:
    async def accepted() -> None:
        try:
            await fence.answer(incident.id, leave.sent, Answer.ACCEPTED)
        except StoreUnavailable:  # it runs all the same, and is followed to its end
            logging.exception("%s of %s was accepted", wanted.kind, wanted.target)

    try:
        correlation_id = await wanted.send(accepted)
    except AzureCallFailed as error:
        await fence.journal.failed(incident, wanted.kind, wanted.target, error)
        ended = wanted.unanswered if error.may_have_happened else Answer.FAILED
        if ended is not Answer.NONE:
            await fence.answer(incident.id, leave.sent, ended)
        raise
    await fence.journal.outcome(incident, wanted.kind, wanted.target, "done", correlation_id)
    await fence.answer(incident.id, leave.sent, wanted.ends)


async def close_intents(journal: Journal, ledger: LockLedger, chain: Chain) -> None:
    """Record of each change without an outcome that its answer is not known. A lock
    that is off keeps its intent until it is back; a request that may be under way,
    until the fence lets it go or its incident ends. Raises StoreUnavailable."""
    kept = {fold(entry.lock.id) for entry in await ledger.open_locks()}
    if isinstance(chain, Incident) and not chain.ended:
        kept |= {fold(sent.target) for sent in chain.sent if sent.under_way}
    await journal.close_intents(chain, PROCESS_ENDED, lambda _, target: target not in kept)
