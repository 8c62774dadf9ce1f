"""Every route through the real Azure SDK clients."""

from __future__ import annotations

import asyncio

import pytest
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.mgmt.compute.aio import ComputeManagementClient
from azure.mgmt.recoveryservicesbackup.aio import RecoveryServicesBackupClient
from azure.mgmt.resource.locks.aio import ManagementLockClient
from azure.mgmt.resource.locks.models import ManagementLockObject
from azure.mgmt.resource.resources.aio import ResourceManagementClient

from local.scenarios import parts
from tests.local.simulator.support import (
    COLLECTION_ID,
    CONTAINER,
    GROUP_ID,
    ITEM,
    JOB_ID,
    SUB,
    VM_ID,
    sdk,
    state,
)

VAULT = (parts.VAULT, parts.VAULT_GROUP)


async def test_virtual_machines(start):
    arm = await start(state())
    async with sdk(ComputeManagementClient, arm.url) as compute:
        plain = await compute.virtual_machines.get("RG-APP", "VM1")
        assert plain.instance_view is None
        full = await compute.virtual_machines.get("rg-app", "vm1", expand="instanceView")
        assert full.instance_view.vm_agent.statuses[0].display_status == "Ready"
        view = await compute.virtual_machines.instance_view("rg-app", "vm1")
        assert view.statuses[-1].code == "PowerState/running"
        assert [vm.id async for vm in compute.virtual_machines.list_all()] == [VM_ID]
        assert [vm.id async for vm in compute.virtual_machines.list("rg-app")] == [VM_ID]
        with pytest.raises(ResourceNotFoundError) as absent:
            await compute.virtual_machines.get("rg-app", "nothing")
        assert absent.value.error.code == "ResourceNotFound"
        with pytest.raises(ResourceNotFoundError) as absent:
            await compute.virtual_machines.get("nowhere", "vm1")
        assert absent.value.error.code == "ResourceGroupNotFound"


async def test_extensions(start):
    arm = await start(state(extension="Failed"))
    async with sdk(ComputeManagementClient, arm.url) as compute:
        listed = (await compute.virtual_machine_extensions.list("rg-app", "vm1")).value
        assert [(e.name, e.properties.type, e.provisioning_state) for e in listed] == [
            ("VMSnapshot", "VMSnapshot", "Failed")
        ]
        one = await compute.virtual_machine_extensions.get(
            "rg-app", "vm1", "vmsnapshot", expand="instanceView"
        )
        assert one.properties.instance_view.statuses[0].code == "ProvisioningState/failed/1"
        poller = await compute.virtual_machine_extensions.begin_delete(
            "rg-app", "vm1", "VMSnapshot"
        )
        await poller.result()
        assert poller.status() == "Succeeded"
        assert not (await compute.virtual_machine_extensions.list("rg-app", "vm1")).value
        view = await compute.virtual_machines.instance_view("rg-app", "vm1")
        assert not view.extensions and not view.vm_agent.extension_handlers
        await (
            await compute.virtual_machine_extensions.begin_delete("rg-app", "vm1", "VMSnapshot")
        ).result()


async def test_restore_point_collections(start):
    arm = await start(state(points=3))
    async with sdk(ComputeManagementClient, arm.url) as compute:
        collections = compute.restore_point_collections
        assert [c.id async for c in collections.list_all()] == [COLLECTION_ID]
        assert [c.properties.restore_points async for c in collections.list("rg-app")] == [None]
        assert (
            await collections.get("rg-app", "AzureBackup_vm1")
        ).properties.restore_points is None
        full = await collections.get("rg-app", "azurebackup_vm1", expand="restorePoints")
        names = [point.name for point in full.properties.restore_points]
        assert len(names) == 3 and full.properties.source.id == VM_ID
        assert (
            await compute.restore_points.get("rg-app", "AzureBackup_vm1", names[0])
        ).name == names[0]
        await (
            await compute.restore_points.begin_delete("rg-app", "AzureBackup_vm1", names[0])
        ).result()
        await (
            await compute.restore_points.begin_delete("rg-app", "AzureBackup_vm1", names[0])
        ).result()
        full = await collections.get("rg-app", "AzureBackup_vm1", expand="restorePoints")
        assert [point.name for point in full.properties.restore_points] == names[1:]
        poller = await collections.begin_delete("rg-app", "AzureBackup_vm1")
        assert (
            await collections.get("rg-app", "AzureBackup_vm1")
        ).properties.provisioning_state == "Deleting"
        await poller.result()
        with pytest.raises(ResourceNotFoundError):
            await collections.get("rg-app", "AzureBackup_vm1")


