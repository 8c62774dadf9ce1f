"""Where an incident's work begins, and where it goes on after it was lost."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from local.simulator.server import Simulator
from shared.app import App
from shared.diagnosis.begin import begin
from shared.incident.model import Incident, Verification
from shared.incident.next_step import STOP, Next, NextStep
from shared.incident.status import ENDED, Status
from tests.shared.plan.test_turn import CASE, FAILED_AT, INCIDENT

CAUSES = ("snapshot_status", "backup_extension", "windows_agent", "linux_agent")
BEGUN = [status for status in Status if status is not Status.OPEN]


@dataclass
class Beginning:
    simulator: Simulator
    app: App

    async def begin(self, *, recovered: bool = False, **changed: Any) -> NextStep:
        """Begin an incident that was left like this."""
        await self.app.book.open(replace(INCIDENT, **changed))
        return await begin(await self.app.diagnosis(), INCIDENT.id, recovered=recovered)

    async def now(self) -> Incident:
        found = await self.app.book.get(INCIDENT.id)
        assert found is not None
        return found


@pytest.fixture
async def at(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Beginning]:
    async with Simulator() as simulator:
        simulator.world.replace_state({"resources": json.loads(json.dumps(CASE["resources"]))})
        app = App(
            {
                "REMEDIATOR_SUBSCRIPTION_ID": INCIDENT.subscription_id,
                "REMEDIATOR_ARM_ENDPOINT": simulator.url,
                "REMEDIATOR_STORE": f"sqlite:{tmp_path / 'store.db'}",
                "REMEDIATOR_RETRY_SECONDS": "0",
                "REMEDIATOR_MODE": getattr(request, "param", "auto"),
            }
        )
        yield Beginning(simulator, app)
        await app.close()


async def test_a_new_incident_is_diagnosed(at: Beginning) -> None:
    assert await at.begin(status=Status.OPEN) == NextStep(Next.DIAGNOSE, FAILED_AT, CAUSES)
    assert (await at.now()).status is Status.DIAGNOSING


@pytest.mark.parametrize("status", BEGUN)
async def test_an_incident_that_was_begun_before_is_recovered_first(
    at: Beginning, status: Status
) -> None:
    assert await at.begin(status=status) == NextStep(Next.RECOVER)
    assert list(at.simulator.world.requests) == []
    assert (await at.now()) == replace(INCIDENT, status=status)


@pytest.mark.parametrize("status", [Status.DIAGNOSING, Status.WAITING, Status.FIXING])
async def test_work_that_was_lost_is_diagnosed_again(at: Beginning, status: Status) -> None:
    assert (await at.begin(recovered=True, status=status)).next is Next.DIAGNOSE


@pytest.mark.parametrize("status", sorted(ENDED))
async def test_what_has_ended_stays_as_it_is(at: Beginning, status: Status) -> None:
    assert await at.begin(recovered=True, status=status) == STOP
    assert (await at.now()).status is status


async def test_an_incident_that_does_not_exist_is_none(at: Beginning) -> None:
    assert await begin(await at.app.diagnosis(), "nobody", recovered=False) == STOP


@pytest.mark.parametrize("at", ["auto", "off"], indirect=True)
@pytest.mark.parametrize(
    ("left", "next_step"),
    [
        ({"verification": Verification("j")}, Next.VERIFY),
        ({"verification": Verification("j", "Completed")}, Next.VERIFY),
        ({"backup_since": "2026-01-01T00:00:00.000000Z"}, Next.BACK_UP),
    ],
    ids=["it runs", "it completed", "it was being ordered"],
)
async def test_a_verifying_backup_is_brought_to_its_end(
    at: Beginning, left: dict[str, Any], next_step: Next
) -> None:
    assert await at.begin(recovered=True, status=Status.VERIFYING, **left) == NextStep(next_step)


async def test_after_a_verifying_backup_that_failed_its_failure_is_diagnosed(
    at: Beginning,
) -> None:
    failed = Verification("j", "Failed", "BackUpOperationFailed", "2026-01-01T03:00:00.000000Z")
    found = await at.begin(recovered=True, status=Status.DIAGNOSING, verification=failed)
    assert (found.next, found.failed_at) == (Next.DIAGNOSE, failed.began_at)
    assert "locked_restore_points" in found.causes


@pytest.mark.parametrize("at", ["off"], indirect=True)
async def test_with_the_mode_off_a_new_incident_is_ignored(at: Beginning) -> None:
    assert await at.begin(status=Status.OPEN) == STOP
    assert (await at.now()).status is Status.IGNORED
    assert list(at.simulator.world.requests) == []
