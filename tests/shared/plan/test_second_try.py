"""When a backup is run again without a cause: what speaks against it comes first."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared import catalogue
from shared.diagnosis.checkers.contract import LINUX_VM, WINDOWS_VM, silent
from shared.facts import Absent, Job, Unreadable, VirtualMachine
from shared.incident.model import (
    Action,
    Finding,
    Incident,
    LaterFailure,
    Verdict,
    Verification,
)
from shared.incident.outcome import Outcome
from shared.incident.status import Status
from shared.plan.planner import NoPlan, Plan, plan
from shared.plan.policy import Mode
from shared.plan.second_try import (
    AGAINST,
    NOT_AGAINST,
    make_plan,
    may_be_migration,
    why_cancelled,
    why_migrated,
    why_not_tried,
)
from shared.sentences import phrase
from shared.vault_facts import BackupPolicy, ProtectedItem
from tests.shared.plan.test_deciding import AUTO, EXTENSION, INCIDENT

AGENT, SNAPSHOT = "UserErrorGuestAgentStatusUnavailable", "GuestAgentSnapshotTaskStatusError"
OUT = Finding("snapshot_status", Verdict.RULED_OUT, (phrase("state_right"),))
NO_WORD = Finding(
    "no_internet",
    Verdict.UNKNOWN,
    (
        phrase("extension_last_said", extension="VMSnapshot", time="t", message="m"),
        phrase("network_not_named"),
    ),
)
MOVING = Finding("backup_extension", Verdict.UNKNOWN, (phrase("may_settle"),))
UNREAD = Finding(
    "windows_agent", Verdict.UNKNOWN, (phrase("not_read", what="the VM", reason="403"),)
)
NEW_WORDS = Finding(
    "no_internet", Verdict.UNKNOWN, (replace(phrase("no_lock"), key="a_word_of_tomorrow"),)
)
UNDER_VAULT_LOCK = Finding(
    "locked_restore_points",
    Verdict.UNKNOWN,
    (
        phrase("no_lock"),
        phrase("vault_locked", name="keep", level="CanNotDelete", scope="the vault"),
    ),
)
HALF_READ = Finding(
    "locked_restore_points",
    Verdict.UNKNOWN,
    (phrase("no_lock"), phrase("vault_lock_not_known", reason="403")),
)
NO_EVIDENCE = Finding("no_internet", Verdict.UNKNOWN, ())
BEGUN = Action("uninstall_extension", "x", Outcome.FAILED, "backup_extension")


def of(code: str, **told: object) -> Incident:
    return replace(INCIDENT, error_code=code, **told)  # type: ignore[arg-type]


def vm(**told: object) -> VirtualMachine:
    return replace(WINDOWS_VM, **told)  # type: ignore[arg-type]


ADVISED = INCIDENT.error_code
NOT_TRIED: dict[str, tuple[Incident, tuple[Finding, ...], VirtualMachine | Absent | Unreadable]] = {
    "a cause is confirmed": (of(ADVISED), (OUT, EXTENSION), WINDOWS_VM),
    "an extension may still settle": (of(ADVISED), (OUT, MOVING), WINDOWS_VM),
    "a fact could not be read": (of(ADVISED), (OUT, UNREAD), WINDOWS_VM),
    "evidence of another version": (of(ADVISED), (OUT, NEW_WORDS), WINDOWS_VM),
    "unknown without a word": (of(ADVISED), (OUT, NO_EVIDENCE), WINDOWS_VM),
    "one against, one not": (of(ADVISED), (NO_WORD, MOVING), WINDOWS_VM),
    "the vault is locked": (of(ADVISED), (UNDER_VAULT_LOCK,), WINDOWS_VM),
    "no lock, and the vault's were not read": (of(ADVISED), (HALF_READ,), WINDOWS_VM),
    "unmanaged disks": (of(ADVISED), (OUT,), vm(managed_disks=False)),
    "the VM is Updating": (of(ADVISED), (OUT,), vm(provisioning_state="Updating")),
    "the VM is Failed": (of(ADVISED), (OUT,), vm(provisioning_state="Failed")),
    "no provisioning state": (of(ADVISED), (OUT,), vm(provisioning_state="")),
    "no power state": (of(ADVISED), (OUT,), vm(power_state="")),
    "the VM starts": (of(ADVISED), (OUT,), vm(power_state="starting")),
    "the VM cannot be read": (of(ADVISED), (OUT,), Unreadable("the VM", "403")),
    "the VM is gone": (of(ADVISED), (OUT,), Absent("the VM")),
    "a code without a row": (of("UserErrorFsFreezeFailed"), (OUT,), WINDOWS_VM),
    "no code": (of(""), (OUT,), WINDOWS_VM),
    "a retry is not advised": (of("ExtentionOperationFailed"), (OUT,), WINDOWS_VM),
    "no network": (of("ExtensionSnapshotFailedNoNetwork"), (OUT,), WINDOWS_VM),
    "the agent is silent": (of(AGENT), (OUT,), silent(WINDOWS_VM)),
    "no report of the agent": (of(AGENT), (OUT,), vm(agent_status="")),
    "the agent was Ready when it was shut down": (of(AGENT), (OUT,), vm(power_state="stopped")),
    "deallocated": (of(SNAPSHOT), (OUT,), vm(power_state="deallocated", agent_status="")),
    "it was run again already": (
        of(ADVISED, verification=Verification("j2", "Failed", ADVISED, "2026-01-01T03:00:00Z")),
        (OUT,),
        WINDOWS_VM,
    ),
    "it was cancelled": (
        of(ADVISED, verification=Verification("j2", "Cancelled")),
        (OUT,),
        WINDOWS_VM,
    ),
    "it runs": (of(ADVISED, verification=Verification("j2")), (OUT,), WINDOWS_VM),
    "a fix was begun": (of(ADVISED, actions=(BEGUN,)), (OUT,), WINDOWS_VM),
    "a later failure has a code without advice": (
        of(ADVISED, later_failures=(LaterFailure("j3", "ExtentionOperationFailed", "t"),)),
        (OUT,),
        WINDOWS_VM,
    ),
}
TRIED: dict[str, tuple[Incident, tuple[Finding, ...], VirtualMachine]] = {
    "all ruled out": (of(ADVISED), (OUT,), WINDOWS_VM),
    "at the limit, without a lock": (
        of(ADVISED),
        (Finding("locked_restore_points", Verdict.UNKNOWN, (phrase("no_lock"),)),),
        WINDOWS_VM,
    ),
    "whether its disks are managed is not told": (of(ADVISED), (OUT,), vm(managed_disks=None)),
    "nothing was examined": (of(ADVISED), (), WINDOWS_VM),
    "nobody knows of the network": (of(ADVISED), (NO_WORD, OUT), WINDOWS_VM),
    "V2": (of("BackUpOperationFailedV2"), (OUT,), WINDOWS_VM),
    "stopped": (of(ADVISED), (OUT,), vm(power_state="stopped")),
    "deallocated": (of(ADVISED), (OUT,), vm(power_state="Deallocated", agent_status="")),
    "the agent is Ready again": (of(AGENT), (NO_WORD, OUT), WINDOWS_VM),
    "the Linux agent is Ready again": (of(SNAPSHOT), (NO_WORD, OUT), LINUX_VM),
    "a later failure has healed": (
        of("ExtentionOperationFailed", later_failures=(LaterFailure("j3", AGENT, "t"),)),
        (OUT,),
        WINDOWS_VM,
    ),
}


@pytest.mark.parametrize("case", NOT_TRIED)
def test_it_is_not_run_again(case: str) -> None:
    incident, findings, machine = NOT_TRIED[case]
    told = why_not_tried(incident, findings, machine)
    assert told
    found = plan(incident, findings, AUTO, again=told)
    if not any(each.verdict is Verdict.CONFIRMED for each in findings):
        assert isinstance(found, NoPlan) and found.status is Status.NEEDS_PERSON
        assert found.would is None and found.manual_steps


@pytest.mark.parametrize("case", TRIED)
def test_it_is_run_again(case: str) -> None:
    incident, findings, machine = TRIED[case]
    assert why_not_tried(incident, findings, machine) == ""
    found = plan(incident, findings, AUTO, again=make_plan(incident))
    assert isinstance(found, Plan)
    (step,) = found.steps
    assert (found.fix, found.cause, found.is_second_try) == ("run_backup_again", "", True)
    assert (step.kind, step.target, step.counts, step.locks) == (
        "run_backup_again",
        incident.vm_id,
        True,
        (),
    )


def test_the_codes_with_a_second_try_are_those_of_microsoft_s_documents() -> None:
    """A row that is added without the field gets none."""
    advised = {each.name for each in catalogue.ERROR_CODES if each.retry_advised}
    assert advised >= {"BackUpOperationFailed", "BackUpOperationFailedV2"}
    assert not advised & {"ExtentionOperationFailed", "ExtensionSnapshotFailedNoNetwork"}


@pytest.mark.parametrize("verdict", [Verdict.UNKNOWN, Verdict.RULED_OUT])
def test_a_confirmed_cause_goes_before_a_second_try(verdict: Verdict) -> None:
    other = replace(OUT, verdict=verdict)
    found = plan(INCIDENT, (other, EXTENSION), AUTO, again=make_plan(INCIDENT))
    assert isinstance(found, Plan) and found.fix == "uninstall_extension"


@pytest.mark.parametrize(
    ("mode", "status"),
    [("off", Status.IGNORED), ("observe", Status.OBSERVED), ("approve", Status.NEEDS_PERSON)],
)
def test_a_stricter_mode_holds_it_back_and_keeps_it_on_record(mode: str, status: Status) -> None:
    found = plan(INCIDENT, (OUT,), Mode(mode, "because"), again=make_plan(INCIDENT))
    assert isinstance(found, NoPlan) and found.status is status
    assert found.would == make_plan(INCIDENT)
    by_hand = [] if mode == "off" else ["run_backup"]
    assert [step.key for step in found.manual_steps] == ["not_done", *by_hand]


def test_a_person_learns_why_it_was_not_run_again_and_of_the_new_job() -> None:
    failed = replace(
        INCIDENT,
        verification=Verification("new-job", "Failed", ADVISED, "2026-01-01T03:00:00Z"),
        actions=(Action("run_backup_again", INCIDENT.vm_id, Outcome.FAILED, ""),),
    )
    told = why_not_tried(failed, (OUT,), WINDOWS_VM)
    found = plan(failed, (OUT,), AUTO, again=told)
    assert isinstance(found, NoPlan)
    assert f"new-job that was started here is Failed with {ADVISED}" in found.reason
    assert "--name 'new-job'" in str(found.manual_steps[0])


JOB = Job("id", "j9", "Cancelled", "Backup", "vm", "c", "", "", (), "")


@pytest.mark.parametrize(
    ("cancelled", "told"),
    [
        (None, ""),
        (JOB, "j9"),
        (replace(JOB, status="Cancelling"), "Cancelling"),
        (Unreadable("the jobs", "403"), "not known"),
    ],
)
def test_not_after_a_job_that_a_person_cancelled(cancelled: Job | None, told: str) -> None:
    said = why_cancelled(cancelled)
    assert told in said and bool(said) == bool(told)


ITEM = ProtectedItem("id", "vm", "Protected", "policy", "V1", False, "")
POLICY = BackupPolicy("policy", "V1", 2, timedelta(days=30), "", 7)


@pytest.mark.parametrize(
    ("item", "policy", "allowed"),
    [
        (ITEM, POLICY, True),
        (replace(ITEM, policy_type="V2"), replace(POLICY, type="V2"), False),
        (ITEM, replace(POLICY, type="V2"), False),
        (replace(ITEM, policy_type="V2"), POLICY, False),
        (replace(ITEM, policy_type=""), POLICY, False),
        (ITEM, replace(POLICY, type=""), False),
        (replace(ITEM, policy_type=""), replace(POLICY, type=""), False),
        (Unreadable("the item", "403"), POLICY, False),
        (Absent("the item"), POLICY, False),
        (ITEM, Unreadable("the policy", "403"), False),
        (ITEM, Absent("the policy"), False),
    ],
)
def test_not_where_a_migration_of_the_policy_may_be_the_cause(
    item: ProtectedItem, policy: BackupPolicy, allowed: bool
) -> None:
    assert bool(why_migrated(item, policy)) is not allowed


@pytest.mark.parametrize(
    ("code", "asked"),
    [
        ("BackUpOperationFailedV2", True),
        ("BackUpOperationFailed", False),
        (AGENT, False),
        ("UserErrorFsFreezeFailed", False),
    ],
)
def test_only_one_code_may_mean_a_migration(code: str, asked: bool) -> None:
    assert may_be_migration(of(code)) is asked


async def test_what_does_not_speak_against_it_is_said_by_a_checker() -> None:
    """No key is left over when a checker changes its words."""
    said = set()
    for cause in catalogue.CAUSES:
        for example in cause.checker.examples:
            if example.verdict is Verdict.UNKNOWN:
                found = await cause.checker.check(example.subject, example.facts)
                said |= {each.key for each in found.evidence}
    assert said >= NOT_AGAINST | (AGAINST - {"vault_lock_not_known"})


async def test_the_examples_of_every_checker_that_speak_against_it() -> None:
    """Each UNKNOWN for which no sentence of its own says that it does not."""
    wanted = {
        "windows_agent: OS not told",
        "windows_agent: the VM is gone",
        "windows_agent: the VM cannot be read",
        "linux_agent: version not told",
        "linux_agent: the VM cannot be read",
        "no_internet: the extensions cannot be read",
        "snapshot_status: running, agent silent",
        "snapshot_status: no power state",
        "snapshot_status: the VM cannot be read",
        "backup_extension: updating, no time known",
        "backup_extension: the extensions cannot be read",
        "locked_restore_points: another tool's alone are at the limit",
        "locked_restore_points: disks not told",
        "locked_restore_points: locks cannot be read",
        "locked_restore_points: the policy cannot be read",
        "locked_restore_points: 18 points, a lock on the vault",
        "locked_restore_points: Enhanced, 18 points, no word of the limit",
        "locked_restore_points: all of a machine that had its name",
    }
    against, not_against = set(), set()
    for cause in catalogue.CAUSES:
        for example in cause.checker.examples:
            if example.verdict is Verdict.UNKNOWN:
                found = await cause.checker.check(example.subject, example.facts)
                name = f"{cause.slug}: {example.says}"
                told = why_not_tried(INCIDENT, (found,), WINDOWS_VM)
                (against if told else not_against).add(name)
    assert wanted <= against
    assert {
        "no_internet: it is not there",
        "no_internet: its success is older than the failure",
        "backup_extension: missing on Linux, agent fine",
        "windows_agent: deallocated",
        "locked_restore_points: 18 points, no lock",
        "locked_restore_points: Enhanced, 18 points, within its retention",
    } <= not_against
