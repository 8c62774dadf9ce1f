"""Daily heads and seals: what is cut off at the end, left out whole or made anew is
found. Retention says what it forgets."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from azure.storage.blob.aio import ContainerClient

from shared import clock
from shared.audit.chain import GENESIS, Broken, add_hash, verify
from shared.audit.entry import Entry
from shared.audit.heads import HEADS, Days, bind_days
from shared.audit.log import AuditLog
from shared.audit.retention import KEPT, announce, find_old_chains, remove_chain
from shared.audit.seals import Seals, check_seals, open_seals, seal_all
from shared.store.sqlite import SqliteStore
from shared.store.tables import TablesStore
from tests.azurite import Azurite, azurite

ROOT = Path(__file__).parents[3]
WORDS: dict[str, Any] = {
    "vm": "/vm",
    "kind": "finding",
    "target": "/t",
    "phase": "note",
    "actor": "a",
    "correlation_id": "",
    "detail": {},
}
DAYS = ("2026-01-01", "2026-01-02", "2026-01-04")


async def three_days(monkeypatch: pytest.MonkeyPatch, folder: Path) -> tuple[SqliteStore, AuditLog]:
    """Two incidents on each of three days (none on the third), and the heads of four
    days."""
    store = SqliteStore(folder / "remediator.db")
    log = AuditLog(store)
    for day in DAYS:
        monkeypatch.setattr(clock, "now", lambda day=day: f"{day}T02:00:00.000000Z")
        for name in ("a", "b"):
            for number in range(3):
                await log.append(
                    incident=f"{day.replace('-', '')}T020000-{name}", result=str(number), **WORDS
                )
    monkeypatch.setattr(clock, "now", lambda: "2026-01-05T00:15:00.000000Z")
    made = await bind_days(log, datetime(2026, 1, 5, 0, 15, tzinfo=UTC))
    assert [head.detail["chains"] for head in made] == [2, 2, 0, 2]
    return store, log


def check_heads(entries: list[Entry]) -> Broken | None:
    days = Days()
    for entry in entries:
        days.add(entry)
    return days.broken()


async def everything(log: AuditLog) -> list[Entry]:
    return [entry async for entry in log.entries()]


async def test_heads_hold_and_are_made_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    store, log = await three_days(monkeypatch, tmp_path)
    assert await bind_days(log, datetime(2026, 1, 5, 0, 15, tzinfo=UTC)) == []
    assert await bind_days(log, datetime(2026, 1, 6, 0, 5, tzinfo=UTC)) == [], (
        "the day is not over for a clock that is behind"
    )
    entries = await everything(log)
    assert verify(entries) is None
    assert check_heads(entries) is None
    await store.close()


@pytest.mark.parametrize(
    ("says", "change"),
    [
        (
            "the last entry of a chain is cut off",
            lambda entries: [e for e in entries if not (e.incident.endswith("-a") and e.seq == 3)],
        ),
        (
            "a whole incident is left out",
            lambda entries: [e for e in entries if e.incident != "20260102T020000-b"],
        ),
        (
            "a whole day is left out",
            lambda entries: [e for e in entries if not e.incident.startswith("20260104")],
        ),
        (
            "a chain is made anew",
            lambda entries: [
                made_anew(e) if e.incident == "20260101T020000-a" else e for e in entries
            ],
        ),
        ("an incident is added", lambda entries: [*entries, added()]),
    ],
)
async def test_what_the_chain_alone_cannot_show_the_heads_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, says: str, change: Any
) -> None:
    store, log = await three_days(monkeypatch, tmp_path)
    entries = relinked(change(await everything(log)))
    assert verify(entries) is None, says
    broken = check_heads(entries)
    assert broken is not None and broken.incident == HEADS
    file = tmp_path / "export.jsonl"
    file.write_text(
        "\n".join(json.dumps(entry.to_json(), ensure_ascii=False) for entry in entries),
        encoding="utf-8",
    )
    assert alone(file) == 1
    await store.close()


def made_anew(entry: Entry) -> Entry:
    return Entry.from_json(entry.to_json() | {"result": "nothing happened here"})


def added() -> Entry:
    fields = {
        "seq": 1,
        "at": "2026-01-02T03:00:00.000000Z",
        "incident": "20260102T030000-x",
        "result": "x",
    } | WORDS
    return add_hash(Entry.from_json(fields | {"prev_hash": GENESIS, "hash": ""}))


def relinked(entries: list[Entry]) -> list[Entry]:
    """The forger's work: every chain linked and hashed again."""
    last: dict[str, str] = {}
    done = []
    for entry in entries:
        again = add_hash(
            Entry.from_json(entry.to_json() | {"prev_hash": last.get(entry.incident, GENESIS)})
        )
        last[entry.incident] = again.hash
        done.append(again)
    return done


