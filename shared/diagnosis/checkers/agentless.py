"""Backups without agent: a policy that takes crash-consistent backups only
(`OnlyCrashConsistent`) uses neither the VM agent nor the backup extension, so that
causes 2, 3 and 5 cannot be what failed.
https://learn.microsoft.com/azure/backup/backup-azure-vms-agentless-multi-disk-crash-consistent-overview
"""

from __future__ import annotations

from dataclasses import replace

from shared.diagnosis.checkers.contract import (
    Reader,
    Subject,
    not_read,
    ruled_out,
    the_item,
    the_policy,
)
from shared.facts import Absent, Unreadable
from shared.incident.model import Finding, Verdict
from shared.sentences import phrase


async def rule_out_where_agentless(finding: Finding, subject: Subject, reader: Reader) -> Finding:
    """RULED_OUT under an agentless policy, else the finding.

    The vault is asked only where that can change anything. Where it cannot be read, a
    finding that a change would rest on becomes UNKNOWN.
    """
    if finding.verdict is Verdict.RULED_OUT:
        return finding
    item = await reader.protected_item(subject.item_id)
    if isinstance(item, Absent | Unreadable):
        return _in_doubt(finding, not_read(finding.cause, the_item(subject), item))
    policy = await reader.backup_policy(item.policy_id)
    if isinstance(policy, Absent | Unreadable):
        return _in_doubt(finding, not_read(finding.cause, the_policy(item), policy))
    if policy.is_agentless:
        agentless = phrase("agentless_policy", policy=the_policy(item))
        return ruled_out(finding.cause, agentless, *finding.evidence)
    return finding


def _in_doubt(finding: Finding, unread: Finding) -> Finding:
    verdict = Verdict.UNKNOWN if finding.targets else finding.verdict
    evidence = (*finding.evidence, *unread.evidence)
    return replace(finding, verdict=verdict, evidence=evidence, targets=())
