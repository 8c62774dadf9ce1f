"""Fix of cause 5: uninstall the backup extension; the next backup installs it again.

Fix safety: only an extension that a GET by its name returned with publisher
Microsoft.Azure.RecoveryServices and type VMSnapshot or VMSnapshotLinux, on a VM that
runs with its agent Ready (otherwise Azure refuses, or works on it for 15 minutes in
vain), and that no lock keeps. Nothing of the customer's is in it. All of this is read
again right before the DELETE, also that it is still broken and names no other cause:
one that a backup has put back, and that works, stays.
"""

from __future__ import annotations

import asyncio

from shared import clock
from shared.arm_ids import fold, parse, same
from shared.azure.calls import is_passing
from shared.azure.one_look import OneLook
from shared.azure.reader import ArmReader
from shared.azure.writer import TIMED_OUT
from shared.diagnosis.checkers import backup_extension
from shared.diagnosis.checkers.extension_words import has_words, quote_words
from shared.diagnosis.gathered import is_just_diagnosed
from shared.diagnosis.running_job import job_running, why_later
from shared.errors import AzureCallFailed, ScopeLocked
from shared.execution import guards, vault_guards
from shared.execution.change import Accepted, Change, NotSent, change
from shared.execution.fixes.contract import Fix, Hands
from shared.facts import Absent, Extension, Unreadable, VirtualMachine
from shared.incident.model import Answer, Finding, Incident
from shared.incident.outcome import Outcome, StepOutcome
from shared.plan.steps import NotFixable, Step
from shared.sentences import phrase

KIND = "uninstall_extension"
MOST_SENDS = 2
"""One more after a request whose effect is not known, or that Azure put off."""
PREEMPTED = "OperationPreempted"
"""ARM's word for an operation that ended Canceled because another one on the same VM
was begun after it."""


def steps(finding: Finding, vm_id: str) -> tuple[Step, ...] | NotFixable:
    if not finding.targets:
        return NotFixable("Azure finds no backup extension by its name, so none can be uninstalled")
    foreign = [target.id for target in finding.targets if not same(parse(target.id).parent, vm_id)]
    if foreign:
        return NotFixable(f"{foreign[0]} is not an extension of the VM of the failed job")
    return tuple(_step(target.id) for target in finding.targets)


def _step(extension_id: str) -> Step:
    says = phrase("uninstall_extension", name=parse(extension_id).name)
    return Step(KIND, extension_id, says, unit=extension_id, counts=True)


async def carry_out(hands: Hands, incident: Incident, steps: tuple[Step, ...]) -> StepOutcome:
    """One extension. Its removal is sent MOST_SENDS times at most, each time by one
    execution, and after a look at what became of the time before."""
    target = steps[0].target
    sends = incident.sends(KIND, target)
    if any(sent.answer is Answer.DONE for sent in sends):
        return StepOutcome(Outcome.DONE, "uninstalled")
    if sends or not is_just_diagnosed(incident):
        found = await _look_at_extension(hands, incident, target)
        if isinstance(found, StepOutcome):
            return found
        if len(sends) >= MOST_SENDS:
            state = found.provisioning_state
            detail = f"its removal was sent twice, and it is still {state}"
            return StepOutcome(Outcome.FAILED, detail)
    return await _uninstall(hands, incident, target)


async def _look_at_extension(
    hands: Hands, incident: Incident, target: str
) -> Extension | StepOutcome:
    """The extension, where all holds that must hold right before the request."""
    reader, vm_id = OneLook(hands.reader.clients), incident.vm_id
    off, job, no_backup, vm, named = await asyncio.gather(
        guards.why_switched_off(hands.settings.mode, reader, incident),
        job_running(reader, incident),
        vault_guards.why_no_backup_follows(reader, vm_id, incident.item_id),
        reader.virtual_machine(vm_id),
        reader.extension(target),
    )
    if off:
        return StepOutcome(Outcome.REFUSED, off)
    # Before the rest: a running job may disturb what is read there.
    if job:
        return StepOutcome(Outcome.WAITING, why_later(job))
    if no_backup:
        return StepOutcome(Outcome.REFUSED, no_backup)
    if isinstance(vm, Absent | Unreadable):
        return StepOutcome(Outcome.REFUSED, vm.why)
    problem, by_hand = guards.why_extension_stays(vm)
    if problem:
        return StepOutcome(Outcome.REFUSED, problem, by_hand)
    found = await _find_extension(reader, vm, target, named)
    if isinstance(found, StepOutcome):
        return found
    return _why_extension_left(hands, incident, vm, found) or await _why_not_back(hands, vm, found)


async def _why_not_back(
    hands: Hands, vm: VirtualMachine, extension: Extension
) -> Extension | StepOutcome:
    """The extension, unless policy would keep it from coming back. A ReadOnly lock
    refuses that question as well."""
    problem, by_hand = await guards.why_not_reinstalled(hands.reader, vm, extension)
    if not problem:
        return extension
    if not by_hand:
        locked, by_hand = await guards.why_extension_locked(hands.reader, extension.id)
        problem = locked if by_hand else problem
    return StepOutcome(Outcome.REFUSED, problem, by_hand)


