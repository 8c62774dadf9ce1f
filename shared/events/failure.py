"""Builds the failure event: the last step of every shape's reader."""

from __future__ import annotations

import re

from shared.errors import NotOurs, NotUsable
from shared.events import wire
from shared.events.model import CodeHint, FailureEvent
from shared.events.vm_items import Item
from shared.events.wire import Wire

JOB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


def build_failure(
    alert: Wire,
    item: Item,
    job_id: str,
    hints: tuple[CodeHint, ...],
    shape: str,
    event_id: str,
    fired: str = "",
) -> FailureEvent:
    """`job_id` is "" where none is named; `fired` is the time of the event, for an
    alert that names none.

    Raises NotOurs where the item is not an Azure VM, NotUsable for an impossible job
    id.
    """
    if job_id and not JOB_ID.fullmatch(job_id):
        raise NotUsable(f"not a job id: {job_id[:120]!r}")
    if not item.vm_id:
        raise NotOurs(f"not an Azure VM: the item is {item.name}")
    essentials = wire.essentials(alert)
    return failure_of_item(
        item,
        job_id,
        hints,
        shape,
        description=wire.text(essentials, "description"),
        fired_at=wire.text(essentials, "firedDateTime") or fired,
        alert_id=wire.text(essentials, "alertId"),
        event_id=event_id,
    )


def failure_of_item(
    item: Item,
    job_id: str,
    hints: tuple[CodeHint, ...],
    shape: str,
    *,
    description: str,
    fired_at: str,
    alert_id: str = "",
    event_id: str = "",
) -> FailureEvent:
    """The failure of a vault's item. `alert_id`, `event_id`: "" where no event reports
    it."""
    return FailureEvent(
        subscription_id=item.subscription_id,
        vault_id=item.vault_id,
        vm_id=item.vm_id,
        container_name=item.container,
        item_name=item.name,
        job_id=job_id,
        error_code_hints=hints,
        description=description,
        fired_at=fired_at,
        alert_id=alert_id,
        shape=shape,
        event_id=event_id,
    )
