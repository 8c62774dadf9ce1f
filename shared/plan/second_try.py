"""The second try, `run_backup_again`: where no cause is found, may the backup be run
once more? Pure. docs/second-try.md has the rules for people.

It deletes nothing and helps where the failure was a passing one, so it is for codes for
which Microsoft's documents advise a retry, and for failures of the agent that have
healed since. Where that is not known, a person is asked.
https://learn.microsoft.com/azure/backup/backup-azure-vms-troubleshoot
"""

from __future__ import annotations

from collections.abc import Iterable

from shared import catalogue
from shared.arm_ids import fold, parse
from shared.diagnosis.checkers.other_operation import AT_REST
from shared.diagnosis.failed_extensions import find_unexamined
from shared.facts import Absent, Job, Unreadable, VirtualMachine, why_unread
from shared.incident.model import RUN_BACKUP_AGAIN, Finding, Incident, Verdict
from shared.plan.planner import Plan
from shared.plan.steps import Step
from shared.plan.told import name_causes
from shared.sentences import Sentence, phrase
from shared.vault_facts import STANDARD, BackupPolicy, ProtectedItem

AGENT_CODES = ("UserErrorGuestAgentStatusUnavailable", "GuestAgentSnapshotTaskStatusError")
"""Failures of the VM agent: they have healed where it is Ready again."""
MIGRATION_CODE = "BackUpOperationFailedV2"
"""Under an Enhanced policy it may mean that the migration to that policy failed, which
Support has to mend.
https://learn.microsoft.com/azure/backup/backup-azure-vms-troubleshoot"""
NOT_AGAINST = frozenset(
    {
        "network_not_named",  # silence of the extension; a backup needs no internet today
        "old_words_of_working_extension",  # of a failure long ago
        "extension_absent",  # the next backup installs it
        "extension_missing",
        "extension_missing_on_linux",
        "vm_not_running",  # a backup of a VM that is off needs no agent
        "no_lock",  # Azure Backup may delete old points: a backup begins its clean-up
        "enhanced_without_limit",  # no word of the limit
    }
)
"""Evidence of an UNKNOWN cause with which a new backup may pass all the same. A finding
that has none of it, one of a later version included, speaks against it."""
AGAINST = frozenset(
    {
        "vault_locked",  # Azure Backup's clean-up was seen to fail under it
        "vault_lock_not_known",
    }
)
"""Evidence that speaks against a new backup, whatever else the same finding says."""


def why_not_tried(
    incident: Incident, findings: Iterable[Finding], vm: VirtualMachine | Absent | Unreadable
) -> str:
    """Why no backup is run again, as far as incident, findings and VM tell; "" where it
    may be."""
    row = catalogue.error_code(incident.code_now)
    if row is None:
        return "the code is not in the catalogue"
    if told := _why_over(incident):
        return told
    findings = tuple(findings)
    against = [each.cause for each in findings if _speaks_against(each)]
    if against:
        return f"it would not help where this is the cause: {name_causes(against)}"
    if name := find_unexamined(findings, vm):
        return f"the backup extension {name} itself is Failed, and a new backup would fail again"
    if not isinstance(vm, VirtualMachine):
        return vm.why
    if vm.managed_disks is False:
        return "the VM has unmanaged disks, which are retired"
    if told := _why_unsettled(vm):
        return told
    if not row.retry_advised and not _healed(row.name, vm):
        return f"Microsoft advises no retry for {row.name}, and nothing is seen to have healed"
    return ""


def why_cancelled(cancelled: Job | Unreadable | None) -> str:
    """Why a person's word is against it; "" where none is known. `cancelled`: the
    newest later backup of the VM that was cancelled."""
    if isinstance(cancelled, Unreadable):
        return why_unread("a person cancelled a later backup", cancelled)
    if cancelled is None:
        return ""
    return f"a person cancelled the later backup {cancelled.name}: it is {cancelled.status}"


def may_be_migration(incident: Incident) -> bool:
    """Whether `why_migrated` has to be asked."""
    row = catalogue.error_code(incident.code_now)
    return row is not None and row.name == MIGRATION_CODE


def why_migrated(
    item: ProtectedItem | Absent | Unreadable, policy: BackupPolicy | Absent | Unreadable
) -> str:
    """Why the migration to an Enhanced policy may be the cause; "" where item and
    policy are both Standard."""
    if isinstance(item, Absent | Unreadable):
        return why_unread("a migration of the policy is the cause", item)
    if isinstance(policy, Absent | Unreadable):
        return why_unread("a migration of the policy is the cause", policy)
    if item.policy_type == policy.type == STANDARD:
        return ""
    return (
        f"{MIGRATION_CODE} under a policy that is not Standard may come of a migration to an"
        " Enhanced policy, which Microsoft Support has to mend"
    )


def make_plan(incident: Incident) -> Plan:
    """For an incident for which both rules allow it."""
    row, vm_id = catalogue.error_code(incident.code_now), incident.vm_id
    code = incident.code_now
    advised = row is not None and row.retry_advised
    because = phrase("retry_advised", code=code) if advised else phrase("healed_since", code=code)
    says: Sentence = phrase("run_backup_again", vm=parse(vm_id).name)
    step = Step(RUN_BACKUP_AGAIN, vm_id, says, unit=vm_id, counts=True)
    return Plan("", RUN_BACKUP_AGAIN, (step,), (because,), "Nothing: it deletes nothing.")


def _why_over(incident: Incident) -> str:
    """One second try a failure, and none after any other backup or fix of ours."""
    shown = incident.verification
    if shown is not None:
        outcome = shown.outcome or "under way"
        code = f" with {shown.error_code}" if shown.error_code else ""
        return f"the backup {shown.job_id} that was started here is {outcome}{code}"
    return "a fix was begun" if incident.actions else ""


def _speaks_against(finding: Finding) -> bool:
    if finding.verdict is Verdict.UNKNOWN:
        said = {each.key for each in finding.evidence}
        return bool(said & AGAINST) or not said & NOT_AGAINST
    return finding.verdict is Verdict.CONFIRMED


def _why_unsettled(vm: VirtualMachine) -> str:
    if fold(vm.provisioning_state) != "succeeded":
        return f"the VM is not settled: its provisioning state is {vm.provisioning_state or '?'}"
    if fold(vm.power_state) not in AT_REST:
        return f"the VM is not settled: its power state is {vm.power_state or 'not known'}"
    return ""


def _healed(code: str, vm: VirtualMachine) -> bool:
    return code in AGENT_CODES and vm.running and vm.agent_ready
