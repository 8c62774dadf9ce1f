"""Locks that will refuse what has to be done next, named for the person with the
command that takes each off. Only cause 6 has a fix that lifts locks, and only some.

ReadOnly forbids the POST that starts a backup, and every change of the VM; CanNotDelete
the removal of an extension, and the clean-up of old restore points.
https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Protocol

from shared.arm_ids import fold
from shared.diagnosis.by_hand import name_scope, take_off
from shared.diagnosis.failed_extensions import EXTENSION, IS_FAILED
from shared.facts import Absent, Lock, Unreadable
from shared.incident.model import Finding, Incident, Verdict
from shared.sentences import Sentence, phrase

LOCKED_CODE = "UserErrorResourceIsInLockedState"
"""The job itself says that a lock on the VM refused the backup."""
LIMIT_CODE = "UserErrorRpCollectionLimitReached"
POINTS = "locked_restore_points"
VAULT_LOCKED = "vault_locked"
"""Evidence of cause 6: a lock of the vault, under which a clean-up was seen to fail."""


class LockReader(Protocol):
    async def locks(self, scope: str) -> tuple[Lock, ...] | Absent | Unreadable: ...


async def name_refusing(
    reader: LockReader,
    incident: Incident,
    findings: Iterable[Finding],
    steps: Iterable[Sentence] = (),
) -> tuple[Sentence, ...]:
    """A step for each lock on VM and vault, and on their groups and subscription, that
    will refuse a new backup or what the findings call for, and that none of `steps`
    takes off already. Two requests."""
    findings = tuple(findings)
    on_vm, on_vault = await asyncio.gather(
        reader.locks(incident.vm_id), reader.locks(incident.vault_id)
    )
    removal = phrase("removal_of_extension") if _calls_for_removal(findings) else None
    clean_up = phrase("clean_up") if _calls_for_clean_up(incident, findings) else None
    if fold(incident.code_now) == fold(LOCKED_CODE):
        removal = removal or phrase("new_backup")
    found = [
        *_name(incident.vm_id, on_vm, removal),
        *_name(incident.vault_id, on_vault, clean_up),
    ]
    told = {fold(lock.id) for each in findings for target in each.targets for lock in target.locks}
    unique: dict[str, Sentence] = {}
    commands = {step.values.get("command") for step in steps}
    for lock_id, step in found:
        if fold(lock_id) not in told and step.values.get("command") not in commands:
            unique.setdefault(fold(lock_id), step)
    return tuple(unique.values())


def _name(
    scope: str, locks: tuple[Lock, ...] | Absent | Unreadable, deletion: Sentence | None
) -> list[tuple[str, Sentence]]:
    """`deletion`: what a CanNotDelete lock refuses there; None where that is nothing
    that is wanted."""
    if isinstance(locks, Absent | Unreadable):
        reason = locks.reason if isinstance(locks, Unreadable) else locks.why
        told = phrase("locks_not_read", scope=scope, reason=reason, command=list_locks(scope))
        return [(scope, told)]
    named = []
    for lock in locks:
        read_only = fold(lock.level) == "readonly"
        refuses = phrase("new_backup") if read_only else deletion
        if refuses is not None and lock.blocks_deletion:
            named.append((lock.id, take_off(lock, refuses)))
    return named


def list_locks(scope: str) -> str:
    """The command that lists the locks at and above a resource."""
    return f"az lock list {name_scope(scope)} --filter-string 'atScope()'"


def _calls_for_removal(findings: tuple[Finding, ...]) -> bool:
    return any(
        (each.cause == EXTENSION and each.verdict is Verdict.CONFIRMED)
        or any(one.key == IS_FAILED for one in each.evidence)
        for each in findings
    )


def _calls_for_clean_up(incident: Incident, findings: tuple[Finding, ...]) -> bool:
    return fold(incident.code_now) == fold(LIMIT_CODE) or any(
        each.cause == POINTS
        and (
            each.verdict is Verdict.CONFIRMED
            or any(one.key == VAULT_LOCKED for one in each.evidence)
        )
        for each in findings
    )
