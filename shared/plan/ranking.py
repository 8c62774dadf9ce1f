"""Which confirmed cause is fixed first. Pure.

The order of the catalogue, which is the article's, is the start. A cause that only a
person can mend does not hold up a safe fix behind it, as long as the backup that has to
verify the fix can pass.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from shared import catalogue
from shared.arm_ids import fold
from shared.diagnosis.checkers.agent_evidence import AGENT_CAUSES
from shared.facts import Unreadable, VirtualMachine
from shared.incident.model import Finding, Verdict

EXTENSION, POINTS = "backup_extension", "locked_restore_points"
SNAPSHOT, STATES = "snapshot_status", ("failed_state", "other_operation")
NOT_REINSTALLED = ("no_internet", *STATES)
"""With one of these Azure refuses the extension that a backup would install again, or
it would fail again."""
type Machine = VirtualMachine | Unreadable | None
"""The VM as it is when the plan is made. Not known: it speaks against a fix."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A confirmed cause that has a fix, in its turn."""

    finding: Finding
    held_up_by: tuple[str, ...] = ()
    """Causes with which its verifying backup could not pass."""
    ahead: tuple[str, ...] = ()
    """Causes ahead of it that only a person can mend, and that do not hold it up."""


def rank(left: Iterable[Finding], confirmed: tuple[Finding, ...], vm: Machine) -> list[Ranked]:
    """The causes of `left` that have a fix, in their order. `left`: those of
    `confirmed` whose fix was not made yet; both in the catalogue's order."""
    return [
        Ranked(each, *_split(each, confirmed, vm))
        for each in left
        if catalogue.cause(each.cause).fix
    ]


def order_repairs(findings: Iterable[Finding], vm: Machine) -> tuple[Finding, ...]:
    """`findings` as a person mends them: what holds up the fix of another is first."""
    findings = tuple(findings)

    def is_held_up(finding: Finding) -> bool:
        return any(
            _holds_up(other, finding.cause, vm)
            for other in findings
            if other.cause != finding.cause and catalogue.cause(finding.cause).fix
        )

    return tuple(sorted(findings, key=is_held_up))


def _split(
    finding: Finding, confirmed: tuple[Finding, ...], vm: Machine
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    others = [each for each in confirmed if each.cause != finding.cause]
    held_up_by = tuple(each.cause for each in others if _holds_up(each, finding.cause, vm))
    ahead = confirmed[: confirmed.index(finding)]
    only_a_person = tuple(each.cause for each in ahead if not catalogue.cause(each.cause).fix)
    return held_up_by, tuple(each for each in only_a_person if each not in held_up_by)


def _holds_up(other: Finding, cause: str, vm: Machine) -> bool:
    """Whether no backup can pass, or the fix itself is refused, while `other` is not
    mended. A deletion is held up by a silent agent, by a failed extension, and by a VM
    that is Failed or on which an operation works."""
    if other.verdict is not Verdict.CONFIRMED:
        return False
    if other.cause in AGENT_CAUSES:
        return not _is_answered(vm)
    if cause == POINTS:
        broken = other.cause == EXTENSION and not other.gone
        return broken or (other.cause in (SNAPSHOT, *STATES) and _is_unsettled(vm))
    if cause == EXTENSION:
        off = other.cause == SNAPSHOT and not _runs(vm)
        return off or other.cause in NOT_REINSTALLED
    return False


def _is_answered(vm: Machine) -> bool:
    """Whether the agent is no obstacle: it is Ready, if out of date, or the VM is off,
    and a backup does without it. Under an agentless policy causes 2 and 3 are never
    confirmed."""
    return isinstance(vm, VirtualMachine) and (vm.agent_ready or not vm.running)


def _runs(vm: Machine) -> bool:
    return isinstance(vm, VirtualMachine) and vm.running


def _is_unsettled(vm: Machine) -> bool:
    """Whether its provisioning state is known to keep it from a backup."""
    return isinstance(vm, VirtualMachine) and fold(vm.provisioning_state) not in ("", "succeeded")
