"""What stands between a plan and its first change, case by case, on the simulator."""

from __future__ import annotations

import copy
import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from local.scenarios import load
from local.simulator.server import Simulator
from shared import clock
from shared.app import App
from shared.diagnosis import later
from shared.diagnosis.before import before_diagnosis
from shared.diagnosis.later import begun_since
from shared.diagnosis.running_job import job_running_since, why_later
from shared.diagnosis.stage import Diagnosis
from shared.execution.executor import Execution
from shared.execution.fixes import uninstall_extension
from shared.facts import Job, Lock, Unreadable
from shared.incident.model import (
    Action,
    Awaited,
    Incident,
    LaterFailure,
    Verification,
    Waiting,
)
from shared.incident.next_step import STOP, Next, NextStep
from shared.incident.outcome import GroupHeld, Outcome, StepOutcome
from shared.incident.status import Status
from shared.incident.waiting import Wait
from shared.plan.limits import KEY, PARTITION, TABLE, Ticket
from shared.plan.planner import Plan
from shared.plan.second_try import make_plan
from shared.plan.stage import Planning
from shared.plan.steps import Step
from shared.plan.turn import MOST_UNREAD, take_turn
from shared.sentences import quote

CASE = load("ExtentionOperationFailed-backup_extension")
VAULTS, JOBS = r"^/subscriptions/[^/]+/resources$", r"/backupJobs$"
JOB = next(each for each in CASE["resources"] if "/backupJobs/" in each["id"])
VM_ID = next(
    each["id"] for each in CASE["resources"] if each["type"] == "Microsoft.Compute/virtualMachines"
)
VAULT_ID = JOB["id"].split("/backupJobs/")[0]
FAILED_AT = JOB["properties"]["startTime"]
INCIDENT = Incident(
    "20260101T000000-i",
    Status.FIXING,
    VM_ID.split("/")[2],
    VAULT_ID,
    VM_ID,
    "c",
    "i",
    JOB["name"],
    "ExtentionOperationFailed",
    "2026-01-01T00:00:00.000000Z",
)
CAUSE = "backup_extension"
EXTENSION_ID = f"{VM_ID}/extensions/VMSnapshot"
STEP = Step(uninstall_extension.KIND, EXTENSION_ID, "uninstall it", unit=EXTENSION_ID, counts=True)
ACT = NextStep(Next.ACT)
RG_ONE, RG_TWO = (
    f"/subscriptions/{VM_ID.split('/')[2]}/resourceGroups/{name}" for name in ("a", "b")
)
PLAN = Plan(CAUSE, "uninstall_extension", (STEP,), ("because",), "nothing")
KEEP = Lock(
    f"{RG_ONE}/providers/Microsoft.Authorization/locks/keep", "keep", "CanNotDelete", "", ()
)
UNLOCKING = replace(
    PLAN,
    steps=(
        *(
            replace(STEP, unit=group_id, counts=False, locks=(KEEP,))
            for group_id in (RG_ONE, RG_TWO)
        ),
        replace(STEP, unit=f"{RG_TWO}-without-a-lock"),
    ),
)
PATIENCE = 2 * (30 + 600 + 15 + 300)
"""Of the default settings: gathering, window, grace and watch."""


