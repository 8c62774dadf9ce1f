"""Every row of the mission's tables, event in to Azure changed and audit written."""

from __future__ import annotations

import pytest

from local import scenarios
from local.promises import broken_promises
from shared.audit.chain import verify
from shared.audit.entry import Entry
from tests.e2e.conftest import Product, scenario

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("name", scenarios.names())
async def test_scenario_ends_as_promised(product: Product, name: str) -> None:
    case = scenario(name)
    await product.azure(case)
    before = await product.state()

    assert await product.alert(case["event"]) == 202
    incident = await product.incident_of(case["job_id"])

    expect = case["expect"]
    entries = await product.audit(incident["id"])
    told = {"incident": incident, "changes": await product.changes()}
    assert incident["status"] == expect["status"], told
    confirmed = [
        finding["cause"] for finding in incident["findings"] if finding["verdict"] == "CONFIRMED"
    ]
    if expect.get("cause") and name != "job_gone":  # without the job nothing is diagnosed
        assert expect["cause"] in confirmed, told
    done = [action["kind"] for action in incident["actions"] if action["outcome"] == "done"]
    assert [
        kind
        for kind in done
        if kind in ("uninstall_extension", "delete_restore_point_collection", "run_backup_again")
    ] == expect.get("actions", []), told
    if expect["status"] == "needs_person":
        assert incident["manual_steps"], told
        if (
            name != "deny_assignment"
        ):  # Azure tells it only when the deletion is tried; the lock is put back then
            assert await product.changes() == [], told
    assert (
        broken_promises(before, await product.state(), await product.requests(), incident, entries)
        == []
    )
    assert verify(Entry.from_json(entry) for entry in entries) is None
