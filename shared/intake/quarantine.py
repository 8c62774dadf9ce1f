"""Events that could not be understood or taken: kept with the reason, without secrets,
cut to a size, until they are taken after all."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

from shared import clock
from shared.codec import from_json, to_json
from shared.errors import RowExists, whole_characters
from shared.store.contract import Store
from shared.store.keys import key_of_bytes
from shared.store.update import remove

TABLE, PARTITION = "quarantine", "event"
LONGEST_PAYLOAD_CHARACTERS = 100_000
EXCERPT_CHARACTERS = 8_000
SCRUBBED = "[scrubbed]"
_NAMED = (
    r"(?:\w*(?:password|passwd|secret|accountkey|accesskey|apikey|connectionstring)"
    r"|pwd|(?:access|refresh|id)_token)"
)
SECRETS = (
    # the value of a signature, a function's code or a token in an address
    re.compile(
        r"([?&](?:sig|code|key|token|access_token|subscription-key)=)[^&\s\"'\\<>#]+", re.IGNORECASE
    ),
    # Name=value, as in a connection string
    re.compile(rf"(\b{_NAMED}\s*=\s*)[^;\s\"'\\&]+", re.IGNORECASE),
    # "name": "value", also as JSON within JSON
    re.compile(rf"(\"{_NAMED}\\*\"\s*:\s*\\*\")[^\"\\]+", re.IGNORECASE),
    re.compile(
        r"(\b(?:Bearer|Basic|SharedAccessSignature)\s+)[A-Za-z0-9._~+/=&%-]{16,}", re.IGNORECASE
    ),
    # a token by its look
    re.compile(r"()\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*"),
)


@dataclass(frozen=True, slots=True)
class Kept:
    """`characters`: of what came. `payload`: what is kept of it, scrubbed."""

    id: str
    at: str
    reason: str
    characters: int
    payload: str

    @property
    def cut(self) -> bool:
        """Not kept whole, so it can be read and not taken again."""
        return self.characters > LONGEST_PAYLOAD_CHARACTERS

    @property
    def excerpt(self) -> str:
        return self.payload[:EXCERPT_CHARACTERS]


def scrubbed(text: str) -> str:
    """The text without the values of what looks like a secret. It finds the usual
    forms; it cannot know them all."""
    for pattern in SECRETS:
        text = pattern.sub(rf"\g<1>{SCRUBBED}", text)
    return text


class Quarantine:
    """Every method raises StoreUnavailable when the store does not answer."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def keep(self, text: str, reason: str) -> tuple[Kept, bool]:
        """The row; whether it is new: a text is kept once, with its first reason."""
        whole = text.encode("utf-8", "surrogatepass")
        safe = whole_characters(scrubbed(text[:LONGEST_PAYLOAD_CHARACTERS]))
        kept = Kept(key_of_bytes(whole), clock.now(), reason, len(text), safe)
        try:
            await self._store.insert(TABLE, PARTITION, kept.id, to_json(kept))
        except RowExists:
            return await self.get(kept.id) or kept, False
        return kept, True

    async def get(self, kept_id: str) -> Kept | None:
        row = await self._store.get(TABLE, PARTITION, kept_id)
        return from_json(Kept, row.body) if row else None

    async def all(self, limit: int | None = None) -> AsyncIterator[Kept]:
        """In no particular order."""
        async for row in self._store.query(TABLE, PARTITION, limit=limit):
            yield from_json(Kept, row.body)

    async def release(self, kept_id: str) -> None:
        """It was taken after all. That it was here stays in the audit log."""
        await remove(self._store, TABLE, PARTITION, kept_id)
