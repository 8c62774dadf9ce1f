"""How many requests one repair sends to Azure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from local.simulator import gateway
from tests.e2e.conftest import running, scenario

POLL = re.compile(r"/(operations|operationResults|operationsStatus)/")
JOB = re.compile(r"/backupJobs/[^/]+$", re.IGNORECASE)
APP_START = re.compile(r"^/subscriptions/?$")
"""The app asks once, when it starts, which subscription it is deployed for."""
OF_A_VM = ("virtualMachines", "networkInterfaces", "restorePointCollections", "backupJobs")


@dataclass(frozen=True, slots=True)
class Sent:
    method: str
    path: str
    query: str


@dataclass(frozen=True, slots=True)
class Repair:
    incident: dict[str, Any]
    requests: tuple[str, ...]
    """Method and path, in order; without polls, further pages, and the app's start."""
    pages: int
    """Further pages of lists."""


async def count_requests(name: str, folder: Path, well_vms: int = 0) -> Repair:
    """Play a scenario beside so many well VMs."""
    sent: list[Sent] = []
    answer = gateway._answer

    def record(world: Any, request: Any, *rest: Any) -> Any:
        path = rest[0]
        sent.append(Sent(request.method, path, str(request.query_string)))
        return answer(world, request, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gateway, "_answer", record)
        async with running(folder) as product:
            case = scenario(name)
            others = list(_well(case["resources"], well_vms))
            await product.azure({"resources": [*case["resources"], *others]})
            assert await product.alert(case["event"]) == 202
            incident = await product.incident_of(case["job_id"], seconds=120)
    pages = sum(map(_is_page, sent))
    return Repair(incident, tuple(f"{each.method} {each.path}" for each in _count(sent)), pages)


def _is_page(sent: Sent) -> bool:
    return bool({"$skipToken", "$skiptoken"} & parse_qs(sent.query).keys())


def _count(sent: list[Sent]) -> Iterator[Sent]:
    """Each look at a backup that is followed is a poll; the failed job is read once."""
    jobs: set[str] = set()
    started = False
    for each in sent:
        started = started or each.path.endswith("/backup")
        poll = POLL.search(each.path) or (JOB.search(each.path) and (started or each.path in jobs))
        if JOB.search(each.path):
            jobs.add(each.path)
        if not (poll or _is_page(each) or APP_START.match(each.path)):
            yield each


def _well(resources: list[dict[str, Any]], count: int) -> Iterator[dict[str, Any]]:
    """Copies of the VM with its interface, collection and item, and for each a backup
    that completed while ours failed."""
    (vm,) = {each["name"] for each in resources if each["type"].endswith("/virtualMachines")}
    texts = [json.dumps(each) for each in resources if _is_of(each, vm)]
    for number in range(count):
        for text in texts:
            yield _renamed(text, vm, f"well-{number:04d}")


def _is_of(resource: dict[str, Any], vm: str) -> bool:
    return vm in json.dumps(resource) and any(kind in resource["type"] for kind in OF_A_VM)


def _renamed(text: str, vm: str, name: str) -> dict[str, Any]:
    resource: dict[str, Any] = json.loads(text.replace(vm, name))
    if resource["type"].endswith("/backupJobs"):
        old, number = resource["name"], int(name[-4:])
        fresh = f"{number:08x}-0000-4000-8000-000000000000"
        resource = json.loads(json.dumps(resource).replace(old, fresh))
        resource["properties"] |= {"status": "Completed", "errorDetails": []}
        resource["properties"].pop("extendedInfo", None)
    return resource
