"""Fix of cause 5: uninstall the backup extension; the next backup installs it again.

Fix safety: only an extension of publisher Microsoft.Azure.RecoveryServices and type
VMSnapshot or VMSnapshotLinux, on a VM that runs with its agent Ready (otherwise Azure
refuses, or works on it for 15 minutes in vain). Nothing of the customer's is in it. The
executor reads all of this again right before the DELETE.
"""

from __future__ import annotations

from shared.arm_ids import parse, same
from shared.execution.fixes.contract import Fix
from shared.incident.model import Finding
from shared.plan.steps import NotFixable, Step, StepKind
from shared.sentences import phrase


def steps(finding: Finding, vm_id: str) -> tuple[Step, ...] | NotFixable:
    if not finding.targets:
        return NotFixable(
            "the backup extension is not installed, so there is nothing to uninstall; the Linux"
            " agent needs care"
        )
    foreign = [target.id for target in finding.targets if not same(parse(target.id).parent, vm_id)]
    if foreign:
        return NotFixable(f"{foreign[0]} is not an extension of the VM of the failed job")
    return tuple(
        Step(
            StepKind.UNINSTALL_EXTENSION,
            target.id,
            phrase("uninstall_extension", name=parse(target.id).name),
        )
        for target in finding.targets
    )


FIX = Fix(
    "uninstall_extension",
    steps,
    loses="Nothing: the next backup installs the extension again.",
)
