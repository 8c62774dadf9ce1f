"""An answer that points elsewhere is neither followed nor believed: no request, and so
no token, goes to another host."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer

from local.scenarios import parts
from local.simulator.server import Simulator
from shared.azure.clients import AzureClients
from shared.azure.log_rows import ReadOutcome
from shared.azure.logs import FailedBackupLog
from shared.azure.pipeline import Home
from shared.azure.reader import ArmReader
from shared.azure.subscriptions import list_subscriptions
from shared.azure.topic import publish
from shared.azure.writer import ArmWriter, LockAnswer
from shared.errors import PointsElsewhere
from shared.facts import Lock, Unreadable
from shared.settings import Settings
from tests.local.simulator import support

ARM = "https://management.azure.com"
LOCK_ID = f"{support.GROUP_ID}/{support.LOCKS}/keep"
NOW = datetime.now(UTC)
WORKSPACE = "11111111-2222-3333-4444-555555555555"


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("https://management.azure.com.evil.example/subscriptions", False),
        ("https://evil.example/https://management.azure.com/", False),
        ("https://evil.example?https://management.azure.com/", False),
        ("https://evil.example#@management.azure.com/", False),
        ("https://evil.example\\@management.azure.com/", False),
        ("https://management.azure.com\\.evil.example/", False),
        ("https://management.azure.com@evil.example/", False),
        ("https://user:word@management.azure.com/", False),
        ("https://@management.azure.com/", False),
        ("https://management.azure.com:444/", False),
        ("https://management.azure.com:0/", False),
        ("https://management.azure.com:x/", False),
        ("https://management.azure.com:99999/", False),
        ("http://management.azure.com/", False),
        ("http://management.azure.com:443/", False),
        ("ftp://management.azure.com/", False),
        ("//management.azure.com/", False),
        ("/subscriptions", False),
        ("", False),
        ("https:///subscriptions", False),
        ("https://management.azure.com./", False),
        ("https://.management.azure.com/", False),
        ("https://a.b.management.azure.com/", False),
        ("https://west-europe.management.azure.com/", False),
        ("https://westeuropemanagement.azure.com/", False),
        ("https://azure.com/", False),
        ("https://\u212aest.management.azure.com/", False),
        ("https://management.azure.com\u3002evil.example/", False),
        ("https://manage\tment.azure.com/", False),
        (" https://management.azure.com/", False),
        ("https://[::1]/", False),
        ("https://[::ffff:127.0.0.1]:443/", False),
        ("https://[management.azure.com]/", False),
        ("https://%6danagement.azure.com/", False),
        ("https://management.azure.com/subscriptions?a=b#c", True),
        ("https://management.azure.com", True),
        ("https://management.azure.com:443/x", True),
        ("HTTPS://Management.Azure.COM/x", True),
        ("https://westeurope.management.azure.com/x", True),
        ("https://EastUS2.management.azure.com:443/x", True),
        ("https://management.azure.com?api-version=1", True),
    ],
)
def test_where_the_token_may_go(address: str, allowed: bool) -> None:
    if allowed:
        Home(ARM, regional=True).check(address)
    else:
        with pytest.raises(PointsElsewhere, match="points elsewhere"):
            Home(ARM, regional=True).check(address)


@pytest.mark.parametrize(
    ("endpoint", "regional", "address", "allowed"),
    [
        (ARM, False, "https://westeurope.management.azure.com/", False),
        ("http://127.0.0.1:8001", True, "http://x.127.0.0.1:8001/", False),
        ("http://127.0.0.1:8001", True, "http://127.0.0.1:8002/", False),
        ("http://localhost:8001", True, "http://evil.localhost:8001/", False),
        ("http://127.0.0.1:8001", True, "http://127.0.0.1:8001/x", True),
        ("http://[::1]:8001", True, "http://[::1]:8001/x", True),
        ("https://management.azure.com/", True, "https://management.azure.com/x", True),
        (
            "https://management.chinacloudapi.cn",
            True,
            "https://chinaeast2.management.chinacloudapi.cn/x",
            True,
        ),
        ("https://management.chinacloudapi.cn", True, "https://management.azure.com/x", False),
    ],
)
def test_home_is_the_endpoint_that_is_set(
    endpoint: str, regional: bool, address: str, allowed: bool
) -> None:
    if allowed:
        Home(endpoint, regional).check(address)
    else:
        with pytest.raises(PointsElsewhere):
            Home(endpoint, regional).check(address)


# --- every kind of call, against a second server that keeps whatever it sees


@dataclass
class Stranger:
    """Another server. It would answer like ARM."""

    url: str = ""
    seen: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        self.seen.append((request.method, request.path, dict(request.headers)))
        return web.json_response(
            {"status": "Succeeded", "value": [], "properties": {"jobId": "forged"}}
        )


@asynccontextmanager
async def served(
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{any:.*}", answer)
    async with TestServer(app, host="127.0.0.1") as server:
        yield f"http://127.0.0.1:{server.port}"


@pytest_asyncio.fixture
async def stranger() -> AsyncIterator[Stranger]:
    found = Stranger()
    async with served(found.answer) as url:
        found.url = url
        yield found


@pytest_asyncio.fixture
async def arm() -> AsyncIterator[Simulator]:
    async with Simulator() as simulator:
        simulator.world.replace_state(support.state())
        yield simulator


@asynccontextmanager
async def clients_of(arm: Simulator, retry_seconds: float = 20) -> AsyncIterator[AzureClients]:
    settings = Settings.from_environment(
        {
            "REMEDIATOR_ARM_ENDPOINT": arm.url,
            "REMEDIATOR_LOGS_ENDPOINT": arm.url,
            "REMEDIATOR_WORKSPACE_ID": WORKSPACE,
            "REMEDIATOR_POLL_SECONDS": "0.01",
            "REMEDIATOR_RETRY_SECONDS": str(retry_seconds),
        }
    )
    clients = AzureClients(settings, support.SUB)
    try:
        yield clients
    finally:
        await clients.close()


VAULT = parts.vault_id()
READS: dict[str, tuple[str, Callable[[ArmReader], Awaitable[Any]]]] = {
    "a single read": (
        "/virtualMachines/vm1$",
        lambda reader: reader.virtual_machine(support.VM_ID),
    ),
    "the extensions": ("/extensions$", lambda reader: reader.extensions(support.VM_ID)),
    "an extension": (
        "/extensions/VMSnapshot$",
        lambda reader: reader.extension(support.EXTENSION_ID),
    ),
    "the tags": ("/resourceGroups/rg-app$", lambda reader: reader.resource_group_tags("rg-app")),
    "a collection": (
        "/AzureBackup_vm1$",
        lambda reader: reader.restore_point_collection(support.COLLECTION_ID),
    ),
    "a lock": ("/locks/keep$", lambda reader: reader.lock(LOCK_ID)),
    "a job": ("/backupJobs/[^/]+$", lambda reader: reader.job(VAULT, support.JOB_ID)),
}
LISTS: dict[str, tuple[str, Callable[[ArmReader], Awaitable[Any]]]] = {
    "collections": (
        "/restorePointCollections$",
        lambda reader: reader.restore_point_collections(support.VM_ID),
    ),
    "locks": ("/locks$", lambda reader: reader.locks(support.COLLECTION_ID)),
    "vaults": ("/resources$", lambda reader: reader.vaults()),
    "running jobs": ("/backupJobs$", lambda reader: reader.running_jobs(VAULT)),
    "failed backups": (
        "/backupJobs$",
        lambda reader: reader.failed_backups(VAULT, NOW - timedelta(days=1), NOW),
    ),
    "completed backups": (
        "/backupJobs$",
        lambda reader: reader.completed_backups(VAULT, NOW - timedelta(days=1), NOW),
    ),
}


@pytest.mark.parametrize("what", [*READS, *LISTS])
async def test_a_redirected_read_is_not_followed(
    arm: Simulator, stranger: Stranger, what: str
) -> None:
    path, read = (READS | LISTS)[what]
    arm.world.faults.add(
        {
            "method": "GET",
            "path_regex": path,
            "action": {"status": 307, "headers": {"Location": f"{stranger.url}/x"}},
        }
    )
    async with clients_of(arm) as clients:
        found = await read(ArmReader(clients))
    assert isinstance(found, Unreadable) and "points elsewhere" in found.reason, found
    assert stranger.seen == []
    assert len([each for each in arm.world.requests if each.status == 307]) == 1, "tried again"


@pytest.mark.parametrize("what", LISTS)
async def test_a_next_page_elsewhere_is_not_read(
    arm: Simulator, stranger: Stranger, what: str
) -> None:
    path, read = LISTS[what]
    body = {"value": [], "nextLink": f"{stranger.url}/next"}
    arm.world.faults.add(
        {"method": "GET", "path_regex": path, "action": {"status": 200, "body": body}}
    )
    async with clients_of(arm) as clients:
        found = await read(ArmReader(clients))
    assert isinstance(found, Unreadable) and "points elsewhere" in found.reason, found
    assert stranger.seen == []


LOCK = Lock(LOCK_ID, "keep", "CanNotDelete", None, ())


async def raise_error(sent: Awaitable[LockAnswer]) -> None:
    """The write of a lock tells how it ended by its result."""
    answer = await sent
    if answer.error is not None:
        assert answer.unanswered is not answer.passing
        raise answer.error


WRITES: dict[str, tuple[str, str, Callable[[ArmWriter], Awaitable[Any]]]] = {
    "an extension's removal": (
        "DELETE",
        "/extensions/",
        lambda writer: writer.delete_extension(support.EXTENSION_ID, 5),
    ),
    "a collection's deletion": (
        "DELETE",
        "/restorePointCollections/",
        lambda writer: writer.delete_restore_point_collection(support.COLLECTION_ID, 5),
    ),
    "a lock's deletion": (
        "DELETE",
        "/locks/",
        lambda writer: raise_error(writer.delete_lock(LOCK, "r", 5)),
    ),
    "a lock's making": (
        "PUT",
        "/locks/",
        lambda writer: raise_error(writer.put_lock(LOCK, "r", 5)),
    ),
    "a backup": (
        "POST",
        "/backup$",
        lambda writer: writer.start_backup(VAULT, support.CONTAINER, support.ITEM),
    ),
}


@pytest.mark.parametrize("what", WRITES)
async def test_a_redirected_write_is_not_sent_on(
    arm: Simulator, stranger: Stranger, what: str
) -> None:
    method, path, write = WRITES[what]
    action = {"status": 307, "headers": {"Location": f"{stranger.url}/x"}}
    arm.world.faults.add({"method": method, "path_regex": path, "action": action})
    async with clients_of(arm) as clients:
        with pytest.raises(PointsElsewhere) as raised:
            await write(ArmWriter(clients))
    assert raised.value.may_have_happened
    assert stranger.seen == []


@pytest.mark.parametrize("header", ["Azure-AsyncOperation", "Location"])
@pytest.mark.parametrize("what", ["an extension's removal", "a collection's deletion", "a backup"])
async def test_an_operation_elsewhere_is_not_followed(
    arm: Simulator, stranger: Stranger, what: str, header: str
) -> None:
    method, path, write = WRITES[what]
    action = {
        "status": 202,
        "headers": {header: f"{stranger.url}/operations/1?api-version=2024-07-01"},
    }
    arm.world.faults.add({"method": method, "path_regex": path, "action": action})
    async with clients_of(arm) as clients:
        with pytest.raises(PointsElsewhere) as raised:
            await write(ArmWriter(clients))
    assert raised.value.may_have_happened
    assert stranger.seen == []


async def test_an_operation_that_moves_elsewhere_is_not_followed(
    arm: Simulator, stranger: Stranger
) -> None:
    """The first poll is answered by ARM, with a redirect."""
    action = {"status": 307, "headers": {"Location": f"{stranger.url}/x"}}
    arm.world.faults.add({"method": "GET", "path_regex": "/operations/", "action": action})
    async with clients_of(arm) as clients:
        with pytest.raises(PointsElsewhere):
            await ArmWriter(clients).delete_restore_point_collection(support.COLLECTION_ID, 5)
    assert stranger.seen == []


async def test_the_status_of_a_backup_elsewhere_is_not_read(
    arm: Simulator, stranger: Stranger
) -> None:
    action = {"status": 307, "headers": {"Location": f"{stranger.url}/x"}}
    arm.world.faults.add({"method": "GET", "path_regex": "/operationsStatus/", "action": action})
    async with clients_of(arm) as clients:
        writer = ArmWriter(clients)
        begun = (await writer.start_backup(VAULT, support.CONTAINER, support.ITEM)).value
        with pytest.raises(PointsElsewhere):
            await writer.find_started_job(VAULT, support.CONTAINER, support.ITEM, begun)
    assert stranger.seen == []


@pytest.mark.parametrize(
    "action",
    [
        lambda url: {"status": 307, "headers": {"Location": f"{url}/x"}},
        lambda url: {
            "status": 200,
            "body": {"value": [{"subscriptionId": support.SUB}], "nextLink": f"{url}/next"},
        },
    ],
    ids=["redirect", "nextLink"],
)
async def test_subscriptions_are_not_read_elsewhere(
    arm: Simulator, stranger: Stranger, action: Any
) -> None:
    arm.world.faults.add(
        {"method": "GET", "path_regex": "^/subscriptions$", "action": action(stranger.url)}
    )
    async with clients_of(arm) as clients:
        with pytest.raises(PointsElsewhere):
            await list_subscriptions(clients)
    assert stranger.seen == []


async def test_a_log_query_is_not_sent_elsewhere(arm: Simulator, stranger: Stranger) -> None:
    action = {"status": 308, "headers": {"Location": f"{stranger.url}/x"}}
    arm.world.faults.add({"method": "POST", "path_regex": "/query$", "action": action})
    async with clients_of(arm, retry_seconds=0) as clients:
        found = await FailedBackupLog(clients).failures(NOW - timedelta(hours=1), NOW)
    assert found.outcome is ReadOutcome.UNREACHABLE
    assert [each.status for each in arm.world.requests] == [308, 308], "one for each table"
    assert stranger.seen == []


async def test_the_key_of_the_topic_stays_at_the_topic(stranger: Stranger) -> None:
    keys: list[str] = []

    async def topic(request: web.Request) -> web.Response:
        keys.append(request.headers.get("aeg-sas-key", ""))
        return web.Response(status=307, headers={"Location": f"{stranger.url}/api/events"})

    async with served(topic) as url:
        settings = Settings.from_environment(
            {"REMEDIATOR_TOPIC_ENDPOINT": f"{url}/api/events", "REMEDIATOR_TOPIC_KEY": "secret"}
        )
        with pytest.raises(PointsElsewhere):
            await publish(settings, json.dumps({"data": {}}))
    assert keys == ["secret"]
    assert stranger.seen == []


async def test_an_address_in_a_region_of_ours_sees_no_stranger_and_ours_is_followed(
    arm: Simulator, stranger: Stranger
) -> None:
    """The control: the same operations without a fault end well, so it is the address
    that is refused."""
    async with clients_of(arm) as clients:
        assert await ArmWriter(clients).delete_extension(support.EXTENSION_ID, 5)
        assert await list_subscriptions(clients) == [support.SUB]
    assert stranger.seen == []


async def test_no_resource_provider_is_registered_by_itself(arm: Simulator) -> None:
    body = {
        "error": {
            "code": "MissingSubscriptionRegistration",
            "message": (
                "The subscription is not registered to use namespace 'Microsoft.Compute'. See "
                "https://aka.ms/rps-not-found for how to register subscriptions."
            ),
        }
    }
    arm.world.faults.add(
        {"method": "DELETE", "path_regex": "/extensions/", "action": {"status": 409, "body": body}}
    )
    async with clients_of(arm) as clients:
        with pytest.raises(Exception, match="MissingSubscriptionRegistration"):
            await ArmWriter(clients).delete_extension(support.EXTENSION_ID, 5)
    assert [(each.method, each.status) for each in arm.world.requests] == [("DELETE", 409)]