async def test_an_operation_is_resumed_from_its_token(start):
    arm = await start(state())
    async with sdk(ComputeManagementClient, arm.url) as compute:
        collections = compute.restore_point_collections
        token = (await collections.begin_delete("rg-app", "AzureBackup_vm1")).continuation_token()
        again = await collections.begin_delete(
            "rg-app", "AzureBackup_vm1", continuation_token=token
        )
        await again.result()
        assert again.status() == "Succeeded"
    sent = [each["method"] for each in (await arm.sim("GET", "requests")).body]
    assert sent.count("DELETE") == 1


async def test_locks_with_encoded_scopes(start):
    arm = await start(state())
    async with sdk(ManagementLockClient, arm.url) as client:
        locks = client.management_locks
        lock = ManagementLockObject(level="CanNotDelete", notes="Production")
        made = await locks.create_or_update_by_scope(GROUP_ID, "keep", lock)
        assert (made.id, made.level, made.notes) == (
            f"{GROUP_ID}/providers/Microsoft.Authorization/locks/keep",
            "CanNotDelete",
            "Production",
        )
        scope = COLLECTION_ID.lstrip("/")
        assert [each.name async for each in locks.list_by_scope(scope, filter="atScope()")] == [
            "keep"
        ]
        assert [
            each.name
            async for each in locks.list_at_resource_group_level("rg-app", filter="atScope()")
        ] == ["keep"]
        assert [each.name async for each in locks.list_at_subscription_level()] == ["keep"]
        assert (await locks.get_by_scope(GROUP_ID, "KEEP")).notes == "Production"
        await locks.delete_by_scope(GROUP_ID.upper(), "keep")
        with pytest.raises(ResourceNotFoundError) as absent:
            await locks.get_by_scope(GROUP_ID, "keep")
        assert absent.value.error.code == "LockNotFound"
        await locks.delete_by_scope(GROUP_ID, "keep")
        await locks.create_or_update_at_resource_group_level("rg-app", "again", lock)
        await locks.delete_at_resource_group_level("rg-app", "again")


async def test_a_locked_deletion_raises_what_azure_raises(start):
    arm = await start(state(lock="CanNotDelete"))
    async with sdk(ComputeManagementClient, arm.url) as compute:
        with pytest.raises(ResourceExistsError) as refused:
            await compute.restore_point_collections.begin_delete("rg-app", "AzureBackup_vm1")
        assert refused.value.error.code == "ScopeLocked"


async def test_a_failed_operation_raises_its_inner_code(start):
    arm = await start(state(ready=False))
    async with sdk(ComputeManagementClient, arm.url) as compute:
        poller = await compute.virtual_machine_extensions.begin_delete(
            "rg-app", "vm1", "VMSnapshot"
        )
        with pytest.raises(HttpResponseError) as failed:
            await poller.result()
        assert failed.value.error.code == "VMExtensionProvisioningTimeout"


async def test_an_owned_lock_raises_an_authentication_error(start):
    lock = parts.lock(GROUP_ID, "managed", "", owner="44444444-4444-4444-4444-444444444444")
    arm = await start(state(lock))
    async with sdk(ManagementLockClient, arm.url) as client:
        with pytest.raises(ClientAuthenticationError) as refused:
            await client.management_locks.delete_by_scope(GROUP_ID, "managed")
        assert refused.value.error.code == "UnauthorizedApplicationId"


async def test_groups_and_resources_by_id(start):
    arm = await start(state())
    async with sdk(ResourceManagementClient, arm.url) as client:
        assert (await client.resource_groups.get("RG-app")).id == GROUP_ID
        assert [group.name async for group in client.resource_groups.list()] == [
            "rg-backup",
            "rg-app",
        ]
        assert await client.resource_groups.check_existence("rg-app")
        assert not await client.resource_groups.check_existence("nowhere")
        interface = parts.interface("rg-app", "vm1")["id"]
        assert (
            await client.resources.get_by_id(interface, api_version="2024-01-01")
        ).name == "vm1-nic"
        poller = await client.resources.begin_delete_by_id(COLLECTION_ID, api_version="2024-07-01")
        await poller.result()