@dataclass
class Bench:
    simulator: Simulator
    app: App
    diagnosis: Diagnosis
    planning: Planning
    execution: Execution

    def has(self, *jobs: dict[str, Any]) -> None:
        for job in jobs:
            self.simulator.world.state.put(copy.deepcopy(job))

    def fault(self, path: str, action: dict[str, Any]) -> None:
        self.simulator.world.faults.add(
            {"method": "GET", "path_regex": path, "times": 1000, "action": action}
        )

    async def turn(self, unread: int = 0) -> NextStep:
        return await take_turn(self.planning, INCIDENT.id, PLAN, FAILED_AT, unread)

    async def before(self) -> NextStep:
        return await before_diagnosis(self.diagnosis, INCIDENT.id, FAILED_AT)

    async def now(self) -> Incident:
        found = await self.app.book.get(INCIDENT.id)
        assert found is not None
        return found

    async def line(self) -> dict[str, Any]:
        row = await self.app.store.get(TABLE, PARTITION, KEY)
        return dict(row.body) if row else {"begun": {}, "waiting": {}}

    def deletions(self) -> list[str]:
        return [each.path for each in self.simulator.world.requests if each.method == "DELETE"]


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with Simulator() as simulator:
        simulator.world.replace_state({"resources": json.loads(json.dumps(CASE["resources"]))})
        settings = {
            "REMEDIATOR_SUBSCRIPTION_ID": INCIDENT.subscription_id,
            "REMEDIATOR_ARM_ENDPOINT": simulator.url,
            "REMEDIATOR_STORE": f"sqlite:{tmp_path / 'store.db'}",
            "REMEDIATOR_RETRY_SECONDS": "0",
            "REMEDIATOR_CHANGES_PER_HOUR": "1",
            "REMEDIATOR_MODE": "auto",
        }
        app = App(settings)
        await app.book.open(INCIDENT)
        stages = (await app.diagnosis(), await app.planning(), await app.execution())
        yield Bench(simulator, app, *stages)
        await app.close()


def job(status: str, seconds: float = 60, vault: str = VAULT_ID, **told: Any) -> dict[str, Any]:
    name = str(uuid.uuid4())
    properties = {
        key: value
        for key, value in JOB["properties"].items()
        if key not in ("errorDetails", "extendedInfo", "endTime")
    }
    properties |= {"status": status, "startTime": clock.after(FAILED_AT, seconds)} | told
    properties["extendedInfo"] = {"dynamicErrorMessage": "UserErrorFsFreezeFailed: no freeze"}
    return {
        "id": f"{vault}/backupJobs/{name}",
        "name": name,
        "type": JOB["type"],
        "properties": properties,
    }


OTHER_VM = {"containerName": "iaasvmcontainerv2;rg-x;vm-x", "entityFriendlyName": "vm-x"}
NAMELESS = {"containerName": "", "entityFriendlyName": ""}
BARE = {"containerName": ""}
"""Only the VM's name, which a VM of another group may have as well."""


@pytest.mark.parametrize(
    ("jobs", "found"),
    [
        ([], None),
        ([job("Completed", -60)], None),
        ([job("Completed", 0)], None),
        ([job("Completed", **OTHER_VM)], None),
        ([job("Completed", **NAMELESS)], None),
        ([job("Completed", **BARE)], None),
        ([job("Failed", **BARE)], None),
        ([job("Completed", operation="Restore")], None),
        ([job("Cancelled")], None),
        ([job("InProgress")], None),
        ([job("Failed", **OTHER_VM)], None),
        ([job("Completed")], later.Healed),
        ([job("CompletedWithWarnings")], later.Healed),
        ([job("Failed", 60), job("Completed", 120)], later.Healed),
        ([job("Completed", 120), job("Cancelled", 180), job("InProgress", 240)], later.Healed),
        ([job("Completed", 60), job("Failed", 120)], LaterFailure),
        ([job("Failed", 0.5)], LaterFailure),
    ],
)
async def test_the_newest_later_backup_counts(
    bench: Bench, jobs: list[dict[str, Any]], found: type | None
) -> None:
    bench.has(*jobs)
    answer = await later.look(bench.diagnosis.reader, INCIDENT, FAILED_AT)
    assert answer is None if found is None else isinstance(answer, found), answer
    if isinstance(answer, LaterFailure):
        assert answer.error_code == "UserErrorFsFreezeFailed"


async def test_what_is_known_is_no_news(bench: Bench) -> None:
    ours, taken = job("Failed", 60), job("Failed", 120)
    bench.has(ours, taken)
    known = replace(
        INCIDENT,
        verification=Verification(ours["name"].upper(), "Failed"),
        later_failures=(LaterFailure(taken["name"], "", clock.after(FAILED_AT, 120)),),
    )
    assert await later.look(bench.diagnosis.reader, known, FAILED_AT) is None


