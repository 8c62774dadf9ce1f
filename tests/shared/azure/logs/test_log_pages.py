"""More rows than one query gives, and answers that are cut: how far what was read is
complete."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.azure.log_rows import ReadOutcome
from tests.shared.azure.logs.support import (
    CELLS,
    COLUMNS,
    MODERN,
    SINCE,
    UNTIL,
    asked,
    holding,
    job,
    legacy,
    numbers,
    queries,
)


@pytest.mark.parametrize("size", [2, 3, 4, 7, 8])
async def test_more_rows_than_a_page(start, size):
    arm = await start(
        holding(
            AddonAzureBackupJobs=[job(number) for number in reversed(range(1, 8))],
            AzureDiagnostics=[legacy(9)],
        )
    )
    answer = await asked(arm, size)
    assert (answer.outcome, answer.complete_until) == (ReadOutcome.COMPLETE, UNTIL)
    assert numbers(answer) == [1, 2, 3, 4, 5, 6, 7, 9]
    assert (len(await queries(arm)) > 2) == (size < 8)


async def test_rows_of_one_instant_are_not_lost_at_the_end_of_a_page(start):
    arm = await start(
        holding(AddonAzureBackupJobs=[job(1), *(job(number, 5) for number in range(2, 5)), job(6)])
    )
    assert numbers(await asked(arm, 4)) and sorted(numbers(await asked(arm, 4))) == [1, 2, 3, 4, 6]


async def test_more_rows_at_one_instant_than_a_page_takes_is_said(start):
    arm = await start(
        holding(AddonAzureBackupJobs=[job(1), *(job(number, 5) for number in range(2, 9)), job(20)])
    )
    answer = await asked(arm, 3)
    assert (answer.outcome, answer.complete_until) == (
        ReadOutcome.PARTIAL,
        SINCE + timedelta(minutes=5),
    )
    assert 1 in numbers(answer) and 20 not in numbers(answer)
    assert "one instant" in answer.reason


async def test_a_partial_answer_is_complete_up_to_nothing(start):
    arm = await start(holding(AddonAzureBackupJobs=[job(1), job(2), job(3)]))
    await arm.sim("PUT", "settings", {"log_rows": 2})
    answer = await asked(arm)
    assert (answer.outcome, answer.complete_until) == (ReadOutcome.PARTIAL, SINCE)
    assert numbers(answer) == [1, 2] and answer.tables == (MODERN,)
    assert answer.reason.startswith("PartialError")


async def test_a_partial_answer_after_whole_pages_is_complete_up_to_them(start):
    arm = await start(
        holding(
            AddonAzureBackupJobs=[job(number) for number in range(1, 8)],
            AzureDiagnostics=[legacy(9)],
        )
    )
    columns = [{"name": name, "type": kind} for name, kind in COLUMNS.items()]
    table = {"name": "PrimaryResult", "columns": columns, "rows": [CELLS]}
    broken = {
        "status": 200,
        "body": {"tables": [table], "error": {"code": "PartialError", "message": "cut"}},
    }
    await arm.sim("POST", "faults", {"path_regex": "/query$", "times": 1, "action": {"delay_s": 0}})
    await arm.sim("POST", "faults", {"path_regex": "/query$", "times": 1, "action": broken})
    answer = await asked(arm, 3)
    assert (answer.outcome, answer.complete_until) == (
        ReadOutcome.PARTIAL,
        SINCE + timedelta(minutes=3),
    )
    assert {1, 2, 3, 9} <= set(numbers(answer)) and "cut" in answer.reason
