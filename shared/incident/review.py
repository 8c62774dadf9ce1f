"""What people say of an incident after looking at it.

Each review is an entry of the incident's audit chain, and stays there. It is about the
whole incident, or about one entry of its chain. One row for each incident holds the
newest review of the whole, and the list of incidents holds its state, for filtering;
the chain is the record, and both can be made from it again.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from shared.audit.entry import Entry
from shared.audit.log import AuditLog
from shared.codec import from_json, to_json
from shared.errors import NotUsable
from shared.incident.listing import Listing
from shared.incident.model import Incident
from shared.store.contract import Body, Store
from shared.store.update import remove, update

REVIEWS = "reviews"
KIND = "review"
LONGEST_WHY_CHARACTERS = 1_000
UNWRITABLE = ("Cc", "Cs")
"""Control characters and lone surrogates."""


class State(StrEnum):
    SEEN = "seen"
    ACCEPTED = "accepted"
    DISPUTED = "disputed"
    FOLLOW_UP = "follow_up"


@dataclass(frozen=True, slots=True)
class Review:
    state: State
    by: str
    """The person who signed in, or the local user of the command line."""
    at: str
    why: str
    seq: int
    """Place of its entry in the incident's chain; the newest review has the highest."""
    about: int | None = None
    """The entry that it is about; None: the whole incident."""


async def review(
    store: Store,
    audit: AuditLog,
    incident: Incident,
    by: str,
    state: str,
    why: str,
    about: int | None = None,
) -> Review:
    """Put a review on record and return it. `about`: the entry of the incident's chain
    that it is about, else the whole incident.

    Raises NotUsable for input that is no review, and StoreUnavailable: then send it
    again. The entry is written first: where the store fails after it, sending again
    adds a second entry and mends the row.
    """
    chosen, reason = _state(state), _why(why)
    if about is not None:
        await _require_entry(audit, incident, about)
    of = f" (entry {about})" if about is not None else ""
    detail = {"state": chosen.value, "why": reason} | (
        {"about": about} if about is not None else {}
    )
    entry = await _note(audit, incident, KIND, f"{chosen}{of}: {reason}", by, detail)
    made = Review(chosen, by, entry.at, reason, entry.seq, about)
    if about is None:
        await _keep_newest(store, incident.id, made)
        await Listing(store).reviewed(incident, chosen, entry.seq)
    return made


async def _require_entry(audit: AuditLog, incident: Incident, seq: int) -> None:
    if not any([entry.seq == seq async for entry in audit.entries(incident=incident.id)]):
        raise NotUsable(f"the incident has no entry {seq}")


async def newest(store: Store, incident_id: str) -> Review | None:
    row = await store.get(REVIEWS, "incident", incident_id)
    return from_json(Review, row.body) if row else None


async def forget(store: Store, incident_id: str) -> None:
    """Remove the row of an incident that is no longer kept."""
    # a row that is written at this moment stays; the next run removes it
    await remove(store, REVIEWS, "incident", incident_id)


async def _note(
    audit: AuditLog, incident: Incident, kind: str, result: str, by: str, detail: dict[str, Any]
) -> Entry:
    return await audit.append(
        incident=incident.id,
        vm=incident.vm_id,
        kind=kind,
        target=incident.vm_id,
        phase="note",
        result=result,
        actor=by,
        correlation_id="",
        detail=detail,
    )


async def _keep_newest(store: Store, incident_id: str, made: Review) -> None:
    async def choose_newer(current: Body | None) -> Body:
        if current and from_json(Review, current).seq >= made.seq:
            return current  # a later review
        return dict(to_json(made))

    await update(store, REVIEWS, "incident", incident_id, choose_newer)


def _state(text: str) -> State:
    try:
        return State(text)
    except ValueError as error:
        raise NotUsable(f"state is {text[:40]!r}; it takes one of {', '.join(State)}") from error


def _why(text: str) -> str:
    """The reason, with plain line ends instead of those that a browser's form sends.
    Raises NotUsable for text that cannot be kept or read."""
    why = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if not 1 <= len(why) <= LONGEST_WHY_CHARACTERS:
        raise NotUsable(f"why has {len(why)} characters; it takes 1 to {LONGEST_WHY_CHARACTERS}")
    if any(unicodedata.category(char) in UNWRITABLE and char not in "\n\t" for char in why):
        raise NotUsable("why has control characters, or is no text")
    return why