@pytest.mark.parametrize("path", [JOBS, r"/backupJobs/[^/]+$"])
@pytest.mark.parametrize(
    "action",
    [{"status": 403}, {"status": 200, "body": {}}, {"status": 404}],
    ids=["403", "empty", "404"],
)
async def test_what_cannot_be_read_is_not_no_later_backup(
    bench: Bench, path: str, action: dict[str, Any]
) -> None:
    bench.has(job("Failed"))
    bench.fault(path, action)
    assert isinstance(await later.look(bench.diagnosis.reader, INCIDENT, FAILED_AT), Unreadable)
    assert isinstance(await later.look(bench.diagnosis.reader, INCIDENT, "some day"), Unreadable)


async def test_a_restore_that_the_filter_let_through_is_no_backup(bench: Bench) -> None:
    bench.fault(JOBS, {"status": 200, "body": {"value": [job("Completed", operation="Restore")]}})
    assert await later.look(bench.diagnosis.reader, INCIDENT, FAILED_AT) is None


# Running jobs

OTHER_VAULT = f"{VAULT_ID}-2"


def second_vault() -> dict[str, Any]:
    vault = copy.deepcopy(next(each for each in CASE["resources"] if each["id"] == VAULT_ID))
    return vault | {"id": OTHER_VAULT, "name": OTHER_VAULT.rsplit("/", 1)[1]}


@pytest.mark.parametrize(
    ("running", "fault", "found"),
    [
        (None, None, type(None)),
        (job("InProgress", **OTHER_VM), None, type(None)),
        (job("Completed", operation="Restore"), None, type(None)),
        (job("InProgress"), None, Job),
        (job("Cancelling", operation="Restore"), None, Job),
        (job("InProgress", vault=OTHER_VAULT, operation="Restore"), None, Job),
        (job("InProgress", vault=OTHER_VAULT, **NAMELESS), None, Job),
        (job("InProgress", **BARE), None, Job),
        (job("InProgress"), (VAULTS, {"status": 200, "body": {"value": []}}), Job),
        (job("InProgress"), ("-2/backupJobs$", {"status": 403}), Job),
        (None, ("-2/backupJobs$", {"status": 403}), Unreadable),
        (None, ("-2/backupJobs$", {"status": 404}), Unreadable),
        (None, (VAULTS, {"status": 403}), Unreadable),
        (None, (VAULTS, {"status": 200, "body": {}}), Unreadable),
    ],
)
async def test_a_job_of_the_vm_is_looked_for_in_every_vault(
    bench: Bench,
    running: dict[str, Any] | None,
    fault: tuple[str, dict[str, Any]] | None,
    found: type,
) -> None:
    bench.has(second_vault(), *([running] if running else []))
    if fault:
        bench.fault(*fault)
    since = begun_since(FAILED_AT)
    answer = await job_running_since(bench.diagnosis.reader, INCIDENT, since)
    assert isinstance(answer, found), answer
    if answer is not None:
        assert why_later(answer)
    lists = [
        each
        for each in bench.simulator.world.requests
        if each.path.split("?")[0].endswith("/resources")
    ]
    assert len(lists) == 1


# A turn


async def test_a_plan_acts_once_however_often_it_is_asked(bench: Bench) -> None:
    for _ in range(3):
        assert await bench.turn() == ACT
    assert list((await bench.line())["begun"]) == [f"{INCIDENT.id}/{CAUSE}/0"]
    assert await bench.planning.cooling.fixed_lately(VM_ID, "another") == {CAUSE: INCIDENT.id}


async def test_a_later_failure_is_taken_up_once_and_never_acted_on_with_the_old_plan(
    bench: Bench,
) -> None:
    bench.has(failed := job("Failed"))
    for _ in range(2):  # an activity is run again after a crash
        answer = await bench.turn()
        assert (answer.next, answer.failed_at) == (Next.DIAGNOSE, clock.after(FAILED_AT, 60))
    incident = await bench.now()
    assert [each.job_id for each in incident.later_failures] == [failed["name"]]
    assert (incident.status, incident.job_id, incident.code_now) == (
        Status.DIAGNOSING,
        JOB["name"],
        "UserErrorFsFreezeFailed",
    )
    claim = await bench.app.book.claim_job(VAULT_ID, failed["name"], "another")
    assert claim.incident_id == INCIDENT.id


