"""What a person is told from the evidence that today's VMs give, through the whole
product."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shared import clock
from tests.e2e.conftest import Product, running, scenario
from tests.shared.azure.logs.support import WORKSPACE, job

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def play(product: Product, name: str) -> tuple[dict[str, Any], str, list[str]]:
    """The incident, its steps, and the paths of the requests that were made."""
    case = scenario(name)
    await product.azure(case)
    assert await product.alert(case["event"]) == 202
    incident = await product.incident_of(case["job_id"])
    paths = [each["path"] for each in await product.requests()]
    return incident, "\n".join(incident["manual_steps"]), paths


def verdicts(incident: dict[str, Any]) -> dict[str, str]:
    return {each["cause"]: each["verdict"] for each in incident["findings"]}


async def test_the_rule_that_blocks_and_the_rule_that_would_mend_it(product: Product) -> None:
    incident, steps, paths = await play(product, "network_rule_denies")
    evidence = str(incident["findings"])
    assert "the rule deny-internet (priority 200) of nsg-app denies outbound 443" in evidence
    assert "wins over AllowInternetOutBound (priority 65001)" in evidence
    assert "az network nsg rule create --resource-group 'rg-app' --nsg-name 'nsg-app'" in steps
    assert "--priority 199" in steps
    assert any(path.endswith("/effectiveRouteTable") for path in paths)
    assert await product.changes() == []


@pytest.mark.parametrize(
    "name", ["ExtentionOperationFailed-backup_extension", "BackUpOperationFailed-windows_agent"]
)
async def test_the_network_is_read_only_where_words_point_there(
    product: Product, name: str
) -> None:
    _, _, paths = await play(product, name)
    assert [path for path in paths if "/effective" in path] == []


async def test_words_that_name_the_network_keep_the_extension(product: Product) -> None:
    """The code's row does not have the network among its causes."""
    incident, steps, _ = await play(product, "extension_names_network")
    assert verdicts(incident)["backup_extension"] == "RULED_OUT"
    assert "FailedRetryableSnapshotFailedRestrictedNetwork" in str(incident["findings"])
    assert "az network nic list-effective-nsg" in steps
    assert await product.changes() == []


async def test_words_that_name_a_file_system_keep_the_extension(product: Product) -> None:
    incident, steps, _ = await play(product, "extension_names_freeze")
    found = verdicts(incident)
    assert (found["snapshot_status"], found["backup_extension"]) == ("CONFIRMED", "RULED_OUT")
    assert "FIFREEZE: /data" in str(incident["findings"])
    assert "file system" in steps
    assert await product.changes() == []


async def test_of_a_handler_alone_a_person_gets_the_steps_for_the_guest(product: Product) -> None:
    incident, steps, _ = await play(product, "extension_handler_only")
    assert verdicts(incident)["backup_extension"] == "CONFIRMED"
    assert "HandlerState" in steps and "waagent" not in steps
    assert await product.changes() == []


async def test_an_extension_that_is_nowhere_is_not_ruled_out(product: Product) -> None:
    incident, _, _ = await play(product, "extension_nowhere")
    assert verdicts(incident)["backup_extension"] == "UNKNOWN"
    assert await product.changes() == []


async def test_an_agentless_policy_rules_out_agent_and_extension(product: Product) -> None:
    case = scenario("extension_failed_agent_not_ready")
    policy = next(
        each["properties"]["policyId"]
        for each in case["resources"]
        if "/protectedItems/" in each["id"]
    )
    agentless = {
        "id": policy,
        "type": "Microsoft.RecoveryServices/vaults/backupPolicies",
        "properties": {
            "backupManagementType": "AzureIaasVM",
            "policyType": "V2",
            "snapshotConsistencyType": "OnlyCrashConsistent",
        },
    }
    await product.azure({"resources": [*case["resources"], agentless]})
    await product.alert(case["event"])
    incident = await product.incident_of(case["job_id"])
    found = verdicts(incident)
    assert {found[each] for each in ("windows_agent", "linux_agent", "backup_extension")} == {
        "RULED_OUT"
    }
    assert "OnlyCrashConsistent" in str(incident["findings"])
    assert await product.changes() == []


async def test_an_extension_that_only_just_moves_is_left(tmp_path: Path) -> None:
    async with running(tmp_path, REMEDIATOR_STUCK_EXTENSION_SECONDS="86400") as own:
        case = scenario("extension_stuck")
        for each in case["resources"]:
            if view := each.get("properties", {}).get("instanceView"):
                now = "2999-01-01T00:00:00Z"
                view["extensions"][0]["statuses"][0]["time"] = now
        await own.azure(case)
        await own.alert(case["event"])
        incident = await own.incident_of(case["job_id"])
        assert verdicts(incident)["backup_extension"] == "UNKNOWN"
        assert await own.changes() == []


async def test_the_log_of_a_workspace_stands_beside_the_findings(tmp_path: Path) -> None:
    case = scenario("UserErrorGuestAgentStatusUnavailable-windows_agent")
    (vm_id,) = [each["id"] for each in case["resources"] if is_vm(each)]
    names = f"iaasvmcontainerv2;{vm_id.split('/')[4]};{vm_id.split('/')[-1]}"
    earlier = clock.after(clock.now(), -3 * 86400)
    (failed_job,) = [each for each in case["resources"] if "/backupJobs/" in each["id"]]
    failed_job["properties"]["startTime"] = clock.after(clock.now(), -3600)
    failed = {
        "TimeGenerated": earlier,
        "JobStartDateTime": earlier,
        "BackupItemUniqueId": f"westeurope;1;{names}",
        "JobFailureCode": "ExtentionOperationFailed",
    }
    beat = {"TimeGenerated": clock.now(), "_ResourceId": vm_id.lower()}
    logs = {"AddonAzureBackupJobs": [job(1, **failed)], "Heartbeat": [beat]}
    async with running(tmp_path, REMEDIATOR_WORKSPACE_ID=WORKSPACE) as own:
        await own.azure(case | {"logs": logs})
        await own.alert(case["event"])
        incident = await own.incident_of(case["job_id"])
        paths = [each["path"] for each in await own.requests()]
        page = await (await own.http.get(f"{own.app}/api/audit/page/{incident['id']}")).text()
        notes = [each for each in await own.audit(incident["id"]) if each["kind"] == "diagnosis"]
    assert len(incident["from_log"]) == 3, incident["from_log"]
    failures, completed, alive = incident["from_log"]
    assert f"ExtentionOperationFailed on {earlier[:10]}" in failures
    assert "no backup of this VM that completed" in completed
    assert "after the failed backup began" in alive
    (agent,) = [each for each in incident["findings"] if each["cause"] == "windows_agent"]
    assert (agent["verdict"], agent["evidence"][-1]) == ("CONFIRMED", alive)
    assert notes[-1]["detail"] == {"evidence": incident["from_log"]}
    assert f"ExtentionOperationFailed on {earlier[:10]}" in page
    assert [path for path in paths if path.endswith("/query")] == [
        f"/v1/workspaces/{WORKSPACE}/query"
    ]


def is_vm(resource: dict[str, Any]) -> bool:
    return resource["type"] == "Microsoft.Compute/virtualMachines"