def alone(file: Path) -> int:
    """The auditor's own check: an isolated Python with nothing of ours."""
    command = [sys.executable, "-I", "-S", str(ROOT / "docs" / "verify_audit.py"), str(file)]
    return subprocess.run(command, capture_output=True, check=False, cwd="/").returncode


async def test_the_standalone_check_agrees(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    store, log = await three_days(monkeypatch, tmp_path)
    lines = [json.dumps(entry.to_json(), ensure_ascii=False) for entry in await everything(log)]
    file = tmp_path / "export.jsonl"
    for text, code in [
        ("\n".join(lines), 0),
        ("\n".join(reversed(lines)), 1),
        ("\n".join(lines).replace('"result": "1"', '"result": "2"', 1), 1),
        ("\n".join(lines[1:]), 1),
        ("no json", 2),
    ]:
        file.write_text(text, encoding="utf-8")
        assert alone(file) == code
    assert alone(tmp_path / "missing") == 2
    await store.close()


async def test_retention_forgets_whole_chains_and_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    store, log = await three_days(monkeypatch, tmp_path)
    assert await find_old_chains(store, "2026-01-01") == []
    old = await find_old_chains(store, "2026-01-03")
    assert sorted(old) == [
        f"{day}T020000-{name}" for day in ("20260101", "20260102") for name in "ab"
    ]
    assert not set(KEPT) & set(await find_old_chains(store, "2027-01-01"))
    await announce(log, "2026-01-03", len(old))
    for chain in old:
        await remove_chain(store, chain)
    entries = await everything(log)
    assert {entry.incident[:8] for entry in entries if entry.incident != HEADS} == {"20260104"}
    assert verify(entries) is None
    assert check_heads(entries) is None
    assert entries[-1].kind == "retention" or any(entry.kind == "retention" for entry in entries)
    await store.close()


@pytest_asyncio.fixture
async def storage() -> AsyncIterator[Azurite]:
    async with azurite() as running:
        yield running


async def test_seals_are_written_once_and_tell_a_log_that_was_made_anew(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, storage: Azurite
) -> None:
    async with ContainerClient.from_connection_string(
        storage.connection_string(), "seals"
    ) as container:
        await container.create_container()
    store, log = await three_days(monkeypatch, tmp_path)
    seals: Seals = open_seals(f"seals@{storage.connection_string()}")
    assert await seal_all(seals, log.entries(incident=HEADS)) == 4
    assert await seal_all(seals, log.entries(incident=HEADS)) == 0
    kept = [entry async for entry in seals.all()]
    entries = await everything(log)
    assert check_seals(kept, entries) is None
    forged = relinked(
        [
            made_anew(entry) if entry.incident == HEADS and entry.seq == 2 else entry
            for entry in entries
        ]
    )
    assert check_seals(kept, forged) is not None
    assert not await seals.put(
        next(entry for entry in forged if entry.incident == HEADS and entry.seq == 2)
    )
    assert [entry async for entry in seals.all()] == kept
    await seals.close()
    await store.close()


async def test_fifty_writers_at_once_on_azure_tables_keep_one_chain(storage: Azurite) -> None:
    stores = [
        TablesStore.from_connection_string(storage.connection_string(), "many") for _ in range(10)
    ]
    logs = [AuditLog(store) for store in stores for _ in range(5)]
    await asyncio.gather(
        *(log.append(incident="i", result=str(number), **WORDS) for number, log in enumerate(logs))
    )
    entries = [entry async for entry in logs[0].entries()]
    assert [entry.seq for entry in entries] == list(range(1, 51))
    assert verify(entries) is None
    for store in stores:
        await store.close()
