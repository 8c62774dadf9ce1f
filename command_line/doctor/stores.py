"""The storage account, its containers, the policy on sealed heads, and the app's roles
on its data."""

from __future__ import annotations

from collections.abc import AsyncIterator

from command_line.doctor.access import check_role
from command_line.doctor.installation import Installation, Result, properties, result
from infra.roles import BLOB_OWNER, QUEUE_CONTRIBUTOR, TABLE_CONTRIBUTOR
from shared.counts import count_of

CONTAINERS = ("deployment", "policy", "dead-letters", "audit-heads")
QUEUE = "/queueServices/default/queues/backup-failures"
CLOSED = ("allowSharedKeyAccess", "allowBlobPublicAccess")


async def check_stores(on: Installation) -> AsyncIterator[Result]:
    if on.storage is None:
        yield Result("storage account", False, "there is none in the resource group", on.deploy)
        return
    name, storage = on.storage["name"], on.storage["id"]
    open_ways = [each for each in CLOSED if properties(on.storage).get(each) is not False]
    yield result(
        "storage account",
        not open_ways,
        f"{', '.join(open_ways)} is not off" if open_ways else name,
        f"az storage account update --name {name} --allow-shared-key-access false"
        " --allow-blob-public-access false",
    )
    blobs = f"{storage}/blobServices/default/containers"
    for container in CONTAINERS:
        yield await _check_exists(on, f"container {container}", f"{blobs}/{container}")
    policy = properties(await on.view.get(f"{blobs}/audit-heads/immutabilityPolicies/default"))
    days = policy.get("immutabilityPeriodSinceCreationInDays") or 0
    found = f"{count_of(days, 'day')}, {policy.get('state', 'no policy')}"
    yield result("seals cannot be changed", days > 0, found, on.deploy)
    if on.delivery == "queue":
        yield await _check_exists(on, "queue backup-failures", f"{storage}{QUEUE}")
    for data, role in (
        ("blobs", BLOB_OWNER),
        ("queues", QUEUE_CONTRIBUTOR),
        ("tables", TABLE_CONTRIBUTOR),
    ):
        yield await check_role(
            on, f"data role on {data}", "the app", on.principal, on.storage, "", role
        )


async def _check_exists(on: Installation, name: str, path: str) -> Result:
    there = await on.view.get(path) is not None
    return result(name, there, "there" if there else "not there", on.deploy)