async def test_a_later_failure_that_was_taken_up_by_a_process_that_died_is_diagnosed(
    bench: Bench,
) -> None:
    known = LaterFailure("another-job", "UserErrorFsFreezeFailed", clock.after(FAILED_AT, 60))
    await bench.app.book.change(INCIDENT.id, lambda each: replace(each, later_failures=(known,)))
    answer = await bench.turn()
    assert (answer.next, answer.failed_at) == (Next.DIAGNOSE, known.began_at)


@pytest.mark.parametrize(
    ("verification", "status", "answer"),
    [
        (None, Status.DIAGNOSING, Next.DIAGNOSE),
        (
            Verification("j", "Failed", "ExtentionOperationFailed", clock.after(FAILED_AT, 30)),
            Status.IGNORED,
            Next.STOP,
        ),
    ],
)
async def test_a_change_of_ours_is_shown_by_a_backup_of_ours(
    bench: Bench, verification: Verification | None, status: Status, answer: Next
) -> None:
    """A later backup that completed after our change did not heal by itself; after a
    failed verifying backup it did."""
    bench.has(job("Completed", 60))
    done = Action(uninstall_extension.KIND, f"{VM_ID}/extensions/VMSnapshot", "done", CAUSE)
    await bench.app.book.change(
        INCIDENT.id,
        lambda each: replace(
            each, status=Status.DIAGNOSING, actions=(done,), verification=verification
        ),
    )
    assert (await bench.before()).next is answer
    assert (await bench.now()).status is status


async def test_a_diagnosis_goes_on_without_what_cannot_be_read(bench: Bench) -> None:
    bench.fault(JOBS, {"status": 403})
    answer = await bench.before()
    assert (answer.next, answer.failed_at, CAUSE in answer.causes) == (
        Next.DIAGNOSE,
        clock.normal(FAILED_AT),
        True,
    )


async def test_the_later_failure_of_another_incident_is_left_to_it(bench: Bench) -> None:
    bench.has(failed := job("Failed"))
    await bench.app.book.open(replace(INCIDENT, id="20260101T000001-j", job_id=failed["name"]))
    await bench.app.book.claim_job(VAULT_ID, failed["name"], "20260101T000001-j")
    assert await bench.turn() == ACT


async def test_what_stays_unreadable_goes_to_a_person(bench: Bench) -> None:
    bench.fault(JOBS, {"status": 403})
    unread = 0
    for _ in range(MOST_UNREAD - 1):
        answer = await bench.turn(unread)
        assert answer.next is Next.WAIT
        unread = answer.unread
    assert await bench.turn(unread) == STOP
    incident = await bench.now()
    assert incident.status is Status.NEEDS_PERSON
    assert "later backup" in incident.reason and "Not done by us: uninstall it" in map(
        str, incident.manual_steps
    )
    assert (await bench.line())["begun"] == {}


async def test_after_a_wait_the_causes_are_examined_before_it_acts(bench: Bench) -> None:
    await bench.planning.limiter.take(Ticket("other", CAUSE, 1, clock.now()))
    first = await bench.turn()
    assert first.next is Next.WAIT and 3590 < first.seconds <= 3600
    waiting = await bench.now()
    assert waiting.status is Status.WAITING and waiting.waiting is not None
    assert waiting.waiting.awaited is Awaited.PLACE
    await bench.planning.limiter.give_back("other", CAUSE)
    for _ in range(2):
        assert (await bench.turn()).next is Next.DIAGNOSE
    assert (await bench.now()).status is Status.DIAGNOSING
    younger = Ticket("younger", CAUSE, 1, clock.now())
    assert await bench.planning.limiter.take(younger) != "", (
        "its place in line is held while it is diagnosed"
    )
    await bench.app.book.change(
        INCIDENT.id, lambda each: each.moved(Status.FIXING, "planned anew", now=clock.now())
    )
    assert await bench.turn() == ACT


