"""What a person is told where a fix of several resource groups is not carried out: what
is left, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.execution.fixes import delete_restore_point_collection
from shared.incident.model import Action, Target
from shared.incident.outcome import Outcome, StepOutcome
from shared.plan.planner import Plan
from shared.sentences import phrase
from tests.shared.plan.test_deciding import COLLECTION, GROUP, LOCK, LOCKED
from tests.shared.plan.test_turn import INCIDENT, Bench, bench

__all__ = ["bench"]
KIND, CAUSE = delete_restore_point_collection.KIND, LOCKED.cause
POLICY, DENY = "RequestDisallowedByPolicy", "DenyAssignmentAuthorizationFailed"
NAMES = ("rg-one", "rg-two")
TARGETS = tuple(
    Target(
        COLLECTION.replace("/rg/", f"/{name}/"),
        (replace(LOCK, id=LOCK.id.replace(GROUP, GROUP.replace("/rg", f"/{name}"))),),
    )
    for name in NAMES
)
TWO = replace(LOCKED, targets=TARGETS)


@pytest.mark.parametrize(
    ("outcome", "code", "told"),
    [
        (Outcome.DONE, "", ""),
        (Outcome.FAILED, POLICY, "az policy exemption create"),
        (Outcome.REFUSED, POLICY, "Do not take the lock off by hand"),
        (Outcome.FAILED, DENY, "exclude the identity of this app"),
        (Outcome.FAILED, "ScopeLocked", "--resource-group rg-one"),
    ],
)
async def test_of_two_groups_only_what_is_left_is_told(
    bench: Bench, outcome: Outcome, code: str, told: str
) -> None:
    one, two = (each.id for each in TARGETS)
    actions = (
        Action(KIND, one, outcome, CAUSE, code=code),
        Action(KIND, two, Outcome.FAILED, CAUSE, code="Conflict"),
    )
    await bench.app.book.change(
        INCIDENT.id, lambda each: replace(each, findings=(TWO,), actions=actions)
    )
    plan = Plan(CAUSE, KIND, delete_restore_point_collection.FIX.steps(TWO, INCIDENT.vm_id), (), "")  # type: ignore[arg-type]
    outcomes = (StepOutcome(outcome, "x"), StepOutcome(Outcome.FAILED, "y"))
    assert not await bench.execution.settle(INCIDENT.id, plan, outcomes)

    steps = "\n".join(map(str, (await bench.now()).manual_steps))
    deletions = [f"restore-point collection delete --yes --subscription {two.split('/')[2]}"]
    assert f"{deletions[0]} --resource-group rg-two" in steps
    assert (f"{deletions[0]} --resource-group rg-one" in steps) == (code == "ScopeLocked")
    assert told in steps
    assert steps.count("az backup protection backup-now") == 1


async def test_where_nothing_is_left_a_backup_is(bench: Bench) -> None:
    actions = tuple(Action(KIND, each.id, Outcome.DONE, CAUSE) for each in TARGETS)
    await bench.app.book.change(
        INCIDENT.id, lambda each: replace(each, findings=(TWO,), actions=actions)
    )
    step = phrase("clean_up")
    plan = Plan(CAUSE, KIND, (), (), "")
    failed = StepOutcome(Outcome.FAILED, "the lock is not back", (step,))
    assert not await bench.execution.settle(INCIDENT.id, plan, (failed,))
    assert [each.key for each in (await bench.now()).manual_steps] == ["clean_up", "run_backup"]
