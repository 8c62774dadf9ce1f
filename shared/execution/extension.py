"""Carries out `uninstall_extension`."""

from __future__ import annotations

import asyncio

from shared.arm_ids import fold
from shared.diagnosis.running_job import job_running, why_later
from shared.errors import AzureCallFailed, ScopeLocked
from shared.execution import guards, vault_guards
from shared.execution.change import change
from shared.execution.tools import Tools
from shared.facts import Absent, Extension, Unreadable, VirtualMachine
from shared.incident.model import Incident
from shared.incident.outcome import Outcome, StepOutcome
from shared.plan.steps import Step

KIND = "uninstall_extension"
PREEMPTED = "OperationPreempted"
"""ARM's word for an operation that ended Canceled because another one on the same VM
was begun after it."""


async def uninstall(tools: Tools, incident: Incident, step: Step) -> StepOutcome:
    """Where another operation on the VM came in between, everything is looked at again,
    and the removal tried once more."""
    try:
        return await _looked_and_uninstalled(tools, incident, step)
    except _Preempted:
        await asyncio.sleep(tools.settings.poll_seconds)
    try:
        return await _looked_and_uninstalled(tools, incident, step)
    except _Preempted as again:
        return StepOutcome(
            Outcome.FAILED, f"another operation on the VM came in between, twice: {again}"
        )


class _Preempted(Exception):
    """The removal was ended by a more recent operation."""


async def _looked_and_uninstalled(tools: Tools, incident: Incident, step: Step) -> StepOutcome:
    if problem := await guards.switched_off(tools, incident):
        return StepOutcome(Outcome.REFUSED, problem)
    if job := await job_running(tools.reader, incident):
        return StepOutcome(Outcome.WAITING, why_later(job))
    if problem := await vault_guards.protection_ended(
        tools.reader, incident.vm_id, incident.item_id
    ):
        return StepOutcome(Outcome.REFUSED, problem)
    vm = await tools.reader.virtual_machine(incident.vm_id)
    if isinstance(vm, Absent | Unreadable):
        return StepOutcome(Outcome.REFUSED, vm.why)
    if problem := guards.cannot_take_extension_changes(vm):
        return StepOutcome(Outcome.REFUSED, problem)
    extensions = await tools.reader.extensions(incident.vm_id)
    if isinstance(extensions, Absent | Unreadable):
        return StepOutcome(Outcome.REFUSED, extensions.why)
    return await _uninstall(tools, incident, step, vm, extensions)


async def _uninstall(
    tools: Tools,
    incident: Incident,
    step: Step,
    vm: VirtualMachine,
    extensions: tuple[Extension, ...],
) -> StepOutcome:
    found = next((each for each in extensions if fold(each.id) == fold(step.target)), None)
    if found is None:
        return StepOutcome(Outcome.DONE, "the extension is already gone")
    if not found.is_backup_extension:
        return StepOutcome(
            Outcome.REFUSED,
            f"{found.name} is {found.publisher}.{found.type}, not the backup extension",
        )
    if problem := await guards.would_not_return(tools.reader, vm, found):
        return StepOutcome(Outcome.REFUSED, problem)
    wait_seconds = tools.settings.extension_wait_seconds
    try:
        await change(
            tools.journal,
            incident,
            KIND,
            found.id,
            lambda: tools.writer.delete_extension(found.id, wait_seconds),
            {
                "publisher": found.publisher,
                "type": found.type,
                "provisioning_state": found.provisioning_state,
            },
        )
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
