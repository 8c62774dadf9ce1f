"""The answers that the product's own reader and writer get validate against ARM's
OpenAPI, operation by operation.

A new method of the reader or writer fails here until `drive` calls it, and a new path
until it has a row. test_contract.py has single answers in other states.
"""

from __future__ import annotations

import asyncio
import inspect
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.scenarios import parts
from local.simulator import gateway
from shared import facts
from shared.azure.clients import AzureClients
from shared.azure.reader import ArmReader
from shared.azure.subscriptions import list_subscriptions
from shared.azure.writer import ArmWriter, LockAnswer
from shared.settings import Settings
from tests.local.simulator.support import (
    COLLECTION_ID,
    CONTAINER,
    EXTENSION_ID,
    GROUP_ID,
    ITEM,
    ITEM_ID,
    LOCKS,
    POLICY_ID,
    SUB,
    VM_ID,
    openapi,
    state,
)

LOCK_ID = f"{GROUP_ID}/{LOCKS}/keep"
EMPTY, UNDEFINED = "no body", "in no saved specification"
OPERATIONS: list[tuple[str, str, str, str]] = [
    # method, end of the path, specification, definition
    ("GET", "^/subscriptions", "", UNDEFINED),
    ("GET", "/resources", "rg", "ResourceListResult"),
    ("GET", "/resourcegroups/[^/]+", "rg", "ResourceGroup"),
    ("GET", "/virtualMachines/[^/]+", "vm", "VirtualMachine"),
    ("GET", "/virtualMachines/[^/]+/extensions", "vm", "VirtualMachineExtensionsListResult"),
    ("GET", "/extensions/[^/]+", "vm", "VirtualMachineExtension"),
    ("DELETE", "/extensions/[^/]+", "", EMPTY),
    ("GET", "/restorePointCollections", "restorePoint", "RestorePointCollectionListResult"),
    ("GET", "/restorePointCollections/[^/]+", "restorePoint", "RestorePointCollection"),
    ("DELETE", "/restorePointCollections/[^/]+", "", EMPTY),
    ("GET", "/locations/[^/]+/operations/[^/]+", "", UNDEFINED),
    ("GET", "/locks", "locks", "ManagementLockListResult"),
    ("GET", "/locks/[^/]+", "locks", "ManagementLockObject"),
    ("PUT", "/locks/[^/]+", "locks", "ManagementLockObject"),
    ("DELETE", "/locks/[^/]+", "", EMPTY),
    ("POST", "/Microsoft.PolicyInsights/checkPolicyRestrictions", "", UNDEFINED),
    ("GET", "/backupJobs", "bms", "JobResourceList"),
    ("GET", "/backupJobs/[^/]+", "bms", "JobResource"),
    ("GET", "/protectedItems/[^/]+", "bms", "ProtectedItemResource"),
    ("GET", "/backupPolicies/[^/]+", "bms", "ProtectionPolicyResource"),
    ("GET", "/recoveryPoints", "bms", "RecoveryPointResourceList"),
    ("POST", "/Microsoft.ResourceGraph/resources", "", UNDEFINED),
    ("POST", "/effectiveNetworkSecurityGroups", "", UNDEFINED),
    ("POST", "/effectiveRouteTable", "", UNDEFINED),
    ("GET", "/Microsoft.Network/locations/[^/]+/operationResults/[^/]+", "", UNDEFINED),
    ("POST", "/protectedItems/[^/]+/backup", "", EMPTY),
    ("GET", "/operationsStatus/[^/]+", "bms", "OperationStatus"),
]


@dataclass(frozen=True)
class Answered:
    method: str
    path: str
    status: int
    body: Any

    @property
    def row(self) -> tuple[str, str, str, str]:
        """The row with the longest expression that fits."""
        fits = [
            each
            for each in OPERATIONS
            if each[0] == self.method and re.search(each[1] + "$", self.path, re.IGNORECASE)
        ]
        assert fits, f"{self.method} {self.path} has no row"
        return max(fits, key=lambda each: len(each[1]))


@pytest.fixture
def answered(monkeypatch) -> list[Answered]:
    """Every answer of the simulator."""
    answers: list[Answered] = []
    answer = gateway._answer

    def answer_and_record(world, request, path, content, fault):
        result = answer(world, request, path, content, fault)
        answers.append(Answered(request.method, path, result.status, result.body))
        return result

    monkeypatch.setattr(gateway, "_answer", answer_and_record)
    return answers


