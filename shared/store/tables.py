"""The store in Azure: Azure Table storage, through the official client.

A body is JSON, split over properties of 15,000 characters (a property holds 64 KiB, at
two or four bytes a character). Each write carries a unique id: after a lost answer the
client sends the write again, and the id tells whether the refusal of the second was
caused by our own first one.
https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.data.tables import TableEntity, UpdateMode
from azure.data.tables.aio import TableClient, TableServiceClient

from shared.azure.identity import make_credential
from shared.clouds import Cloud
from shared.errors import RowChanged, RowExists, StoreUnavailable
from shared.store.contract import Body, Delete, Insert, Row, Write
from shared.store.keys import check_key, check_table, check_writes, decode, encode

CHUNK_CHARACTERS = 15_000
WRITTEN_OVER = "W/\"datetime'1601-01-01T00%3A00%3A00.0000000Z'\""
"""A version that no row has, for a row of ours that somebody wrote over before its own
version was known."""
type Operation = tuple[str, dict[str, Any], dict[str, Any]]
OPTIONS: dict[str, Any] = {
    "retry_total": 2,
    "retry_backoff_factor": 0.2,
    "connection_timeout": 5,
    "read_timeout": 15,
}
"""Short: without a written intent nothing is changed, and the event is delivered
again."""


class TablesStore:
    """Each table is created by its first write, with `prefix` before its name. A read
    sends nothing but GET (Storage Table Data Reader is enough), and finds a table that
    is not there empty, unless this store has seen it: then somebody deleted it."""

    def __init__(self, service: TableServiceClient, prefix: str, credential: Any = None) -> None:
        self._service = service
        self._prefix = prefix
        self._credential = credential
        self._tables: dict[str, TableClient] = {}
        self._seen: set[str] = set()
        """Tables that were there: created here, or read."""

    @classmethod
    def from_connection_string(cls, text: str, prefix: str) -> TablesStore:
        """Raises ValueError where the text is not a connection string."""
        return cls(TableServiceClient.from_connection_string(text, **OPTIONS), prefix)

    @classmethod
    def from_endpoint(cls, endpoint: str, prefix: str, cloud: Cloud) -> TablesStore:
        """Signs in with the app's identity (Storage Table Data Contributor)."""
        credential = make_credential(cloud)
        return cls(
            TableServiceClient(endpoint, credential=credential, **OPTIONS), prefix, credential
        )

    async def insert(self, table: str, partition: str, key: str, body: Body) -> Row:
        entity = _build_entity(partition, key, body)
        client = await self._open_table(table)
        try:
            made = await _call(lambda: client.create_entity(entity))
        except ResourceExistsError as error:
            if (row := await self._find_own_write(table, entity)) is not None:
                return row
            raise RowExists(f"{table}/{partition}/{key} is taken") from error
        return Row(table, partition, key, _read_body(entity), made["etag"])

    async def replace(self, row: Row, body: Body) -> Row:
        entity = _build_entity(row.partition, row.key, body)
        client = await self._open_table(row.table)
        try:
            made = await _call(
                lambda: client.update_entity(
                    entity,
                    mode=UpdateMode.REPLACE,
                    etag=row.version,
                    match_condition=MatchConditions.IfNotModified,
                )
            )
        except HttpResponseError as error:
            if (own := await self._find_own_write(row.table, entity)) is not None:
                return own
            raise RowChanged(f"{row.place} is no longer the version that was read") from error
        return Row(row.table, row.partition, row.key, _read_body(entity), made["etag"])

    async def delete(self, row: Row) -> None:
        client = await self._open_table(row.table)
        operation = _build_operation(row.partition, Delete(row))
        try:
            # as a transaction of one: delete_entity succeeds for an entity that is
            # already gone
            await _call(lambda: client.submit_transaction([operation]))
        except HttpResponseError as error:
            raise RowChanged(f"{row.place} is no longer the version that was read") from error

    async def transact(
        self, table: str, partition: str, writes: Sequence[Write]
    ) -> list[Row | None]:
        check_writes(table, partition, writes)
        operations = [_build_operation(partition, write) for write in writes]
        client = await self._open_table(table)
        try:
            made = await _call(lambda: client.submit_transaction(operations))
        except HttpResponseError as error:
            stored = [await self._find_entity(table, partition, write.key) for write in writes]
            if not any(map(_is_own_write, operations, stored)):
                raise _choose_refusal(table, partition, writes, stored) from error
            made = [{"etag": _choose_etag(*each)} for each in zip(operations, stored, strict=True)]
        return [
            None
            if isinstance(write, Delete)
            else Row(table, partition, write.key, _read_body(entity), one["etag"])
            for write, (_, entity, _), one in zip(writes, operations, made, strict=True)
        ]

    async def get(self, table: str, partition: str, key: str) -> Row | None:
        entity = await self._find_entity(table, check_key(partition), check_key(key))
        return None if entity is None else _read_row(table, entity)

    async def query(
        self,
        table: str,
        partition: str | None = None,
        *,
        after: str | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[Row]:
        clauses = [] if partition is None else [f"PartitionKey eq '{check_key(partition)}'"]
        if after is not None:
            if partition is None:
                raise ValueError("`after` goes with a partition")
            clauses.append(f"RowKey gt '{check_key(after)}'")
        found = self._get_client(table).query_entities(
            " and ".join(clauses), results_per_page=min(limit or 1000, 1000)
        )
        pages, left = found.by_page(), limit
        while left is None or left > 0:
            try:
                page = await _call(pages.__anext__, table_is_new=table not in self._seen)
            except (StopAsyncIteration, ResourceNotFoundError):
                return
            self._seen.add(table)
            entities = [entity async for entity in page]
            for entity in entities[:left]:
                yield _read_row(table, entity)
            left = None if left is None else left - len(entities)

    async def ping(self) -> None:
        client = await self._open_table("ping")
        await _call(lambda: client.upsert_entity({"PartitionKey": "ping", "RowKey": "ping"}))

    async def close(self) -> None:
        for client in self._tables.values():
            await client.close()
        await self._service.close()
        if self._credential is not None:
            await self._credential.close()

    def _get_client(self, table: str) -> TableClient:
        if table not in self._tables:
            name = self._prefix + check_table(table)
            self._tables[table] = self._service.get_table_client(name)
        return self._tables[table]

    async def _open_table(self, table: str) -> TableClient:
        """For a write: the table is created where it is not there."""
        client = self._get_client(table)
        if table not in self._seen:
            await _call(lambda: self._service.create_table_if_not_exists(client.table_name))
            self._seen.add(table)
        return client

    async def _find_entity(self, table: str, partition: str, key: str) -> TableEntity | None:
        client = self._get_client(table)
        try:
            entity = await _call(
                lambda: client.get_entity(partition, key), table_is_new=table not in self._seen
            )
        except ResourceNotFoundError:
            return None
        self._seen.add(table)
        return entity

    async def _find_own_write(self, table: str, entity: Mapping[str, Any]) -> Row | None:
        """The stored row where exactly this write made it; else None."""
        found = await self._find_entity(table, entity["PartitionKey"], entity["RowKey"])
        if found is None or found.get("Write") != entity["Write"]:
            return None
        return _read_row(table, found)


ANSWERS = (404, 409, 412)
"""Statuses that answer a conditional write. With any other error status the service
counts as unavailable."""


async def _call[T](call: Callable[[], Awaitable[T]], *, table_is_new: bool = False) -> T:
    """Raises StoreUnavailable for every failure but the conditional answers, which the
    caller handles. `table_is_new`: that there is no such table is one of those."""
    try:
        return await call()
    except HttpResponseError as error:
        is_new = table_is_new and isinstance(error, ResourceNotFoundError)
        if error.status_code in ANSWERS and (is_new or not _table_is_gone(error)):
            raise
        raise StoreUnavailable(
            f"the table service answered {error.status_code}: {error.message}"
        ) from error
    except (AzureError, TimeoutError, asyncio.IncompleteReadError, OSError) as error:
        raise StoreUnavailable(f"the table service does not answer: {error}") from error


def _table_is_gone(error: HttpResponseError) -> bool:
    """Whether somebody deleted the table. Its rows must not count as missing then:
    claims would be lost, and failures fixed twice."""
    return any(code in str(error) for code in ("TableNotFound", "TableBeingDeleted"))


def _build_entity(partition: str, key: str, body: Body) -> dict[str, Any]:
    text = encode(body)
    chunks = [
        text[start : start + CHUNK_CHARACTERS] for start in range(0, len(text), CHUNK_CHARACTERS)
    ]
    named = {f"Body{number:02d}": chunk for number, chunk in enumerate(chunks)}
    return {
        "PartitionKey": check_key(partition),
        "RowKey": check_key(key),
        "Write": uuid.uuid4().hex,
        **named,
    }


def _build_operation(partition: str, write: Write) -> Operation:
    if isinstance(write, Insert):
        return "create", _build_entity(partition, write.key, write.body), {}
    exactly = {"etag": write.row.version, "match_condition": MatchConditions.IfNotModified}
    if isinstance(write, Delete):
        return "delete", {"PartitionKey": partition, "RowKey": write.key}, exactly
    entity = _build_entity(partition, write.key, write.body)
    return "update", entity, {"mode": UpdateMode.REPLACE, **exactly}


def _is_own_write(operation: Operation, stored: TableEntity | None) -> bool:
    _, entity, _ = operation
    return stored is not None and "Write" in entity and stored.get("Write") == entity["Write"]


def _choose_etag(operation: Operation, stored: TableEntity | None) -> str:
    """The version of a row after a transaction of ours that was carried out."""
    if stored is None or not _is_own_write(operation, stored):
        return WRITTEN_OVER
    return str(stored.metadata["etag"])


def _choose_refusal(
    table: str, partition: str, writes: Sequence[Write], stored: Sequence[TableEntity | None]
) -> RowExists | RowChanged:
    """What a transaction is refused with that found the rows like this."""
    for write, entity in zip(writes, stored, strict=True):
        if isinstance(write, Insert):
            if entity is not None:
                return RowExists(f"{table}/{partition}/{write.key} is taken")
        elif entity is None or entity.metadata["etag"] != write.row.version:
            return RowChanged(f"{write.row.place} is no longer the version that was read")
    return RowChanged(f"a row of {table}/{partition} was another one for a moment")


def _read_body(entity: Mapping[str, Any]) -> dict[str, Any]:
    return decode("".join(entity[name] for name in sorted(entity) if name.startswith("Body")))


def _read_row(table: str, entity: Any) -> Row:
    return Row(
        table, entity["PartitionKey"], entity["RowKey"], _read_body(entity), entity.metadata["etag"]
    )
