"""Every answer validates against ARM's OpenAPI, and carries ARM's headers."""

from __future__ import annotations

import json

import pytest
from yarl import URL

from local.scenarios import parts
from tests.local.simulator.support import (
    ARM_REFERENCE,
    COLLECTION_ID,
    EXTENSION_ID,
    GROUP_ID,
    ITEM_ID,
    JOB_ID,
    LOCKS,
    POLICY_ID,
    SUB,
    VM_ID,
    openapi,
    state,
)

VAULT_ID = parts.vault_id()
S = f"/subscriptions/{SUB}"
POINT_ID = f"{COLLECTION_ID}/restorePoints/AzureBackup_20261120_223107"

ANSWERS = [
    ("vm", "VirtualMachine", VM_ID, {}),
    ("vm", "VirtualMachine", VM_ID, {"expand": "instanceView"}),
    ("vm", "VirtualMachineInstanceView", f"{VM_ID}/instanceView", {}),
    ("vm", "VirtualMachineListResult", f"{S}/providers/Microsoft.Compute/virtualMachines", {}),
    (
        "vm",
        "VirtualMachineListResult",
        f"{GROUP_ID}/providers/Microsoft.Compute/virtualMachines",
        {},
    ),
    ("vm", "VirtualMachineExtension", EXTENSION_ID, {"expand": "instanceView"}),
    ("vm", "VirtualMachineExtensionsListResult", f"{VM_ID}/extensions", {}),
    ("restorePoint", "RestorePointCollection", COLLECTION_ID, {}),
    ("restorePoint", "RestorePointCollection", COLLECTION_ID, {"expand": "restorePoints"}),
    (
        "restorePoint",
        "RestorePointCollectionListResult",
        f"{S}/providers/Microsoft.Compute/restorePointCollections",
        {},
    ),
    (
        "restorePoint",
        "RestorePointCollectionListResult",
        f"{GROUP_ID}/providers/Microsoft.Compute/restorePointCollections",
        {},
    ),
    ("restorePoint", "RestorePoint", POINT_ID, {}),
    ("locks", "ManagementLockListResult", f"{COLLECTION_ID}/{LOCKS}", {"filter": "atScope()"}),
    ("locks", "ManagementLockObject", f"{GROUP_ID}/{LOCKS}/keep", {}),
    ("rg", "ResourceGroup", GROUP_ID, {}),
    ("rg", "ResourceGroupListResult", f"{S}/resourceGroups", {}),
    ("bms", "JobResource", f"{VAULT_ID}/backupJobs/{JOB_ID}", {}),
    ("bms", "JobResourceList", f"{VAULT_ID}/backupJobs", {}),
    ("bms", "ProtectedItemResource", ITEM_ID, {}),
    ("bms", "ProtectedItemResourceList", f"{VAULT_ID}/backupProtectedItems", {}),
    ("bms", "RecoveryPointResourceList", f"{ITEM_ID}/recoveryPoints", {}),
    ("bms", "ProtectionPolicyResource", POLICY_ID, {}),
    ("bms", "ProtectionPolicyResourceList", f"{VAULT_ID}/backupPolicies", {}),
]


@pytest.mark.parametrize(("spec", "definition", "path", "query"), ANSWERS)
@pytest.mark.parametrize("healthy", [True, False])
async def test_every_answer_validates_against_the_specification(
    start, spec, definition, path, query, healthy
):
    document = (
        state(lock="CanNotDelete")
        if healthy
        else state(lock="ReadOnly", extension="Failed", ready=False, points=18)
    )
    arm = await start(document)
    reply = await arm.get(path, **query)
    assert reply.status == 200, reply.body
    assert openapi()(spec).check(definition, reply.body) == []


