"""What a person is told where the extension cannot be removed now."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.diagnosis.checkers.contract import WINDOWS_VM, silent
from shared.execution.guards import why_extension_stays


@pytest.mark.parametrize(
    ("power_state", "told_to_start"),
    [
        ("deallocated", True),
        ("Stopped", True),
        ("starting", False),
        ("stopping", False),
        ("", False),
    ],
)
def test_a_vm_is_to_be_started_only_where_it_is_known_to_be_off(
    power_state: str, told_to_start: bool
) -> None:
    why, steps = why_extension_stays(replace(WINDOWS_VM, power_state=power_state))
    assert "extensions change only on a running VM" in why
    assert [step.key for step in steps] == ["start_for_removal"] * told_to_start


def test_a_silent_agent_is_no_reason_to_start_a_vm_that_runs() -> None:
    why, steps = why_extension_stays(silent(WINDOWS_VM))
    assert "it would not carry out the removal" in why and steps == ()
    assert why_extension_stays(WINDOWS_VM) == ("", ())
