"""The restore point collections of one VM: found by one query of Resource Graph and the
list of the VM's own group, each read again by its id."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from local.scenarios import parts
from local.simulator.server import Simulator
from shared.azure.clients import AzureClients
from shared.azure.reader import ArmReader
from shared.errors import NotUsable
from shared.facts import Absent, RestorePointCollection, Unreadable
from shared.settings import Settings

OWN, SERVICE, NAMED = "rg-vm", "AzureBackupRG_westeurope_1", "rg-named-in-the-policy"
VM, OTHER_VM = parts.machine(OWN, "vm1", "Windows"), parts.machine(OWN, "vm10", "Windows")
IN_OWN = parts.collection(OWN, "AzureBackup_vm1", VM, 2)
IN_SERVICE = parts.collection(SERVICE, "AzureBackup_vm1_123", VM, 3)
IN_NAMED = parts.collection(NAMED, "AzureBackup_vm1_456", VM, 1)
OF_TOOL = parts.collection("rg-tool", "snapshots-vm1", VM, 4)
OF_OTHER_VM = parts.collection(SERVICE, "AzureBackup_vm10_789", OTHER_VM, 5)
GROUPS = [parts.group(name) for name in (OWN, SERVICE, NAMED, "rg-tool")]
ALL = [IN_OWN, IN_SERVICE, IN_NAMED, OF_TOOL, OF_OTHER_VM]
GRAPH = "/providers/Microsoft.ResourceGraph/resources"


@pytest.fixture
async def arm() -> AsyncIterator[Simulator]:
    async with Simulator(0, {"resources": [*GROUPS, VM, OTHER_VM, *ALL]}) as simulator:
        yield simulator


@pytest.fixture
async def reader(arm: Simulator) -> AsyncIterator[ArmReader]:
    settings = Settings.from_environment(
        {"REMEDIATOR_ARM_ENDPOINT": arm.url, "REMEDIATOR_RETRY_SECONDS": "0"}
    )
    clients = AzureClients(settings, parts.SUBSCRIPTION)
    yield ArmReader(clients)
    await clients.close()


async def read(
    reader: ArmReader, vm: dict[str, Any] = VM
) -> tuple[RestorePointCollection, ...] | Absent | Unreadable:
    return await reader.restore_point_collections(vm["id"])


async def find(reader: ArmReader, vm: dict[str, Any] = VM) -> dict[str, int]:
    """Names of the collections, with the number of their points."""
    found = await read(reader, vm)
    assert isinstance(found, tuple)
    return {each.name: len(each.points or ()) for each in found}


async def test_every_collection_of_the_vm_is_found_wherever_it_is(reader: ArmReader) -> None:
    assert await find(reader) == {
        "AzureBackup_vm1": 2,
        "AzureBackup_vm1_123": 3,
        "AzureBackup_vm1_456": 1,
        "snapshots-vm1": 4,
    }
    assert await find(reader, OTHER_VM) == {"AzureBackup_vm10_789": 5}


async def test_other_vms_cost_nothing(arm: Simulator, reader: ArmReader) -> None:
    """One query, one list, and one GET a collection; the subscription is never
    listed."""
    for number in range(300):
        vm = parts.machine(SERVICE, f"well{number}", "Linux")
        arm.world.state.put(parts.collection(SERVICE, f"AzureBackup_well{number}", vm, 1))
    await find(reader)
    sent = [each.path for each in arm.world.requests]
    assert len(sent) == 2 + 4
    assert sum(path.endswith("restorePointCollections") for path in sent) == 1
    assert not any(path.endswith(f"{parts.SUBSCRIPTION}/providers") for path in sent)


async def test_what_resource_graph_does_not_show_yet_is_found_in_the_own_group(
    arm: Simulator, reader: ArmReader
) -> None:
    arm.world.change_settings({"graph_lag_s": 300})
    arm.world.state.put(parts.collection(OWN, "AzureBackup_vm1_new", VM, 1))
    arm.world.state.put(parts.collection(NAMED, "AzureBackup_vm1_unseen", VM, 1))
    found = await find(reader)
    assert "AzureBackup_vm1_new" in found and "AzureBackup_vm1_unseen" not in found


async def test_what_resource_graph_still_shows_is_read_again(
    arm: Simulator, reader: ArmReader
) -> None:
    """One that is gone, and one that is another VM's by now."""
    arm.world.change_settings({"graph_lag_s": 300})
    arm.world.state.remove(IN_SERVICE["id"])
    moved = parts.collection(NAMED, "AzureBackup_vm1_456", OTHER_VM, 1)
    arm.world.state.put(moved)
    assert set(await find(reader)) == {"AzureBackup_vm1", "snapshots-vm1"}


ANSWERS: dict[str, dict[str, Any]] = {
    "a refusal": {"status": 403},
    "a page of another product": {"status": 200, "body": {"welcome": "proxy"}},
    "rows that are no list": {"status": 200, "body": {"data": {}, "resultTruncated": "false"}},
    "a row without an id": {
        "status": 200,
        "body": {"data": [{"name": "x"}], "resultTruncated": "false"},
    },
    "the id of something else": {
        "status": 200,
        "body": {"data": [{"id": VM["id"]}], "resultTruncated": "false"},
    },
    "an id that is none": {
        "status": 200,
        "body": {"data": [{"id": "x"}], "resultTruncated": "false"},
    },
    "a part of the rows": {
        "status": 200,
        "body": {"data": [{"id": IN_OWN["id"]}], "resultTruncated": "true"},
    },
    "nothing said of whether it is all": {"status": 200, "body": {"data": []}},
    "a part with a token for the rest": {
        "status": 200,
        "body": {"data": [], "resultTruncated": "false", "$skipToken": "t"},
    },
}


@pytest.mark.parametrize("answer", ANSWERS)
async def test_an_answer_that_may_leave_something_out_is_unreadable(
    arm: Simulator, reader: ArmReader, answer: str
) -> None:
    arm.world.faults.add({"path_regex": GRAPH, "times": 9, "action": ANSWERS[answer]})
    found = await read(reader)
    assert isinstance(found, Unreadable) and "restore point collections" in found.what


async def test_a_list_of_the_own_group_that_cannot_be_read_makes_all_unreadable(
    arm: Simulator, reader: ArmReader
) -> None:
    path = f"/resourceGroups/{OWN}/providers/Microsoft.Compute/restorePointCollections$"
    arm.world.faults.add({"path_regex": path, "times": 9, "action": {"status": 403}})
    assert isinstance(await read(reader), Unreadable)


async def test_a_collection_that_cannot_be_read_makes_all_unreadable(
    arm: Simulator, reader: ArmReader
) -> None:
    path = f"/restorePointCollections/{IN_SERVICE['name']}$"
    arm.world.faults.add({"path_regex": path, "times": 9, "action": {"status": 403}})
    assert isinstance(await read(reader), Unreadable)


@pytest.mark.parametrize("letter", ['"', "\\", "\n"])
async def test_an_id_that_would_change_the_query_is_never_asked_for(
    arm: Simulator, reader: ArmReader, letter: str
) -> None:
    with pytest.raises(NotUsable):
        await read(reader, {"id": f"{VM['id']}{letter} or true"})
    assert not arm.world.requests