async def test_whoever_waits_for_a_job_holds_nobody_else_up(bench: Bench) -> None:
    bench.has(job("InProgress"))
    for _ in range(2):
        assert (await bench.turn()).next is Next.WAIT
    assert (await bench.line())["waiting"] == {}
    assert await bench.planning.limiter.take(Ticket("younger", CAUSE, 1, clock.now())) == ""


# A group that is held


class Groups:
    """What stands in for the windows and the ledger: which groups are held."""

    def __init__(self, bench: Bench, *group_ids: str) -> None:
        self.held = {
            each: GroupHeld(each, f"the lock of {each} is off", "", (quote(f"make it in {each}"),))
            for each in group_ids
        }
        self.asked: list[tuple[str, str]] = []
        bench.planning = replace(bench.planning, held=self.ask)
        self.bench = bench

    async def ask(self, group_id: str, incident_id: str) -> GroupHeld | None:
        self.asked.append((group_id, incident_id))
        return self.held.get(group_id)

    async def turn(self) -> NextStep:
        return await take_turn(self.bench.planning, INCIDENT.id, UNLOCKING, FAILED_AT, 0)


async def plan_again(bench: Bench) -> None:
    for status in (Status.DIAGNOSING, Status.FIXING):
        await bench.app.book.change(
            INCIDENT.id, lambda each, to=status: each.moved(to, "again", now=clock.now())
        )


async def test_a_plan_waits_for_each_group_that_it_unlocks_and_holds_no_place(
    bench: Bench,
) -> None:
    groups = Groups(bench, RG_TWO)
    assert (await groups.turn()).next is Next.WAIT
    assert groups.asked == [(RG_ONE, INCIDENT.id), (RG_TWO, INCIDENT.id)]
    incident = await bench.now()
    assert incident.waiting is not None and incident.status is Status.WAITING
    assert (incident.waiting.awaited, incident.waiting.group_id) == (Awaited.GROUP, RG_TWO)
    asked_at = clock.after(incident.waiting.group_since, PATIENCE)
    assert f"the lock of {RG_TWO} is off; a person is asked at {asked_at}" in incident.reason
    assert await bench.line() == {"begun": {}, "waiting": {}}


async def test_while_it_waits_for_a_group_azure_is_not_asked(bench: Bench) -> None:
    """It goes on by itself once that group is free, with a new diagnosis."""
    groups = Groups(bench, RG_TWO)
    await groups.turn()
    sent = len(bench.simulator.world.requests)
    groups.asked.clear()
    assert (await groups.turn()).next is Next.WAIT
    assert (groups.asked, len(bench.simulator.world.requests)) == (
        [(RG_TWO, INCIDENT.id)],
        sent,
    )
    groups.held.clear()
    assert (await groups.turn()).next is Next.DIAGNOSE
    assert len(bench.simulator.world.requests) > sent
    await plan_again(bench)
    assert await groups.turn() == ACT


async def test_whoever_waits_for_a_group_holds_nobody_else_up(bench: Bench) -> None:
    """Also where the group was taken while its causes were examined, which keeps a
    place in line."""
    groups = Groups(bench, RG_ONE)
    await groups.turn()
    groups.held, before = {}, dict(groups.held)
    assert (await groups.turn()).next is Next.DIAGNOSE
    assert list((await bench.line())["waiting"]) == [INCIDENT.id]
    await plan_again(bench)
    groups.held = before
    assert (await groups.turn()).next is Next.WAIT
    assert (await bench.line())["waiting"] == {}


async def test_a_plan_that_unlocks_nothing_waits_for_no_group(bench: Bench) -> None:
    groups = Groups(bench, EXTENSION_ID)
    assert await bench.turn() == ACT
    assert groups.asked == []


