"""The state goes in and out unchanged; an invalid state or setting is refused."""

from __future__ import annotations

import copy

import pytest

from local.scenarios import parts
from local.simulator import ids
from local.simulator.errors import StateError
from local.simulator.server import Simulator
from local.simulator.state import State
from tests.local.simulator.support import COLLECTION_ID, EXTENSION_ID, GROUP_ID, SUB, VM_ID, state


async def test_what_goes_in_comes_out(start):
    document = state(
        {"id": f"{GROUP_ID}/providers/Contoso.Things/boxes/b", "odd": {"x": [1, None, "ü"]}},
        lock="ReadOnly",
    )
    document["logs"] = {
        "AddonAzureBackupJobs": [{"TimeGenerated": "2026-11-20T22:59:00Z", "JobStatus": "Failed"}]
    }
    document["title"] = "kept as well"
    document["resources"].reverse()
    arm = await start(state())
    assert (await arm.sim("PUT", "state", copy.deepcopy(document))).status == 200
    assert (await arm.sim("GET", "state")).body == document
    assert (await arm.sim("PUT", "state", {"resources": []})).status == 200
    assert (await arm.sim("GET", "state")).body == {"resources": []}


def lock_at(scope: str, **properties):
    made = parts.lock(scope, "l", "")
    made["properties"].update(properties)
    return made


def changed(resource: dict, **changes) -> dict:
    return {**copy.deepcopy(resource), **changes}


VM = parts.machine("rg-app", "vm2", "Windows")
COLLECTION = parts.collection("rg-app", "AzureBackup_vm2", VM, 1)
POINT = COLLECTION["properties"]["restorePoints"][0]

IMPOSSIBLE = [
    # a resource beside the valid ones, a word of the reason
    ({"properties": {}}, "no id"),
    ("text", "no id"),
    ({"id": "subscriptions/x"}, "malformed id"),
    ({"id": "/subscriptions"}, "malformed id"),
    ({"id": f"{GROUP_ID}/virtualMachines/vm"}, "malformed id"),
    ({"id": f"{GROUP_ID}/providers/Microsoft.Compute/virtualMachines"}, "malformed id"),
    ({"id": f"{GROUP_ID}//providers/Microsoft.Compute/virtualMachines/x"}, "malformed id"),
    ({"id": VM_ID.upper().replace("/SUBSCRIPTIONS", "/subscriptions")}, "duplicate id"),
    (parts.machine("nowhere", "vm", "Windows"), "no resource group 'nowhere'"),
    (changed(VM, name="other"), "not the last segment"),
    (changed(VM, type="Microsoft.Compute/disks"), "is not the id's"),
    (changed(VM, properties=[]), "properties is an object"),
    (changed(VM, properties={"instanceView": []}), "instanceView is an object"),
    (changed(VM, properties={"instanceView": {"statuses": "up"}}), "instanceView.statuses"),
    (changed(VM, properties={"storageProfile": {"osDisk": {"osType": "BeOS"}}}), "osType"),
    (
        {"id": f"{GROUP_ID}/providers/Microsoft.Compute/virtualMachines/vm9/extensions/e"},
        "there is no",
    ),
    ({"id": f"{VM_ID}/extensions/e", "properties": {"publisher": "p"}}, "publisher and type"),
    (
        parts.failed_job(parts.machine_id("rg-app", "vm1"), "X", "1")["id"].replace(
            "vault-", "no-"
        ),
        "no id",
    ),
    (
        {"id": f"{GROUP_ID}/providers/Microsoft.RecoveryServices/vaults/none/backupJobs/j"},
        "there is no",
    ),
    ({"id": f"{parts.vault_id()}/backupJobs/j"}, "has a status"),
    ({"id": parts.item_id(VM_ID).replace(parts.VAULT, "none")}, "there is no"),
    (lock_at(GROUP_ID, level="Sometimes"), "lock level"),
    (lock_at(GROUP_ID, level=None), "lock level"),
    (lock_at(GROUP_ID, notes="x" * 513), "notes"),
    (lock_at(GROUP_ID, owners="me"), "owners"),
    (lock_at(f"{GROUP_ID}/providers/Microsoft.Compute/virtualMachines/none"), "there is no"),
    (lock_at(ids.group_id(SUB, "nowhere")), "no resource group"),
    (changed(COLLECTION, properties={}), "source.id"),
    (changed(COLLECTION, properties={"source": {"id": "vm2"}}), "source.id"),
    (
        changed(COLLECTION, properties={"source": {"id": VM_ID}, "restorePoints": [POINT, POINT]}),
        "name of its own",
    ),
    (
        changed(COLLECTION, properties={"source": {"id": VM_ID}, "restorePoints": [{}]}),
        "name of its own",
    ),
    (
        changed(
            COLLECTION,
            properties={"source": {"id": VM_ID}, "restorePoints": [{"name": "p", "id": "/x"}]},
        ),
        "not its restore point",
    ),
    ({"id": f"{COLLECTION_ID}/restorePoints/p"}, "properties.restorePoints"),
    (changed(parts.deny_assignment(GROUP_ID, "d"), properties={}), "permissions"),
]


