"""Alerts that a lock is not back: an error in the log, and an event on the Event Grid
topic."""

from __future__ import annotations

import logging

from shared.azure.topic import publish_event
from shared.codec import to_json
from shared.errors import RemediatorError
from shared.events.model import LOCK_NOT_BACK
from shared.execution.lock_window.lock_row import LockRow
from shared.settings import Settings


def is_told(attempts: int) -> bool:
    """Whether this many failed attempts are told again: the 1st, 2nd, 4th, 8th, ..."""
    return attempts & (attempts - 1) == 0


async def alert_not_back(settings: Settings, entry: LockRow, problem: str) -> None:
    """The log has each failed attempt, the topic those of `is_told`. Never raises: the
    lock matters more."""
    logging.error("lock not back: %s (attempt %d): %s", entry.lock.id, entry.attempts, problem)
    if not settings.topic_endpoint or not is_told(entry.attempts):
        return
    try:
        await publish_event(
            settings, LOCK_NOT_BACK, entry.lock.scope, to_json(entry) | {"problem": problem}
        )
    except RemediatorError as error:
        logging.error(
            "the alert event about the lock %s could not be published: %s", entry.lock.id, error
        )
