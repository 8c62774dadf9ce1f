"""The mission's two tables, written out, and the four places that each cause and code
must have."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared import catalogue
from shared.diagnosis.advice import About
from shared.diagnosis.checkers.contract import Example
from shared.incident.model import Verdict

ROOT = Path(__file__).parents[2]
CHECKERS = ROOT / "shared" / "diagnosis" / "checkers"
FIXES = ROOT / "shared" / "execution" / "fixes"
ORDER = {
    "UserErrorGuestAgentStatusUnavailable": (1, 2, 3, 4, 5),
    "ExtensionSnapshotFailedNoNetwork": (1, 4, 5),
    "ExtentionOperationFailed": (4, 5, 2, 3),
    "GuestAgentSnapshotTaskStatusError": (2, 3, 1),
    "BackUpOperationFailed": (1, 2, 3, 4, 5, 6),
    "BackUpOperationFailedV2": (1, 2, 3, 4, 5, 6),
    "UserErrorRpCollectionLimitReached": (6,),
    "UserErrorVmProvisioningStateFailed": (7, 5),
    "UserErrorVmNotInDesirableState": (7, 8, 2, 3),
    "ExtensionStuckInDeletionState": (2, 3, 5),
    "UserErrorBackupOperationInProgress": (8,),
    "CopyingVHDsFromBackUpVaultTakingLongTime": (8,),
    "AzureVmOffline": (2, 3, 4),
    "UserErrorCrpReportedUserError": (6, 7, 8),
}
RETRY_ADVISED = {
    "BackUpOperationFailed",
    "BackUpOperationFailedV2",
    "UserErrorRpCollectionLimitReached",
    "UserErrorVmProvisioningStateFailed",
    "UserErrorVmNotInDesirableState",
    "UserErrorBackupOperationInProgress",
    "CopyingVHDsFromBackUpVaultTakingLongTime",
}
NEVER_FIXED = {"UserErrorCrpReportedUserError"}
AUTOMATIC = {
    "backup_extension": "uninstall_extension",
    "locked_restore_points": "delete_restore_point_collection",
}
CASES = [(cause.slug, example) for cause in catalogue.CAUSES for example in cause.checker.examples]


def test_codes_and_the_order_of_their_causes() -> None:
    assert {code.name: code.causes for code in catalogue.ERROR_CODES} == ORDER


def test_which_codes_are_tried_again_and_which_are_never_fixed() -> None:
    assert {code.name for code in catalogue.ERROR_CODES if code.retry_advised} == RETRY_ADVISED
    assert {code.name for code in catalogue.ERROR_CODES if not code.fixable} == NEVER_FIXED


@pytest.mark.parametrize(
    ("written", "row"),
    [
        ("ExtensionOperationFailed", "ExtentionOperationFailed"),
        ("ExtensionOperationFailedForManagedDisks", "ExtentionOperationFailed"),
        ("extentionoperationfailed", "ExtentionOperationFailed"),
        ("BACKUPOPERATIONFAILEDV2", "BackUpOperationFailedV2"),
        ("VmNotInDesirableState", "UserErrorVmNotInDesirableState"),
        ("SystemBackupOperationInProgress", "UserErrorBackupOperationInProgress"),
    ],
)
def test_other_spellings_are_the_same_row(written: str, row: str) -> None:
    found = catalogue.error_code(written)
    assert found is not None and found.name == row


@pytest.mark.parametrize(
    "name", ["", "UserErrorFsFreezeFailed", "BackUpOperationFailedV3", "ExtentionOperation"]
)
def test_any_other_code_has_no_row_and_every_cause(name: str) -> None:
    assert catalogue.error_code(name) is None
    assert catalogue.causes_of(name) == catalogue.CAUSES


def test_two_causes_are_mended_by_us_and_no_other() -> None:
    assert {cause.slug: cause.fix.kind for cause in catalogue.CAUSES if cause.fix} == AUTOMATIC


@pytest.mark.parametrize("cause", catalogue.CAUSES, ids=lambda cause: cause.slug)
def test_a_cause_is_found_in_the_file_of_its_name(cause: catalogue.Cause) -> None:
    assert (CHECKERS / f"{cause.slug}.py").exists()
    assert (ROOT / cause.page).exists()
    assert cause.fix is None or (FIXES / f"{cause.fix.kind}.py").exists()
    assert cause.fix is None or "## Fix safety" in (ROOT / cause.page).read_text()


@pytest.mark.parametrize("code", catalogue.ERROR_CODES, ids=lambda code: code.name)
def test_a_code_has_its_page_and_a_link(code: catalogue.ErrorCode) -> None:
    assert (ROOT / code.page).exists()
    assert code.link.startswith("https://learn.microsoft.com/")


@pytest.mark.parametrize("cause", catalogue.CAUSES, ids=lambda cause: cause.slug)
def test_advice_is_filled_in_for_the_vm(cause: catalogue.Cause) -> None:
    vault = "/subscriptions/s/resourceGroups/g/providers/Microsoft.RecoveryServices/vaults/v"
    vm = "/subscriptions/s/resourceGroups/rg-x/providers/Microsoft.Compute/virtualMachines/vm-x"
    about = About("vm-x", "rg-x", vm, vault, "container-x", "item-x")
    steps = [str(step) for step in cause.advice(about)]
    assert len(steps) >= 3
    assert any("vm-x" in step for step in steps)
    assert not any("{" in step or "None" in step for step in steps)


@pytest.mark.parametrize("cause", catalogue.CAUSES, ids=lambda cause: cause.slug)
def test_a_checker_ships_an_example_of_every_verdict(cause: catalogue.Cause) -> None:
    assert {example.verdict for example in cause.checker.examples} == set(Verdict)
    assert len({example.says for example in cause.checker.examples}) == len(cause.checker.examples)


@pytest.mark.parametrize(
    ("slug", "example"), CASES, ids=[f"{slug}-{example.says}" for slug, example in CASES]
)
async def test_an_example_gets_its_verdict(slug: str, example: Example) -> None:
    found = await catalogue.cause(slug).checker.check(example.subject, example.facts)
    assert found.verdict is example.verdict, found.evidence
    assert found.cause == slug
    assert found.evidence
    assert not found.targets or found.verdict is Verdict.CONFIRMED