async def test_a_backup_from_trigger_to_end(start):
    arm = await start(state())
    async with sdk(RecoveryServicesBackupClient, arm.url) as backup:
        target = (*VAULT, "Azure", CONTAINER, ITEM)
        body = {"properties": {"objectType": "IaasVMBackupRequest"}}
        headers = await backup.backups.trigger(
            *target, body, cls=lambda pr, *_: pr.http_response.headers
        )
        operation = headers["Azure-AsyncOperation"].split("/operationsStatus/")[1].split("?")[0]
        status = await backup.protected_item_operation_statuses.get(*target, operation)
        while status.status == "InProgress":
            await asyncio.sleep(0.01)
            status = await backup.protected_item_operation_statuses.get(*target, operation)
        assert status.status == "Succeeded"
        job = await backup.job_details.get(*VAULT, status.properties.job_id)
        while job.properties.status == "InProgress":
            await asyncio.sleep(0.01)
            job = await backup.job_details.get(*VAULT, status.properties.job_id)
        assert (job.properties.status, job.properties.entity_friendly_name) == ("Completed", "vm1")
        assert job.properties.duration.total_seconds() > 0


async def test_jobs_items_and_protection(start):
    arm = await start(state())
    async with sdk(RecoveryServicesBackupClient, arm.url) as backup:
        narrow = (
            "startTime eq '2026-11-20 09:00:00 PM' and endTime eq '2026-11-20 11:00:00 PM' and"
            " operation eq 'Backup' and backupManagementType eq 'AzureIaasVM' and status eq"
            " 'Failed'"
        )
        assert [job.name async for job in backup.backup_jobs.list(*VAULT, filter=narrow)] == [
            JOB_ID
        ]
        assert not [
            job async for job in backup.backup_jobs.list(*VAULT, filter="status eq 'InProgress'")
        ]
        failed = await backup.job_details.get(*VAULT, JOB_ID)
        assert failed.properties.error_details[0].error_code == 0
        assert failed.properties.extended_info.dynamic_error_message.startswith(
            "BackUpOperationFailed: "
        )
        vms = "backupManagementType eq 'AzureIaasVM' and itemType eq 'VM'"
        items = [item async for item in backup.backup_protected_items.list(*VAULT, filter=vms)]
        assert [item.properties.source_resource_id for item in items] == [VM_ID]
        item = await backup.protected_items.get(*VAULT, "azure", CONTAINER.upper(), ITEM.lower())
        assert (
            item.properties["protectionState"] == "Protected"
        )  # the SDK has no class for this discriminator
        points = [
            point async for point in backup.recovery_points.list(*VAULT, "Azure", CONTAINER, ITEM)
        ]
        assert [point.properties.recovery_point_tier_details[-1].type for point in points] == [
            "HardenedRP"
        ] * 3
        assert (
            await backup.recovery_points.get(*VAULT, "Azure", CONTAINER, ITEM, points[0].name)
        ).id == points[0].id
        assert (await backup.protection_policies.get(*VAULT, "defaultpolicy")).properties[
            "policyType"
        ] == "V1"
        request = {
            "resourceId": VM_ID.upper().replace("/SUBSCRIPTIONS", "/subscriptions"),
            "resourceType": "VM",
        }
        status = await backup.backup_status.get(parts.REGION, request)
        assert (status.protection_status, status.vault_id) == ("Protected", parts.vault_id())


async def test_a_job_is_cancelled(start):
    arm = await start(state())
    await arm.sim("PUT", "settings", {"lro_s": {"backup": 60, "backup_start": 0}})
    async with sdk(RecoveryServicesBackupClient, arm.url) as backup:
        await backup.backups.trigger(
            *VAULT, "Azure", CONTAINER, ITEM, {"properties": {"objectType": "IaasVMBackupRequest"}}
        )
        (running,) = [
            job async for job in backup.backup_jobs.list(*VAULT, filter="status eq 'InProgress'")
        ]
        await backup.job_cancellations.trigger(*VAULT, running.name)
        assert (await arm.wait_for_job(running.name))["status"] == "Cancelled"


async def test_the_token_is_required(start):
    arm = await start(state())
    async with arm.session.get(f"{arm.url}/subscriptions/{SUB}?api-version=2022-12-01") as answer:
        assert answer.status == 401
        assert (await answer.json())["error"]["code"] == "AuthenticationFailed"
