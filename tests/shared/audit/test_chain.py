"""The chain: what is written holds, whatever is changed is found, and writers who race
keep one."""

from __future__ import annotations

import asyncio
import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from command_line.main import remediator
from shared.audit.chain import GENESIS, add_hash, verify
from shared.audit.entry import Entry
from shared.audit.log import AuditLog, oldest_first
from shared.errors import NotUsable, StoreUnavailable
from shared.store.sqlite import SqliteStore

WORDS = {"vm": "/vm", "kind": "note", "target": "/t", "actor": "a", "correlation_id": ""}


async def written(folder: Path, count: int = 4, incident: str = "20260101T000000-a") -> list[Entry]:
    store = SqliteStore(folder / "remediator.db")
    log = AuditLog(store)
    for number in range(count):
        await log.append(
            incident=incident,
            phase="note",
            result=f"={number} ü🚀",
            detail={"n": number, "x": [1.5, None]},
            **WORDS,
        )
    entries = [entry async for entry in log.entries()]
    await store.close()
    return entries


async def test_what_is_written_holds(tmp_path: Path) -> None:
    entries = await written(tmp_path)
    assert [entry.seq for entry in entries] == [1, 2, 3, 4]
    assert entries[0].prev_hash == GENESIS
    assert verify(entries) is None
    assert (
        verify(Entry.from_json(json.loads(json.dumps(entry.to_json()))) for entry in entries)
        is None
    )


@pytest.mark.parametrize("field", [field.name for field in fields(Entry)])
async def test_a_change_of_any_field_is_found(tmp_path: Path, field: str) -> None:
    entries = await written(tmp_path)
    old = getattr(entries[1], field)
    entries[1] = replace(
        entries[1],
        **{field: old + 1 if field == "seq" else {"n": 2} if field == "detail" else old + "x"},
    )
    broken = verify(entries)
    assert broken is not None and broken.reason


async def test_removed_swapped_and_resealed_entries_are_found(tmp_path: Path) -> None:
    one, two, three, four = await written(tmp_path)
    for changed in (
        [two, three, four],
        [one, three, four],
        [one, three, two, four],
        [one, two, two, three],
    ):
        assert verify(changed) is not None
    assert (
        verify([one, add_hash(replace(two, result="nothing was changed")), three, four]) is not None
    )
    assert verify([]) is None


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_every_changed_bit_of_an_export_is_found(data: st.DataObject) -> None:
    lines = [json.dumps(entry.to_json(), ensure_ascii=False) for entry in EXAMPLE]
    which = data.draw(st.integers(0, len(lines) - 1))
    raw = bytearray(lines[which].encode())
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << bit % 8
    try:
        wires = [json.loads(line) for line in [*lines[:which], raw.decode(), *lines[which + 1 :]]]
        entries = [Entry.from_json(wire) for wire in wires]
    except (ValueError, NotUsable):
        return  # found when it was read
    assert verify(entries) is not None or [entry.to_json() for entry in entries] == [
        entry.to_json() for entry in EXAMPLE
    ]


def _example() -> list[Entry]:
    entries: list[Entry] = []
    for seq in (1, 2, 3):
        before = entries[-1].hash if entries else GENESIS
        fields_of = {
            "seq": seq,
            "at": "2026-01-01T00:00:00.000000Z",
            "incident": "i",
            "vm": "v",
            "kind": "k",
            "target": "t",
        }
        rest = {
            "phase": "note",
            "result": "ü",
            "actor": "a",
            "correlation_id": "c",
            "detail": {"x": seq},
            "prev_hash": before,
            "hash": "",
        }
        entries.append(add_hash(Entry.from_json(fields_of | rest)))
    return entries


EXAMPLE = _example()


@pytest.mark.parametrize(
    "change",
    [{"seq": "1"}, {"seq": True}, {"detail": []}, {"at": 1}, {"extra": "x"}, {"kind": None}],
)
def test_what_is_no_entry_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(NotUsable):
        Entry.from_json(EXAMPLE[0].to_json() | change)
    with pytest.raises(NotUsable):
        Entry.from_json({"seq": 1})


