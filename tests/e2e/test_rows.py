"""Rows that no scenario has: each code where nothing is found, the backup extension by
system and place, and cause 6 by layout, each under both kinds of policy."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from local.scenarios.cases import (
    BACKUP_EXTENSION,
    CURRENT_LAYOUT,
    HANDLER_ONLY,
    HIDDEN,
    LISTED,
    LOCKED_RESTORE_POINTS,
    NOT_FIXED,
    build_document,
    make_case,
)
from local.simulator import messages
from tests.e2e.conftest import Product, scenario
from tests.e2e.test_guards import ended
from tests.e2e.test_points import COLLECTION, LIMIT, enhanced, few_and_enhanced, one
from tests.e2e.test_second_try import AGENT, PASSES, action_of, of_code, orders

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIMIT_CODE = LIMIT.partition("-")[0]


def made(name: str, code: str, cause: str, **changes: Any) -> dict[str, Any]:
    """A scenario of its own, under a job id of its own."""
    document = build_document(make_case(code, cause, name, name, **changes))
    old = document["event"]["data"]["alertContext"]["extendedInfo"]["jobId"]
    job_id = str(uuid.uuid4())
    return {**json.loads(json.dumps(document).replace(old, job_id)), "job_id": job_id}


# A VM on which nothing is found

AGAIN = (
    "GuestAgentSnapshotTaskStatusError",  # the agent is Ready again
    "UserErrorVmProvisioningStateFailed",
    "UserErrorVmNotInDesirableState",
    "UserErrorBackupOperationInProgress",
    "CopyingVHDsFromBackUpVaultTakingLongTime",
)
NOT_AGAIN = (
    "ExtensionSnapshotFailedNoNetwork",
    "ExtensionStuckInDeletionState",
    "AzureVmOffline",
    "UserErrorCrpReportedUserError",
)


@pytest.mark.parametrize("code", AGAIN)
async def test_a_code_with_a_retry_passes_where_nothing_is_found(
    product: Product, code: str
) -> None:
    case = scenario(AGENT if code in AGAIN[:1] else PASSES)
    of_code(code)(case)
    await product.azure(case)
    incident = await ended(product, case)
    assert (incident["status"], incident["error_code"]) == ("fixed", code), incident
    assert action_of(incident) == ("run_backup_again", "done")
    assert len(await orders(product)) == 1


@pytest.mark.parametrize("code", NOT_AGAIN)
async def test_a_code_without_a_retry_goes_to_a_person(product: Product, code: str) -> None:
    case = scenario(PASSES)
    of_code(code)(case)
    await product.azure(case)
    incident = await ended(product, case)
    assert (incident["status"], incident["error_code"]) == ("needs_person", code), incident
    assert incident["manual_steps"] and await product.changes() == []


# Cause 5: where Azure shows the extension

EXTENSIONS = [
    # system, where it is shown, kind of policy, how it ends
    ("Linux", LISTED, "Standard", "fixed"),
    ("Linux", HIDDEN, "Standard", "fixed"),
    ("Linux", HANDLER_ONLY, "Standard", "needs_person"),
    ("Windows", LISTED, "Enhanced", "fixed"),
    ("Linux", HIDDEN, "Enhanced", "fixed"),
    ("Windows", HANDLER_ONLY, "Enhanced", "needs_person"),
]


@pytest.mark.parametrize(("system", "seen", "kind", "status"), EXTENSIONS)
async def test_the_extension_is_removed_where_azure_has_it_by_name(
    product: Product, system: str, seen: str, kind: str, status: str
) -> None:
    end = {**NOT_FIXED, "backup": "Completed"} if status == "needs_person" else {}
    case = made(
        f"{system}, {seen}, {kind}",
        messages.EXTENSION,
        BACKUP_EXTENSION,
        os_type=system,
        extension_seen=seen,
        **end,
    )
    if kind == "Enhanced":
        enhanced(case)
    await product.azure(case)
    incident = await ended(product, case)
    assert incident["status"] == status, incident
    (found,) = [each for each in incident["findings"] if each["cause"] == BACKUP_EXTENSION]
    assert found["verdict"] == "CONFIRMED"
    removed = [path for method, path in await product.changes() if method == "DELETE"]
    name = "VMSnapshotLinux" if system == "Linux" else "VMSnapshot"
    assert [path.rsplit("/", 1)[-1] for path in removed] == ([name] if status == "fixed" else [])
    if status == "needs_person":
        wanted, other = ("waagent", "HandlerState")[:: 1 if system == "Linux" else -1]
        steps = "\n".join(incident["manual_steps"])
        assert wanted in steps and other not in steps


# Cause 6: where the collection lies

OWN_GROUP: dict[str, str] = {}
CUSTOM = CURRENT_LAYOUT | {"collection_group": "contoso-snapshots-1"}
LAYOUTS = [
    # layout, kind of policy; under an Enhanced one the job's own error names the limit
    (OWN_GROUP, "Enhanced"),
    (CUSTOM, "Standard"),
    (CUSTOM, "Enhanced"),
]


@pytest.mark.parametrize(
    ("layout", "kind"), LAYOUTS, ids=["own group, Enhanced", "custom, Standard", "custom, Enhanced"]
)
async def test_the_collection_goes_from_whatever_group_and_the_lock_comes_back(
    product: Product, layout: dict[str, str], kind: str
) -> None:
    case = made(f"{kind} {layout}", LIMIT_CODE, LOCKED_RESTORE_POINTS, **layout)
    if kind == "Enhanced":
        few_and_enhanced(case)
    collection = one(case, COLLECTION)["id"]
    await product.azure(case)
    incident = await ended(product, case)
    assert incident["status"] == "fixed", incident
    changes = await product.changes()
    assert [path for method, path in changes if method == "DELETE" and COLLECTION in path] == [
        collection
    ]
    locks = [(method, path) for method, path in changes if "/locks/" in path]
    assert locks[0][0] == locks[-1][0] == "PUT" and ("DELETE", locks[0][1]) in locks
