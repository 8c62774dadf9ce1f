"""What was fixed on a VM lately is not fixed the same way again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from shared import clock
from shared.incident.model import Finding, Verdict
from shared.incident.status import Status
from shared.plan.cooling import CoolingTime
from shared.plan.planner import NoPlan, Plan, plan
from shared.sentences import quote
from shared.store.sqlite import SqliteStore
from tests.shared.plan.test_deciding import AUTO, EXTENSION, INCIDENT, LOCKED, VM


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    made = SqliteStore(tmp_path / "remediator.db")
    yield made
    await made.close()


async def test_another_incident_s_fix_counts_until_its_time_is_over(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    cooling = CoolingTime(store, 24)
    monkeypatch.setattr(clock, "now", lambda: "2026-01-01T22:00:00.000000Z")
    await cooling.begin(VM, "backup_extension", "first")
    await cooling.begin(VM, "locked_restore_points", "first")
    assert await cooling.fixed_lately(VM.upper(), "second") == {
        "backup_extension": "first",
        "locked_restore_points": "first",
    }
    assert await cooling.fixed_lately(VM, "first") == {}, (
        "an incident may go on with its own fix after a crash"
    )
    assert await cooling.fixed_lately(VM + "0", "second") == {}
    monkeypatch.setattr(clock, "now", lambda: "2026-01-02T21:59:59.000000Z")
    await cooling.begin(VM, "backup_extension", "second")
    assert await cooling.fixed_lately(VM, "third") == {
        "backup_extension": "second",
        "locked_restore_points": "first",
    }
    monkeypatch.setattr(clock, "now", lambda: "2026-01-02T22:00:00.000000Z")
    assert await cooling.fixed_lately(VM, "third") == {"backup_extension": "second"}


async def test_a_fix_that_a_guard_refused_does_not_count(store: SqliteStore) -> None:
    cooling = CoolingTime(store, 24)
    await cooling.begin(VM, "backup_extension", "first")
    await cooling.take_back(VM, "backup_extension", "another")
    assert await cooling.fixed_lately(VM, "x") == {"backup_extension": "first"}
    await cooling.take_back(VM, "backup_extension", "first")
    assert await cooling.fixed_lately(VM, "x") == {}


async def test_without_a_cooling_time_every_failure_is_fixed_anew(store: SqliteStore) -> None:
    cooling = CoolingTime(store, 0)
    await cooling.begin(VM, "backup_extension", "first")
    assert await cooling.fixed_lately(VM, "second") == {}


def test_the_next_cause_is_fixed_instead() -> None:
    missing = replace(EXTENSION, targets=(), gone=True)
    found = plan(INCIDENT, (missing, LOCKED), AUTO, {"backup_extension": "i0"})
    assert isinstance(found, Plan)
    assert found.cause == "locked_restore_points"


def test_an_extension_that_failed_again_holds_up_what_cannot_be_undone() -> None:
    found = plan(INCIDENT, (EXTENSION, LOCKED), AUTO, {"backup_extension": "i0"})
    assert isinstance(found, NoPlan)
    assert "no new backup can pass while this holds" in found.reason
    told = "\n".join(map(str, found.manual_steps))
    assert "VMSnapshot" in told and f"--name={LOCKED.targets[0].locks[0].name}" in told


def test_where_no_cause_is_left_a_person_is_told_why() -> None:
    found = plan(
        INCIDENT, (EXTENSION,), AUTO, {"backup_extension": "i0", "locked_restore_points": "i0"}
    )
    assert isinstance(found, NoPlan)
    assert found.status is Status.NEEDS_PERSON
    assert (
        "fixed on this VM a short while ago, and not the same way again:"
        ' "The backup extension fails to update or load" by incident i0' in found.reason
    )
    assert found.manual_steps
    other = Finding("windows_agent", Verdict.UNKNOWN, (quote("x"),))
    told = plan(replace(INCIDENT), (other,), AUTO, {"backup_extension": "i0"})
    assert isinstance(told, NoPlan)
    assert "short while ago" not in told.reason
