"""Policy, planner and status moves: what must not lead to a change comes first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared import catalogue
from shared.execution.lock_window.lock_row import count_in
from shared.execution.vault_guards import why_backup_refused
from shared.facts import Lock
from shared.incident.model import Action, Finding, Incident, Target, Verdict, Verification
from shared.incident.status import ENDED, MOVES, Status
from shared.plan.planner import NoPlan, Plan, plan, units
from shared.plan.policy import Mode, mode_in_force
from shared.sentences import quote
from tests.shared.execution.rows import row

GROUP = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg"
VM = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/vm"
VAULT = f"{GROUP}/providers/Microsoft.RecoveryServices/vaults/v"
SERVICE_GROUP = GROUP.replace("/rg", "/AzureBackupRG_westeurope_1")
COLLECTION = f"{GROUP}/providers/Microsoft.Compute/restorePointCollections/AzureBackup_vm"
LOCK = Lock(
    f"{GROUP}/providers/Microsoft.Authorization/locks/keep", "keep", "CanNotDelete", "why", ()
)
INCIDENT = Incident(
    "i",
    Status.DIAGNOSING,
    "s",
    VAULT,
    VM,
    "c",
    "i",
    "j",
    "BackUpOperationFailed",
    "2026-01-01T00:00:00Z",
)
AUTO = Mode("auto", "the app setting says auto")
LOCKED = Finding(
    "locked_restore_points", Verdict.CONFIRMED, (quote("x"),), (Target(COLLECTION, (LOCK,)),)
)
EXTENSION = Finding(
    "backup_extension", Verdict.CONFIRMED, (quote("x"),), (Target(f"{VM}/extensions/VMSnapshot"),)
)
AGENT = Finding("windows_agent", Verdict.CONFIRMED, (quote("x"),))


def locked_by(**changed: object) -> Finding:
    return replace(LOCKED, targets=(Target(COLLECTION, (replace(LOCK, **changed),)),))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("says", "incident", "findings"),
    [
        ("nothing found", INCIDENT, ()),
        ("unknown", INCIDENT, (replace(LOCKED, verdict=Verdict.UNKNOWN),)),
        ("ruled out", INCIDENT, (replace(LOCKED, verdict=Verdict.RULED_OUT),)),
        (
            "a code without a row",
            replace(INCIDENT, error_code="UserErrorFsFreezeFailed"),
            (LOCKED, EXTENSION),
        ),
        (
            "a code that does not say what failed",
            replace(INCIDENT, error_code="UserErrorCrpReportedUserError"),
            (LOCKED, EXTENSION),
        ),
        ("no code", replace(INCIDENT, error_code=""), (LOCKED, EXTENSION)),
        ("a person's cause comes first", INCIDENT, (AGENT, EXTENSION)),
        (
            "tried already",
            replace(INCIDENT, actions=(Action("k", COLLECTION, "done", "locked_restore_points"),)),
            (LOCKED,),
        ),
        (
            "tried in vain",
            replace(
                INCIDENT, actions=(Action("k", COLLECTION, "failed", "locked_restore_points"),)
            ),
            (LOCKED,),
        ),
        ("a lock with owners", INCIDENT, (locked_by(owners=("app",)),)),
        (
            "a lock of the subscription",
            INCIDENT,
            (locked_by(id=LOCK.id.replace("/resourceGroups/rg", "")),),
        ),
        (
            "a ReadOnly lock on a group of Azure Backup's",
            INCIDENT,
            (
                replace(
                    LOCKED,
                    targets=(
                        Target(
                            COLLECTION.replace(GROUP, SERVICE_GROUP),
                            (
                                replace(
                                    LOCK,
                                    id=LOCK.id.replace(GROUP, SERVICE_GROUP),
                                    level="ReadOnly",
                                ),
                            ),
                        ),
                    ),
                ),
            ),
        ),
        ("Azure Backup's own lock", INCIDENT, (locked_by(name="AzureBackupProtectionLock"),)),
        (
            "an extension of another VM",
            INCIDENT,
            (replace(EXTENSION, targets=(Target(f"{VM}0/extensions/VMSnapshot"),)),),
        ),
        ("no extension to remove", INCIDENT, (replace(EXTENSION, targets=()),)),
        (
            "the verifying backup failed with a code without a row",
            replace(INCIDENT, verification=Verification("j2", "Failed", "UserErrorFsFreezeFailed")),
            (LOCKED,),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_nothing_is_planned(says: str, incident: Incident, findings: tuple[Finding, ...]) -> None:
    found = plan(incident, findings, AUTO)
    assert isinstance(found, NoPlan), says
    assert found.status is Status.NEEDS_PERSON
    assert found.reason and found.manual_steps and found.would is None


@pytest.mark.parametrize(
    ("mode", "status"),
    [("off", Status.IGNORED), ("observe", Status.OBSERVED), ("approve", Status.NEEDS_PERSON)],
)
def test_a_stricter_mode_holds_the_plan_back_and_keeps_it(mode: str, status: Status) -> None:
    found = plan(INCIDENT, (LOCKED,), Mode(mode, "because"))
    assert isinstance(found, NoPlan)
    assert found.status is status
    assert found.would is not None and found.would.fix == "delete_restore_point_collection"
    assert found.manual_steps[0].key == "not_done"
    assert ("az " in str(found.manual_steps)) == (mode != "off")


@pytest.mark.parametrize(
    ("findings", "fix"),
    [((EXTENSION, LOCKED), "uninstall_extension"), ((LOCKED,), "delete_restore_point_collection")],
)
def test_the_first_confirmed_cause_is_fixed(findings: tuple[Finding, ...], fix: str) -> None:
    found = plan(INCIDENT, findings, AUTO)
    assert isinstance(found, Plan)
    assert found.fix == fix
    assert found.loses


def test_collections_of_one_group_are_carried_out_together() -> None:
    other = COLLECTION.replace("resourceGroups/rg/", "resourceGroups/other/")
    three = replace(
        LOCKED,
        targets=(Target(COLLECTION, (LOCK,)), Target(f"{COLLECTION}_2", (LOCK,)), Target(other)),
    )
    found = plan(INCIDENT, (three,), AUTO)
    assert isinstance(found, Plan)
    assert [len(unit) for unit in units(found)] == [6, 3]


@pytest.mark.parametrize(
    ("setting", "vm", "group", "mode"),
    [
        ("auto", {}, {}, "auto"),
        ("auto", {"backup-remediation": "observe"}, {}, "observe"),
        ("auto", {}, {"backup-remediation": "off"}, "off"),
        ("auto", {"backup-remediation": "observe"}, {"backup-remediation": "off"}, "off"),
        ("auto", {"BACKUP-Remediation": " Approve "}, {}, "approve"),
        ("observe", {"backup-remediation": "auto"}, {"backup-remediation": "auto"}, "observe"),
        ("off", {"backup-remediation": "auto"}, {}, "off"),
        ("auto", {"backup-remediation": "yes"}, {}, "off"),
        ("auto", {"backup-remediation": ""}, {}, "off"),
        ("auto", {"backup-remediation-x": "off"}, {}, "auto"),
    ],
)
def test_tags_only_make_it_stricter(
    setting: str, vm: dict[str, str], group: dict[str, str], mode: str
) -> None:
    found = mode_in_force(setting, vm, {"rg-vm": group})
    assert found.name == mode
    assert found.because
    of_another = mode_in_force(setting, vm, {"rg-vm": {}, "rg-of-the-lock": group})
    assert of_another.name == mode
    assert (
        "rg-of-the-lock" in of_another.because
        or of_another.because == mode_in_force(setting, vm, {}).because
    )


def test_all_that_has_not_ended_can_end_with_a_person() -> None:
    assert set(MOVES) == set(Status)
    assert all(Status.NEEDS_PERSON in MOVES[status] for status in Status if status not in ENDED)


@pytest.mark.parametrize("start", Status)
@pytest.mark.parametrize("end", Status)
def test_only_the_moves_of_the_table_are_made(start: Status, end: Status) -> None:
    incident = replace(INCIDENT, status=start)
    if end == start or end in MOVES[start]:
        moved = incident.moved(end, "why", now="2026-01-02T00:00:00Z")
        assert moved.status is end
        assert bool(moved.closed_at) == (end in ENDED and end != start)
    else:
        with pytest.raises(ValueError, match="cannot go"):
            incident.moved(end, "why", now="now")


def test_a_lock_that_is_off_because_of_us_counts_as_there() -> None:
    entry = row(lock=LOCK)
    assert count_in((), (entry,), COLLECTION) == (LOCK,)
    assert count_in((LOCK,), (entry,), COLLECTION) == (LOCK,)
    assert count_in((), (entry,), GROUP.replace("/rg", "/rg2")) == ()


class Unlocked:
    """Azure while no lock is on."""

    async def locks(self, _: str) -> tuple[Lock, ...]:
        return ()


@pytest.mark.parametrize(
    ("level", "group", "refused"),
    [("ReadOnly", GROUP, True), ("CanNotDelete", GROUP, False), ("ReadOnly", f"{GROUP}2", False)],
)
async def test_a_vault_lock_that_is_off_because_of_us_will_refuse_the_backup(
    level: str, group: str, refused: bool
) -> None:
    lock = Lock(f"{group}/providers/Microsoft.Authorization/locks/keep", "keep", level, "why", ())
    entry = row(lock=lock)
    told = await why_backup_refused(Unlocked(), VAULT, (entry,))  # type: ignore[arg-type]
    assert bool(told) is refused


def test_every_cause_of_a_code_can_be_planned_or_told() -> None:
    for cause in catalogue.CAUSES:
        found = plan(INCIDENT, (Finding(cause.slug, Verdict.CONFIRMED, (quote("x"),)),), AUTO)
        assert isinstance(found, Plan | NoPlan)
        assert isinstance(found, Plan) or found.manual_steps
