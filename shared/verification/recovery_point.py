"""What the recovery point of a backup that completed tells of the VM agent.

Where the agent is silent, Azure Backup may go on without it and make a crash-consistent
point. Of a VM that runs that means: backed up, and the agent is still broken. Points of
a VM that is off, and those under an agentless policy, are crash-consistent by design.

The list of recovery points is read after a backup that completed, unless the agent was
Ready and the policy is Standard; VM, item and policy only where the point is
crash-consistent.
https://learn.microsoft.com/azure/backup/backup-azure-vm-backup-faq
"""

from __future__ import annotations

from dataclasses import dataclass

from shared import clock
from shared.arm_ids import fold
from shared.azure.reader import ArmReader
from shared.diagnosis.advice import About, linux_agent, windows_agent
from shared.diagnosis.checkers.agent_evidence import AGENT_CAUSES, fill_in_steps
from shared.diagnosis.gathered import GatheredFacts
from shared.facts import Absent, Job, Unreadable, VirtualMachine, why_unread
from shared.incident.model import Incident, Verdict
from shared.sentences import Sentence
from shared.vault_facts import STANDARD, ProtectedItem, RecoveryPoint

CRASH_CONSISTENT = "crashconsistent"
PREPARED = ("appconsistent", "filesystemconsistent")
"""Types of points for which the agent prepared the guest."""
TOLERANCE_SECONDS = 1.0
"""Azure writes the time of a recovery point to the second."""

type Point = RecoveryPoint | Absent | Unreadable


@dataclass(frozen=True, slots=True)
class Told:
    says: str
    """Of the point, as a part of the incident's reason."""
    steps: tuple[Sentence, ...] = ()
    """For the person that this needs; () where it needs nobody."""


async def may_be_crash_consistent(reader: ArmReader, incident: Incident) -> bool:
    """Whether the new point has to be looked at: not where the agent was seen Ready
    and the policy is Standard, which never goes on without the agent.

    https://learn.microsoft.com/azure/backup/backup-azure-vm-backup-faq
    """
    agent = [each for each in incident.findings if each.cause in AGENT_CAUSES]
    if len(agent) < 2 or any(each.verdict is not Verdict.RULED_OUT for each in agent):
        return True
    item = await GatheredFacts(
        reader, incident.facts.read if incident.facts else None
    ).protected_item(incident.item_id)
    return not isinstance(item, ProtectedItem) or item.policy_type != STANDARD


async def find_point(reader: ArmReader, item_id: str, job: Job) -> Point:
    """The first recovery point of the item from the time of this job."""
    points = await reader.recovery_points(item_id)
    if isinstance(points, Absent | Unreadable):
        return points
    began, ended = clock.normal(job.start_time), clock.normal(job.end_time)
    if not began or not ended:
        return Unreadable("its recovery point", "its job has no times")
    since, until = clock.after(began, -TOLERANCE_SECONDS), clock.after(ended, TOLERANCE_SECONDS)
    ours = [each for each in points if since <= clock.normal(each.time) <= until]
    if not ours:
        return Absent("a recovery point from the time of its job")
    return min(ours, key=lambda each: clock.normal(each.time))


async def judge_point(reader: ArmReader, incident: Incident, point: Point) -> Told:
    """Whether it shows that the agent is still broken. A point of an unknown type says
    neither that nor the contrary."""
    if isinstance(point, Absent | Unreadable):
        return Told(f"how consistent its recovery point is, is not known: {point.why}")
    if fold(point.type) in PREPARED:
        return Told(f"its recovery point is {point.type}")
    if fold(point.type) != CRASH_CONSISTENT:
        named = f"of the type {point.type!r}" if point.type else "of no type"
        return Told(f"its recovery point is {named}, which says nothing of the agent")
    return await _judge_crash_consistent(reader, incident, point)


async def _judge_crash_consistent(
    reader: ArmReader, incident: Incident, point: RecoveryPoint
) -> Told:
    only = f"its recovery point is only {point.type}"
    vm = await reader.virtual_machine(incident.vm_id)
    if isinstance(vm, Absent | Unreadable):
        why = why_unread("the VM runs", vm)
        return Told(f"{only}, and {why}", _advise(incident, None))
    if vm.is_off:
        return Told(f"{only}, as of a VM that is off")
    agentless = await _is_agentless(reader, incident)
    if agentless is True:
        return Told(f"{only}, as its agentless policy has it")
    if _is_mended(incident, vm, point):
        return Told(f"{only}, and the agent of {vm.name} has answered since and is Ready")
    steps = _advise(incident, vm)
    if isinstance(agentless, Unreadable):
        return Told(f"{only}, and {agentless.why}", steps)
    if not vm.running:
        state = vm.power_state or "not told"
        return Told(f"{only}, and whether {vm.name} ran is not known: it is {state}", steps)
    return Told(f"{only} although {vm.name} runs: the VM agent is still broken", steps)


async def _is_agentless(reader: ArmReader, incident: Incident) -> bool | Unreadable:
    item = await reader.protected_item(incident.item_id)
    if isinstance(item, Absent | Unreadable):
        return Unreadable("its backup policy", item.why)
    policy = await reader.backup_policy(item.policy_id)
    if isinstance(policy, Absent | Unreadable):
        return Unreadable("its backup policy", policy.why)
    return policy.is_agentless


def _is_mended(incident: Incident, vm: VirtualMachine, point: RecoveryPoint) -> bool:
    """Only where a person had the incident diagnosed anew since that backup: an agent
    that was Ready all the time did not prepare it either."""
    earlier = incident.attempt > 1 and not incident.actions
    return earlier and vm.agent_ready and clock.normal(vm.agent_time) > clock.normal(point.time)


def _advise(incident: Incident, vm: VirtualMachine | None) -> tuple[Sentence, ...]:
    """The steps of causes 2 and 3: of that VM's system, or of both where it is not
    known."""
    about = About.of(incident)
    if vm is None:
        return tuple(dict.fromkeys((*windows_agent(about), *linux_agent(about))))
    return (*fill_in_steps(vm), about.backup_now)
