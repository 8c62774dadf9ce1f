"""The vaults of the subscription, and the settings of the log, through the product's
own clients."""

from __future__ import annotations

import pytest

from local.host.command import environment
from local.scenarios import parts
from shared import facts
from shared.azure.clients import AzureClients
from shared.azure.reader import ArmReader
from shared.errors import SettingsError
from shared.settings import Settings
from tests.local.simulator.support import GROUP_ID, SUB, VM_ID, Arm, state
from tests.shared.azure.logs.support import WORKSPACE


def vault(number: int, subscription: str = SUB) -> dict:
    group = GROUP_ID.replace(SUB, subscription)
    identity = f"{group}/providers/Microsoft.RecoveryServices/vaults/more-{number}"
    return {
        "id": identity,
        "location": "westeurope",
        "properties": {"provisioningState": "Succeeded"},
    }


async def vaults(arm: Arm) -> tuple[facts.Vault, ...] | facts.Absent | facts.Unreadable:
    settings = {
        "REMEDIATOR_ARM_ENDPOINT": arm.url,
        "REMEDIATOR_RETRY_SECONDS": "0",
        "REMEDIATOR_CALL_TIMEOUT_SECONDS": "5",
    }
    clients = AzureClients(Settings.from_environment(settings), SUB)
    try:
        return await ArmReader(clients).vaults()
    finally:
        await clients.close()


async def test_other_resources_and_other_subscriptions_are_left_out(start):
    other = "99999999-9999-9999-9999-999999999999"
    group = {**parts.group("rg-app"), "id": f"/subscriptions/{other}/resourceGroups/rg-app"}
    found = await vaults(await start(state(group, vault(1, other), vault(2))))
    assert isinstance(found, tuple)
    assert [each.name for each in found] == [parts.VAULT, "more-2"]
    assert found[0] == facts.Vault(parts.vault_id(), parts.VAULT, "westeurope")


@pytest.mark.parametrize("size", [1, 2, 3, 100])
async def test_all_pages_are_read(start, size):
    arm = await start(state(*(vault(number) for number in range(5))))
    await arm.sim("PUT", "settings", {"page_size": size})
    found = await vaults(arm)
    assert isinstance(found, tuple)
    assert [each.name for each in found] == [
        parts.VAULT,
        *(f"more-{number}" for number in range(5)),
    ]


UNREADABLE = [
    {"status": 403},
    {"status": 429},
    {"status": 500},
    {"reset": True},
    {"status": 200, "body": {}},
    {"status": 200, "body": {"value": [{"name": "no id"}]}},
    {
        "status": 200,
        "body": {
            "value": [{"id": VM_ID, "name": "vm1", "type": "Microsoft.Compute/virtualMachines"}]
        },
    },
]


@pytest.mark.parametrize("page", ["first", "second"])
@pytest.mark.parametrize("action", UNREADABLE, ids=str)
async def test_what_is_no_list_of_vaults_is_unreadable(start, action, page):
    arm = await start(state(*(vault(number) for number in range(5))))
    await arm.sim("PUT", "settings", {"page_size": 2})
    if page == "second":
        await arm.sim(
            "POST", "faults", {"path_regex": "/resources$", "times": 1, "action": {"delay_s": 0}}
        )
    await arm.sim("POST", "faults", {"path_regex": "/resources$", "action": action})
    found = await vaults(arm)
    assert isinstance(found, facts.Unreadable) and found.what == "the Recovery Services vaults"


async def test_other_filters_are_refused(start):
    arm = await start(state())
    path = f"/subscriptions/{SUB}/resources"
    for wanted in ("", "name eq 'x'", "resourceType ne 'a/b'"):
        reply = await arm.get(path, version="2024-11-01", **({"filter": wanted} if wanted else {}))
        assert (reply.status, reply.code) == (400, "InvalidRequestContent")


@pytest.mark.parametrize(
    "text",
    ["logs", "/subscriptions/x", f"{WORKSPACE}/x", f"{WORKSPACE[:-1]}", "{" + WORKSPACE + "}"],
)
def test_a_workspace_id_is_a_guid(text):
    with pytest.raises(SettingsError, match="REMEDIATOR_WORKSPACE_ID"):
        Settings.from_environment({"REMEDIATOR_WORKSPACE_ID": text})


def test_the_log_is_off_and_public_by_default():
    settings = Settings.from_environment({})
    assert (settings.workspace_id, settings.logs_endpoint) == ("", "https://api.loganalytics.io")


@pytest.mark.parametrize(
    ("arm", "logs"),
    [("http://127.0.0.1:1", "http://127.0.0.1:1"), ("https://management.azure.com", None)],
)
def test_a_simulated_azure_has_simulated_logs(tmp_path, arm, logs):
    assert environment({}, arm, tmp_path, None).get("REMEDIATOR_LOGS_ENDPOINT") == logs