@pytest.mark.parametrize(("resource", "reason"), IMPOSSIBLE)
async def test_an_invalid_state_is_refused(start, resource, reason):
    arm = await start(state())
    before = (await arm.sim("GET", "state")).body
    reply = await arm.sim("PUT", "state", state(resource))
    assert reply.status == 400 and reason in reply.body["error"]["message"], reply.body
    assert (await arm.sim("GET", "state")).body == before


def with_logs(rows: object, table: str = "AddonAzureBackupJobs") -> dict:
    return {"resources": [], "logs": {table: rows}}


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        {"resources": {}},
        {"resources": [], "logs": []},
        "text",
        None,
        with_logs({}),
        with_logs([1]),
        with_logs([{"TimeGenerated": "yesterday"}]),
        with_logs([{"TimeGenerated": 5}]),
        with_logs([{"TimeGenerated": "2026-11-20T22:59:00Z", "not a name": 1}]),
        with_logs([], "Addon | take 1"),
    ],
)
async def test_a_document_that_is_not_a_state_is_refused(start, document):
    arm = await start(state())
    assert (await arm.sim("PUT", "state", document)).status == 400
    with pytest.raises(StateError):
        Simulator(state=document if document is not None else [])


async def test_a_body_that_is_not_json_is_refused(start):
    arm = await start(state())
    for method, what in (("PUT", "state"), ("PUT", "settings"), ("POST", "faults")):
        async with arm.session.request(method, f"{arm.url}/_sim/{what}", data=b"{") as answer:
            assert answer.status == 400
    assert (await arm.sim("GET", "nothing")).status == 404


async def test_a_new_state_forgets_running_operations(start):
    arm = await start(state())
    accepted = await arm.delete(COLLECTION_ID)
    await arm.sim("PUT", "state", state())
    assert (await arm.follow(accepted.headers["Azure-AsyncOperation"])).status == 404
    assert (await arm.get(COLLECTION_ID)).body["properties"]["provisioningState"] == "Succeeded"


def test_a_resource_takes_its_old_place():
    held = State([parts.group("a"), parts.group("b"), parts.group("c")])
    before = held.dump()
    group = held.get(ids.group_id(SUB, "B"))
    held.remove(group["id"])
    assert not held.has(ids.group_id(SUB, "b"))
    held.put(group)
    assert held.dump() == before


def test_a_removal_includes_everything_below():
    held = State(state()["resources"])
    held.remove(VM_ID)
    assert not held.has(EXTENSION_ID) and held.has(COLLECTION_ID)


async def test_settings_are_shown_and_changed_one_by_one(start):
    arm = await start(state())
    before = (await arm.sim("GET", "settings")).body
    changes = {
        "latency_ms": 1,
        "lro_s": {"backup": 2},
        "lock_delete_propagation_s": 0.5,
        "throttle": True,
        "seed": 7,
        "backup_retry_after_s": 60,
        "page_size": 5,
    }
    after = (await arm.sim("PUT", "settings", changes)).body
    assert after == {**before, **changes, "lro_s": {**before["lro_s"], "backup": 2}}
    assert (await arm.sim("GET", "settings")).body == after


BAD_SETTINGS = [
    ([], "object"),
    ({"latency": 1}, "unknown setting 'latency'"),
    ({"latency_ms": "1"}, "latency_ms"),
    ({"latency_ms": -1}, "latency_ms"),
    ({"latency_ms": True}, "latency_ms"),
    ({"lro_s": 3}, "lro_s"),
    ({"lro_s": {"nap": 3}}, "no operation 'nap'"),
    ({"lro_s": {"backup": "long"}}, "lro_s.backup"),
    ({"throttle": "maybe"}, "throttle"),
    ({"throttle": 1}, "throttle"),
    ({"seed": "x"}, "seed"),
    ({"backup_retry_after_s": 0.5}, "backup_retry_after_s"),
    ({"page_size": 0}, "page_size"),
]


@pytest.mark.parametrize(("settings", "reason"), BAD_SETTINGS)
async def test_invalid_settings_are_refused(start, settings, reason):
    arm = await start(state())
    before = (await arm.sim("GET", "settings")).body
    both = {"latency_ms": 5, **settings} if isinstance(settings, dict) else settings
    reply = await arm.sim("PUT", "settings", both)
    assert reply.status == 400 and reason in reply.body["error"]["message"]
    assert (await arm.sim("GET", "settings")).body == before


async def test_a_seed_repeats_every_id(start):
    seen = []
    for _ in range(2):
        arm = await start(state())
        await arm.sim("PUT", "settings", {"seed": 5})
        seen.append((await arm.get(VM_ID)).headers["x-ms-request-id"])
    assert seen[0] == seen[1]
