"""Takes one event: a failed backup becomes or joins an incident, anything else is set
aside with its reason. Nothing is lost, and bad input raises nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from shared.arm_ids import fold
from shared.audit.journal import Journal
from shared.errors import RemediatorError
from shared.events.model import FailureEvent, Ignored, Several, Unusable
from shared.events.parse import parse
from shared.incident.book import IncidentBook, failure_key
from shared.intake import claim
from shared.intake.quarantine import Kept, Quarantine
from shared.intake.taken import Taken, chain_of_intake
from shared.store.keys import key_of_text

type Own = Callable[[], Awaitable[str]]
"""Gives the subscription that this installation looks after."""


@dataclass(frozen=True, slots=True)
class Intake:
    """Every method raises StoreUnavailable: then the event has to be sent again."""

    book: IncidentBook
    journal: Journal
    kept: Quarantine

    async def take(self, text: str, own_subscription: Own) -> Taken:
        """`own_subscription` is asked only for a failed backup. Raises whatever it
        raises: then Event Grid has to send the event again, too."""
        event = parse(text)
        if isinstance(event, Unusable):
            return await self.quarantine(text, event.reason)
        if isinstance(event, Several):
            return await self._take_several(text, event, own_subscription)
        return await self._take_one(event, own_subscription)

    async def _take_several(self, text: str, event: Several, own_subscription: Own) -> Taken:
        """Each part by itself: a part that cannot be taken does not hold up the next.
        The whole event then has to come again, and finds the other parts known."""
        parts, first_error = [], None
        for each in event.found:
            try:
                parts.append(await self._take_one(each, own_subscription))
            except RemediatorError as error:
                first_error = first_error or error
        if first_error is not None:
            raise first_error
        if event.unusable:
            parts.append(await self.quarantine(text, event.unusable))
        counts = Counter(part.what for part in parts)
        what = ", ".join(f"{count} {name}" for name, count in counts.items())
        first_id = next((part.incident_id for part in parts if part.incident_id), "")
        return Taken(what, first_id, parts=tuple(parts))

    async def _take_one(self, event: FailureEvent | Ignored, own_subscription: Own) -> Taken:
        if isinstance(event, Ignored):
            key = key_of_text(event.key) if event.key else ""
            return await claim.set_aside(self.book, self.journal, event, key)
        if fold(event.subscription_id) != fold(await own_subscription()):
            reason = (
                f"subscription {event.subscription_id} is not the one that this installation looks"
                " after"
            )
            return await self.pass_over(event, reason)
        return await self.claim(event)

    async def claim(self, event: FailureEvent) -> Taken:
        """Take a failed backup of our own subscription."""
        return await claim.claim(self.book, self.journal, event)

    async def knows(self, event: FailureEvent) -> bool:
        """Whether this failure was taken before."""
        return await claim.is_known(self.book, event)

    async def pass_over(self, event: FailureEvent, reason: str) -> Taken:
        """Put a failed backup on record that nothing is done about."""
        ignored = _ignore(event, reason)
        return await claim.set_aside(self.book, self.journal, ignored, failure_key(event))

    async def quarantine(self, text: str, reason: str) -> Taken:
        """Keep what can never be used, or could not be taken, once, with its reason."""
        kept, new = await self.kept.keep(text, reason)
        if not new:
            return Taken("quarantined before")
        detail = {"quarantine": kept.id, "characters": kept.characters}
        await self.journal.note(chain_of_intake(), "quarantine", reason, detail=detail)
        return Taken("quarantined")

    async def release(self, kept: Kept, taken: Taken) -> None:
        """Put on record that it was taken after all, then let it go."""
        result = f"taken again: {taken.what}"
        detail = {"quarantine": kept.id, "incident": taken.incident_id}
        await self.journal.note(chain_of_intake(), "quarantine", result, detail=detail)
        await self.kept.release(kept.id)


def _ignore(event: FailureEvent, reason: str) -> Ignored:
    return Ignored(
        reason=reason,
        shape=event.shape,
        subscription_id=event.subscription_id,
        vm_id=event.vm_id,
        job_id=event.job_id,
        vault_id=event.vault_id,
    )
