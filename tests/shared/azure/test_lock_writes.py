"""The evidence that the answer to a lock's PUT or DELETE is: one HTTP request each, and
what an attempt without an answer means."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from shared.azure.clients import AzureClients
from shared.azure.writer import ArmWriter
from shared.errors import Unavailable
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
LOST = None
"""Instead of a status: the connection is closed without an answer."""


@asynccontextmanager
async def answering(*statuses: int | None) -> AsyncIterator[tuple[ArmWriter, list[bytes]]]:
    """A writer against a server that answers one request after another so; the last
    answer is repeated. Also the requests seen."""
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        status = statuses[min(len(seen), len(statuses)) - 1]
        if status is not LOST:
            body = b"" if status < 400 else b'{"error": {"code": "Simulated", "message": "no"}}'
            head = (
                f"HTTP/1.1 {status} x\r\nContent-Type: application/json\r\nRetry-After:"
                f" 0\r\nContent-Length: {len(body)}\r\n\r\n"
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


async def test_the_transport_does_not_send_a_proof_again() -> None:
    async with answering(LOST) as (writer, seen):
        with pytest.raises(Unavailable, match="the connection was lost"):
            await writer.prove_lock(LOCK)
        assert [each.split()[0] for each in seen] == [b"PUT"]


@pytest.mark.parametrize(
    ("statuses", "refused", "unanswered"),
    [
        ((200,), False, False),
        ((204,), False, False),
        ((401,), True, False),
        ((403,), True, False),
        ((404,), True, False),
        ((409,), True, False),
        ((400,), False, False),
        ((429, 403), True, False),
        ((LOST, 403), False, True),
        ((LOST, 404), False, True),
        ((500, 403), False, True),
        ((408, 409), False, True),
        ((503, 429, 401), False, True),
        ((500, 200), False, True),
    ],
    ids=str,
)
async def test_a_deletion_says_whether_an_attempt_may_have_acted(
    statuses: tuple[int | None, ...], refused: bool, unanswered: bool
) -> None:
    async with answering(*statuses) as (writer, seen):
        lifting = await writer.delete_lock(LOCK)
    assert (lifting.refused, lifting.unanswered) == (refused, unanswered)
    assert (lifting.error is None) == (statuses[-1] in (200, 204))
    assert len(seen) == len(statuses)