async def test_what_a_backup_leaves_behind_validates(start):
    arm = await start(state(extension=None, points=None))
    spec = openapi()
    accepted = await arm.send(
        "POST", f"{ITEM_ID}/backup", {"properties": {"objectType": "IaasVMBackupRequest"}}
    )
    job_path = f"{VAULT_ID}/backupJobs"
    running = (await arm.get(job_path, filter="status eq 'InProgress'")).body
    assert len(running["value"]) == 1 and spec("bms").check("JobResourceList", running) == []
    first = (await arm.follow(accepted.headers["Azure-AsyncOperation"])).body
    assert spec("bms").check("OperationStatus", first) == []
    last = await arm.finish(accepted)
    assert spec("bms").check("OperationStatus", last) == []
    await arm.wait_for_job(last["properties"]["jobId"])
    ended = (await arm.get(f"{job_path}/{last['properties']['jobId']}")).body
    assert spec("bms").check("JobResource", ended) == []
    assert spec("vm").check("VirtualMachineExtension", (await arm.get(EXTENSION_ID)).body) == []
    collection = (await arm.get(COLLECTION_ID, expand="restorePoints")).body
    assert spec("restorePoint").check("RestorePointCollection", collection) == []
    assert (
        spec("vm").check("VirtualMachine", (await arm.get(VM_ID, expand="instanceView")).body) == []
    )


async def test_backup_status_validates(start):
    arm = await start(state())
    for name, status in (("vm1", "Protected"), ("vm2", "NotProtected")):
        path = f"/Subscriptions/{SUB}/providers/Microsoft.RecoveryServices/locations/westeurope"
        body = {"resourceId": parts.machine_id("rg-app", name), "resourceType": "VM"}
        reply = await arm.send("POST", f"{path}/backupStatus", body)
        assert reply.body["protectionStatus"] == status
        assert openapi()("bms").check("BackupStatusResponse", reply.body) == []


async def test_error_bodies_are_those_that_were_recorded(start):
    openapi()
    recorded = json.loads((ARM_REFERENCE / "recorded" / "errors.json").read_text(encoding="utf-8"))

    def recorded_body(name: str, **values: str) -> dict:
        text = json.dumps(recorded[name]["body"])
        for placeholder, value in values.items():
            text = text.replace(placeholder, value)
        return json.loads(text)

    arm = await start(
        state(parts.lock(VM_ID, "managed", "", owner="app-1"), lock="CanNotDelete", points=18)
    )
    locked = await arm.delete(COLLECTION_ID)
    values = {
        "<target resource id>": COLLECTION_ID,
        "<id of the LOCKED SCOPE, not of the lock>": GROUP_ID,
    }
    assert (locked.status, locked.body) == (409, recorded_body("ScopeLocked_delete", **values))
    owned = await arm.delete(f"{VM_ID}/{LOCKS}/managed")
    assert (owned.status, owned.body) == (
        401,
        recorded_body(
            "UnauthorizedApplicationId", **{"<lock name>": "managed", "<appId guid>": "app-1"}
        ),
    )
    absent = await arm.get(f"{GROUP_ID}/providers/Microsoft.Compute/restorePointCollections/x")
    assert (absent.status, absent.body) == (
        404,
        recorded_body("ResourceNotFound", **{"<name>": "x", "<rg>": "rg-app"}),
    )
    nowhere = await arm.get(f"{S}/resourcegroups/nowhere")
    assert (nowhere.status, nowhere.body) == (
        404,
        recorded_body("ResourceGroupNotFound", **{"<rg>": "nowhere"}),
    )
    old = await arm.get(COLLECTION_ID, version="2017-03-30")
    assert (old.status, old.body) == (400, recorded_body("RestorePoints_old_api"))
    await arm.sim("PUT", "state", state(power="stopped"))
    stopped = await arm.delete(EXTENSION_ID)
    assert (stopped.status, stopped.body) == (409, recorded_body("ExtensionDelete_VM_not_running"))
    await arm.sim("PUT", "state", state(ready=False))
    ended = await arm.finish(await arm.delete(EXTENSION_ID))
    assert ended["error"] == recorded_body("LRO_VMExtensionProvisioningTimeout")["error"]


async def test_headers_of_every_answer(start):
    arm = await start(state())
    first, second = await arm.get(VM_ID), await arm.get(VM_ID)
    for name in ("x-ms-request-id", "x-ms-correlation-request-id"):
        assert first.headers[name] != second.headers[name]
    region, stamp, guid = first.headers["x-ms-routing-request-id"].split(":")
    assert region.isupper() and stamp.endswith("Z") and len(guid) == 36
    counters = [
        int(each.headers["x-ms-ratelimit-remaining-subscription-reads"]) for each in (first, second)
    ]
    assert counters[0] <= 249 and counters[1] <= counters[0]
    assert first.headers["x-ms-ratelimit-remaining-resource"].startswith(
        "Microsoft.Compute/LowCostGetSubscriptionMaximum;"
    )
    assert "x-ms-client-request-id" not in first.headers
    headers = {
        "Authorization": "Bearer sim",
        "x-ms-client-request-id": "mine",
        "x-ms-return-client-request-id": "true",
    }
    async with arm.session.get(
        f"{arm.url}{VM_ID}?api-version=2024-07-01", headers=headers
    ) as answer:
        assert answer.headers["x-ms-client-request-id"] == "mine"


