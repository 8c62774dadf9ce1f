"""Every guard, through the event path: where it says no, or cannot say, nothing is
changed in Azure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from local.promises import broken_promises
from tests.e2e.conftest import Product, running, scenario

pytestmark = pytest.mark.asyncio(loop_scope="module")

LOCKED, EXTENSION = "winmanagedvm", "ExtentionOperationFailed-backup_extension"
FIXES = (LOCKED, EXTENSION)


def of_type(case: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [
        each for each in case["resources"] if each.get("type", "").casefold() == kind.casefold()
    ]


async def ended(product: Product, case: dict[str, Any]) -> dict[str, Any]:
    """Deliver the case's event and wait for the end of its incident."""
    before = await product.state()
    assert await product.alert(case["event"]) == 202
    incident = await product.incident_of(case["job_id"])
    entries = await product.audit(incident["id"])
    assert (
        broken_promises(before, await product.state(), await product.requests(), incident, entries)
        == []
    )
    return incident


@pytest.mark.parametrize("fix", FIXES)
@pytest.mark.parametrize(
    ("whose", "name", "value", "status"),
    [
        ("vm", "backup-remediation", "off", "ignored"),
        ("vm", "Backup-Remediation", "OFF", "ignored"),
        ("vm", "backup-remediation", "observe", "observed"),
        ("vm", "backup-remediation", "approve", "needs_person"),
        ("vm", "backup-remediation", "autoo", "ignored"),
        ("vm", "backup-remediation", "", "ignored"),
        ("group", "backup-remediation", "off", "ignored"),
        ("group", "backup-remediation", "observe", "observed"),
    ],
)
async def test_a_tag_holds_the_fix_back(
    product: Product, fix: str, whose: str, name: str, value: str, status: str
) -> None:
    case = scenario(fix)
    vm = of_type(case, "Microsoft.Compute/virtualMachines")[0]
    group_id = vm["id"].split("/providers/")[0].casefold()
    group = next(each for each in case["resources"] if each["id"].casefold() == group_id)
    (vm if whose == "vm" else group)["tags"] = {name: value}
    await product.azure(case)

    incident = await ended(product, case)

    assert await product.changes() == []
    assert incident["status"] == status, incident
    assert "backup-remediation" in incident["reason"]


async def test_a_tag_cannot_make_it_less_strict(tmp_path: Path) -> None:
    case = scenario(LOCKED)
    of_type(case, "Microsoft.Compute/virtualMachines")[0]["tags"] = {"backup-remediation": "auto"}
    async with running(tmp_path, REMEDIATOR_MODE="observe") as product:
        await product.azure(case)
        incident = await ended(product, case)
        assert await product.changes() == []
    assert incident["status"] == "observed"


@pytest.mark.parametrize(
    ("settings", "status", "told"),
    [
        ({"REMEDIATOR_MODE": "off"}, "ignored", "off"),
        ({"REMEDIATOR_MODE": "observe"}, "observed", "observe"),
        ({"REMEDIATOR_MODE": "approve"}, "needs_person", "approve"),
        ({"REMEDIATOR_CHANGES_PER_HOUR": "0"}, "needs_person", "0 changes an hour"),
    ],
)
async def test_a_setting_holds_every_fix_back(
    tmp_path: Path, settings: dict[str, str], status: str, told: str
) -> None:
    async with running(tmp_path, **settings) as product:
        for fix in FIXES:
            case = scenario(fix)
            await product.azure(case)
            incident = await ended(product, case)
            assert await product.changes() == []
            assert incident["status"] == status, incident
            assert told in incident["reason"]


async def test_an_impossible_setting_stops_everything_and_says_so(tmp_path: Path) -> None:
    async with running(tmp_path, REMEDIATOR_MODE="automatic") as product:
        case = scenario(LOCKED)
        await product.azure(case)
        assert await product.deliver(case["event"]) >= 500
        answer = await product.http.get(f"{product.app}/api/health")
        assert answer.status == 503
        assert "REMEDIATOR_MODE" in await answer.text()
        assert await product.changes() == []


VM = r"/virtualMachines/[^/]+$"
UNREADABLE = [
    (LOCKED, "the job", r"/backupJobs/[^/]+$"),
    (LOCKED, "the VM", VM),
    (LOCKED, "the group and its tags", r"^/subscriptions/[^/]+/resourceGroups/[^/]+$"),
    (LOCKED, "the collections", r"/providers/Microsoft.Compute/restorePointCollections$"),
    (LOCKED, "the collection", r"/restorePointCollections/[^/]+$"),
    (LOCKED, "the locks", r"/providers/Microsoft.Authorization/locks$"),
    (LOCKED, "the running jobs and later backups", r"/backupJobs$"),
    (LOCKED, "the vaults", r"^/subscriptions/[^/]+/resources$"),
    (EXTENSION, "the job", r"/backupJobs/[^/]+$"),
    (EXTENSION, "the VM", VM),
    (EXTENSION, "the group and its tags", r"^/subscriptions/[^/]+/resourceGroups/[^/]+$"),
    (EXTENSION, "the running jobs and later backups", r"/backupJobs$"),
    (EXTENSION, "the vaults", r"^/subscriptions/[^/]+/resources$"),
    (EXTENSION, "the extension", r"/virtualMachines/[^/]+/extensions/[^/]+$"),
    (EXTENSION, "the item", r"/protectedItems/[^/]+$"),
    (EXTENSION, "the policy", r"/backupPolicies/[^/]+$"),
]
NO_ANSWER = [
    {"status": 403},
    {"status": 500},
    {"reset": True},
    {"status": 429, "headers": {"Retry-After": "600"}},
    {"status": 200, "body": {}},
]


@pytest.mark.parametrize(
    ("fix", "what", "path"), UNREADABLE, ids=[f"{fix[:12]}-{what}" for fix, what, _ in UNREADABLE]
)
@pytest.mark.parametrize("action", NO_ANSWER, ids=["403", "500", "reset", "429", "empty"])
async def test_a_fact_that_cannot_be_read_changes_nothing(
    impatient: Product, fix: str, what: str, path: str, action: dict[str, Any]
) -> None:
    """An empty 200 is no fact either: locks without `value`, a VM without a name."""
    case = scenario(fix)
    await impatient.azure(case)
    await impatient.fault(method="GET", path_regex=path, times=1000, action=action)

    incident = await ended(impatient, case)

    assert await impatient.changes() == [], f"changed although {what} could not be read: {incident}"
    assert incident["status"] in ("needs_person", "ignored"), incident
    assert incident["manual_steps"] or incident["status"] == "ignored", incident


@pytest.mark.parametrize("field", ["publisher", "type"])
async def test_an_extension_that_only_carries_the_name_is_never_removed(
    product: Product, field: str
) -> None:
    case = scenario(EXTENSION)
    for extension in of_type(case, "Microsoft.Compute/virtualMachines/extensions"):
        extension["properties"][field] = "Contoso.Something"
    await product.azure(case)

    incident = await ended(product, case)

    assert await product.changes() == []
    assert incident["status"] == "needs_person"


async def test_a_collection_of_another_source_is_never_deleted(product: Product) -> None:
    case = scenario(LOCKED)
    for collection in of_type(case, "Microsoft.Compute/restorePointCollections"):
        collection["properties"]["source"]["id"] = collection["properties"]["source"]["id"] + "0"
    await product.azure(case)

    incident = await ended(product, case)

    assert [method for method, _ in await product.changes()] == ["POST"]
    assert "passed on retry" in incident["reason"], "a cause was found"
