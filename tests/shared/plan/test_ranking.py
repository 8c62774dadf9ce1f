"""Which confirmed cause is fixed first: what holds up a fix comes first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.diagnosis.checkers.contract import WINDOWS_VM, silent
from shared.facts import Unreadable, VirtualMachine
from shared.incident.model import Action, Finding, Verdict
from shared.incident.outcome import Outcome
from shared.plan.planner import NoPlan, Plan, plan
from shared.sentences import phrase, quote
from tests.shared.plan.test_deciding import AGENT, AUTO, EXTENSION, INCIDENT, LOCKED

DELETE, UNINSTALL = "delete_restore_point_collection", "uninstall_extension"
STATE_FAILED = "UserErrorVmProvisioningStateFailed"
DEAD = silent(WINDOWS_VM)
OFF = replace(DEAD, power_state="stopped")
UNREAD = Unreadable("the VM", "403")
OLD_AGENT = Finding("linux_agent", Verdict.CONFIRMED, (phrase("agent_too_old"),))
HANDLER_ONLY = replace(EXTENSION, targets=(), by_hand=(quote("in the guest"),))
MISSING = replace(EXTENSION, targets=(), gone=True)


def confirmed(cause: str) -> Finding:
    return Finding(cause, Verdict.CONFIRMED, (quote("x"),))


NETWORK, STATUS, STATE, WORKS = map(
    confirmed, ("no_internet", "snapshot_status", "failed_state", "other_operation")
)


@pytest.mark.parametrize(
    ("findings", "vm", "held_up_by"),
    [
        ((AGENT, LOCKED), DEAD, "The VM agent does not respond (Windows)"),
        ((AGENT, LOCKED), UNREAD, "The VM agent does not respond (Windows)"),
        ((AGENT, LOCKED), None, "The VM agent does not respond (Windows)"),
        ((AGENT, EXTENSION), DEAD, "The VM agent does not respond (Windows)"),
        ((HANDLER_ONLY, LOCKED), WINDOWS_VM, "Azure finds no backup extension by its name"),
        ((STATUS, EXTENSION), OFF, "No snapshot status, or no snapshot"),
        ((NETWORK, EXTENSION), WINDOWS_VM, "The VM has no internet access"),
    ],
)
def test_a_cause_with_which_no_backup_can_pass_holds_it_up(
    findings: tuple[Finding, ...], vm: VirtualMachine | Unreadable | None, held_up_by: str
) -> None:
    found = plan(INCIDENT, findings, AUTO, vm=vm)
    assert isinstance(found, NoPlan)
    assert held_up_by in found.reason
    told = "\n".join(map(str, found.manual_steps))
    assert found.manual_steps[-1].key == "run_backup", told


@pytest.mark.parametrize("other", [STATE, WORKS])
def test_the_state_of_the_vm_holds_up_the_extension(other: Finding) -> None:
    incident = replace(INCIDENT, error_code=STATE_FAILED)
    found = plan(incident, (other, EXTENSION), AUTO, vm=WINDOWS_VM)
    assert isinstance(found, NoPlan) and "no new backup can pass while this holds" in found.reason


def test_an_extension_that_was_removed_in_vain_holds_up_the_deletion() -> None:
    tried = Action(UNINSTALL, "x", Outcome.DONE, "backup_extension")
    found = plan(replace(INCIDENT, actions=(tried,)), (EXTENSION, LOCKED), AUTO, vm=WINDOWS_VM)
    assert isinstance(found, NoPlan)
    assert "The backup extension fails to update or load" in found.reason


@pytest.mark.parametrize(
    ("findings", "vm", "fix", "without"),
    [
        ((LOCKED,), WINDOWS_VM, DELETE, ""),
        ((EXTENSION, LOCKED), WINDOWS_VM, UNINSTALL, ""),
        ((STATUS, LOCKED), OFF, DELETE, "No snapshot status, or no snapshot"),
        ((NETWORK, LOCKED), WINDOWS_VM, DELETE, "The VM has no internet access"),
        ((OLD_AGENT, LOCKED), WINDOWS_VM, DELETE, "The VM agent is out of date"),
        ((OLD_AGENT, EXTENSION), WINDOWS_VM, UNINSTALL, "The VM agent is out of date"),
        ((AGENT, LOCKED), OFF, DELETE, "The VM agent does not respond"),
        ((STATUS, EXTENSION), WINDOWS_VM, UNINSTALL, "No snapshot status, or no snapshot"),
        ((MISSING, LOCKED), WINDOWS_VM, DELETE, ""),
    ],
)
def test_a_safe_fix_goes_ahead_of_what_only_a_person_can_mend(
    findings: tuple[Finding, ...], vm: VirtualMachine, fix: str, without: str
) -> None:
    found = plan(INCIDENT, findings, AUTO, vm=vm)
    assert isinstance(found, Plan)
    assert found.fix == fix
    assert without in found.order and bool(found.order) == bool(without)
