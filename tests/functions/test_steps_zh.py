"""Every step that a person can be asked to do has its Chinese words, with the commands,
names and addresses that were filled in."""

from __future__ import annotations

import re

import pytest

from functions.pages.steps_zh import translated
from functions.pages.texts import TEXTS
from shared import catalogue
from shared.audit.entry import PHASES
from shared.diagnosis import advice
from shared.diagnosis.advice import About
from shared.execution.fixes.delete_restore_point_collection import advise_on_locks
from shared.execution.lock_window.deletions import RESTORE_LOCKS
from shared.execution.lock_window.put_back import by_hand
from shared.facts import Lock
from shared.incident.model import Action, Incident
from shared.incident.status import Status
from tests.docs.test_docs import written_kinds

SUB = "/subscriptions/11111111-1111-1111-1111-111111111111"
VM = f"{SUB}/resourceGroups/rg-app/providers/Microsoft.Compute/virtualMachines/vm.1 (old)"
COLLECTION = f"{SUB}/resourceGroups/AzureBackupRG_westeurope_1/providers/Microsoft.Compute/restorePointCollections/AzureBackup_vm1_1"
INCIDENT = Incident(
    id="i1",
    status=Status.NEEDS_PERSON,
    subscription_id=SUB.rsplit("/", 1)[1],
    vault_id=f"{SUB}/resourceGroups/rg-backup/providers/Microsoft.RecoveryServices/vaults/vault1",
    vm_id=VM,
    container_name="IaasVMContainer;iaasvmcontainerv2;rg-app;vm1",
    item_name="VM;iaasvmcontainerv2;rg-app;vm1",
    job_id="22222222-2222-2222-2222-222222222222",
    error_code="BackUpOperationFailed",
    opened_at="2026-01-31T02:00:00Z",
    actions=(Action(RESTORE_LOCKS, COLLECTION, "done", "locked_restore_points"),),
)
ABOUT = About.of(INCIDENT)
STEPS = [step for cause in catalogue.CAUSES for step in cause.advice(ABOUT)]
STEPS += [
    *advice.vm_gone(ABOUT),
    *advice.unknown_code(INCIDENT),
    advice.look_at_job(INCIDENT),
    *advise_on_locks(INCIDENT),
]
STEPS += ["Not done by us: lift keep (CanNotDelete) on /subscriptions/s/resourceGroups/g"]
CHINESE = re.compile(r"[\u4e00-\u9fff]")


@pytest.mark.parametrize("step", dict.fromkeys(STEPS))
def test_a_step_is_translated_and_its_commands_are_not(step: str) -> None:
    chinese = translated(step)
    assert CHINESE.search(chinese)
    commands = re.findall(
        r"az [a-z-]+ [a-z-]+(?:"
        r" [a-z-]+)?|--\w[\w-]+|https://[^\s)]+|(?<=\\s)'[^']+'|/subscriptions/\S+[^\s:.,;)]|sudo"
        r" [a-z-]+",
        step,
    )
    assert [each for each in commands if each.rstrip(".") not in chinese] == []
    assert "{" not in re.sub(r"\[\?.*\]", "", chinese)


def test_a_command_by_itself_stays_as_it_is() -> None:
    lock = Lock(
        f"{SUB}/resourceGroups/g/providers/Microsoft.Authorization/locks/keep",
        "keep",
        "CanNotDelete",
        None,
        (),
    )
    command = by_hand(lock)
    assert command.startswith("az lock create")
    assert translated(command) == command


def test_what_nobody_knows_stays_as_it_was_recorded() -> None:
    assert translated("Ask whoever made it. {vm}") == "Ask whoever made it. {vm}"


@pytest.mark.parametrize("lang", TEXTS)
def test_every_kind_phase_and_outcome_of_the_record_has_its_word(lang: str) -> None:
    words = TEXTS[lang]
    assert {f"k_{kind}" for kind in {*written_kinds(), *catalogue.step_kinds()}} <= words.keys()
    assert {f"p_{phase}" for phase in PHASES} <= words.keys()
    assert {f"o_{outcome}" for outcome in ("done", "refused", "failed", "busy")} <= words.keys()