@pytest.mark.parametrize(
    ("until", "seconds"),
    [("", 80), (10, 10), (700, 80)],
)
async def test_a_held_group_is_looked_at_again_soon(
    bench: Bench, until: str | int, seconds: int
) -> None:
    groups = Groups(bench, RG_ONE)
    free_at = clock.after(clock.now(), until) if isinstance(until, int) else until
    groups.held[RG_ONE] = replace(groups.held[RG_ONE], until=free_at)
    assert (await groups.turn()).seconds == pytest.approx(seconds, abs=5)


async def test_the_patience_with_a_group_counts_from_its_first_wait(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Across a new diagnosis, as after the loss of the engine, and not across another
    wait; then a person is told what holds it and how to end that."""
    groups, start = Groups(bench, RG_ONE), clock.now()
    at = lambda seconds: monkeypatch.setattr(clock, "now", lambda: clock.after(start, seconds))  # noqa: E731
    await groups.turn()
    at(PATIENCE - 10)
    await plan_again(bench)
    answer = await groups.turn()
    assert answer == NextStep(Next.WAIT, seconds=pytest.approx(10, abs=5))
    await bench.planning.waits.wait(await bench.now(), Wait(Awaited.JOB, CAUSE, "a job runs"))
    await plan_again(bench)
    assert (await groups.turn()).next is Next.WAIT
    began = (await bench.now()).waiting
    assert began is not None
    assert began.group_since == clock.now() and began.since < began.group_since
    at(2 * PATIENCE - 15)
    assert (await groups.turn()).next is Next.WAIT
    at(2 * PATIENCE - 10)
    assert await groups.turn() == STOP
    incident = await bench.now()
    assert (incident.status, incident.reason) == (
        Status.NEEDS_PERSON,
        f"waited for the group a since {began.group_since}: the lock of {RG_ONE} is off",
    )
    assert str(incident.manual_steps[0]) == f"make it in {RG_ONE}"
    assert "Not done by us: uninstall it" in map(str, incident.manual_steps)


async def test_another_group_has_a_patience_of_its_own(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups, start = Groups(bench, RG_ONE), clock.now()
    await groups.turn()
    monkeypatch.setattr(clock, "now", lambda: clock.after(start, PATIENCE - 10))
    await plan_again(bench)
    groups.held = Groups(bench, RG_TWO).held
    bench.planning = replace(bench.planning, held=groups.ask)
    answer = await groups.turn()
    waiting = (await bench.now()).waiting
    assert waiting is not None
    assert (waiting.group_since, answer.seconds) == (clock.now(), pytest.approx(80))


async def test_a_patience_does_not_outlast_the_24_hours(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups, start = Groups(bench, RG_ONE), clock.now()
    await bench.planning.waits.wait(await bench.now(), Wait(Awaited.JOB, CAUSE, "a job runs"))
    monkeypatch.setattr(clock, "now", lambda: clock.after(start, 24 * 3600 - 10))
    await plan_again(bench)
    assert (await groups.turn()).seconds == pytest.approx(10, abs=5)
    monkeypatch.setattr(clock, "now", lambda: clock.after(start, 24 * 3600 + 5))
    assert await groups.turn() == STOP
    assert (await bench.now()).reason.startswith("waited for 24 hours")


async def test_an_incident_that_ends_leaves_the_line(bench: Bench) -> None:
    await bench.planning.limiter.take(Ticket("other", CAUSE, 1, clock.now()))
    assert (await bench.turn()).next is Next.WAIT
    assert list((await bench.line())["waiting"]) == [INCIDENT.id]
    await bench.planning.closing.close(INCIDENT.id, Status.IGNORED, "switched off")
    assert (await bench.line())["waiting"] == {}
    assert await bench.turn() == STOP


async def test_a_plan_that_a_guard_refused_gives_its_places_and_its_cooling_time_back(
    bench: Bench,
) -> None:
    assert await bench.turn() == ACT
    refused = StepOutcome(Outcome.REFUSED, "a tag says off")
    assert not await bench.execution.settle(INCIDENT.id, PLAN, (refused,))
    assert (await bench.line())["begun"] == {}
    assert await bench.planning.cooling.fixed_lately(VM_ID, "another") == {}


async def test_a_plan_that_was_refused_after_it_was_begun_keeps_its_place(bench: Bench) -> None:
    """The change may have been made: its intent is on record."""
    assert await bench.turn() == ACT
    await bench.planning.journal.intent(await bench.now(), STEP.kind, STEP.target)
    refused = StepOutcome(Outcome.REFUSED, "a tag says off")
    assert not await bench.execution.settle(INCIDENT.id, PLAN, (refused,))
    assert len((await bench.line())["begun"]) == 1
    assert await bench.planning.cooling.fixed_lately(VM_ID, "another") == {CAUSE: INCIDENT.id}


async def test_a_fix_that_another_execution_settled_and_ended_is_not_settled_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The incident ends while its open intents are closed."""
    assert await bench.turn() == ACT

    async def ends(*_: Any) -> None:
        await bench.planning.closing.close(INCIDENT.id, Status.NEEDS_PERSON, "by another")

    monkeypatch.setattr("shared.execution.settle.close_intents", ends)
    done = StepOutcome(Outcome.DONE, "deleted")
    assert not await bench.execution.settle(INCIDENT.id, PLAN, (done,))
    assert (await bench.now()).reason == "by another"


async def test_a_unit_that_is_called_again_once_it_was_put_off_changes_nothing(
    bench: Bench,
) -> None:
    """The job that it waits for has ended meanwhile; its turn is not taken yet."""
    bench.has(running := job("InProgress"))
    first = await bench.execution.carry_out(INCIDENT.id, CAUSE, (STEP,))
    waiting = await bench.now()
    bench.simulator.world.state.remove(running["id"])
    second = await bench.execution.carry_out(INCIDENT.id, CAUSE, (STEP,))
    assert (first.result, second.result) == ("waiting", "waiting")
    assert (await bench.now(), bench.deletions()) == (waiting, [])


async def test_a_unit_that_is_called_once_the_incident_has_ended_changes_nothing(
    bench: Bench,
) -> None:
    ended = await bench.planning.closing.close(
        INCIDENT.id, Status.NEEDS_PERSON, "begun again too often"
    )
    answer = await bench.execution.carry_out(INCIDENT.id, CAUSE, (STEP,))
    assert (answer.result, answer.detail) == ("refused", "the incident has ended")
    assert (await bench.now(), bench.deletions()) == (ended, [])


async def test_what_was_begun_before_a_job_began_counts_and_stays_on_record(bench: Bench) -> None:
    """One collection of two is gone when a restore begins: the other one waits, and its
    cause is not over."""
    assert await bench.turn() == ACT
    done = Action(uninstall_extension.KIND, f"{VM_ID}/extensions/another", "done", CAUSE)
    await bench.app.book.change(INCIDENT.id, lambda each: replace(each, actions=(done,)))
    bench.has(job("InProgress"))
    answer = await bench.execution.carry_out(INCIDENT.id, CAUSE, (STEP,))
    assert answer.result == "waiting"
    incident = await bench.now()
    assert (incident.status, incident.actions, incident.tried) == (
        Status.WAITING,
        (done,),
        frozenset(),
    )
    assert len((await bench.line())["begun"]) == 1


async def test_a_change_whose_outcome_is_not_known_stays_on_record(bench: Bench) -> None:
    """Its intent is written and its process died; then a job began."""
    begun = Action(STEP.kind, STEP.target, "", CAUSE)
    incident = await bench.app.book.change(
        INCIDENT.id, lambda each: replace(each, actions=(begun,))
    )
    await bench.planning.journal.intent(incident, STEP.kind, STEP.target)
    bench.has(job("InProgress"))
    await bench.execution.carry_out(INCIDENT.id, CAUSE, (STEP,))
    incident = await bench.now()
    assert (incident.status, incident.actions) == (Status.WAITING, (begun,))


async def test_the_24_hours_count_from_the_first_wait(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, time = Wait(Awaited.JOB, CAUSE, "a job runs", (quote("by hand"),)), clock.now()
    answer = await bench.planning.waits.wait(await bench.now(), asked)
    assert answer == NextStep(Next.WAIT, seconds=pytest.approx(24 * 3600, abs=5))
    since = (await bench.now()).waiting
    assert since is not None
    monkeypatch.setattr(clock, "now", lambda: clock.after(time, 23 * 3600))
    answer = await bench.planning.waits.wait(
        await bench.now(), replace(asked, awaited=Awaited.PLACE)
    )
    assert answer == NextStep(Next.WAIT, seconds=pytest.approx(3600, abs=5))
    assert (await bench.now()).waiting == Waiting(since.since, Awaited.PLACE, CAUSE)
    monkeypatch.setattr(clock, "now", lambda: clock.after(time, 24 * 3600 + 5))
    assert await bench.planning.waits.wait(await bench.now(), asked) == STOP
    assert (await bench.now()).status is Status.NEEDS_PERSON
    assert (await bench.now()).manual_steps[0] == quote("by hand")


@pytest.mark.parametrize(
    ("verification", "later_failures", "code"),
    [
        (None, (), "ExtentionOperationFailed"),
        (Verification("j", "Completed"), (), "ExtentionOperationFailed"),
        (Verification("j", "Failed", "A", "2026-01-01T02:00:00.000000Z"), (), "A"),
        (Verification("j", "Failed", "", "2026-01-01T02:00:00.000000Z"), (), ""),
        (None, (LaterFailure("k", "B", "2026-01-01T01:00:00.000000Z"),), "B"),
        (
            Verification("j", "Failed", "A", "2026-01-01T02:00:00.000000Z"),
            (
                LaterFailure("k", "B", "2026-01-01T01:00:00.000000Z"),
                LaterFailure("l", "C", "2026-01-01T03:00:00.000000Z"),
            ),
            "C",
        ),
        (
            Verification("j", "Failed", "A", "2026-01-01T02:00:00.000000Z"),
            (LaterFailure("k", "B", "2026-01-01T01:00:00.000000Z"),),
            "A",
        ),
    ],
)
def test_the_code_of_the_newest_failure_is_diagnosed(
    verification: Verification | None, later_failures: tuple[LaterFailure, ...], code: str
) -> None:
    assert (
        replace(INCIDENT, verification=verification, later_failures=later_failures).code_now == code
    )


AGAIN = make_plan(replace(INCIDENT, error_code="BackUpOperationFailed"))


async def again(bench: Bench) -> NextStep:
    return await take_turn(bench.planning, INCIDENT.id, AGAIN, FAILED_AT, 0)


async def test_the_pause_before_a_second_try_asks_azure_nothing(bench: Bench) -> None:
    """So an Azure that cannot be read does not end it."""
    bench.fault(JOBS, {"status": 403})
    answers = [await again(bench) for _ in range(MOST_UNREAD + 1)]
    assert {each.next for each in answers} == {Next.WAIT}
    assert all(890 < each.seconds <= 900 and each.unread == 0 for each in answers)
    incident = await bench.now()
    assert incident.waiting is not None and incident.waiting.awaited is Awaited.PAUSE
    assert incident.retry_at in incident.reason
    assert not bench.simulator.world.requests
    assert (await bench.line())["begun"] == {}


async def test_a_second_try_takes_its_place_once_and_the_same_answer_follows(bench: Bench) -> None:
    await bench.app.book.change(INCIDENT.id, lambda each: replace(each, retry_at=each.opened_at))
    assert [(await again(bench)).next for _ in range(3)] == [Next.BACK_UP] * 3
    incident = await bench.now()
    assert (incident.status, incident.actions, incident.waiting) == (Status.VERIFYING, (), None)
    assert list((await bench.line())["begun"]) == [f"{INCIDENT.id}//0"]
    assert await bench.app.cooling.fixed_lately(VM_ID, "another") == {}
