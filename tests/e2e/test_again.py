"""A VM that fails again a short while after its fix, through the whole product."""

from __future__ import annotations

from pathlib import Path

from local.promises import broken_promises
from tests.e2e.conftest import running, scenario

NAME = "ExtentionOperationFailed-backup_extension"


async def test_a_failure_that_comes_back_is_not_fixed_the_same_way_twice(tmp_path: Path) -> None:
    async with running(tmp_path, REMEDIATOR_COOLING_HOURS="24") as product:
        first, second = scenario(NAME), scenario(NAME)
        await product.azure(first)
        await product.alert(first["event"])
        assert (await product.incident_of(first["job_id"]))["status"] == "fixed"
        await product.azure(second)
        before = await product.state()
        await product.alert(second["event"])
        incident = await product.incident_of(second["job_id"])
        assert incident["status"] == "needs_person"
        assert "not the same way again" in incident["reason"]
        told = "\n".join(incident["manual_steps"])
        assert "RdAgent" in told and "HandlerState" in told and "waagent" not in told
        assert "az vm extension delete" not in told, "that was done already"
        assert await product.changes() == []
        entries = await product.audit(incident["id"])
        assert (
            broken_promises(
                before, await product.state(), await product.requests(), incident, entries
            )
            == []
        )


async def test_a_fix_that_was_refused_may_be_tried_at_the_next_failure(tmp_path: Path) -> None:
    async with running(tmp_path, REMEDIATOR_COOLING_HOURS="24") as product:
        first, second = scenario(NAME), scenario(NAME)
        await product.azure(first)
        await product.fault(
            method="GET", path_regex="/backupJobs$", times=100, action={"status": 403, "body": {}}
        )
        await product.alert(first["event"])
        refused = await product.incident_of(first["job_id"])
        assert refused["status"] == "needs_person", refused["reason"]
        assert await product.changes() == []
        await product.azure(second)
        await product.alert(second["event"])
        assert (await product.incident_of(second["job_id"]))["status"] == "fixed"
