"""When two locks are the same, whose a job is, and what a lock's PUT carries."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from local.scenarios import parts
from local.simulator.server import Simulator
from shared.azure.clients import AzureClients
from shared.azure.reader import ArmReader
from shared.azure.writer import ArmWriter
from shared.facts import Job, Lock
from shared.settings import Settings

GROUP = parts.group("rg-one")
ID = f"{GROUP['id']}/providers/Microsoft.Authorization/locks/keep"
APPS = ("0e0f5a4e-0000-4000-8000-00000000000a", "0e0f5a4e-0000-4000-8000-00000000000b")
LOCK = Lock(ID, "keep", "CanNotDelete", "why", APPS)


@pytest.mark.parametrize(
    "other",
    [
        replace(LOCK, id=ID + "2"),
        replace(LOCK, id=ID.replace("rg-one", "rg-two")),
        replace(LOCK, level="ReadOnly"),
        replace(LOCK, notes="Why"),
        replace(LOCK, notes=None),
        replace(LOCK, notes=""),
        replace(LOCK, owners=()),
        replace(LOCK, owners=APPS[:1]),
        replace(LOCK, owners=(APPS[0], APPS[0])),
    ],
)
def test_two_locks_are_not_the_same(other: Lock) -> None:
    assert not LOCK.same_content(other)
    assert not other.same_content(LOCK)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (LOCK, LOCK),
        (LOCK, replace(LOCK, id=ID.upper())),
        (LOCK, replace(LOCK, level="cannotdelete")),
        (LOCK, replace(LOCK, owners=APPS[::-1])),
        (LOCK, replace(LOCK, owners=tuple(app.upper() for app in APPS))),
        (replace(LOCK, notes=None), replace(LOCK, notes="")),
    ],
)
def test_two_locks_are_the_same(one: Lock, other: Lock) -> None:
    assert one.same_content(other)
    assert other.same_content(one)


@pytest.mark.parametrize("level", ["CanNotDelete", "ReadOnly"])
@pytest.mark.parametrize("notes", ["why", None])
@pytest.mark.parametrize("owners", [(), APPS[:1], APPS])
async def test_what_is_put_is_what_is_read(
    level: str, notes: str | None, owners: tuple[str, ...]
) -> None:
    async with Simulator(0, {"resources": [GROUP]}) as simulator:
        environment = {
            "REMEDIATOR_ARM_ENDPOINT": simulator.url,
            "REMEDIATOR_SUBSCRIPTION_ID": parts.SUBSCRIPTION,
        }
        clients = AzureClients(Settings.from_environment(environment), parts.SUBSCRIPTION)
        lock = Lock(ID, "keep", level, notes, owners)
        try:
            answer = await ArmWriter(clients).put_lock(lock, "r", 5)
            assert answer.lock == lock
            assert await ArmReader(clients).lock(ID) == lock
        finally:
            await clients.close()


def job(**told: Any) -> Job:
    texts = (
        "id",
        "name",
        "status",
        "operation",
        "entity_name",
        "container_name",
        "start_time",
        "end_time",
        "dynamic_error_message",
    )
    return Job(**(dict.fromkeys(texts, "") | {"error_details": ()} | told))


@pytest.mark.parametrize(
    ("told", "ours"),
    [
        (job(container_name="iaasvmcontainerv2;rg-one;vm1"), True),
        (job(container_name="IaasVMContainerV2;RG-ONE;VM1"), True),
        (job(container_name="iaasvmcontainerv2;rg-one;vm1", entity_name="vm2"), True),
        (job(container_name="iaasvmcontainerv2;rg-two;vm1", entity_name="vm1"), False),
        (job(container_name="iaasvmcontainerv2;rg-one;vm10"), False),
        (job(container_name="iaasvmcontainerv2;vm1;rg-one"), False),
        (job(entity_name="vm1"), None),
        (job(entity_name="vm10"), False),
        (job(), None),
    ],
)
def test_whose_job_it_is(told: Job, ours: bool | None) -> None:
    assert told.is_of("vm1", "rg-one") is ours


@pytest.mark.parametrize(
    ("status", "ended"),
    [
        ("InProgress", False),
        ("Cancelling", False),
        ("CANCELLING", False),
        ("Completed", True),
        ("Failed", True),
        ("Invalid", True),
    ],
)
def test_when_a_job_has_ended(status: str, ended: bool) -> None:
    assert job(status=status).ended is ended
