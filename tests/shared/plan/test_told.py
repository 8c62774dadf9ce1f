"""What a person is told, whatever the end is: every confirmed cause has its steps."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.diagnosis.advice import look_at_job
from shared.diagnosis.checkers.contract import WINDOWS_VM
from shared.extension_facts import ExtensionStatus, ReportedExtension
from shared.incident.model import (
    NOT_FOUND,
    TIMED_OUT,
    Action,
    Finding,
    Incident,
    LaterFailure,
    Target,
    Verdict,
    Verification,
)
from shared.incident.outcome import Outcome
from shared.incident.returning import Returning
from shared.incident.status import Status
from shared.plan.planner import NoPlan, hold_back, plan
from shared.plan.policy import Mode
from shared.plan.ranking import Machine
from shared.plan.second_try import why_not_tried
from shared.plan.steps import Step
from shared.plan.told import left_to_person, tell, tell_others
from shared.sentences import phrase, quote
from shared.verification.second_try import hand_over, tell_fixed
from tests.shared.plan.test_deciding import (
    AGENT,
    AUTO,
    EXTENSION,
    GROUP,
    INCIDENT,
    LOCK,
    LOCKED,
    VM,
)
from tests.shared.plan.test_ranking import OLD_AGENT, STATUS

FIXED = Action("delete_restore_point_collection", "x", Outcome.DONE, "locked_restore_points")
SILENT = replace(WINDOWS_VM, agent_status="Not Ready")
BOTH = replace(INCIDENT, findings=(STATUS, LOCKED))


def said(steps: object) -> str:
    return "\n".join(map(str, steps)) if isinstance(steps, tuple) else str(steps)


@pytest.mark.parametrize("mode", ["observe", "approve"])
def test_what_policy_holds_back_leaves_no_other_cause_untold(mode: str) -> None:
    found = plan(BOTH, BOTH.findings, Mode(mode, "because"), vm=WINDOWS_VM)
    assert isinstance(found, NoPlan) and found.would is not None
    assert "Not done by us: delete" in said(found.manual_steps)
    assert "az vm deallocate" in said(found.manual_steps)


def test_what_policy_holds_back_can_be_done_by_hand() -> None:
    seen = replace(INCIDENT, findings=(LOCKED,))
    found = plan(seen, seen.findings, Mode("observe", "because"))
    assert isinstance(found, NoPlan)
    keys = ["see_points", "lock_refuses", "delete_collection", "put_lock_back", "run_backup"]
    assert list(dict.fromkeys(step.key for step in found.manual_steps)) == ["not_done", *keys]


def test_the_steps_of_a_deletion_say_that_the_failure_returns_under_a_lock_of_its_group() -> None:
    lasting = Returning(18, 7, (LOCKED.targets[0].locks[0].id,))
    keys = [step.key for step in tell(INCIDENT, (replace(LOCKED, returning=lasting),))]
    assert "leave_lock_off" in keys and "protect_vm" in keys and "put_lock_back" not in keys
    other = [step.key for step in tell(INCIDENT, (LOCKED,))]
    assert "put_lock_back" in other and "leave_lock_off" not in other


def test_what_is_done_already_is_not_told_again() -> None:
    (target,) = LOCKED.targets
    second = Target(f"{target.id}_2", target.locks)
    seen = replace(INCIDENT, findings=(replace(LOCKED, targets=(target, second)),))
    left = Step("delete_restore_point_collection", second.id, phrase("x"), GROUP, counts=True)
    told = said(left_to_person(seen, LOCKED.cause, (left,)))
    assert told.count("az restore-point collection delete") == 1
    assert f"--collection-name {second.id.rsplit('/', 1)[1]}" in told


@pytest.mark.parametrize(
    ("findings", "vm", "first", "then"),
    [
        ((EXTENSION, AGENT), SILENT, "WindowsAzureGuestAgent", "az vm extension delete"),
        ((EXTENSION, AGENT), None, "WindowsAzureGuestAgent", "az vm extension delete"),
        ((LOCKED, EXTENSION), WINDOWS_VM, "az vm extension delete", "az lock delete"),
        ((STATUS, AGENT), SILENT, "az vm deallocate", "WindowsAzureGuestAgent"),
    ],
)
def test_what_holds_up_a_fix_is_mended_before_it(
    findings: tuple[Finding, ...], vm: Machine, first: str, then: str
) -> None:
    told = said(tell(INCIDENT, findings, vm))
    assert 0 <= told.find(first) < told.find(then)


def test_without_tags_a_person_learns_what_would_have_been_done() -> None:
    wanted = plan(INCIDENT, (EXTENSION,), AUTO, vm=WINDOWS_VM)
    assert not isinstance(wanted, NoPlan)
    held = hold_back(INCIDENT, wanted, Status.NEEDS_PERSON, "the tags could not be read: 403")
    assert held.reason == "held back: the tags could not be read: 403"
    assert held.would == wanted
    assert "Not done by us: uninstall the backup extension" in said(held.manual_steps)


def test_a_fixed_incident_names_what_stays_with_a_person() -> None:
    shown = Verification("new-job", "Completed")
    fixed = replace(BOTH, actions=(FIXED,), verification=shown)
    left, steps = tell_fixed(fixed)
    assert left == '; what stays with a person: "No snapshot status, or no snapshot"'
    assert "az vm deallocate" in said(steps) and "az lock" not in said(steps)
    assert tell_fixed(replace(fixed, findings=(LOCKED,))) == ("", ())


def test_warnings_of_the_new_backup_are_said() -> None:
    shown = Verification("new-job", "CompletedWithWarnings")
    _, steps = tell_fixed(replace(INCIDENT, actions=(FIXED,), verification=shown))
    assert "new-job completed with warnings" in said(steps)
    assert "az backup job show --name 'new-job'" in said(steps)


LATER = LaterFailure("later-job", "BackUpOperationFailed", "2026-01-01T05:00:00Z")


@pytest.mark.parametrize(
    ("told", "job"),
    [
        ({}, "j"),
        ({"verification": Verification("new-job")}, "j"),
        ({"verification": Verification("new-job", NOT_FOUND)}, "j"),
        (
            {"verification": Verification("new-job", "Failed", "c", "2026-01-01T03:00:00Z")},
            "new-job",
        ),
        ({"verification": Verification("new-job", "Cancelled", "", "t")}, "new-job"),
        ({"verification": Verification("new-job", TIMED_OUT, "", "t")}, "new-job"),
        (
            {
                "verification": Verification("new-job", "Failed", "c", "2026-01-01T03:00:00Z"),
                "later_failures": (LATER,),
            },
            "later-job",
        ),
        (
            {
                "verification": Verification("new-job", "Failed", "c", "2026-01-01T06:00:00Z"),
                "later_failures": (LATER,),
            },
            "new-job",
        ),
        ({"verification": Verification("new-job", "Completed")}, "j"),
    ],
)
def test_the_job_that_failed_last_is_the_one_to_read(told: dict[str, object], job: str) -> None:
    incident = replace(INCIDENT, **told)  # type: ignore[arg-type]
    assert f"--name '{job}'" in str(look_at_job(incident))


def test_after_a_verifying_backup_that_failed_its_job_comes_first() -> None:
    shown = Verification("new-job", "Failed", "BackUpOperationFailed", "2026-01-01T03:00:00Z")
    failed = replace(INCIDENT, actions=(FIXED,), verification=shown)
    assert "--name 'new-job'" in str(tell(failed, (AGENT,))[0])
    _, steps = hand_over(replace(failed, findings=(AGENT,)), fixed="x", tried="y")
    assert "--name 'new-job'" in str(steps[0]) and "WindowsAzureGuestAgent" in said(steps)


def test_every_confirmed_cause_gets_its_steps_and_the_backup_comes_last() -> None:
    steps = tell(INCIDENT, (STATUS, OLD_AGENT, EXTENSION, LOCKED))
    told = said(steps)
    for words in (
        "az vm deallocate",
        "walinuxagent",
        "/extensions/VMSnapshot",
        f"--name={LOCK.name}",
    ):
        assert words in told
    assert [step.key for step in steps].count("run_backup") == 1
    assert steps[-1].key == "run_backup"


def test_others_are_those_that_were_neither_fixed_nor_planned() -> None:
    incident = replace(BOTH, findings=(STATUS, EXTENSION, LOCKED), actions=(FIXED,))
    told = said(tell_others(incident, "backup_extension"))
    assert "az vm deallocate" in told
    assert "VMSnapshot" not in told and "az lock" not in told


BROKEN = ExtensionStatus("ProvisioningState/failed/1", "it broke", "")
SNAPSHOT = ReportedExtension("VMSnapshot", "Microsoft.Azure.RecoveryServices.VMSnapshot", (BROKEN,))
SCRIPT = ReportedExtension("run-setup", "Microsoft.Compute.CustomScriptExtension", (BROKEN,))
HANDLER = replace(SCRIPT, name="")
SNAPSHOT_TASK = replace(INCIDENT, error_code="GuestAgentSnapshotTaskStatusError")
IS_FAILED = Finding(
    "no_internet",
    Verdict.UNKNOWN,
    (phrase("network_not_named"), phrase("extension_is_failed", name="VMSnapshot")),
)


@pytest.mark.parametrize(
    ("findings", "shown", "says"),
    [
        ((), {"extensions": (SNAPSHOT,)}, "The backup extension VMSnapshot is Failed"),
        ((IS_FAILED,), {}, "The backup extension VMSnapshot is Failed"),
        ((), {"extensions": (SCRIPT,)}, "The extension run-setup (Microsoft.Compute"),
        ((), {"handlers": (HANDLER,)}, "The handler Microsoft.Compute.CustomScriptExtension"),
    ],
)
def test_every_failed_extension_is_named(
    findings: tuple[Finding, ...], shown: dict[str, object], says: str
) -> None:
    vm = replace(WINDOWS_VM, **shown)  # type: ignore[arg-type]
    assert says in said(tell(SNAPSHOT_TASK, findings, vm))


@pytest.mark.parametrize(
    ("incident", "findings", "vm", "tried"),
    [
        (SNAPSHOT_TASK, (), replace(WINDOWS_VM, extensions=(SNAPSHOT,)), False),
        (SNAPSHOT_TASK, (IS_FAILED,), WINDOWS_VM, False),
        (SNAPSHOT_TASK, (), replace(WINDOWS_VM, extensions=(SCRIPT,)), True),
        (
            INCIDENT,
            (IS_FAILED, replace(EXTENSION, verdict=Verdict.RULED_OUT, targets=())),
            WINDOWS_VM,
            True,
        ),
    ],
)
def test_a_failed_backup_extension_speaks_against_a_second_try(
    incident: Incident, findings: tuple[Finding, ...], vm: object, *, tried: bool
) -> None:
    told = why_not_tried(incident, findings, vm)  # type: ignore[arg-type]
    assert bool(told) is not tried, told


def test_a_failed_extension_that_cause_5_is_about_is_not_named_twice() -> None:
    vm = replace(WINDOWS_VM, extensions=(SNAPSHOT,))
    told = said(tell(INCIDENT, (EXTENSION,), vm))
    assert told.count(f"{VM}/extensions/VMSnapshot") == 1


def test_words_of_a_step_are_data() -> None:
    assert not any(step == quote(str(step)) for step in tell(INCIDENT, (LOCKED,)))


def test_words_of_another_cause_lead_to_no_removal_of_the_extension() -> None:
    """It failed to freeze a file system: cause 4 is confirmed, cause 5 is ruled out."""
    frozen = replace(BROKEN, code="ProvisioningState/failed/121")
    vm = replace(WINDOWS_VM, extensions=(replace(SNAPSHOT, statuses=(frozen,)),))
    out = replace(EXTENSION, verdict=Verdict.RULED_OUT, targets=())
    for incident, findings in ((INCIDENT, (STATUS, out)), (SNAPSHOT_TASK, ())):
        found = plan(incident, findings, AUTO, vm=vm)
        assert isinstance(found, NoPlan)
        assert "extension delete" not in said(found.manual_steps)


def test_an_extension_that_a_get_found_well_is_not_told_by_its_old_words() -> None:
    looked = replace(IS_FAILED, evidence=(phrase("extension_last_said"), phrase("words_are_old")))
    vm = replace(WINDOWS_VM, extensions=(SNAPSHOT,))
    assert "is Failed" not in said(tell(SNAPSHOT_TASK, (looked,), vm))
