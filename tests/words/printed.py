"""The lines that the product's own functions make."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from functions.pages.texts import LANGUAGES
from shared import catalogue
from shared.diagnosis import advice, agent_steps
from shared.diagnosis import by_hand as by_hand_steps
from shared.diagnosis.advice import About
from shared.diagnosis.checkers.contract import WINDOWS_VM
from shared.diagnosis.failed_extensions import name_failed
from shared.diagnosis.refusing_locks import list_locks
from shared.execution.lock_window.words import by_hand
from shared.extension_facts import (
    BACKUP_EXTENSION_PUBLISHER,
    ExtensionStatus,
    ReportedExtension,
)
from shared.facts import Lock
from shared.incident.model import Incident, Target
from shared.incident.status import Status
from shared.sentences import Sentence, phrase, render
from tests.words.filled import CONTAINER, GROUP_ID, ITEM, SUBSCRIPTION, VAULT_ID, VM_ID

HARD_NAMES = (
    "keep",
    "-keep",
    "--yes",
    "it's",
    'a "b" $HOME `id`',
    "ü锁",
    "@keep",
    "a=b",
    "-",
    "a b",
)
SCOPES = (
    f"/subscriptions/{SUBSCRIPTION}",
    GROUP_ID,
    VM_ID,
    f"{VM_ID}/extensions/VMSnapshot",
    VAULT_ID,
)
FAILED = ExtensionStatus("ProvisioningState/failed/1", "", "")
INCIDENT = Incident(
    id="i1",
    status=Status.NEEDS_PERSON,
    subscription_id=SUBSCRIPTION,
    vault_id=VAULT_ID,
    vm_id=VM_ID,
    container_name=CONTAINER,
    item_name=ITEM,
    job_id="22222222-2222-2222-2222-222222222222",
    error_code="BackUpOperationFailed",
    opened_at="2026-01-31T02:00:00Z",
)


COLLECTION_ID = f"{GROUP_ID}/providers/Microsoft.Compute/restorePointCollections/AzureBackup_it's"


def lock(name: str, notes: str | None, scope: str = GROUP_ID) -> Lock:
    return Lock(
        f"{scope}/providers/Microsoft.Authorization/locks/{name}", name, "CanNotDelete", notes, ()
    )


def sentences() -> Iterator[Sentence]:
    """Every step that a person can be given."""
    about = About.of(INCIDENT)
    for cause in catalogue.CAUSES:
        yield from cause.advice(about)
    yield from (
        *by_hand_steps.reapply_vm(VM_ID),
        *by_hand_steps.wait_for_operation(VM_ID),
        agent_steps.allow_extensions(VM_ID),
        *advice.vm_gone(about),
        *advice.unknown_code(INCIDENT),
        advice.look_at_job(INCIDENT),
        advice.look_at_warnings(INCIDENT, INCIDENT.job_id),
    )
    yield from filled_in()


def filled_in() -> Iterator[Sentence]:
    """Steps with what was read of this VM: its locks, collections and extensions."""
    extension_id = f"{VM_ID}/extensions/VMSnapshot"
    collection_id = (
        f"{GROUP_ID}/providers/Microsoft.Compute/restorePointCollections/AzureBackup_vm1"
    )
    held = (lock("keep", "Protects the shop"),)
    yield from by_hand_steps.unlock_collections([Target(collection_id, held)])
    yield from by_hand_steps.uninstall([Target(extension_id)])
    yield from by_hand_steps.wait_for_extension(extension_id)
    yield from by_hand_steps.mend_extension(VM_ID, "run-setup", "Microsoft.Compute.Script")
    yield phrase("locks_not_read", scope=VM_ID, reason="403", command=list_locks(VM_ID))
    seen = ReportedExtension("VMSnapshot", f"{BACKUP_EXTENSION_PUBLISHER}.VMSnapshot", (FAILED,))
    yield from name_failed(INCIDENT, (), replace(WINDOWS_VM, extensions=(seen,)))


def steps() -> Iterator[str]:
    """The same, as a person reads them in each language."""
    for step in sentences():
        yield from (render(step, language) for language in LANGUAGES)


def rescues() -> Iterator[str]:
    """The command that puts a lock back, for each kind of scope and for names and notes
    that a shell could misread."""
    yield from (
        by_hand(lock("keep", notes, scope))
        for scope in SCOPES
        for notes in (None, "Protects the shop")
    )
    yield from (by_hand(lock(name, name)) for name in HARD_NAMES)


def rules() -> Iterator[str]:
    """The rule that lets a VM reach Azure storage, for names that a shell could
    misread."""
    for name in ("deny-internet", "deny all_1.x"):
        group_id = f"{GROUP_ID}/providers/Microsoft.Network/networkSecurityGroups/{name}"
        for priority in (199, None):
            step = by_hand_steps.allow_storage(group_id, name, priority, "Storage.westeurope")
            yield from (render(step, language) for language in LANGUAGES)


def unlockings() -> Iterator[str]:
    """The command that takes a lock off, for names that a shell could misread."""
    for name in HARD_NAMES:
        step = by_hand_steps.take_off(lock(name, name), phrase("new_backup"))
        yield from (render(step, language) for language in LANGUAGES)


def restore_point_steps() -> Iterator[str]:
    """What a person does about locks that stay, points in use and unmanaged disks, for
    names that a shell could misread."""
    for scope in SCOPES:
        for name in filter(str.isascii, HARD_NAMES):
            kept = lock(name, None, scope)
            steps = [
                by_hand_steps.remove_lock(kept),
                *by_hand_steps.free_backup_group(VM_ID, (kept.id,)),
            ]
            yield from (render(step, "en") for step in steps)
    for step in (*by_hand_steps.end_access(COLLECTION_ID), *by_hand_steps.convert_disks(VM_ID)):
        yield from (render(step, language) for language in LANGUAGES)


PRINTED: dict[str, Callable[[], Iterator[str]]] = {
    "shared/diagnosis/advice.py": steps,
    "shared/diagnosis/by_hand.py": rules,
    "shared/diagnosis/by_hand.py: take_off": unlockings,
    "shared/execution/lock_window/words.py: by_hand": rescues,
    "cause 6: by hand": restore_point_steps,
}