def methods(kind: type) -> set[str]:
    return {
        name
        for name, _ in inspect.getmembers(kind, inspect.iscoroutinefunction)
        if not name.startswith("_")
    }


class Recorder:
    """A reader or writer that records which of its methods are used."""

    def __init__(self, of: Any) -> None:
        self.of, self.used = of, set[str]()

    def __getattr__(self, name: str) -> Any:
        self.used.add(name)
        return getattr(self.of, name)


def status_of(answer: LockAnswer) -> int:
    """Raises what a write of a lock has instead of a success."""
    if answer.error is not None:
        raise answer.error
    return answer.status


class NotRead(Exception):
    """The reader returned Unreadable or Absent."""


async def drive(url: str) -> None:
    """Call every method of the reader and the writer once, in the order of a repair.
    Raises NotRead, AzureCallFailed."""
    settings = Settings.from_environment(
        {"REMEDIATOR_ARM_ENDPOINT": url, "REMEDIATOR_POLL_SECONDS": "0.05"}
    )
    clients = AzureClients(settings, SUB)
    reader, writer, now = (
        Recorder(ArmReader(clients)),
        Recorder(ArmWriter(clients)),
        datetime.now(UTC),
    )
    try:
        assert await list_subscriptions(clients) == [SUB]
        vm, extensions = await reader.virtual_machine(VM_ID), await reader.extensions(VM_ID)
        for read in (vm, extensions):
            if isinstance(read, facts.Unreadable | facts.Absent):
                raise NotRead(str(read))
        assert isinstance(vm, facts.VirtualMachine) and isinstance(extensions, tuple)
        for found in (
            await reader.extension(EXTENSION_ID),
            await reader.resource_group_tags("rg-app"),
            await reader.effective_groups(vm.interfaces[0]),
            await reader.effective_routes(vm.interfaces[0]),
            await reader.restore_point_collections(VM_ID),
            await reader.restore_point_collection(COLLECTION_ID),
            await reader.locks(COLLECTION_ID, below=True),
            await reader.extension_denials(vm, extensions[0]),
            await reader.running_jobs(parts.vault_id()),
            await reader.failed_backups(parts.vault_id(), now - timedelta(days=1), now),
            await reader.completed_backups(parts.vault_id(), now - timedelta(days=1), now),
            await reader.jobs_begun(parts.vault_id(), now - timedelta(days=1)),
            await reader.vaults(),
            await reader.protected_item(ITEM_ID),
            await reader.backup_policy(POLICY_ID),
            await reader.recovery_points(ITEM_ID),
        ):
            if isinstance(found, facts.Unreadable | facts.Absent):
                raise NotRead(str(found))
        lock = await reader.lock(LOCK_ID)
        assert isinstance(lock, facts.Lock), lock
        assert status_of(await writer.put_lock(lock, "r1", 10)) == 200
        assert status_of(await writer.delete_lock(lock, "r2", 10)) == 200
        await writer.delete_restore_point_collection(COLLECTION_ID, 10)
        await writer.delete_extension(EXTENSION_ID, 10)
        assert status_of(await writer.put_lock(lock, "r3", 10)) == 201
        assert await reader.lock(LOCK_ID) == lock
        begun = await writer.start_backup(parts.vault_id(), CONTAINER, ITEM)
        async with asyncio.timeout(10):
            while not (
                job_id := await writer.find_started_job(
                    parts.vault_id(), CONTAINER, ITEM, begun.value
                )
            ):
                await asyncio.sleep(0.01)
        assert isinstance(await reader.job(parts.vault_id(), job_id), facts.Job)
        assert (reader.used, writer.used) == (methods(ArmReader), methods(ArmWriter))
    finally:
        await clients.close()


@pytest.mark.parametrize("points", [3, 18])
async def test_every_operation_that_the_product_uses(start, answered, points):
    check = openapi()
    arm = await start(state(lock="CanNotDelete", points=points))
    await drive(arm.url)
    assert {each.row for each in answered} == set(OPERATIONS)
    for each in answered:
        _, _, specification, definition = each.row
        assert each.status in (200, 201, 202), each
        if definition == EMPTY:
            assert each.body is None, each
        elif definition != UNDEFINED:
            assert check(specification).check(definition, each.body) == [], each


async def test_the_validator_finds_what_is_wrong():
    wrong = {"properties": {"level": "Nope"}, "id": 1}
    assert openapi()("locks").check("ManagementLockObject", wrong) != []
