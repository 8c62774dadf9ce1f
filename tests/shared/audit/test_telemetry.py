"""Every audit entry becomes one record, and the queries use only fields that it has."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from shared.app import App
from shared.audit import telemetry
from shared.audit.log import AuditLog
from shared.errors import StoreUnavailable
from shared.store.sqlite import SqliteStore

GROUP = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg"
VM = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/vm1"


async def appended(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, **fields: str
) -> logging.LogRecord:
    app = App({"REMEDIATOR_STORE": f"sqlite:{tmp_path / 'store.db'}"})
    entry = {
        "incident": "i1",
        "vm": VM,
        "kind": "status",
        "target": VM,
        "phase": "note",
        "result": "fixed: shown",
        "actor": "a",
    }
    with caplog.at_level(logging.INFO, telemetry.LOGGER):
        await app.audit.append(
            **(entry | {"correlation_id": ""} | fields), detail={"secret": "evidence"}
        )  # type: ignore[arg-type]
    await app.close()
    (record,) = [each for each in caplog.records if each.name == telemetry.LOGGER]
    return record


async def test_an_entry_is_one_line_of_json_and_the_same_as_fields(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    record = await appended(tmp_path, caplog)
    line = record.getMessage()
    told = json.loads(line)
    assert "\n" not in line
    assert tuple(told) == telemetry.FIELDS
    assert told["remediator.result"] == "fixed: shown"
    assert told["remediator.seq"] == 1
    assert {name: vars(record)[name] for name in telemetry.FIELDS} == told
    assert "evidence" not in line


@pytest.mark.parametrize(
    "result",
    ["two\nlines", "%s %d", "x" * 200_000, "\U0001f512«lock»" * 9_000],
    ids=["lines", "percent", "long", "wide"],
)
async def test_what_comes_from_outside_stays_one_short_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, result: str
) -> None:
    line = (await appended(tmp_path, caplog, result=result)).getMessage()
    assert len(line) < 32_768
    assert "\n" not in line
    assert json.loads(line)["remediator.result"] == result[: telemetry.LONGEST_TEXT_CHARACTERS]


async def test_an_entry_that_is_not_in_the_store_is_not_sent(tmp_path: Path) -> None:
    sent: list[object] = []
    log = AuditLog(SqliteStore(tmp_path), sent.append)  # a folder is no file
    with pytest.raises(StoreUnavailable):
        await log.append(
            incident="i1",
            vm=VM,
            kind="status",
            target=VM,
            phase="note",
            result="r",
            actor="a",
            correlation_id="",
            detail={},
        )
    assert sent == []
