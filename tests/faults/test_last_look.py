"""The last look: what changes between the lifting of the lock and the deletion keeps the collection, and the lock goes back."""

from __future__ import annotations

from pathlib import Path

import pytest

from command_line.demo_checks import COLLECTION, LOCK
from tests.faults.azure import locked_groups
from tests.faults.runs import run
from tests.faults.test_windows import sent
from tests.faults.world import PATIENT, Fault

IN_WINDOW = ("after ARM DELETE locks", 1)


@pytest.mark.parametrize(
    ("does", "told"),
    [
        ("opens a file-recovery session", "a file-recovery session is open"),
        ("stops the protection", "ProtectionStopped"),
        ("begins a restore point", "restore points that were made just now"),
        ("makes a restore point", "restore points that were made just now"),
        ("adds a lock", "somebody made a lock while the group was unlocked"),
    ],
)
async def test_what_changes_in_the_window_keeps_the_collection(tmp_path: Path, does: str, told: str) -> None:
    state, failures = locked_groups({"rg-one": 1})
    outcome = await run(tmp_path, state, failures, {IN_WINDOW: Fault("person", {"does": does})}, environment=PATIENT)
    assert outcome.broken == {}
    assert outcome.struck == [IN_WINDOW[0]]
    assert sent(outcome.requests, "DELETE", COLLECTION) == []
    (lifted,), proved_and_put_back = sent(outcome.requests, "DELETE", LOCK), sent(outcome.requests, "PUT", LOCK)
    assert len(proved_and_put_back) == 2 and proved_and_put_back[-1]["n"] > lifted["n"]
    (incident,) = outcome.incidents
    assert incident["status"] == "needs_person"
    assert told in incident["reason"]


async def test_a_last_look_that_cannot_be_made_keeps_the_collection(tmp_path: Path) -> None:
    """The first question with the lock off has no answer, however often it is sent."""
    state, failures = locked_groups({"rg-one": 1})
    silent = {"action": {"status": 500}, "times": 100}
    outcome = await run(tmp_path, state, failures, {("before ARM GET restorePointCollections", 4): Fault("arm", silent)})
    assert "locks lost" not in outcome.broken
    assert sent(outcome.requests, "DELETE", COLLECTION) == []
