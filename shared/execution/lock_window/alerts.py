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


async def alert_not_back(settings: Settings, entry: LockRow, problem: str) -> None:
    """Alert at the first failed attempt, then with backoff (attempts 2, 4, 8, ...); the
    log has each. Never raises: the lock matters more."""
    logging.error("lock not back: %s (attempt %d): %s", entry.lock.id, entry.attempts, problem)
    if not settings.topic_endpoint or entry.attempts & (entry.attempts - 1):
        return
    try:
        await publish_event(
            settings, LOCK_NOT_BACK, entry.lock.scope, to_json(entry) | {"problem": problem}
        )
    except RemediatorError as error:
        logging.error(
            "the alert event about the lock %s could not be published: %s", entry.lock.id, error
        )
