"""Work that takes a day: a verifying backup of 23 hours, and an incident that waits for
24."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from functions.activities import Pace, Remediate
from shared import clock
from shared.diagnosis.checkers.contract import unknown
from shared.incident.model import Verification
from shared.incident.next_step import STOP, Next, NextStep
from shared.plan.decide import Decision
from shared.plan.planner import Plan
from shared.settings import Settings
from shared.verification.follow import Look, seconds_until_next_look
from tests.faults.histories import START, Engine

JOB, WAIT = timedelta(hours=23), timedelta(hours=24)
PACE = Pace.of(Settings.from_environment({}))
GIVEN = Remediate("20260131T000000-11111111-5e6f7a8b", PACE)


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
            pause = seconds_until_next_look(PACE, shown)  # type: ignore[arg-type]
            return Look(ended=engine.now - START >= JOB, seconds=pause)
        return {"begin_incident": NextStep(Next.VERIFY), "conclude_backup": STOP}[name]

    engine = Engine(answers)
    with virtual_time(engine):
        engine.run(GIVEN)
    return engine


def waited(stage: str = "before_diagnosis") -> Engine:
    """An incident whose VM is busy with a restore for 24 hours, before its diagnosis or
    before its fix."""
    began = clock.as_text(START)
    diagnose = NextStep(Next.DIAGNOSE, began, ("no_internet",))
    answers = {
        "begin_incident": diagnose,
        "before_diagnosis": diagnose,
        "check_cause": unknown("no_internet"),
        "decide_plan": Decision(Next.ACT, Plan("no_internet", "nothing", (), (), "")),
    }

    def answer(name: str, work: Any) -> Any:
        if name != stage:
            return answers[name]
        left = (START + WAIT - engine.now).total_seconds()
        if left <= 0:
            return STOP
        return NextStep(Next.WAIT, seconds=left, unread=work.get("unread", 0) + 1)

    engine = Engine(answer)
    with virtual_time(engine):
        engine.run(GIVEN)
    return engine
