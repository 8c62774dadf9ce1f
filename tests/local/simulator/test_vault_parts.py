"""The parts of a vault that the Azure CLI reads beside its items, and the provider that
it reads before a resource by its id."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from local.scenarios import parts
from local.simulator import ids
from tests.local.simulator.support import CONTAINER, ITEM_ID, SUB, VM_ID, Arm, openapi, state

type Start = Callable[..., Awaitable[Arm]]
VAULT = parts.vault_id()
CONTAINERS = f"{VAULT}/backupProtectionContainers"


async def test_a_vault_has_a_container_for_each_vm_that_it_protects(start: Start) -> None:
    arm = await start(state())
    answer = await arm.get(
        CONTAINERS, filter="backupManagementType eq 'AzureIaasVM' and status eq 'Registered'"
    )
    (container,) = answer.body["value"]
    assert openapi()("bms").check("ProtectionContainerResourceList", answer.body) == []
    assert container["name"] == CONTAINER
    assert container["properties"]["virtualMachineId"] == VM_ID
    one = await arm.get(container["id"])
    assert (one.status, one.body) == (200, container)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("backupManagementType eq 'AzureStorage'", 200),
        ("status eq 'NotRegistered'", 200),
        ("healthStatus eq 'Healthy'", 400),
    ],
)
async def test_containers_are_filtered_or_the_filter_is_refused(
    start: Start, query: str, status: int
) -> None:
    answer = await (await start(state())).get(CONTAINERS, filter=query)
    assert answer.status == status
    assert status == 400 or answer.body["value"] == []


@pytest.mark.parametrize(
    "path",
    [
        f"{VAULT}x/backupProtectionContainers",
        f"{VAULT}x/backupconfig/vaultconfig",
        f"{VAULT}x/backupOperations/1",
        f"{VAULT}/backupOperations/1",
        f"{VAULT}/backupconfig/another",
        f"{VAULT}/backupFabrics/Azure/protectionContainers/{CONTAINER}x",
    ],
)
async def test_what_does_not_exist_is_404(start: Start, path: str) -> None:
    assert (await (await start(state())).get(path)).status == 404


@pytest.mark.parametrize(
    ("path", "definition"),
    [
        ("backupconfig/vaultconfig", "BackupResourceVaultConfigResource"),
        ("backupstorageconfig/vaultstorageconfig", "BackupResourceConfigResource"),
    ],
)
async def test_a_vault_has_its_settings(start: Start, path: str, definition: str) -> None:
    answer = await (await start(state())).get(f"{VAULT}/{path}")
    assert (answer.status, answer.body["id"]) == (200, f"{VAULT}/{path}")
    assert openapi()("bms").check(definition, answer.body) == []


async def test_settings_are_those_of_the_state(start: Start) -> None:
    held = {
        "id": f"{VAULT}/backupconfig/vaultconfig",
        "name": "vaultconfig",
        "type": f"{ids.VAULT}/backupconfig",
    }
    arm = await start(state({**held, "properties": {"softDeleteFeatureState": "AlwaysON"}}))
    answer = await arm.get(held["id"])
    assert answer.body["properties"] == {"softDeleteFeatureState": "AlwaysON"}


async def test_vault_and_item_show_the_same_status_of_a_started_backup(start: Start) -> None:
    arm = await start(state())
    begun = await arm.send(
        "POST", f"{ITEM_ID}/backup", {"properties": {"objectType": "IaasVMBackupRequest"}}
    )
    operation = begun.headers["Azure-AsyncOperation"].split("?")[0].rpartition("/")[2]
    statuses = [await _status(arm, operation)]
    arm.clock.turn(1)
    statuses.append(await _status(arm, operation))
    assert [status["status"] for status in statuses] == ["InProgress", "Succeeded"]
    assert statuses[1]["properties"]["jobId"]
    other = await arm.get(f"{VAULT}x/backupOperations/{operation}")
    assert other.status == 404


async def _status(arm: Arm, operation: str) -> dict[str, Any]:
    by_vault = await arm.get(f"{VAULT}/backupOperations/{operation}")
    by_item = await arm.get(f"{ITEM_ID}/operationsStatus/{operation}")
    assert by_vault.body == by_item.body
    assert openapi()("bms").check("OperationStatus", by_vault.body) == []
    body: dict[str, Any] = by_vault.body
    return body


async def test_a_provider_lists_its_types_with_their_versions(start: Start) -> None:
    answer = await (await start(state())).get(
        f"/subscriptions/{SUB}/providers/microsoft.recoveryservices"
    )
    assert openapi()("rg").check("Provider", answer.body) == []
    types = {each["resourceType"]: each["apiVersions"] for each in answer.body["resourceTypes"]}
    assert "2024-04-01" in types["vaults"]
    assert (
        await (await start(state())).get(f"/subscriptions/{SUB}/providers/Microsoft.Nothing")
    ).status == 404
