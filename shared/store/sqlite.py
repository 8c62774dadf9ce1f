"""The embedded store: one SQLite file, for the local host, the demo and tests. Several
processes may have it open.

https://www.sqlite.org/wal.html
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

from shared.errors import RowChanged, RowExists, StoreUnavailable
from shared.store.contract import Body, Row
from shared.store.keys import check_key, check_table, decode, encode

BUSY_SECONDS = 10.0
PAGE_ROWS = 500
_SCHEMA = """
CREATE TABLE IF NOT EXISTS rows (
    "table" TEXT NOT NULL,
    partition TEXT NOT NULL,
    key TEXT NOT NULL,
    body TEXT NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY ("table", partition, key)
) WITHOUT ROWID
"""
_SAME = 'WHERE "table" = ? AND partition = ? AND key = ?'


class SqliteStore:
    """`read_only` opens an existing file and never writes to it."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self._path = path
        self._read_only = read_only
        self._connection: sqlite3.Connection | None = None
        self._one_at_a_time = threading.Lock()

    async def insert(self, table: str, partition: str, key: str, body: Body) -> Row:
        place = _check_place(table, partition, key)
        text = encode(body)
        sql = 'INSERT INTO rows ("table", partition, key, body, version) VALUES (?, ?, ?, ?, 1)'
        await self._run(partial(_execute, sql=sql, values=(*place, text)))
        return Row(*place, decode(text), "1")

    async def replace(self, row: Row, body: Body) -> Row:
        text, next_version = encode(body), int(row.version) + 1
        sql = f"UPDATE rows SET body = ?, version = ? {_SAME} AND version = ?"
        place = _check_place(row.table, row.partition, row.key)
        values = (text, next_version, *place, int(row.version))
        await self._change_one(sql, values, row)
        return Row(row.table, row.partition, row.key, decode(text), str(next_version))

    async def delete(self, row: Row) -> None:
        values = (*_check_place(row.table, row.partition, row.key), int(row.version))
        await self._change_one(f"DELETE FROM rows {_SAME} AND version = ?", values, row)

    async def get(self, table: str, partition: str, key: str) -> Row | None:
        place = _check_place(table, partition, key)
        found = await self._run(
            partial(_fetch, sql=f"SELECT body, version FROM rows {_SAME}", values=place)
        )
        return Row(*place, decode(found[0][0]), str(found[0][1])) if found else None

    async def query(
        self,
        table: str,
        partition: str | None = None,
        *,
        after: str | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[Row]:
        where, place = _build_where(check_table(table), partition, after)
        left = limit
        while left is None or left > 0:
            page = PAGE_ROWS if left is None else min(PAGE_ROWS, left)
            sql = (
                f"SELECT partition, key, body, version FROM rows WHERE {where} ORDER BY partition,"
                f" key LIMIT {page}"
            )
            found = await self._run(partial(_fetch, sql=sql, values=place))
            for partition_found, key, body, version in found:
                yield Row(table, partition_found, key, decode(body), str(version))
            if len(found) < page:
                return
            left = None if left is None else left - len(found)
            where = '"table" = ? AND (partition, key) > (?, ?)'
            place = (table, found[-1][0], found[-1][1])
            if partition is not None:
                where, place = where + " AND partition = ?", (*place, partition)

    async def ping(self) -> None:
        sql = (
            "INSERT INTO rows (\"table\", partition, key, body, version) VALUES ('ping', 'ping',"
            " 'ping', '{}', 1) ON CONFLICT DO UPDATE SET version = version + 1"
        )
        await self._run(partial(_execute, sql=sql, values=()))

    async def close(self) -> None:
        with self._one_at_a_time:
            if self._connection is not None:
                self._connection.close()
            self._connection = None

    async def _change_one(self, sql: str, values: tuple[Any, ...], row: Row) -> None:
        if await self._run(partial(_execute, sql=sql, values=values)) != 1:
            raise RowChanged(f"{row.place} is no longer the version that was read")

    async def _run[T](self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.to_thread(self._run_in_thread, work)

    def _run_in_thread[T](self, work: Callable[[sqlite3.Connection], T]) -> T:
        with self._one_at_a_time:
            try:
                return work(self._connect())
            except (sqlite3.Error, OSError) as error:
                if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
                    raise RowExists(f"the row is taken: {error}") from error
                raise StoreUnavailable(
                    f"the store {self._path} does not answer: {error}"
                ) from error

    def _connect(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = self._open()
        return self._connection

    def _open(self) -> sqlite3.Connection:
        mode = "ro" if self._read_only else "rwc"
        uri = f"{self._path.resolve().as_uri()}?mode={mode}"
        connection = sqlite3.connect(
            uri, uri=True, timeout=BUSY_SECONDS, check_same_thread=False, isolation_level=None
        )
        if not self._read_only:
            connection.execute("PRAGMA journal_mode = WAL")
            # an intent that was written survives a power failure
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(_SCHEMA)
        return connection


def _check_place(table: str, partition: str, key: str) -> tuple[str, str, str]:
    return check_table(table), check_key(partition), check_key(key)


def _build_where(
    table: str, partition: str | None, after: str | None
) -> tuple[str, tuple[str, ...]]:
    if partition is None:
        if after is not None:
            raise ValueError("`after` goes with a partition")
        return '"table" = ?', (table,)
    if after is None:
        return '"table" = ? AND partition = ?', (table, check_key(partition))
    return '"table" = ? AND partition = ? AND key > ?', (
        table,
        check_key(partition),
        check_key(after),
    )


def _execute(connection: sqlite3.Connection, *, sql: str, values: tuple[Any, ...]) -> int:
    return connection.execute(sql, values).rowcount


def _fetch(connection: sqlite3.Connection, *, sql: str, values: tuple[Any, ...]) -> list[Any]:
    return connection.execute(sql, values).fetchall()
