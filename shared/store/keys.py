"""What a store accepts as table, key and body: the stricter rule of the two stores,
checked here so that neither accepts more.

https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from shared.arm_ids import fold
from shared.errors import NotAKey
from shared.store.contract import Body

LONGEST_KEY = 256
LONGEST_BODY_BYTES = 800_000
"""In UTF-16, as Azure Tables counts. An entity holds 1 MiB, its keys included."""
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