async def test_paths_in_any_casing_and_encoding(start):
    arm = await start(state(lock="CanNotDelete"))
    encoded = (
        "/%2Fsubscriptions%2F"
        + SUB
        + "%2FresourceGroups%2Frg-app/providers/Microsoft.Authorization/locks/keep"
    )
    for path in (
        encoded,
        "/" + GROUP_ID.upper() + f"/{LOCKS}/keep",
        f"//{GROUP_ID.lstrip('/')}//{LOCKS.lower()}/KEEP/",
    ):
        headers = {"Authorization": "Bearer sim"}
        url = URL(f"{arm.url}{path}?api-version=2020-05-01", encoded=True)
        async with arm.session.get(url, headers=headers) as answer:
            assert answer.status == 200, path
            assert (await answer.json())["id"] == f"{GROUP_ID}/{LOCKS}/keep"


@pytest.mark.parametrize(
    ("path", "version", "code"),
    [
        (VM_ID, "", "MissingApiVersionParameter"),
        (VM_ID, "yesterday", "InvalidApiVersionParameter"),
        (
            "/subscriptions/99999999-9999-9999-9999-999999999999/resourceGroups",
            "2024-07-01",
            "SubscriptionNotFound",
        ),
        (
            f"{GROUP_ID}/providers/Microsoft.Network/networkInterfaces/absent",
            "2024-07-01",
            "ResourceNotFound",
        ),
        ("/nothing/at/all", "2024-07-01", "NotPlayedBySimulator"),
        (f"{VAULT_ID}/backupJobs?$filter=colour eq 'red'", "2024-07-01", "InvalidRequestContent"),
        (
            f"{VAULT_ID}/backupJobs?$filter=startTime eq 'noon'",
            "2024-07-01",
            "InvalidRequestContent",
        ),
    ],
)
async def test_reads_that_are_refused(start, path, version, code):
    arm = await start(state())
    path, _, query = path.partition("?$filter=")
    reply = await arm.get(path, version=version, **({"filter": query} if query else {}))
    assert reply.code == code, reply.body


async def test_unknown_types_are_served_and_never_changed(start):
    rule = {
        "id": f"{GROUP_ID}/providers/Contoso.Things/boxes/b1",
        "properties": {"colour": "red"},
        "extra": [1],
    }
    arm = await start(state(rule))
    reply = await arm.get(rule["id"].lower())
    assert reply.body == {**rule, "name": "b1", "type": "Contoso.Things/boxes"}
    listed = await arm.get(f"{GROUP_ID}/providers/Contoso.Things/boxes")
    assert [each["name"] for each in listed.body["value"]] == ["b1"]
    for method in ("PUT", "PATCH", "DELETE"):
        refused = await arm.send(method, rule["id"], {})
        assert (refused.status, refused.code) == (501, "NotPlayedBySimulator")


async def test_long_lists_come_in_pages(start):
    more = [parts.group(f"rg-{number:03}") for number in range(7)]
    arm = await start(state(*more))
    await arm.sim("PUT", "settings", {"page_size": 4})
    names, reply = [], await arm.get(f"{S}/resourceGroups")
    while True:
        names += [each["name"] for each in reply.body["value"]]
        if "nextLink" not in reply.body:
            break
        reply = await arm.follow(reply.body["nextLink"])
    assert names == ["rg-backup", "rg-app", *(f"rg-{number:03}" for number in range(7))]


async def test_subscriptions_are_those_that_occur(start):
    arm = await start(state())
    assert [each["subscriptionId"] for each in (await arm.get("/subscriptions")).body["value"]] == [
        SUB
    ]
    assert (await arm.get(S)).body["state"] == "Enabled"
    vaults = await arm.get(f"{S}/providers/Microsoft.RecoveryServices/vaults")
    assert [each["id"] for each in vaults.body["value"]] == [VAULT_ID]
    assert (await arm.get(VAULT_ID)).body["name"] == parts.VAULT
