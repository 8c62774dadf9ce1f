"""What the product makes of a row: its checkers and its planner, through the real
clients, against the simulator.

The remedy is what would be sent to Azure: the plan, if its own guards let it through.
Nothing is sent.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from local.scenarios import parts
from local.simulator.server import Simulator
from shared import catalogue, clock
from shared.azure.clients import AzureClients
from shared.azure.reader import ArmReader
from shared.diagnosis import later
from shared.diagnosis.check import check, in_order
from shared.diagnosis.checkers.contract import Subject
from shared.diagnosis.running_job import job_running
from shared.diagnosis.witness import NotWitnessed, witness
from shared.execution.fixes.contract import Hands
from shared.execution.fixes.delete_restore_point_collection import CollectionDeletions
from shared.execution.guards import why_extension_locked
from shared.execution.lock_window.windows import TargetOutcome
from shared.facts import Absent, Job
from shared.incident.model import Finding, Incident, Verdict
from shared.incident.outcome import Outcome, StepOutcome
from shared.incident.status import Status
from shared.plan.decide import consider, name_locks
from shared.plan.planner import NoPlan, Plan, units
from shared.plan.told import tell_others
from shared.sentences import Sentence
from shared.settings import Settings
from tests.diagnosis_states.azure import ITEM_ID, JOB_ID, VM_ID
from tests.diagnosis_states.build import build
from tests.diagnosis_states.row import DELETE, NOTHING, PERSON, UNINSTALL, Row


@dataclass(frozen=True, slots=True)
class Found:
    findings: dict[str, Finding]
    """By the slug of the cause."""
    remedy: str
    reason: str
    steps: tuple[Sentence, ...] = ()
    """What a person is told."""

    def verdict(self, cause: str) -> Verdict:
        return self.findings[cause].verdict


async def examine_all(rows: Iterable[Row]) -> dict[str, Found]:
    """By the name of the row, all in one simulator."""
    async with Simulator() as simulator:
        settings = Settings.from_environment(
            {
                "REMEDIATOR_ARM_ENDPOINT": simulator.url,
                "REMEDIATOR_MODE": "auto",
                "REMEDIATOR_RETRY_SECONDS": "0",
            }
        )
        clients = AzureClients(settings, parts.SUBSCRIPTION)
        try:
            return {row.name: await _examine(simulator, clients, settings, row) for row in rows}
        finally:
            await clients.close()


async def _examine(
    simulator: Simulator, clients: AzureClients, settings: Settings, row: Row
) -> Found:
    state, faults = build(row.azure, row.code)
    simulator.world.replace_state(state)
    simulator.world.faults.clear()
    for each in faults:
        simulator.world.faults.add(each)
    reader = ArmReader(clients)
    incident, failed_at, ended = await _hear_job(reader, row)
    subject = Subject(
        VM_ID,
        failed_at,
        settings.minimum_linux_agent,
        incident.code_now,
        incident.item_id,
        clock.now(),
        settings.stuck_extension_seconds,
    )
    findings = {cause: await check(cause, subject, reader) for cause in row.verdicts}
    if ended:
        return Found(findings, *ended)
    if waits := await _why_not_diagnosed(reader, incident, failed_at):
        return Found(findings, NOTHING, waits)
    named = {cause.slug for cause in catalogue.causes_of(incident.code_now)}
    in_question = in_order(
        (each for cause, each in findings.items() if cause in named), incident.code_now
    )
    incident = replace(incident, findings=in_question)
    decided = await consider(reader, reader, incident, failed_at)
    if isinstance(decided, NoPlan):
        decided = await name_locks(reader, incident, decided)
        return Found(findings, PERSON, decided.reason, decided.manual_steps)
    return Found(findings, *await _carry_out(reader, settings, incident, decided))


async def _hear_job(reader: ArmReader, row: Row) -> tuple[Incident, str, tuple[str, str] | None]:
    """The incident with the code that its job names, and when that job began; with a
    remedy and its reason where the job ends the incident."""
    tail = ITEM_ID.split("/")
    incident = Incident(
        "i",
        Status.DIAGNOSING,
        parts.SUBSCRIPTION,
        parts.vault_id(),
        VM_ID,
        tail[-3],
        tail[-1],
        JOB_ID,
        "",
        clock.now(),
    )
    heard = witness(incident, await reader.job(incident.vault_id, JOB_ID))
    if isinstance(heard, NotWitnessed):
        remedy = NOTHING if heard.status is Status.IGNORED else PERSON
        return replace(incident, error_code=row.code), "", (remedy, heard.reason)
    return replace(incident, error_code=heard.error_code), heard.failed_at, None


async def _why_not_diagnosed(reader: ArmReader, incident: Incident, failed_at: str) -> str:
    newer = await later.look(reader, incident, failed_at)
    if isinstance(newer, later.Healed):
        return newer.reason
    job = await job_running(reader, incident)
    return f"the job {job.name} runs" if isinstance(job, Job) else ""


class _Sent(Exception):
    """The change would be sent now."""


class _StopAtFence:
    async def enter(self, *_: object) -> None:
        raise _Sent


class _NoOpenLocks:
    async def open_locks(self) -> tuple[()]:
        return ()


@dataclass(frozen=True, slots=True)
class _Turns:
    """Looks at each collection as the real turn does, and stops before the window."""

    reader: ArmReader
    settings: Settings

    async def take(self, incident: Incident, targets: tuple[str, ...]) -> StepOutcome:
        nobody: Any = None
        ledger: Any = _NoOpenLocks()
        deletions = CollectionDeletions(self.reader, nobody, ledger, self.settings)
        for target in targets:
            found = await deletions.examine(self.reader, incident, target, unlocked=False)
            if isinstance(found, TargetOutcome):
                return StepOutcome(found.result, found.detail)
        raise _Sent


async def _carry_out(
    reader: ArmReader, settings: Settings, incident: Incident, decided: Plan
) -> tuple[str, str, tuple[Sentence, ...]]:
    """The remedy, why, and what a person is told, after the guards of its fix."""
    why = decided.order or decided.cause
    if decided.fix not in (UNINSTALL, DELETE):
        return decided.fix, why, ()
    vm = await reader.virtual_machine(VM_ID)
    if isinstance(vm, Absent):
        return PERSON, vm.why, ()
    nobody: Any = None
    fence: Any = _StopAtFence()
    turns: Any = _Turns(reader, settings)
    fix = catalogue.cause(decided.cause).fix
    assert fix is not None
    try:
        outcome = await fix.carry_out(
            Hands(reader, nobody, fence, settings, turns), incident, units(decided)[0]
        )
    except _Sent:
        # What Azure answers to the request where a lock is at or above the extension.
        locked, by_hand = await why_extension_locked(reader, units(decided)[0][0].target)
        if decided.fix == UNINSTALL and by_hand:
            return PERSON, locked, by_hand
        return decided.fix, why, tell_others(incident, decided.cause)
    remedy = NOTHING if outcome.result is Outcome.WAITING else PERSON
    return remedy, outcome.detail, outcome.manual_steps
