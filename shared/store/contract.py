"""What the product needs of a store: rows that are inserted once and replaced only by
someone who has seen the latest version.

A row lives in a table under (partition, key). Tables and keys are plain strings; keys
sort as text. A body is a JSON object. Both implementations pass the same tests
(tests/shared/store/). Source of the key rules and sizes:
https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

type Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    table: str
    partition: str
    key: str
    body: Body
    version: str
    """Opaque; changes with each write (an ETag)."""


class Store(Protocol):
    """Every method raises StoreUnavailable when the store does not answer, and
    ValueError for a key that cannot be stored."""

    async def insert(self, table: str, partition: str, key: str, body: Body) -> Row:
        """Add a row. Raises RowExists if (partition, key) is taken: then nothing was
        written."""

    async def replace(self, row: Row, body: Body) -> Row:
        """Write a new body over exactly the version in `row`. Raises RowChanged if it
        is no longer that, or gone."""

    async def delete(self, row: Row) -> None:
        """Remove exactly the version in `row`. Raises RowChanged if it is no longer
        that, or gone."""

    async def get(self, table: str, partition: str, key: str) -> Row | None:
        """The row, or None when there is none."""

    def query(
        self,
        table: str,
        partition: str | None = None,
        *,
        after: str | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[Row]:
        """Rows of one partition (or of all, when None) in (partition, key) order;
        `after` leaves out keys up to and including it."""

    async def ping(self) -> None:
        """Prove that the store answers and takes writes; raises StoreUnavailable with
        the reason when not."""

    async def close(self) -> None:
        """Give back connections and files."""