async def _find_extension(
    reader: ArmReader, vm: VirtualMachine, target: str, named: Extension | Absent | Unreadable
) -> Extension | StepOutcome:
    """The extension that a GET by its name returned, with what it reported last; gone
    where the list does not show it either."""
    if isinstance(named, Unreadable):
        return StepOutcome(Outcome.REFUSED, named.why)
    if isinstance(named, Absent):
        return await _look_in_list(reader, vm, target)
    if not named.is_backup_extension:
        detail = f"{named.name} is {named.publisher}.{named.type}, not the backup extension"
        return StepOutcome(Outcome.REFUSED, detail)
    return named.seen_in(vm)


async def _look_in_list(reader: ArmReader, vm: VirtualMachine, target: str) -> StepOutcome:
    listed = await reader.extensions(vm.id)
    if isinstance(listed, Absent | Unreadable):
        return StepOutcome(Outcome.REFUSED, listed.why)
    if any(same(each.id, target) for each in listed):
        in_list = "Azure shows the extension in the list, and does not find it by its name"
        return StepOutcome(Outcome.BUSY, in_list)
    return StepOutcome(Outcome.DONE, "the extension is already gone")


def _why_extension_left(
    hands: Hands, incident: Incident, vm: VirtualMachine, extension: Extension
) -> StepOutcome | None:
    """Why it is left as it is: it is well, or an operation, perhaps our own, works on
    it."""
    state = extension.provisioning_state or "in no state"
    sends = incident.sends(KIND, extension.id)
    working = guards.why_extension_works(vm, extension)
    if sends and (working or hands.fence.is_fresh(sends[-1]) and sends[-1].under_way):
        return StepOutcome(Outcome.BUSY, working or f"its removal was accepted, and it is {state}")
    if working and not extension.in_transition:  # of somebody else, on the VM
        return StepOutcome(Outcome.BUSY, working)
    # What the checker found is looked at again: that nothing of it has changed.
    if has_words(words := backup_extension.name_other_cause(extension.statuses)):
        said = quote_words(extension.name, words)
        return StepOutcome(Outcome.REFUSED, f"{extension.name} names another cause: {said}")
    if extension.in_transition:
        stuck = extension.is_stuck(clock.now(), hands.settings.stuck_extension_seconds)
        return None if stuck else StepOutcome(Outcome.BUSY, working)
    if extension.failed:
        return None
    if fold(state) == "succeeded":
        return StepOutcome(Outcome.DONE, "the extension works by now; nothing was removed")
    return StepOutcome(Outcome.REFUSED, f"{extension.name} is {state}, which is not Failed")


async def _uninstall(hands: Hands, incident: Incident, target: str) -> StepOutcome:
    wait_seconds = hands.settings.extension_wait_seconds

    async def delete(accepted: Accepted) -> str:
        return await hands.writer.delete_extension(target, wait_seconds, accepted)

    async def look() -> StepOutcome | None:
        found = await _look_at_extension(hands, incident, target)
        return found if isinstance(found, StepOutcome) else None

    try:
        await change(hands.fence, incident, Change(KIND, target, delete, look))
    except NotSent as unsent:
        return unsent.outcome
    except AzureCallFailed as error:
        return await _read_failure(hands, incident, target, error)
    return StepOutcome(Outcome.DONE, "uninstalled")


async def _read_failure(
    hands: Hands, incident: Incident, target: str, error: AzureCallFailed
) -> StepOutcome:
    """BUSY: look what became of it, and send it once more where that helps."""
    if isinstance(error, ScopeLocked):
        locked, by_hand = await guards.why_extension_locked(hands.reader, target)
        why = "a lock keeps the extension, and locks are not lifted for extensions"
        return StepOutcome(
            Outcome.FAILED, locked if by_hand else f"{why}: {error.message}", by_hand
        )
    if error.code == TIMED_OUT:
        return StepOutcome(Outcome.FAILED, str(error))
    if error.may_have_happened:
        return StepOutcome(Outcome.BUSY, f"its removal has no answer: {error}")
    if len(incident.sends(KIND, target)) + 1 >= MOST_SENDS:
        between = "another operation on the VM came in between, twice: "
        detail = f"{between if error.code == PREEMPTED else ''}{error}"
        return StepOutcome(Outcome.FAILED, detail)
    if error.code == PREEMPTED or is_passing(error):
        pause = error.retry_after_seconds or hands.settings.poll_seconds
        if pause <= hands.settings.retry_seconds:
            await asyncio.sleep(pause)
            return StepOutcome(Outcome.BUSY, f"its removal is sent again: {error}")
    return StepOutcome(Outcome.FAILED, str(error), code=error.code)


FIX = Fix(
    KIND,
    (KIND,),
    steps,
    carry_out,
    loses="Nothing: the next backup installs the extension again.",
)
