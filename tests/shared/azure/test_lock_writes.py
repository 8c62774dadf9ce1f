"""The evidence that the answer to a lock's PUT or DELETE is: one HTTP request each, and
what an attempt without an answer means."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from shared.azure.clients import AzureClients
from shared.azure.writer import ArmWriter, LockAnswer
from shared.facts import Lock
from shared.settings import Settings

SUB = "11111111-1111-1111-1111-111111111111"
LOCK = Lock(
    f"/subscriptions/{SUB}/resourceGroups/rg/providers/Microsoft.Authorization/locks/k",
    "k",
    "CanNotDelete",
    None,
    (),
)
REQUEST_ID = "aaaaaaaa-0000-4000-8000-000000000001"
LOST, SILENT = None, 0
"""Instead of a status: the connection is closed without an answer; nothing is answered.
"""
ERROR = b'{"error": {"code": "Simulated", "message": "no"}}'
HTML = b"<html>sign in</html>"
MADE = json.dumps({"id": LOCK.id, "name": "k", "properties": {"level": "CanNotDelete"}}).encode()
OTHER = MADE.replace(b"CanNotDelete", b"ReadOnly")
ELSEWHERE = MADE.replace(b"/rg/", b"/rg2/")
RETRY_AFTER = 7


@asynccontextmanager
async def answering(
    status: int | None, body: bytes = b""
) -> AsyncIterator[tuple[ArmWriter, list[bytes]]]:
    """A writer against a server that answers every request so, and what it was sent."""
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        if status == SILENT:
            await reader.read()  # until the client has gone
        elif status is not LOST:
            head = (
                f"HTTP/1.1 {status} x\r\nContent-Type: application/json\r\nRetry-After:"
                f" {RETRY_AFTER}\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            writer.write(head.encode() + body)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    environment = {
        "REMEDIATOR_ARM_ENDPOINT": f"http://127.0.0.1:{port}",
        "REMEDIATOR_RETRY_SECONDS": "20",
    }
    clients = AzureClients(Settings.from_environment(environment), SUB)
    try:
        yield ArmWriter(clients), seen
    finally:
        await clients.close()
        server.close()


type Write = Callable[[ArmWriter], Awaitable[LockAnswer]]
WRITES: dict[str, Write] = {
    "PUT": lambda writer: writer.put_lock(LOCK, REQUEST_ID, 5),
    "DELETE": lambda writer: writer.delete_lock(LOCK, REQUEST_ID, 5),
}


@pytest.mark.parametrize("verb", WRITES)
@pytest.mark.parametrize(
    ("status", "body", "meaning"),
    [
        (401, ERROR, "refused"),
        (403, ERROR, "refused"),
        (404, ERROR, "refused"),
        (400, ERROR, "refused"),
        (409, ERROR, "passing"),
        (429, ERROR, "passing"),
        (408, ERROR, "unanswered"),
        (500, ERROR, "unanswered"),
        (503, ERROR, "unanswered"),
        (LOST, b"", "unanswered"),
        (404, HTML, "unanswered"),
        (200, HTML, "unanswered"),
        (202, b"", "unanswered"),
        (500, HTML, "unanswered"),
        (200, b'{"half": ', "unanswered"),
    ],
)
async def test_an_answer_says_whether_it_may_have_acted(
    status: int | None, body: bytes, meaning: str, verb: str
) -> None:
    async with answering(status, body) as (writer, seen):
        answer = await WRITES[verb](writer)
    meanings = {"passing": answer.passing, "unanswered": answer.unanswered}
    assert [name for name, holds in meanings.items() if holds] == [
        each for each in [meaning] if each != "refused"
    ]
    assert answer.error is not None and answer.lock is None
    assert answer.why == str(answer.error)
    assert answer.status == (status or 0)
    assert len(seen) == 1, "sent once, whatever the answer"


@pytest.mark.parametrize(
    ("verb", "status", "body", "lock"),
    [
        ("DELETE", 200, b"", None),
        ("DELETE", 204, b"", None),
        ("PUT", 200, MADE, LOCK),
        ("PUT", 201, MADE, LOCK),
        ("PUT", 200, OTHER, "another level"),
    ],
)
async def test_a_success_is_a_status_and_what_stands_there_now(
    verb: str, status: int, body: bytes, lock: Any
) -> None:
    async with answering(status, body) as (writer, _):
        answer = await WRITES[verb](writer)
    assert (answer.error, answer.status, answer.unanswered) == (None, status, False)
    assert (answer.passing, answer.retry_after_seconds) == (False, 0)
    assert answer.why == f"answered {status}"
    if lock == "another level":
        assert answer.lock is not None and not answer.lock.same_content(LOCK)
    else:
        assert answer.lock == lock


@pytest.mark.parametrize("body", [ELSEWHERE, b"{}", b"null", b"[]", b""])
async def test_a_put_that_is_answered_about_something_else_has_no_answer(body: bytes) -> None:
    async with answering(200, body) as (writer, _):
        answer = await WRITES["PUT"](writer)
    assert answer.unanswered and answer.lock is None


@pytest.mark.parametrize("verb", WRITES)
async def test_the_request_carries_the_id_that_is_on_record(verb: str) -> None:
    async with answering(403, ERROR) as (writer, seen):
        await WRITES[verb](writer)
    (request,) = seen
    assert request.startswith(verb.encode())
    assert f"x-ms-client-request-id: {REQUEST_ID}\r\n".encode() in request


@pytest.mark.parametrize("status", [409, 429])
async def test_a_refusal_that_passes_says_when_to_ask_again(status: int) -> None:
    async with answering(status, ERROR) as (writer, _):
        answer = await WRITES["DELETE"](writer)
    assert answer.retry_after_seconds == RETRY_AFTER


@pytest.mark.parametrize("verb", WRITES)
async def test_an_answer_is_waited_for_as_long_as_the_caller_says(verb: str) -> None:
    async with answering(SILENT) as (writer, seen):
        send = writer.put_lock if verb == "PUT" else writer.delete_lock
        answer = await send(LOCK, REQUEST_ID, 0.2)
    assert answer.unanswered and answer.status == 0
    assert "no answer within 0.2 s" in answer.why
    assert len(seen) == 1
