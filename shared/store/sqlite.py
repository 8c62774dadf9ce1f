"""The embedded store: one SQLite file, for the local host, the demo and tests. Several
processes may have it open.

https://www.sqlite.org/wal.html
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from shared.errors import RowChanged, RowExists, StoreError, StoreUnavailable
from shared.store.contract import Body, Insert, Replace, Row, Write
from shared.store.keys import check_key, check_table, check_writes, decode, encode

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


@dataclass(frozen=True, slots=True)
class _Statement[After: Row | None]:
    """A write that changes one row, or none where its condition does not hold."""

    sql: str
    values: tuple[Any, ...]
    after: After
    refusal: StoreError


class SqliteStore:
    """`read_only` opens an existing file and never writes to it."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self._path = path
        self._read_only = read_only
        self._connection: sqlite3.Connection | None = None
        self._one_at_a_time = threading.Lock()

    async def insert(self, table: str, partition: str, key: str, body: Body) -> Row:
        statement = _build_insert(table, partition, key, body)
        await self._write([statement])
        return statement.after

    async def replace(self, row: Row, body: Body) -> Row:
        statement = _build_replace(row, body)
        await self._write([statement])
        return statement.after

    async def delete(self, row: Row) -> None:
        await self._write([_build_delete(row)])

    async def transact(
        self, table: str, partition: str, writes: Sequence[Write]
    ) -> list[Row | None]:
        check_writes(table, partition, writes)
        statements = [_build_statement(table, partition, write) for write in writes]
        await self._write(statements)
        return [statement.after for statement in statements]

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

    async def _write(self, statements: Sequence[_Statement[Row | None]]) -> None:
        await self._run(partial(_execute_all, statements=statements))

    async def _run[T](self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.to_thread(self._run_in_thread, work)

    def _run_in_thread[T](self, work: Callable[[sqlite3.Connection], T]) -> T:
        with self._one_at_a_time:
            try:
                return work(self._connect())
            except (sqlite3.Error, OSError) as error:
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


def _build_insert(table: str, partition: str, key: str, body: Body) -> _Statement[Row]:
    place, text = _check_place(table, partition, key), encode(body)
    # Never a version of a row of that key which was deleted: who holds that one must
    # not write over this one.
    version = time.time_ns()
    row = Row(*place, decode(text), str(version))
    return _Statement(
        'INSERT INTO rows ("table", partition, key, body, version) VALUES (?, ?, ?, ?, ?)'
        " ON CONFLICT DO NOTHING",
        (*place, text, version),
        row,
        RowExists(f"{row.place} is taken"),
    )


def _build_replace(row: Row, body: Body) -> _Statement[Row]:
    place, text = _check_place(row.table, row.partition, row.key), encode(body)
    next_version = int(row.version) + 1
    return _Statement(
        f"UPDATE rows SET body = ?, version = ? {_SAME} AND version = ?",
        (text, next_version, *place, int(row.version)),
        Row(*place, decode(text), str(next_version)),
        _build_refusal(row),
    )


def _build_delete(row: Row) -> _Statement[None]:
    place = _check_place(row.table, row.partition, row.key)
    sql = f"DELETE FROM rows {_SAME} AND version = ?"
    return _Statement(sql, (*place, int(row.version)), None, _build_refusal(row))


def _build_statement(
    table: str, partition: str, write: Write
) -> _Statement[Row] | _Statement[None]:
    if isinstance(write, Insert):
        return _build_insert(table, partition, write.key, write.body)
    if isinstance(write, Replace):
        return _build_replace(write.row, write.body)
    return _build_delete(write.row)


def _build_refusal(row: Row) -> RowChanged:
    return RowChanged(f"{row.place} is no longer the version that was read")


def _execute_all(
    connection: sqlite3.Connection, *, statements: Sequence[_Statement[Row | None]]
) -> None:
    """Raises the refusal of the first statement that changes nothing."""
    with connection:  # commits, or rolls back where anything is raised
        connection.execute("BEGIN IMMEDIATE")
        for statement in statements:
            if connection.execute(statement.sql, statement.values).rowcount != 1:
                raise statement.refusal


def _execute(connection: sqlite3.Connection, *, sql: str, values: tuple[Any, ...]) -> int:
    return connection.execute(sql, values).rowcount


def _fetch(connection: sqlite3.Connection, *, sql: str, values: tuple[Any, ...]) -> list[Any]:
    return connection.execute(sql, values).fetchall()