async def test_writers_who_race_keep_one_chain(tmp_path: Path) -> None:
    stores = [SqliteStore(tmp_path / "remediator.db") for _ in range(10)]
    logs = [AuditLog(store) for store in stores for _ in range(3)]
    words = {"incident": "i", "phase": "note", "detail": {}, **WORDS}
    await asyncio.gather(
        *(log.append(result=str(number), **words) for number, log in enumerate(logs))
    )
    entries = [entry async for entry in logs[0].entries()]
    assert [entry.seq for entry in entries] == list(range(1, 31))
    assert verify(entries) is None
    assert {entry.result for entry in entries} == {str(number) for number in range(30)}


async def test_an_entry_that_cannot_be_kept_is_an_error(tmp_path: Path) -> None:
    log = AuditLog(SqliteStore(tmp_path))  # a folder is no file
    with pytest.raises(StoreUnavailable):
        await log.append(incident="i", phase="note", result="x", detail={}, **WORDS)
    with pytest.raises(ValueError, match="phase"):
        await log.append(incident="i", phase="change", result="x", detail={}, **WORDS)


async def test_long_evidence_is_cut_and_says_so(tmp_path: Path) -> None:
    log = AuditLog(SqliteStore(tmp_path / "store.db"))
    entry = await log.append(
        incident="i", phase="note", result="x", detail={"text": "y" * 500_000}, **WORDS
    )
    assert entry.detail["cut"] is True
    assert entry.detail["characters"] > 500_000


def test_oldest_first_keeps_the_order_of_a_chain_whatever_the_clocks_say() -> None:
    early, late = EXAMPLE[0], replace(EXAMPLE[1], at="2025-01-01T00:00:00.000000Z")
    other = replace(EXAMPLE[0], incident="j", at="2025-06-01T00:00:00.000000Z")
    assert oldest_first([early, late, other]) == [other, early, late]


def command(*arguments: str) -> Any:
    return CliRunner().invoke(remediator, arguments)


async def test_the_commands_over_a_store(tmp_path: Path) -> None:
    entries = await written(tmp_path)
    data = ["--data", str(tmp_path)]
    listed = await asyncio.to_thread(command, "audit", "list", "--json", *data)
    assert [entry["seq"] for entry in json.loads(listed.output)] == [1, 2, 3, 4]
    assert (
        "ü🚀"
        in (await asyncio.to_thread(command, "audit", "show", entries[0].incident, *data)).output
    )
    assert (
        "The chain holds: 4 entries"
        in (await asyncio.to_thread(command, "audit", "verify", *data)).output
    )
    sheet = (await asyncio.to_thread(command, "audit", "export", "--format", "csv", *data)).output
    assert sheet.count("'=") == 4, "a cell that a spreadsheet would take for a formula"
    missing = await asyncio.to_thread(command, "audit", "show", "nothing", *data)
    assert missing.exit_code == 2
    assert "there is no incident" in missing.output or "no incident" in missing.output


async def test_an_export_verifies_alone_and_a_tampered_one_is_named(tmp_path: Path) -> None:
    await written(tmp_path)
    exported = (await asyncio.to_thread(command, "audit", "export", "--data", str(tmp_path))).output
    file = tmp_path / "audit.jsonl"
    for text, code, told in [
        (exported, 0, "The chain holds"),
        (exported.replace('"n": 2', '"n": 3'), 1, "entry 3"),
        ("\n".join(exported.splitlines()[1:]), 1, "entry 1 is missing"),
        (exported[:-40], 1, "line 4 is not an audit entry"),
        ("not json", 1, "line 1"),
        ("[" * 100_000, 1, "line 1 is not an audit entry"),
        ("\ud8ff", 1, "line 1 is not an audit entry"),
    ]:
        file.write_bytes(text.encode("utf-8", "surrogatepass"))
        result = await asyncio.to_thread(command, "audit", "verify", str(file))
        assert (result.exit_code, told in result.output) == (code, True), result.output


def test_a_folder_without_a_store_is_one_clear_line(tmp_path: Path) -> None:
    result = command("audit", "list", "--data", str(tmp_path))
    assert result.exit_code == 2
    assert "there is no store in" in result.output
    assert "Traceback" not in result.output
