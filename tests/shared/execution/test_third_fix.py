"""A third fix needs the four edits of CONTRIBUTING.md and no other: a row, a checker, a
fix, a page. Planner, limiter, executor, orchestrator and pages take it as they are."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest

from functions.pages import render
from local.scenarios import alerts, parts
from shared import catalogue
from shared.diagnosis.checkers.contract import Checker, Reader, Subject, confirmed, ruled_out
from shared.execution.change import Accepted, Change, change
from shared.execution.fixes.contract import Fix, Hands
from shared.execution.lock_window.standing import Standing
from shared.incident.model import Action, Finding, Incident, Target, Verdict
from shared.incident.outcome import Outcome, StepOutcome
from shared.incident.status import Status
from shared.plan.limits import KEY, PARTITION, TABLE
from shared.plan.steps import Step
from shared.sentences import Sentence, quote
from tests.faults.azure import broken_extension
from tests.faults.world import World

CODE, CAUSE, KIND = "UserErrorDustyVm", "dusty_vm", "dust_off"
CORNERS = ("left", "right")
dust: set[str] = set()
"""Ids of the corners that are dusty: what the checker reads and the fix changes."""


async def check(subject: Subject, reader: Reader) -> Finding:
    await reader.virtual_machine(subject.vm_id)
    found = [corner for corner in CORNERS if f"{subject.vm_id}/corners/{corner}" in dust]
    if not found:
        return ruled_out(CAUSE, quote("no dust is to be seen"))
    targets = tuple(Target(f"{subject.vm_id}/corners/{corner}") for corner in found)
    evidence = quote(f"dust lies in: {', '.join(found)}")
    return confirmed(CAUSE, evidence, targets=targets)


def steps(finding: Finding, vm_id: str) -> tuple[Step, ...]:
    return tuple(
        Step(KIND, each.id, quote(f"dust {each.id} of {vm_id}"), unit=each.id, counts=True)
        for each in finding.targets
    )


async def carry_out(hands: Hands, incident: Incident, steps: tuple[Step, ...]) -> StepOutcome:
    (step,) = steps

    async def wipe(_: Accepted) -> str:
        dust.discard(step.target)
        return "correlation"

    await change(hands.fence, incident, Change(KIND, step.target, wipe))
    return StepOutcome(Outcome.DONE, "no dust is left")


def advice(about: Any) -> tuple[Sentence, ...]:
    return (quote(f"Dust the VM {about.vm}."),)


@pytest.fixture
def third(monkeypatch: pytest.MonkeyPatch) -> None:
    """The row, in the tables of the catalogue."""
    dust.clear()
    fix = Fix(KIND, (KIND,), steps, carry_out, loses="The dust.")
    cause = catalogue.Cause(99, "The VM is dusty", Checker(CAUSE, check, ()), fix, advice)
    code = catalogue.ErrorCode(CODE, "The VM is dusty", (5, 99))
    monkeypatch.setattr(catalogue, "CAUSES", (*catalogue.CAUSES, cause))
    monkeypatch.setattr(catalogue, "ERROR_CODES", (*catalogue.ERROR_CODES, code))
    monkeypatch.setitem(catalogue._BY_NUMBER, cause.number, cause)
    monkeypatch.setitem(catalogue._BY_SLUG, cause.slug, cause)
    monkeypatch.setitem(catalogue._BY_NAME, code.name, code)


def dusty_vm() -> tuple[dict[str, Any], dict[str, Any]]:
    """A VM that is well but for the dust, and the event of its failed backup."""
    state, (failure,) = broken_extension()
    vm = next(each for each in state["resources"] if each["id"] == failure.vm_id)
    new = (
        parts.backup_extension(vm, "Succeeded", None),
        parts.failed_job(vm["id"], CODE, failure.job_id),
    )
    left = [each for each in state["resources"] if each["id"] not in {each["id"] for each in new}]
    dust.update(f"{vm['id']}/corners/{corner}" for corner in CORNERS)
    event = alerts.vm_alert(vm["id"], CODE, failure.job_id)
    return json.loads(json.dumps({"resources": [*left, *new]})), event


@pytest.mark.usefixtures("third")
async def test_the_executor_carries_out_a_third_fix(tmp_path: Path) -> None:
    """From the event to the verifying backup, unit by unit."""
    state, event = dusty_vm()
    async with World(tmp_path) as world:
        world.simulator.world.replace_state(state)
        await world.deliver(event)
        await world.rest(1)
        (incident,) = [each async for each in world.onlooker.book.all()]
        entries = [each async for each in world.onlooker.audit.entries(incident=incident.id)]
        limits = await world.store.get(TABLE, PARTITION, KEY)
        assert world.crashes == []
    assert incident.status is Status.FIXED, incident.reason
    assert (incident.error_code, dust) == (CODE, set())
    assert [(each.kind, each.outcome, each.cause) for each in incident.actions] == [
        (KIND, Outcome.DONE, CAUSE)
    ] * 2
    phases = [each.phase for each in entries if each.kind == KIND]
    assert phases == ["intent", "outcome"] * 2
    notes = [each.result for each in entries if each.kind == "step"]
    assert notes == [f"{KIND}: done"] * 2
    assert limits is not None and len(limits.body["begun"]) == 2, "each corner is a change"


@pytest.mark.usefixtures("third")
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_pages_show_its_words_as_they_are_recorded(lang: str) -> None:
    assert KIND in catalogue.step_kinds()
    assert catalogue.cause(CAUSE).page == f"docs/causes/{CAUSE}.md"
    action = Action(KIND, "/vm/corners/left", Outcome.DONE, CAUSE)
    finding = Finding(CAUSE, Verdict.CONFIRMED, (quote("dust lies in: left"),))
    at = "2026-01-01T00:00:00.000000Z"
    incident = Incident("i", Status.FIXED, "s", "/v", "/vm", "c", "i", "j", CODE, at)
    request = func.HttpRequest(
        "GET", "http://127.0.0.1/api/audit/page", params={"lang": lang}, body=b""
    )
    answer = render.answer(
        request,
        "incident.html",
        "incident",
        standing=Standing(),
        locks=(),
        incident=replace(incident, findings=(finding,), actions=(action,)),
        entries=[],
        may_retry=False,
        broken=None,
        marks={},
        review=None,
        portal="https://portal.example.net",
        states=[],
    )
    html = answer.get_body().decode()
    assert f">{KIND}</td>" in html
    assert ">The VM is dusty</td>" in html and ">dust lies in: left<" in html
