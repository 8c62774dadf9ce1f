"""The channel between host and worker: length-prefixed JSON messages over a socket
pair.

A datum (the runtime's protobuf-free value) travels as ``{"t": type, "v": value}``;
bytes are base64.
"""

import asyncio
import base64
import json
import socket
import struct
from typing import Any

CHANNEL_FD_VARIABLE = "LOCAL_HOST_CHANNEL_FD"
_LENGTH = struct.Struct(">I")

Message = dict[str, Any]


def pack(message: Message) -> bytes:
    """One message as it goes over the channel."""
    body = json.dumps(message).encode()
    return _LENGTH.pack(len(body)) + body


async def read_message(reader: asyncio.StreamReader) -> Message | None:
    """The next message, or None when the other side is gone."""
    try:
        head = await reader.readexactly(_LENGTH.size)
        body = await reader.readexactly(_LENGTH.unpack(head)[0])
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    return dict(json.loads(body))


def receive(channel: socket.socket) -> Message | None:
    """`read_message` for a blocking socket."""
    head = _receive_exactly(channel, _LENGTH.size)
    if head is None:
        return None
    body = _receive_exactly(channel, _LENGTH.unpack(head)[0])
    return None if body is None else dict(json.loads(body))


def _receive_exactly(channel: socket.socket, size: int) -> bytes | None:
    parts: list[bytes] = []
    while size:
        try:
            part = channel.recv(min(size, 1 << 20))
        except ConnectionError:
            return None
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def json_datum(text: str) -> Message:
    """A datum of type json; `text` is JSON text."""
    return {"t": "json", "v": text}


def string_datum(text: str) -> Message:
    """A datum of type string."""
    return {"t": "string", "v": text}


def to_base64(data: bytes) -> str:
    """Bytes as they travel inside a message."""
    return base64.b64encode(data).decode()


def from_base64(text: str) -> bytes:
    """The inverse of `to_base64`."""
    return base64.b64decode(text)
