"""Every method of reader and writer × every kind of rubbish: a read is Unreadable, a
write is not known, and nothing else comes out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from aiohttp import web

from local.simulator.server import Simulator
from shared import clock
from shared.azure import from_wire
from shared.azure.calls import call_with_retries, map_error
from shared.azure.clients import AzureClients
from shared.azure.log_rows import ReadOutcome
from shared.azure.logs import FailedBackupLog
from shared.azure.reader import ArmReader
from shared.azure.retry_after import MOST_SECONDS, read_retry_after
from shared.azure.subscriptions import list_subscriptions
from shared.azure.writer import ArmWriter, Begun
from shared.errors import AzureCallFailed, NotUnderstood, Throttled
from shared.facts import Absent, Unreadable
from shared.settings import Settings
from tests.local.simulator import support
from tests.shared.azure.test_elsewhere import LISTS, NOW, READS, VAULT, WORKSPACE, WRITES, served

pytestmark = pytest.mark.asyncio


@dataclass(frozen=True)
class Rubbish:
    body: bytes
    content_type: str = "application/json"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: int = 0
    """How many bytes more are announced than sent."""


def told(wire: Any, status: int = 200) -> Rubbish:
    return Rubbish(json.dumps(wire).encode(), status=status)


HTML = b"<html><body>Sign in to continue</body></html>"
DEEP = b'{"a":' * 50_000 + b"1" + b"}" * 50_000
RUBBISH = {
    "HTML": Rubbish(HTML, "text/html"),
    "HTML that says JSON": Rubbish(HTML),
    "nothing": Rubbish(b""),
    "blanks": Rubbish(b" \r\n"),
    "null": told(None),
    "an empty object": told({}),
    "an empty list": told([]),
    "a list of nulls": told([None]),
    "a number": told(17),
    "a text": told("all is well"),
    "true": told(True),
    "null as value": told({"value": None, "id": None, "properties": None}),
    "a list for every object": told(
        {"value": {}, "id": [], "name": [], "properties": [], "tags": []}
    ),
    "a text for every object": told(
        {"value": "v", "id": "i", "name": {}, "properties": "p", "tags": "t"}
    ),
    "values without ids": told({"value": [{"name": "x"}]}),
    "values that are none": told({"value": [1, None, "x", []]}),
    "half of a body": Rubbish(b'{"value": [{"id": "/subs'),
    "a body that breaks off": Rubbish(b'{"value": [', cut=100),
    "no UTF-8": Rubbish(b'{"value": ["\xff\xfe\xc3"]}'),
    "NUL": Rubbish(b'{"value": "\x00"}'),
    "NaN": Rubbish(b'{"value": NaN}'),
    "nested too deeply": Rubbish(DEEP),
    "an unknown charset": Rubbish(b"{}", "application/json; charset=utf-99"),
    "no content type that there is": Rubbish(b"{}", "rubbish"),
    "204": Rubbish(b"", status=204),
    "304": Rubbish(b"", status=304),
    "a proxy's 404": Rubbish(HTML, "text/html", 404),
    "an empty 404": Rubbish(b"", status=404),
    "a 404 of another shape": told({"error": ["gone"]}, 404),
    "a 404 that says nothing": told({"error": None}, 404),
    "a 500 of another shape": told(
        {"error": {"code": {}, "message": [1], "details": "x", "innererror": 3}}, 500
    ),
    "a 429 that waits for a date": Rubbish(
        b"{}", status=429, headers={"Retry-After": "Fri, 31 Dec 2099 23:59:59 GMT"}
    ),
    "a 429 that waits for ever": Rubbish(b"{}", status=429, headers={"Retry-After": "9" * 400}),
    "a 429 that waits a fraction": Rubbish(b"{}", status=429, headers={"Retry-After": "0.5"}),
    "a 429 that waits back in time": Rubbish(b"{}", status=429, headers={"Retry-After": "-5"}),
    "a 503 in HTML": Rubbish(HTML, "text/html", 503),
}


@asynccontextmanager
async def answering(rubbish: Rubbish) -> AsyncIterator[AzureClients]:
    """The clients of an ARM that answers nothing else."""

    async def answer(request: web.Request) -> web.StreamResponse:
        headers = {
            "Content-Type": rubbish.content_type,
            "x-ms-correlation-request-id": "c-1",
            **rubbish.headers,
        }
        if not rubbish.cut:
            return web.Response(status=rubbish.status, body=rubbish.body, headers=headers)
        response = web.StreamResponse(
            status=rubbish.status,
            headers=headers | {"Content-Length": str(len(rubbish.body) + rubbish.cut)},
        )
        await response.prepare(request)
        await response.write(rubbish.body)
        assert request.transport
        request.transport.close()
        return response

    async with served(answer) as url:
        clients = AzureClients(settings_of(url), support.SUB)
        try:
            yield clients
        finally:
            await clients.close()


def settings_of(url: str) -> Settings:
    return Settings.from_environment(
        {
            "REMEDIATOR_ARM_ENDPOINT": url,
            "REMEDIATOR_LOGS_ENDPOINT": url,
            "REMEDIATOR_WORKSPACE_ID": WORKSPACE,
            "REMEDIATOR_POLL_SECONDS": "0.01",
            "REMEDIATOR_RETRY_SECONDS": "0",
            "REMEDIATOR_CALL_TIMEOUT_SECONDS": "5",
        }
    )


@pytest.mark.parametrize("rubbish", RUBBISH)
async def test_a_read_that_is_rubbish_is_unreadable(rubbish: str) -> None:
    async with answering(RUBBISH[rubbish]) as clients:
        reader = ArmReader(clients)
        found = {what: await read(reader) for what, (_, read) in (READS | LISTS).items()}
        assert {
            what: fact for what, fact in found.items() if not isinstance(fact, Unreadable)
        } == {}
        assert all(fact.reason and len(fact.reason) < 3000 for fact in found.values())
        logged = await FailedBackupLog(clients).failures(NOW - timedelta(hours=1), NOW)
        assert logged.outcome not in (ReadOutcome.COMPLETE, ReadOutcome.PARTIAL), logged
        with pytest.raises(AzureCallFailed):
            await list_subscriptions(clients)


@pytest.mark.parametrize("rubbish", RUBBISH)
@pytest.mark.parametrize("what", ["a lock's making", "a backup"])
async def test_a_write_whose_answer_is_rubbish_is_not_known(what: str, rubbish: str) -> None:
    """A refusal with a status is a refusal; anything else may have happened."""
    async with answering(RUBBISH[rubbish]) as clients:
        with pytest.raises(AzureCallFailed) as raised:
            await WRITES[what][2](ArmWriter(clients))
    assert raised.value.may_have_happened is (RUBBISH[rubbish].status != 429)
    assert raised.value.correlation_id == "c-1" or RUBBISH[rubbish].cut


PAGES = [
    "HTML",
    "HTML that says JSON",
    "half of a body",
    "a body that breaks off",
    "no UTF-8",
    "nested too deeply",
    "NUL",
]


@pytest.mark.parametrize("rubbish", PAGES)
@pytest.mark.parametrize(
    "what", ["an extension's removal", "a collection's deletion", "a lock's deletion"]
)
async def test_a_deletion_is_not_believed_a_page(what: str, rubbish: str) -> None:
    async with answering(RUBBISH[rubbish]) as clients:
        with pytest.raises(AzureCallFailed) as raised:
            await WRITES[what][2](ArmWriter(clients))
    assert raised.value.may_have_happened


@pytest.mark.parametrize("rubbish", [name for name in RUBBISH if RUBBISH[name].status != 204])
async def test_the_status_of_a_backup_that_is_rubbish_names_no_job(rubbish: str) -> None:
    async with answering(RUBBISH[rubbish]) as clients:
        with pytest.raises(AzureCallFailed):
            await ArmWriter(clients).find_started_job(
                VAULT, support.CONTAINER, support.ITEM, Begun("1")
            )


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        [],
        "x",
        {"status": None},
        {"status": 7},
        {"status": []},
        {"state": "Succeeded"},
        "<html></html>",
    ],
    ids=repr,
)
async def test_a_poll_that_is_rubbish_is_asked_again(body: Any) -> None:
    """The deletion goes on meanwhile, and its end is seen by the next poll."""
    async with Simulator() as arm:
        arm.world.replace_state(support.state())
        action = {"status": 200, "body": body}
        arm.world.faults.add(
            {"method": "GET", "path_regex": "/operations/", "times": 2, "action": action}
        )
        clients = AzureClients(settings_of(arm.url), support.SUB)
        try:
            assert await ArmWriter(clients).delete_restore_point_collection(
                support.COLLECTION_ID, 5
            )
            assert isinstance(
                await ArmReader(clients).restore_point_collection(support.COLLECTION_ID), Absent
            )
        finally:
            await clients.close()


@pytest.mark.parametrize(
    ("status", "body"),
    [(401, None), (403, None), (404, None), (400, {"error": {"code": "X", "message": "y"}})],
    ids=["401", "403", "404", "400"],
)
async def test_an_operation_whose_end_is_not_told_is_not_known(status: int, body: Any) -> None:
    async with Simulator() as arm:
        arm.world.replace_state(support.state())
        action = {"status": status} | ({"body": body} if body else {})
        arm.world.faults.add({"method": "GET", "path_regex": "/operations/", "action": action})
        clients = AzureClients(settings_of(arm.url), support.SUB)
        try:
            with pytest.raises(AzureCallFailed, match="its end is not told") as raised:
                await ArmWriter(clients).delete_restore_point_collection(support.COLLECTION_ID, 5)
        finally:
            await clients.close()
    assert raised.value.may_have_happened


@pytest.mark.parametrize("header", ["0.5", "soon", "Fri, 31 Dec 1999 23:59:59 GMT", "-1", ""])
async def test_an_accepted_operation_with_a_strange_retry_after_is_followed(header: str) -> None:
    async with Simulator() as arm:
        arm.world.replace_state(support.state())
        operations: list[str] = []

        async def answer(request: web.Request) -> web.Response:
            operations.append(request.method)
            if request.method == "DELETE":
                where = f"http://{request.host}/operations/1"
                return web.Response(
                    status=202, headers={"Azure-AsyncOperation": where, "Retry-After": header}
                )
            return web.json_response({"status": "Succeeded"}, headers={"Retry-After": header})

        async with served(answer) as url:
            clients = AzureClients(settings_of(url), support.SUB)
            try:
                await ArmWriter(clients).delete_extension(support.EXTENSION_ID, 5)
            finally:
                await clients.close()
    assert operations == ["DELETE", "GET"]


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        [],
        "<html></html>",
        {"statuses": 1},
        {"id": 3, "properties": []},
        {"extensions": [3]},
    ],
    ids=repr,
)
async def test_the_second_request_of_a_read_that_is_rubbish(body: Any) -> None:
    path, read = "/AzureBackup_vm1$", LISTS["collections"][1]
    async with Simulator() as arm:
        arm.world.replace_state(support.state())
        arm.world.faults.add(
            {"method": "GET", "path_regex": path, "action": {"status": 200, "body": body}}
        )
        clients = AzureClients(settings_of(arm.url), support.SUB)
        try:
            assert isinstance(await read(ArmReader(clients)), Unreadable)
        finally:
            await clients.close()


# --- the mappers: what is deep inside


def vm(**properties: Any) -> dict[str, Any]:
    return {"id": support.VM_ID, "name": "vm1", "properties": properties}


NO_FACT = {
    "a VM of nothing": (from_wire.read_virtual_machine, {}),
    "a VM without properties": (from_wire.read_virtual_machine, vm() | {"properties": None}),
    "a VM whose view is a list": (from_wire.read_virtual_machine, vm(instanceView=[])),
    "a VM whose agent is a text": (
        from_wire.read_virtual_machine,
        vm(instanceView={"vmAgent": "Ready"}),
    ),
    "a VM with statuses of texts": (
        from_wire.read_virtual_machine,
        vm(instanceView={"statuses": ["PowerState/running"]}),
    ),
    "a VM whose statuses are an object": (
        from_wire.read_virtual_machine,
        vm(instanceView={"statuses": {"code": "PowerState/running"}}),
    ),
    "a VM whose code is a list": (
        from_wire.read_virtual_machine,
        vm(instanceView={"statuses": [{"code": ["PowerState/running"]}]}),
    ),
    "a VM whose disk is a list": (
        from_wire.read_virtual_machine,
        vm(storageProfile={"osDisk": []}),
    ),
    "a VM whose tags are a list": (from_wire.read_virtual_machine, vm(x=1) | {"tags": ["off"]}),
    "a VM whose tag is an object": (
        from_wire.read_virtual_machine,
        vm(x=1) | {"tags": {"backup-remediation": {"a": "off"}}},
    ),
    "tags that are false": (from_wire.read_tags, {"tags": False}),
    "tags that are an empty list": (from_wire.read_tags, {"tags": []}),
    "a VM whose extensions are an object": (
        from_wire.read_virtual_machine,
        vm(instanceView={"extensions": {"name": "VMSnapshot"}}),
    ),
    "a VM whose handler's status is a text": (
        from_wire.read_virtual_machine,
        vm(instanceView={"vmAgent": {"extensionHandlers": [{"type": "t", "status": "Ready"}]}}),
    ),
    "an extension whose substatuses are texts": (
        from_wire.read_extension,
        {"properties": {"publisher": "p", "type": "t", "instanceView": {"substatuses": ["x"]}}},
    ),
    "an extension without properties": (
        from_wire.read_extension,
        {"id": "x", "name": "VMSnapshot"},
    ),
    "an extension without a type": (
        from_wire.read_extension,
        {"name": "x", "properties": {"publisher": "p"}},
    ),
    "an extension without a publisher": (
        from_wire.read_extension,
        {"name": "x", "properties": {"type": "t"}},
    ),
    "an extension whose type is an object": (
        from_wire.read_extension,
        {"properties": {"publisher": "p", "type": {}}},
    ),
    "a lock of nothing": (from_wire.read_lock, {}),
    "a lock without a level": (
        from_wire.read_lock,
        {"id": "i", "name": "n", "properties": {"notes": "x"}},
    ),
    "a lock of an unknown level": (
        from_wire.read_lock,
        {"id": "i", "name": "n", "properties": {"level": "Harmless"}},
    ),
    "a lock whose notes are a list": (
        from_wire.read_lock,
        {"id": "i", "name": "n", "properties": {"level": "ReadOnly", "notes": []}},
    ),
    "a lock whose owners are texts": (
        from_wire.read_lock,
        {"id": "i", "name": "n", "properties": {"level": "ReadOnly", "owners": ["a"]}},
    ),
    "a lock with an owner of nothing": (
        from_wire.read_lock,
        {"id": "i", "name": "n", "properties": {"level": "ReadOnly", "owners": [{}]}},
    ),
    "a collection of nothing": (from_wire.read_collection, {}),
    "a collection whose source is a text": (
        from_wire.read_collection,
        {"name": "n", "properties": {"source": "vm"}},
    ),
    "a collection whose points are an object": (
        from_wire.read_collection,
        {"name": "n", "properties": {"source": {}, "restorePoints": {}}},
    ),
    "a collection with a point of nothing": (
        from_wire.read_collection,
        {"name": "n", "properties": {"source": {}, "restorePoints": [{}]}},
    ),
    "a lock with half of a character": (
        from_wire.read_lock,
        {"id": "i", "name": "n", "properties": {"level": "ReadOnly", "notes": "\ud800"}},
    ),
    "a job of nothing": (from_wire.read_job, {}),
    "a job without a status": (
        from_wire.read_job,
        {"name": "j", "properties": {"operation": "Backup"}},
    ),
    "a job without an operation": (
        from_wire.read_job,
        {"name": "j", "properties": {"status": "Failed"}},
    ),
    "a job whose errors are texts": (
        from_wire.read_job,
        {
            "name": "j",
            "properties": {"status": "Failed", "operation": "Backup", "errorDetails": ["x"]},
        },
    ),
    "a job whose information is a list": (
        from_wire.read_job,
        {
            "name": "j",
            "properties": {"status": "Failed", "operation": "Backup", "extendedInfo": []},
        },
    ),
}


@pytest.mark.parametrize("what", NO_FACT)
async def test_rubbish_is_no_fact(what: str) -> None:
    mapper, wire = NO_FACT[what]
    with pytest.raises(NotUnderstood):
        mapper(wire)


async def test_half_of_a_character_can_be_put_on_record() -> None:
    found = from_wire.read_virtual_machine(
        vm(instanceView={"vmAgent": {"statuses": [{"message": "not ready \ud800"}]}})
    )
    assert found.agent_message == "not ready ?"
    assert NotUnderstood("half \ud800").message == "half ?"


@pytest.mark.parametrize(
    ("status", "ended"),
    [
        ("InProgress", False),
        ("Cancelling", False),
        ("SomethingNew", False),
        ("Completed", True),
        ("CompletedWithWarnings", True),
        ("failed", True),
        ("Cancelled", True),
        ("Invalid", True),
    ],
)
async def test_a_job_has_ended_when_it_says_so(status: str, ended: bool) -> None:
    job = from_wire.read_job({"name": "j", "properties": {"status": status, "operation": "Backup"}})
    assert job.ended is ended


def at(seconds: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7),
        (" 7 ", 7),
        ("0", 0),
        ("007", 7),
        ("999999", MOST_SECONDS),
        ("9" * 5000, MOST_SECONDS),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("1e3", None),
        ("soon", None),
        ("\u0667", None),
        ("Fri, 99 Foo 2026", None),
        ("Fri, 31 Dec 1999 23:59:59 GMT", 0),
        ("Fri, 31 Dec 2099 23:59:59 GMT", MOST_SECONDS),
        ("Friday, 31-Dec-99 23:59:59 GMT", 0),
    ],
)
async def test_retry_after_in_seconds(text: str, seconds: int | None) -> None:
    assert read_retry_after(text) == seconds


async def test_retry_after_as_a_date_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: "2026-11-25T15:00:00.400000Z")
    assert read_retry_after("Wed, 25 Nov 2026 15:01:30 GMT") == 90


async def test_a_throttled_answer_tells_how_long_its_date_is_away() -> None:
    async with answering(Rubbish(b"{}", status=429, headers={"Retry-After": at(300)})) as clients:
        with pytest.raises(Throttled) as raised:
            await list_subscriptions(clients)
    assert 200 < (raised.value.retry_after_seconds or 0) <= 300


@pytest.mark.parametrize("text", ["0", "Fri, 31 Dec 1999 23:59:59 GMT"])
async def test_who_may_come_at_once_pauses_all_the_same(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """A Retry-After of 0, or a date that is over, makes no loop without pauses."""
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    async def throttled(_: Any) -> None:
        if len(pauses) < 5:
            raise Throttled("busy", status=429, retry_after_seconds=read_retry_after(text))

    monkeypatch.setattr(asyncio, "sleep", pause)
    await call_with_retries(throttled, timeout_seconds=60, retry_seconds=60)
    assert len(pauses) == 5
    assert min(pauses) > 0


@pytest.mark.parametrize(
    "error",
    [
        ValueError("x"),
        KeyError("x"),
        RecursionError(),
        UnicodeDecodeError("utf-8", b"x", 0, 1, "r"),
    ],
)
async def test_whatever_else_is_raised_has_a_place_in_the_tree(error: Exception) -> None:
    assert type(map_error(error)) is NotUnderstood
