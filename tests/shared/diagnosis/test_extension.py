"""What the backup extension says, where it is found, and what its words mean."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from local.scenarios import parts
from local.simulator.server import Simulator
from shared.azure import from_wire
from shared.azure.clients import AzureClients
from shared.azure.reader import ArmReader
from shared.diagnosis.by_hand import mend_file_system
from shared.diagnosis.checkers import backup_extension, no_internet, snapshot_status
from shared.diagnosis.checkers.contract import EXAMPLE_SUBJECT
from shared.diagnosis.checkers.extension_places import (
    ListedOnly,
    ReportedOnly,
    find_backup_extension,
)
from shared.diagnosis.checkers.extension_words import (
    find_mount,
    names_freeze,
    names_network,
    quote_words,
    tells_success,
)
from shared.extension_facts import ExtensionStatus
from shared.facts import Absent, Extension, Unreadable, VirtualMachine
from shared.incident.model import Verdict
from shared.settings import Settings
from tests.local.simulator import support

JSON_76 = '[{"status": {"status": "error", "code": "76", "formattedMessage": {"message": ""}}}]'
ESCAPED_761 = json.dumps(json.dumps({"status": {"status": "error", "code": 761}}))


@pytest.mark.parametrize(
    ("message", "mount"),
    [
        ("Failed to FIFREEZE: /data/dblog StatusCode.FailedRetryable", "/data/dblog"),
        ("failed to fifreeze: /; and more", "/"),
        ("FIFREEZE /data: Permission denied", "/data"),
        ("(FIFREEZE: /data/a.b).", "/data/a.b"),
        ("Failed to FIFREEZE", ""),
        ("Failed to FIFREEZE: ../etc", ""),
        ("/data FIFREEZE", ""),
    ],
)
def test_the_mount_that_does_not_freeze_is_named(message: str, mount: str) -> None:
    assert find_mount(ExtensionStatus("c", message, "")) == mount


def test_a_mount_is_quoted_in_a_command() -> None:
    """The guest writes it."""
    (look, _) = mend_file_system("vm", find_mount(ExtensionStatus("", "FIFREEZE: /a$(id)`x`", "")))
    assert look.values["command"] == "findmnt --target '/a$(id)`x`'"


@pytest.mark.parametrize(
    ("code", "message", "network", "freeze"),
    [
        ("ProvisioningState/succeeded", "Command completed successfully.", False, False),
        ("ProvisioningState/failed/1", "The handler could not be loaded.", False, False),
        ("ProvisioningState/failed/7610", "errorcode: 76, code 761", False, False),
        ("", '{"code": "1", "size": 76}', False, False),
        ("ProvisioningState/failed/76", "", True, False),
        (
            "ProvisioningState/failed/1",
            "errorcode: 409 SnapshotFailedRestrictedNetwork,",
            True,
            False,
        ),
        ("ComponentStatus/0/succeeded", JSON_76, True, False),
        (f"ComponentStatus/{JSON_76}/succeeded", "", True, False),
        ("ComponentStatus/0/succeeded", ESCAPED_761, True, False),
        ("ProvisioningState/failed/121", "", False, True),
        ("ProvisioningState/failed/1", "Failed to FIFREEZE: /data/dblog", False, True),
        (
            "ComponentStatus/0/succeeded",
            "statuscode.failedretryableunabletoopenmount,",
            False,
            True,
        ),
    ],
)
def test_what_words_name(code: str, message: str, network: bool, freeze: bool) -> None:
    status = ExtensionStatus(code, message, "")
    assert (names_network(status), names_freeze(status)) == (network, freeze)


@pytest.mark.parametrize(
    ("message", "sub", "success"),
    [
        ('[{"status": {"status": "success", "code": "1"}}]', True, True),
        ('[{"status": {"status": "success", "code": "1"}}]', False, False),
        (JSON_76, True, False),
        ("success", True, False),
    ],
)
def test_only_a_substatus_tells_that_the_command_succeeded(
    message: str, sub: bool, success: bool
) -> None:
    assert tells_success(ExtensionStatus("", message, "", is_substatus=sub)) is success


def test_of_a_long_text_the_part_that_matters_is_quoted() -> None:
    told = ExtensionStatus("c", "x" * 5000 + " FIFREEZE: /data " + "y" * 5000, "")
    quoted = str(quote_words("VMSnapshotLinux", told))
    assert "FIFREEZE: /data" in quoted and len(quoted) < 500


@pytest.mark.parametrize(
    ("moment", "than", "newer"),
    [
        ("2026-01-10T02:00:01Z", "2026-01-10T02:00:00Z", True),
        ("2026-01-10T02:00:00Z", "2026-01-10T02:00:00.000Z", True),
        ("2026-01-10T01:59:59Z", "2026-01-10T02:00:00Z", False),
        ("2026-01-10T03:00:00+02:00", "2026-01-10T02:00:00Z", False),
        ("", "2026-01-10T02:00:00Z", False),
        ("2026-01-10T02:00:00Z", "", False),
        ("soon", "2026-01-10T02:00:00Z", False),
        ("0001-01-01T00:00:00+01:00", "2026-01-10T02:00:00Z", False),
    ],
)
def test_words_count_where_both_times_are_known(moment: str, than: str, newer: bool) -> None:
    assert ExtensionStatus("", "", moment).is_newer_than(than) is newer


AT, LATER = "2026-01-10T02:00:00Z", "2026-01-10T02:05:00Z"
WRITTEN = '[{"timestampUTC": "\\/Date(1768010700000)\\/"}]'


@pytest.mark.parametrize(
    ("statuses", "substatuses", "times"),
    [
        ([{"time": AT}], [{"message": "m"}], [AT, AT]),
        ([{"time": AT}, {"time": LATER}], [{}], [AT, LATER, LATER]),
        ([{"time": AT}], [{"time": LATER}], [AT, LATER]),
        ([{}], [{"message": "m"}], ["", ""]),
        ([{}], [{"message": WRITTEN}], ["", "2026-01-10T02:05:00.000000Z"]),
        (
            [{}],
            [{"code": f"ComponentStatus/{WRITTEN}/succeeded"}],
            ["", "2026-01-10T02:05:00.000000Z"],
        ),
    ],
    ids=["with the status", "with the newest", "its own", "none", "written", "written in its code"],
)
def test_when_a_substatus_was_written(
    statuses: list[Any], substatuses: list[Any], times: list[str]
) -> None:
    view = {"statuses": statuses, "substatuses": substatuses}
    wire = {"properties": {"publisher": "p", "type": "t", "instanceView": view}}
    read = from_wire.read_extension(wire).statuses
    assert [each.time for each in read] == times
    assert [each.is_substatus for each in read] == [False] * len(statuses) + [True] * len(
        substatuses
    )


@pytest_asyncio.fixture
async def arm() -> AsyncIterator[Simulator]:
    async with Simulator() as simulator:
        simulator.world.replace_state(support.state(extension="Failed"))
        yield simulator


@asynccontextmanager
async def reading(arm: Simulator) -> AsyncIterator[ArmReader]:
    settings = Settings.from_environment(
        {"REMEDIATOR_ARM_ENDPOINT": arm.url, "REMEDIATOR_RETRY_SECONDS": "0.1"}
    )
    clients = AzureClients(settings, support.SUB)
    try:
        yield ArmReader(clients)
    finally:
        await clients.close()


async def find(arm: Simulator) -> tuple[Any, list[str]]:
    """Where it is found, and the requests that this took after the VM itself."""
    async with reading(arm) as reader:
        vm = await reader.virtual_machine(support.VM_ID)
        assert isinstance(vm, VirtualMachine), vm
        before = len(arm.world.requests)
        found = await find_backup_extension(vm, reader)
        return found, [each.path.rsplit("/vm1/")[-1] for each in list(arm.world.requests)[before:]]


def view_of(arm: Simulator) -> dict[str, Any]:
    vm = arm.world.state.get(support.VM_ID)
    assert vm is not None
    view: dict[str, Any] = vm["properties"]["instanceView"]
    return view


async def test_one_request_finds_it_by_its_name(arm: Simulator) -> None:
    found, asked = await find(arm)
    assert isinstance(found, Extension) and found.provisioning_state == "Failed"
    assert found.status.message == parts.EXTENSION_FAILED, "from the instance view of the VM"
    assert asked == ["extensions/VMSnapshot"]


async def test_one_that_the_list_hides_is_found_by_its_name(arm: Simulator) -> None:
    arm.world.state.extra["hidden_extensions"] = [support.EXTENSION_ID]
    assert isinstance((await find(arm))[0], Extension)


def rename(arm: Simulator, name: str) -> None:
    extension = arm.world.state.get(support.EXTENSION_ID)
    assert extension is not None
    arm.world.state.remove(support.EXTENSION_ID)
    arm.world.state.put({**extension, "id": f"{support.VM_ID}/extensions/{name}", "name": name})


async def test_one_under_another_name_is_found_through_the_list(arm: Simulator) -> None:
    rename(arm, "snap")
    view_of(arm)["extensions"] = []
    found, asked = await find(arm)
    assert isinstance(found, Extension) and found.name == "snap"
    assert asked == ["extensions/VMSnapshot", "extensions", "extensions/snap"]


async def test_one_under_another_name_is_found_through_the_instance_view(arm: Simulator) -> None:
    rename(arm, "snap")
    view_of(arm)["extensions"][0]["name"] = "snap"
    found, asked = await find(arm)
    assert isinstance(found, Extension) and found.name == "snap"
    assert asked == ["extensions/snap"]


async def test_another_publishers_of_that_name_is_not_it(arm: Simulator) -> None:
    extension = arm.world.state.get(support.EXTENSION_ID)
    assert extension is not None
    extension["properties"]["publisher"] = "Contoso.Tools"
    view_of(arm).update(extensions=[])
    view_of(arm)["vmAgent"]["extensionHandlers"] = []
    assert isinstance((await find(arm))[0], Absent)


async def test_one_that_no_name_finds_is_in_the_list_only(arm: Simulator) -> None:
    gone = {"error": {"code": "ResourceNotFound", "message": "It is not there."}}
    arm.world.faults.add(
        {
            "method": "GET",
            "path_regex": "/extensions/[^/]+$",
            "action": {"status": 404, "body": gone},
        }
    )
    assert isinstance((await find(arm))[0], ListedOnly)


async def test_one_whose_handler_alone_is_left(arm: Simulator) -> None:
    arm.world.state.remove(support.EXTENSION_ID)
    view_of(arm)["extensions"] = []
    found, _ = await find(arm)
    assert isinstance(found, ReportedOnly)
    assert found.extension.statuses[0].failed


@pytest.mark.parametrize("path", ["/extensions/[^/]+$", "/extensions$"])
async def test_what_cannot_be_read_is_not_absent(arm: Simulator, path: str) -> None:
    arm.world.state.remove(support.EXTENSION_ID)
    arm.world.faults.add({"method": "GET", "path_regex": path, "action": {"status": 403}})
    assert isinstance((await find(arm))[0], Unreadable)


async def test_a_name_that_could_name_another_resource_is_not_asked_for(arm: Simulator) -> None:
    view_of(arm)["extensions"][0]["name"] = "VMSnapshot?x=/../.."
    assert isinstance((await find(arm))[0], Unreadable)


CHECKS = (snapshot_status, backup_extension, no_internet)
BEGAN, SAID, NOW = "2026-11-25T14:13:02Z", "2026-11-25T14:33:02Z", "2026-11-25T14:45:02.000000Z"
RESTRICTED = "T:S snapshot result: StatusCode.FailedRetryableSnapshotFailedRestrictedNetwork,"
OUT, YES, OPEN = Verdict.RULED_OUT, Verdict.CONFIRMED, Verdict.UNKNOWN
FIELD: dict[str, tuple[str, dict[str, str], dict[str, str], tuple[Verdict, Verdict, Verdict]]] = {
    # its state, status and substatus; snapshot_status, backup_extension, no_internet
    "it says RestrictedNetwork (azure-linux-extensions 494)": (
        "Succeeded",
        {"code": "ProvisioningState/failed/761", "message": RESTRICTED, "time": SAID},
        {},
        (OUT, OUT, YES),
    ),
    "success above an error (azure-linux-extensions PR 635)": (
        "Succeeded",
        {"code": "ProvisioningState/succeeded", "time": SAID},
        {"code": "ComponentStatus/0/succeeded", "message": JSON_76},
        (OUT, OUT, YES),
    ),
    "it failed to load (azure-docs 64646)": (
        "Failed",
        {"code": "ProvisioningState/failed/1", "message": "It failed to load.", "time": SAID},
        {},
        (OUT, YES, OPEN),
    ),
    "creating for a minute, failed in the view (azure-linux-extensions 367)": (
        "Creating",
        {"code": "ProvisioningState/failed/1", "time": "2026-11-25T14:44:02Z"},
        {},
        (OUT, OPEN, OPEN),
    ),
    "words of 40 days ago (WALinuxAgent 323)": (
        "Succeeded",
        {
            "code": "ProvisioningState/succeeded",
            "message": RESTRICTED,
            "time": "2026-10-16T14:33:02Z",
        },
        {},
        (OUT, OUT, OPEN),
    ),
    "Failed to FIFREEZE (WALinuxAgent 525)": (
        "Succeeded",
        {
            "code": "ProvisioningState/failed/121",
            "message": "Failed to FIFREEZE: /data/dblog",
            "time": SAID,
        },
        {},
        (YES, OUT, OUT),
    ),
}


@pytest.mark.parametrize("name", FIELD)
async def test_what_people_met_in_the_field(arm: Simulator, name: str) -> None:
    state, status, substatus, verdicts = FIELD[name]
    extension = arm.world.state.get(support.EXTENSION_ID)
    assert extension is not None
    extension["properties"]["provisioningState"] = state
    shown = {"statuses": [status], "substatuses": [substatus] if substatus else []}
    view_of(arm)["extensions"][0].update(shown)
    view_of(arm)["vmAgent"]["statuses"][-1]["time"] = SAID
    subject = replace(
        EXAMPLE_SUBJECT,
        vm_id=support.VM_ID,
        item_id=support.ITEM_ID,
        failed_at=BEGAN,
        now=NOW,
    )
    async with reading(arm) as reader:
        found = [await each.check(subject, reader) for each in CHECKS]
    assert tuple(each.verdict for each in found) == verdicts, found
