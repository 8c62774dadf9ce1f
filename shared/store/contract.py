"""The store's contract: rows are inserted once, and replaced only by a writer who has
read the latest version (compare-and-swap).

A row lives in a table under (partition, key). Tables and keys are plain strings; keys
sort as text. A body is a JSON object. Both implementations pass the same tests
(tests/shared/store/). Rules for keys and sizes:
https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
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
    """Opaque, another one after each write (an ETag)."""

    @property
    def place(self) -> str:
        """For messages."""
        return f"{self.table}/{self.partition}/{self.key}"


@dataclass(frozen=True, slots=True)
class Insert:
    """In a transaction: add a row where there is none."""

    key: str
    body: Body


@dataclass(frozen=True, slots=True)
class Replace:
    """In a transaction: write a new body over exactly the version in `row`."""

    row: Row
    body: Body

    @property
    def key(self) -> str:
        return self.row.key


@dataclass(frozen=True, slots=True)
class Delete:
    """In a transaction: delete exactly the version in `row`."""

    row: Row

    @property
    def key(self) -> str:
        return self.row.key


type Write = Insert | Replace | Delete


class Store(Protocol):
    """Every method raises StoreUnavailable when the store does not answer, and NotAKey,
    a ValueError, for a key that cannot be stored."""

    async def insert(self, table: str, partition: str, key: str, body: Body) -> Row:
        """Add a row. Raises RowExists where (partition, key) is taken; nothing is
        written then."""

    async def replace(self, row: Row, body: Body) -> Row:
        """Write a new body over exactly the version in `row`. Raises RowChanged where
        the row has another version by now, or is gone."""

    async def delete(self, row: Row) -> None:
        """Delete exactly the version in `row`. Raises RowChanged where the row has
        another version by now, or is gone."""

    async def transact(
        self, table: str, partition: str, writes: Sequence[Write]
    ) -> list[Row | None]:
        """Carry out all writes or none. Returns for each write the row as it is then,
        None for a deletion.

        Raises RowExists or RowChanged, naming the first write that does not hold, and
        ValueError for writes that are not of one table and partition, each of another
        key, or are more or larger than `shared/store/keys.py` allows. Nothing is
        written then, with one exception. A store that sends the transaction again after
        a lost answer recognises its own first send by a row that it wrote. With
        deletions only, or where each of its rows was written again by somebody else
        meanwhile, there is no such row: RowChanged or RowExists may be raised although
        the transaction was carried out.
        """

    async def get(self, table: str, partition: str, key: str) -> Row | None:
        """The row; None where there is none."""

    def query(
        self,
        table: str,
        partition: str | None = None,
        *,
        after: str | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[Row]:
        """Rows of one partition, or of all for None, in the order of (partition, key).
        `after` leaves out the keys up to and including it."""

    async def ping(self) -> None:
        """Prove that the store answers and accepts writes. Raises StoreUnavailable with
        the reason where it does not."""

    async def close(self) -> None:
        """Close connections and files."""
