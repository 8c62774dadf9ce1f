"""A further attempt on the simulator: what of an earlier one must not reach it, and
what of it is counted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from shared import clock
from shared.diagnosis.begin import begin
from shared.execution.fence import Fence
from shared.execution.fixes import uninstall_extension
from shared.incident.attempts import next_attempt
from shared.incident.model import Action, Answer, Finding, Incident, Sent, Verdict, Verification
from shared.incident.next_step import STOP, Next, NextStep
from shared.incident.outcome import Outcome, StepOutcome
from shared.incident.status import Status
from shared.plan.decide import Decision, decide
from shared.plan.told import name_causes
from shared.plan.turn import take_turn
from shared.sentences import quote
from shared.verification import conclude, start
from tests.shared.plan.test_turn import (
    ACT,
    CASE,
    CAUSE,
    EXTENSION_ID,
    FAILED_AT,
    INCIDENT,
    PLAN,
    STEP,
    Bench,
    bench,
)

__all__ = ["bench"]
NOW = "2026-01-02T00:00:00.000000Z"
DONE = Action(uninstall_extension.KIND, EXTENSION_ID, Outcome.DONE, CAUSE)
GONE = (Finding(CAUSE, Verdict.RULED_OUT, (quote("gone"),)),)
BROKEN = replace(GONE[0], verdict=Verdict.CONFIRMED)


async def open_again(bench: Bench, **ended: Any) -> Incident:
    """The second attempt of an incident that ended like this."""
    before = replace(INCIDENT, status=Status.NEEDS_PERSON, **ended)
    return await bench.app.book.reopen(INCIDENT.id, lambda _: next_attempt(before, "Ana", NOW))


async def settle(bench: Bench) -> Any:
    refused = StepOutcome(Outcome.REFUSED, "a tag")
    return await bench.execution.settle(INCIDENT.id, PLAN, (refused,))


async def carry_out(bench: Bench) -> Any:
    return (await bench.execution.carry_out(INCIDENT.id, CAUSE, (STEP,))).result


async def start_backup(bench: Bench) -> Any:
    return await start.start(await bench.app.verifying(), INCIDENT.id)


async def conclude_backup(bench: Bench) -> Any:
    return await conclude.conclude(await bench.app.verifying(), INCIDENT.id)


STAGES: dict[str, tuple[Callable[[Bench], Awaitable[Any]], Any]] = {
    "before_diagnosis": (lambda bench: bench.before(), STOP),
    "decide_plan": (
        lambda bench: decide(bench.planning, INCIDENT.id, GONE, FAILED_AT),
        Decision(Next.STOP),
    ),
    "take_turn": (lambda bench: bench.turn(), STOP),
    "carry_out_unit": (carry_out, Outcome.REFUSED),
    "settle_fix": (settle, False),
    "start_backup": (start_backup, STOP),
    "conclude_backup": (conclude_backup, STOP),
}


@pytest.mark.parametrize("stage", STAGES)
async def test_a_stage_of_an_earlier_attempt_does_nothing(bench: Bench, stage: str) -> None:
    """Its answer was lost, and the orchestration calls it again, after the word and
    before the new attempt begins."""
    call, answer = STAGES[stage]
    opened = await open_again(bench, verification=Verification("v"))
    assert await call(bench) == answer
    assert await bench.app.book.get(INCIDENT.id) == opened
    assert [each for each in bench.simulator.world.requests if each.method != "GET"] == []


async def test_what_an_earlier_attempt_decided_is_not_sent_in_the_next(bench: Bench) -> None:
    stale = await bench.now()
    await open_again(bench)
    await bench.app.book.change(
        INCIDENT.id, lambda each: each.moved(Status.DIAGNOSING, "x", now=NOW)
    )
    fence = Fence(bench.app.book, bench.app.journal, 0.3)
    assert await fence.enter(stale, STEP.kind, STEP.target) is None
    assert await fence.enter(await bench.now(), STEP.kind, STEP.target) is not None


async def test_a_removal_that_an_earlier_attempt_sent_does_not_count(bench: Bench) -> None:
    sent = tuple(
        Sent(STEP.kind, STEP.target, str(number), "2026-01-01T00:00:00.000000Z", answer)
        for number, answer in enumerate((Answer.UNKNOWN, Answer.DONE))
    )
    (item,) = [each["id"] for each in CASE["resources"] if "/protectedItems/" in each["id"]]
    names = {"container_name": item.split("/")[-3], "item_name": item.split("/")[-1]}
    await open_again(bench, sent=sent, actions=(DONE,), **names)
    await bench.app.book.change(INCIDENT.id, lambda each: replace(each, status=Status.FIXING))
    assert await carry_out(bench) is Outcome.DONE
    assert bench.deletions() == [EXTENSION_ID]


async def test_each_attempt_takes_its_own_place_within_the_limit(bench: Bench) -> None:
    assert await bench.turn() == ACT
    await open_again(bench)
    await bench.app.book.change(INCIDENT.id, lambda each: replace(each, status=Status.FIXING))
    assert (await bench.turn()).next is Next.WAIT
    assert list((await bench.line())["waiting"]) == [f"{INCIDENT.id} (attempt 2)"]
    await bench.planning.closing.close(INCIDENT.id, Status.NEEDS_PERSON, "no more")
    assert (await bench.line())["waiting"] == {}


async def test_its_earlier_attempt_s_fix_is_subject_to_the_cooling_time(bench: Bench) -> None:
    assert await bench.turn() == ACT
    await open_again(bench, actions=(DONE,))
    await bench.app.book.change(INCIDENT.id, lambda each: replace(each, status=Status.DIAGNOSING))
    assert await decide(bench.planning, INCIDENT.id, (BROKEN,), FAILED_AT) == Decision(Next.STOP)
    ended = await bench.now()
    assert (
        f"not the same way again: {name_causes([CAUSE])} by incident {INCIDENT.id}" in ended.reason
    )


async def test_a_refusal_gives_back_the_place_of_its_own_attempt_only(bench: Bench) -> None:
    assert await bench.turn() == ACT
    await bench.app.journal.intent(INCIDENT, STEP.kind, STEP.target)
    await bench.app.journal.note(INCIDENT, "retry", "attempt 2", detail={"attempt": 2})
    await open_again(bench, actions=(DONE,))
    await bench.app.book.change(INCIDENT.id, lambda each: replace(each, status=Status.FIXING))
    bench.app.limiter.limit = 2
    assert await take_turn(bench.planning, INCIDENT.id, PLAN, FAILED_AT, 0) == ACT
    bench.fault(r"/virtualMachines/[^/]+$", {"status": 403})
    refused = await bench.execution.carry_out(INCIDENT.id, CAUSE, (STEP,))
    assert refused.result is Outcome.REFUSED
    assert not await bench.execution.settle(INCIDENT.id, PLAN, (refused,))
    assert list((await bench.line())["begun"]) == [f"{INCIDENT.id}/{CAUSE}/0"]


async def test_a_fix_of_an_earlier_attempt_that_is_in_place_is_shown_by_a_backup(
    bench: Bench,
) -> None:
    await open_again(bench, actions=(DONE,))
    await bench.app.book.change(INCIDENT.id, lambda each: replace(each, status=Status.DIAGNOSING))
    assert await decide(bench.planning, INCIDENT.id, GONE, FAILED_AT) == Decision(Next.BACK_UP)
    after = await bench.now()
    assert (after.status, after.reason) == (
        Status.VERIFYING,
        "the fix is in place already; a new backup has to show it",
    )


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.FAILED])
async def test_what_was_not_done_in_an_earlier_attempt_is_not_in_place(
    bench: Bench, outcome: Outcome
) -> None:
    await open_again(bench, actions=(replace(DONE, outcome=outcome),))
    await bench.app.book.change(INCIDENT.id, lambda each: replace(each, status=Status.DIAGNOSING))
    assert await decide(bench.planning, INCIDENT.id, GONE, FAILED_AT) == Decision(Next.STOP)


@pytest.mark.parametrize("outcome", ["", "Completed", "timed out"])
async def test_a_verifying_backup_that_was_not_seen_to_end_is_followed(
    bench: Bench, outcome: str
) -> None:
    await open_again(bench, verification=Verification("v", outcome))
    found = await begin(bench.diagnosis, INCIDENT.id, recovered=False)
    assert found == NextStep(Next.VERIFY)
    assert (await bench.now()).status is Status.VERIFYING


async def test_after_one_that_failed_its_failure_is_diagnosed(bench: Bench) -> None:
    failed = Verification("v", "Failed", "BackUpOperationFailed", FAILED_AT)
    await open_again(bench, verification=failed)
    found = await begin(bench.diagnosis, INCIDENT.id, recovered=False)
    assert (found.next, found.failed_at) == (Next.DIAGNOSE, FAILED_AT)
    assert "locked_restore_points" in found.causes
    opened = await bench.now()
    assert clock.normal(opened.later_failures[0].began_at) == clock.normal(FAILED_AT)


async def test_one_whose_job_is_gone_is_not_followed_for_ever(bench: Bench) -> None:
    await open_again(bench, verification=Verification("v"))
    assert (await begin(bench.diagnosis, INCIDENT.id, recovered=False)).next is Next.VERIFY
    assert await conclude_backup(bench) == STOP
    left = await bench.now()
    assert left.status is Status.NEEDS_PERSON
    assert left.verification is not None and left.verification.outcome == "not found"
    await bench.app.attempts.begin(INCIDENT.id, "Ana")
    assert (await begin(bench.diagnosis, INCIDENT.id, recovered=False)).next is Next.DIAGNOSE


@pytest.mark.parametrize("ended", ["Failed", "Cancelled"])
async def test_a_fix_that_a_backup_has_tested_already_is_not_tested_again(
    bench: Bench, ended: str
) -> None:
    shown = Verification("v", ended, "BackUpOperationFailedV2")
    await open_again(bench, actions=(DONE,), verification=shown)
    await bench.app.book.change(INCIDENT.id, lambda each: replace(each, status=Status.DIAGNOSING))
    assert await decide(bench.planning, INCIDENT.id, GONE, FAILED_AT) == Decision(Next.STOP)
