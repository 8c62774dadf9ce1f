"""Events taken once more by hand: out of quarantine, or out of a file of stored events
or dead letters."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from shared.errors import NotUsable
from shared.events.model import Several, Unusable
from shared.events.parse import parse
from shared.intake.quarantine import Kept
from shared.intake.take import Intake, Own
from shared.intake.taken import Taken

DEAD_LETTER_FIELDS = (
    "deadLetterReason",
    "deliveryAttempts",
    "lastDeliveryOutcome",
    "lastHttpStatusCode",
    "publishTime",
    "lastDeliveryAttemptTime",
    "deadletterreason",
    "deliveryattempts",
    "lastdeliveryoutcome",
    "lasthttpstatuscode",
    "publishtime",
    "lastdeliveryattempttime",
)
"""What Event Grid adds to an event in a dead-letter blob.
https://learn.microsoft.com/azure/event-grid/manage-event-delivery"""


async def out_of_quarantine(intake: Intake, kept: Kept, own: Own) -> Taken:
    """Take it again; an event that can be used now leaves the quarantine. Raises
    StoreUnavailable, or whatever `own` raises."""
    if kept.cut:
        return Taken("cut: only its first part was kept, so it cannot be taken again")
    found = parse(kept.payload)
    if isinstance(found, Unusable):
        return Taken(f"still of no use: {found.reason}")
    taken = await intake.take(kept.payload, own)
    if isinstance(found, Several) and found.unusable:
        return replace(taken, what=f"still of no use in part: {found.unusable}")
    await intake.release(kept, taken)
    return taken


def events_in(text: str) -> Iterator[str]:
    """Each event of a file as JSON text: one object, an array (as a dead-letter blob
    is), or a line each. Raises NotUsable."""
    try:
        found = json.loads(text)
    except ValueError:
        yield from _lines(text)
        return
    except RecursionError as error:
        raise NotUsable("the file is nested too deeply") from error
    for each in found if isinstance(found, list) else [found]:
        yield _event(each)


def _lines(text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                yield _event(json.loads(line))
            except (ValueError, RecursionError) as error:
                raise NotUsable(
                    f"the file is neither JSON nor JSON Lines: line {number}: {error}"
                ) from error


def _event(value: Any) -> str:
    if not isinstance(value, dict):
        raise NotUsable(f"an event is a JSON object, not {type(value).__name__}")
    return json.dumps(
        {name: each for name, each in value.items() if name not in DEAD_LETTER_FIELDS},
        ensure_ascii=False,
    )
