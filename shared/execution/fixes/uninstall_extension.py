"""Fix of cause 5: uninstall the backup extension; the next backup installs it again.

Fix safety: only an extension of publisher Microsoft.Azure.RecoveryServices and type
VMSnapshot or VMSnapshotLinux, on a VM that runs with its agent Ready (otherwise Azure
refuses, or works on it for 15 minutes in vain). Nothing of the customer's is in it. All
of this is read again right before the DELETE.
"""

from __future__ import annotations

import asyncio

from shared.arm_ids import fold, parse, same
from shared.diagnosis.running_job import job_running, why_later
from shared.errors import AzureCallFailed, ScopeLocked
from shared.execution import guards, vault_guards
from shared.execution.change import change
from shared.execution.fixes.contract import Fix, Hands
from shared.facts import Absent, Extension, Unreadable, VirtualMachine
from shared.incident.model import Finding, Incident
from shared.incident.outcome import Outcome, StepOutcome
from shared.plan.steps import NotFixable, Step
from shared.sentences import phrase

KIND = "uninstall_extension"
PREEMPTED = "OperationPreempted"
"""ARM's word for an operation that ended Canceled because another one on the same VM
was begun after it."""


def steps(finding: Finding, vm_id: str) -> tuple[Step, ...] | NotFixable:
    if not finding.targets:
        return NotFixable(
            "the backup extension is not installed, so there is nothing to uninstall; the Linux"
            " agent needs care"
        )
    foreign = [target.id for target in finding.targets if not same(parse(target.id).parent, vm_id)]
    if foreign:
        return NotFixable(f"{foreign[0]} is not an extension of the VM of the failed job")
    return tuple(_step(target.id) for target in finding.targets)


def _step(extension_id: str) -> Step:
    says = phrase("uninstall_extension", name=parse(extension_id).name)
    return Step(KIND, extension_id, says, unit=extension_id, counts=True)


async def carry_out(hands: Hands, incident: Incident, steps: tuple[Step, ...]) -> StepOutcome:
    """One extension. Where another operation on the VM came in between, everything is
    checked again, and the removal tried once more."""
    target = steps[0].target
    try:
        return await _check_and_uninstall(hands, incident, target)
    except _Preempted:
        await asyncio.sleep(hands.settings.poll_seconds)
    try:
        return await _check_and_uninstall(hands, incident, target)
    except _Preempted as again:
        detail = f"another operation on the VM came in between, twice: {again}"
        return StepOutcome(Outcome.FAILED, detail)


class _Preempted(Exception):
    """A more recent operation ended the removal."""


async def _check_and_uninstall(hands: Hands, incident: Incident, target: str) -> StepOutcome:
    reader, vm_id = hands.reader, incident.vm_id
    if problem := await guards.why_switched_off(hands.settings.mode, reader, incident):
        return StepOutcome(Outcome.REFUSED, problem)
    # Before the rest: a running job may disturb what is read there.
    if job := await job_running(reader, incident):
        return StepOutcome(Outcome.WAITING, why_later(job))
    if problem := await vault_guards.why_no_backup_follows(reader, vm_id, incident.item_id):
        return StepOutcome(Outcome.REFUSED, problem)
    vm = await reader.virtual_machine(vm_id)
    if isinstance(vm, Absent | Unreadable):
        return StepOutcome(Outcome.REFUSED, vm.why)
    if problem := guards.why_extension_stays(vm):
        return StepOutcome(Outcome.REFUSED, problem)
    extensions = await reader.extensions(vm_id)
    if isinstance(extensions, Absent | Unreadable):
        return StepOutcome(Outcome.REFUSED, extensions.why)
    found = next((each for each in extensions if fold(each.id) == fold(target)), None)
    if found is None:
        return StepOutcome(Outcome.DONE, "the extension is already gone")
    if problem := await _why_kept(hands, vm, found):
        return StepOutcome(Outcome.REFUSED, problem)
    return await _uninstall(hands, incident, found)


async def _why_kept(hands: Hands, vm: VirtualMachine, found: Extension) -> str:
    if not found.is_backup_extension:
        return f"{found.name} is {found.publisher}.{found.type}, not the backup extension"
    return await guards.why_not_reinstalled(hands.reader, vm, found)


async def _uninstall(hands: Hands, incident: Incident, found: Extension) -> StepOutcome:
    """Raises _Preempted."""
    wait_seconds = hands.settings.extension_wait_seconds
    detail = {
        "publisher": found.publisher,
        "type": found.type,
        "provisioning_state": found.provisioning_state,
    }

    async def delete() -> str:
        return await hands.writer.delete_extension(found.id, wait_seconds)

    try:
        await change(hands.journal, incident, KIND, found.id, delete, detail)
    except ScopeLocked as error:
        return StepOutcome(
            Outcome.FAILED,
            f"a lock keeps the extension, and locks are not lifted for extensions: {error.message}",
        )
    except AzureCallFailed as error:
        if error.code == PREEMPTED:
            raise _Preempted(str(error)) from error
        return StepOutcome(Outcome.FAILED, str(error))
    return StepOutcome(Outcome.DONE, "uninstalled")


FIX = Fix(
    KIND,
    (KIND,),
    steps,
    carry_out,
    loses="Nothing: the next backup installs the extension again.",
)
