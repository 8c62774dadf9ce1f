"""Checks what works and what does not, with the reason. A check that cannot be made has
failed: unknown is never "fine"."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from shared import clock
from shared.app import App
from shared.arm_ids import fold
from shared.errors import RemediatorError
from shared.execution.lock_window.lock_row import LockRow, LockState
from shared.execution.lock_window.words import name_lock, say_state, unreadable, window_unreadable

SWEEP_LATE_SECONDS = 2 * 3600
"""The timer runs twice an hour."""
CHECK_SECONDS = 5.0
"""Time limit of one check, and of the report: checks run concurrently."""


async def report(app: App) -> dict[str, Any]:
    """{"status": "ok" | "degraded", "at", "mode",
    "checks": [{"name", "ok", "reason"}]}"""
    checks = await asyncio.gather(*(_check(name, check, app) for name, check in CHECKS.items()))
    status = "ok" if all(check["ok"] for check in checks) else "degraded"
    return {"status": status, "at": clock.now(), "mode": app.settings.mode, "checks": checks}


async def _check(name: str, check: Callable[[App], Awaitable[str]], app: App) -> dict[str, Any]:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return {"name": name, "ok": True, "reason": await check(app)}
    except TimeoutError:
        return {"name": name, "ok": False, "reason": f"no answer within {CHECK_SECONDS:g} s"}
    except RemediatorError as error:
        return {"name": name, "ok": False, "reason": str(error)}


async def _check_store(app: App) -> str:
    await app.store.ping()
    return "takes writes"


async def _check_azure(app: App) -> str:
    own = await app.own_subscription()
    if fold(own) not in [fold(each) for each in await app.visible_subscriptions()]:
        raise RemediatorError(f"the identity does not see the subscription {own}")
    return f"looks after subscription {own}"


async def _check_topic(app: App) -> str:
    if not app.settings.topic_endpoint:
        raise RemediatorError(
            "REMEDIATOR_TOPIC_ENDPOINT is not set: the bridge cannot publish alerts"
        )
    return app.settings.topic_endpoint


async def _check_locks(app: App) -> str:
    hands, strange_rows = await app.ledger.read_all()
    rows = [hand.row for hand in hands]
    strange = [str(unreadable(each)) for each in strange_rows]
    late = [
        f"{name_lock(row.lock)} {say_state(row)} (incident {row.incident_id})"
        for row in rows
        if row.needs_somebody or _is_stuck(app, row)
    ]
    strange += map(window_unreadable, await app.windows.unreadable())
    if problems := strange + late:
        raise RemediatorError(f"not back in time: {'; '.join(problems)}")
    watched = sum(row.state is LockState.WATCHED for row in rows)
    off = sum(row.open for row in rows) - watched
    if not off and not watched:
        return "none is off"
    return f"{off} off at the moment, {watched} watched"


def _is_stuck(app: App, row: LockRow) -> bool:
    """Whether it should have been over by now: neither its fix nor the guardian was
    able to put it back, or to end its watch."""
    grace, due = app.settings.guardian_grace_seconds, row.deadline
    if row.state is LockState.WATCHED:
        # A body that was read late may keep the watch open for that long.
        grace, due = grace + app.settings.stale_seconds, row.watch_until
    return row.open and clock.after(due, grace) <= clock.now()


async def _check_sweep(app: App) -> str:
    last = await app.watermark.last_run()
    if last is None:
        if app.seconds_up() > SWEEP_LATE_SECONDS:
            raise RemediatorError(
                "the sweep has never run: see whether the timer `sweep` is disabled"
            )
        return "has not run yet"
    if clock.after(str(last["at"]), SWEEP_LATE_SECONDS) < clock.now():
        raise RemediatorError(
            f"last run at {last['at']}: see whether the timer `sweep` is disabled"
        )
    if last["problems"]:
        raise RemediatorError(f"the run of {last['at']}: {last['told']}")
    return f"{last['at']}: {last['told']}"


CHECKS: dict[str, Callable[[App], Awaitable[str]]] = {
    "audit store": _check_store,
    "azure resource manager": _check_azure,
    "event grid topic": _check_topic,
    "locks": _check_locks,
    "sweep": _check_sweep,
}
