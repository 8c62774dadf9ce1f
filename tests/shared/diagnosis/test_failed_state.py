"""Cause 7 quotes what a failed extension says of itself: the list of extensions has no
statuses, the instance view has."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.diagnosis.checkers import failed_state
from shared.diagnosis.checkers.contract import EXAMPLE_SUBJECT, WINDOWS_VM, KnownFacts
from shared.extension_facts import ExtensionStatus, ReportedExtension
from shared.facts import Extension
from shared.incident.model import Verdict

HANDLER = "Microsoft.Compute.CustomScriptExtension"
SCRIPT = Extension(
    f"{WINDOWS_VM.id}/extensions/run-setup",
    "run-setup",
    "Microsoft.Compute",
    "CustomScriptExtension",
    "Failed",
    (),
)
CODE = "ProvisioningState/failed/1"
BEGINS = f"its extension run-setup ({HANDLER}) has failed"
SAID: dict[str, tuple[tuple[ExtensionStatus, ...], str]] = {
    "code and message": ((ExtensionStatus(CODE, "Exit 1", ""),), f"{BEGINS}: {CODE} 'Exit 1'"),
    "a message alone": ((ExtensionStatus("", "Exit 1", ""),), f"{BEGINS}: none 'Exit 1'"),
    "a code alone": ((ExtensionStatus(CODE, "", ""),), f"{BEGINS}: {CODE} (it gives no reason)"),
    "nothing": ((), f"{BEGINS} and gives no reason"),
}


@pytest.mark.parametrize("name", SAID)
async def test_it_is_told_as_the_instance_view_has_it(name: str) -> None:
    statuses, wanted = SAID[name]
    shown = (ReportedExtension("run-setup", HANDLER, statuses),) if statuses else ()
    vm = replace(WINDOWS_VM, provisioning_state="failed", extensions=shown)
    facts = KnownFacts(vm=vm, vm_extensions=(SCRIPT,))
    found = await failed_state.CHECKER.check(EXAMPLE_SUBJECT, facts)
    assert found.verdict is Verdict.CONFIRMED
    assert str(found.evidence[1]) == wanted
