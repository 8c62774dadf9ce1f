"""What a person is told, through the event path: the locks that refuse something, the
causes that stay with him, and which VM's group was unlocked."""

from __future__ import annotations

from typing import Any

import pytest

from local.scenarios import parts
from tests.e2e.conftest import Product, scenario
from tests.e2e.test_guards import EXTENSION, LOCKED, ended, of_type

pytestmark = pytest.mark.asyncio(loop_scope="module")

GROUP_ROUTE = r"^/subscriptions/[^/]+/resource[gG]roups/[^/]+$"
type Case = dict[str, Any]


def the_vm(case: Case) -> dict[str, Any]:
    return of_type(case, "Microsoft.Compute/virtualMachines")[0]


def told(incident: dict[str, Any]) -> str:
    return "\n".join([incident["reason"], *incident["manual_steps"]])


@pytest.mark.parametrize("level", ["CanNotDelete", "ReadOnly"])
@pytest.mark.parametrize("where", ["group", "vm", "subscription", "extension"])
async def test_an_extension_under_a_lock_stays_and_the_lock_is_named(
    product: Product, where: str, level: str
) -> None:
    case = scenario(EXTENSION)
    vm_id = the_vm(case)["id"]
    scopes = {
        "vm": vm_id,
        "group": vm_id.split("/providers/")[0],
        "subscription": vm_id.split("/resourceGroups/")[0],
        "extension": of_type(case, "Microsoft.Compute/virtualMachines/extensions")[0]["id"],
    }
    lock = parts.lock(scopes[where], "keep-vm", "Production", level)
    case["resources"].append(lock)
    await product.azure(case)

    incident = await ended(product, case)

    # ReadOnly on the group refuses the question to Azure Policy as well.
    asked = level == "CanNotDelete" or where in ("vm", "extension")
    assert [method for method, _ in await product.changes()] == (["DELETE"] if asked else [])
    assert of_type(await product.state(), "Microsoft.Compute/virtualMachines/extensions")
    assert incident["status"] == "needs_person", incident
    assert f"keep-vm ({level})" in told(incident)
    assert told(incident).count(f"az lock delete --name={lock['name']} --subscription") == 1


async def test_a_lock_of_the_vault_that_refuses_the_new_backup_is_named(product: Product) -> None:
    case = scenario(LOCKED)
    vault_id = of_type(case, "Microsoft.RecoveryServices/vaults")[0]["id"]
    lock = parts.lock(vault_id, "keep-vault", "Production", "ReadOnly")
    case["resources"].append(lock)
    await product.azure(case)

    incident = await ended(product, case)

    assert await product.changes() == []
    assert incident["status"] == "needs_person", incident
    assert told(incident).count(f"az lock delete --name={lock['name']} --subscription") == 1


async def test_a_locked_collection_goes_though_the_vm_was_shut_down_inside(
    product: Product,
) -> None:
    case = scenario(LOCKED)
    view = the_vm(case)["properties"]["instanceView"]
    view["statuses"] = [
        {"code": "ProvisioningState/succeeded", "level": "Info"},
        {"code": "PowerState/stopped", "level": "Info", "displayStatus": "VM stopped"},
    ]
    await product.azure(case)

    incident = await ended(product, case)

    assert incident["status"] == "fixed", incident
    assert 'what stays with a person: "No snapshot status, or no snapshot' in incident["reason"]
    assert "az vm deallocate" in told(incident)
    plans = [each for each in await product.audit(incident["id"]) if each["kind"] == "plan"]
    assert any(
        'a new backup can pass without what only a person can mend: "No snapshot status'
        in each["result"]
        for each in plans
    )


async def test_without_tags_it_is_said_what_was_found_and_would_be_done(product: Product) -> None:
    case = scenario(EXTENSION)
    await product.azure(case)
    await product.fault(method="GET", path_regex=GROUP_ROUTE, action={"status": 403})

    incident = await ended(product, case)

    assert await product.changes() == []
    assert incident["status"] == "needs_person", incident
    assert "tags allow a change is not known" in incident["reason"]
    assert "Not done by us: uninstall the backup extension" in told(incident)
    (found,) = (each for each in incident["findings"] if each["cause"] == "backup_extension")
    assert found["verdict"] == "CONFIRMED"
