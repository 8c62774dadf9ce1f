"""Work that takes a day: a verifying backup of 23 hours, and an incident that waits for
24."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from shared import clock
from shared.diagnosis import begin
from shared.incident.model import Verification
from shared.settings import Settings
from shared.verification import verify
from tests.faults.histories import START, Engine

JOB, WAIT = timedelta(hours=23), timedelta(hours=24)
TOOLS: Any = SimpleNamespace(settings=Settings.from_environment({}))
GIVEN = {"incident_id": "20260131T000000-11111111-5e6f7a8b", "pause_seconds": 10.0}


@contextmanager
def virtual_time(engine: Engine) -> Iterator[None]:
    now, clock.now = clock.now, lambda: clock.as_text(engine.now)
    try:
        yield
    finally:
        clock.now = now


def followed() -> Engine:
    """The follow-up of a backup of 23 hours, with the pauses of the product where
    nothing is set."""
    shown = Verification("11111111-2222-3333-4444-555555555555", since=clock.as_text(START))

    def answers(name: str, _: Any) -> Any:
        if name == "look_at_backup":
            return {
                "ended": engine.now - START >= JOB,
                "seconds": verify._until_next_look(TOOLS, shown),
            }
        return {
            "begin_incident": {"next": "verify", "job_id": shown.job_id, **begin.pace(TOOLS)},
            "conclude_backup": {"next": "stop"},
        }[name]

    engine = Engine(answers)
    with virtual_time(engine):
        engine.run(GIVEN)
    return engine


def waited() -> Engine:
    """An incident whose VM is busy with a restore for 24 hours."""

    def answers(name: str, work: Any) -> Any:
        if name == "before_diagnosis":
            left = (START + WAIT - engine.now).total_seconds()
            return (
                {"next": "wait", "seconds": left, "unread": work["unread"] + 1}
                if left > 0
                else {"next": "stop"}
            )
        assert name == "begin_incident"
        failed_at = clock.as_text(START)
        return {
            "next": "diagnose",
            "failed_at": failed_at,
            "causes": ["no_internet"],
            **begin.pace(TOOLS),
        }

    engine = Engine(answers)
    with virtual_time(engine):
        engine.run(GIVEN)
    return engine
