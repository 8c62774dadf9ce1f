"""What a store accepts as table, key and body: the stricter rule of the two stores,
checked here so that neither accepts more.

https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from typing import Any

from shared.arm_ids import fold
from shared.errors import NotAKey
from shared.store.contract import Body, Delete, Insert, Write

LONGEST_KEY = 256
LONGEST_BODY_BYTES = 800_000
"""In UTF-16, as Azure Tables counts. An entity holds 1 MiB, its keys included."""
MOST_WRITES = 100
LONGEST_TRANSACTION_BYTES = 3_000_000
"""The bodies as they are sent: JSON in JSON, in ASCII. A transaction of Azure Tables
holds 4 MiB; the rest is for the keys and headers of 100 writes."""
_KEY = re.compile(r"[!-~]+")  # printable ASCII sorts alike in both stores
_REFUSED = frozenset("/\\#?%'")
_TABLE = re.compile(r"[a-z]{3,40}")


def check_table(table: str) -> str:
    if not _TABLE.fullmatch(table):
        raise ValueError(f"not a table name: {table!r}")
    return table


def check_key(key: str) -> str:
    if not _KEY.fullmatch(key) or len(key) > LONGEST_KEY or _REFUSED & set(key):
        raise NotAKey(f"not a key that every store takes: {key[:LONGEST_KEY]!r}")
    return key


def key_of_text(text: str) -> str:
    """A key made from an id or a name: the same for every casing of it, and one that
    every store accepts."""
    return key_of_bytes(fold(text).encode())


def key_of_bytes(content: bytes) -> str:
    """A key made from content: 32 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(content).hexdigest()[:32]


def encode(body: Body) -> str:
    """The body as JSON. Raises ValueError where it is too long or not JSON (NaN, a lone
    surrogate)."""
    text = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    size = len(text.encode("utf-16-le"))
    if size > LONGEST_BODY_BYTES:
        raise ValueError(f"a body of {size} bytes; {LONGEST_BODY_BYTES} is the most")
    return text


def decode(text: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(text)
    return body


def check_writes(table: str, partition: str, writes: Sequence[Write]) -> None:
    """Raises ValueError for writes that cannot be one transaction."""
    check_table(table)
    check_key(partition)
    if not 1 <= len(writes) <= MOST_WRITES:
        raise ValueError(f"a transaction of {len(writes)} writes; 1 to {MOST_WRITES} can be one")
    for write in writes:
        check_key(write.key)
        if not isinstance(write, Insert) and (write.row.table, write.row.partition) != (
            table,
            partition,
        ):
            raise ValueError(f"{write.row.place} is not in {table}/{partition}")
    if len({write.key for write in writes}) < len(writes):
        raise ValueError(f"a transaction in {table}/{partition} that writes a row twice")
    _check_size(writes)


def _check_size(writes: Sequence[Write]) -> None:
    bodies = [write.body for write in writes if not isinstance(write, Delete)]
    size = sum(len(json.dumps(encode(body))) for body in bodies)
    if size > LONGEST_TRANSACTION_BYTES:
        raise ValueError(f"a transaction of {size} bytes; {LONGEST_TRANSACTION_BYTES} is the most")
