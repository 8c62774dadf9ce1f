"""How often Azure is asked for one repair, from the event to the end, polls and further
pages apart. docs/benchmarks/reads.md says what each cause costs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.reads import count_requests

MOST = {
    "ExtentionOperationFailed-backup_extension": 20,
    "BackUpOperationFailed-backup_extension": 24,
    "UserErrorRpCollectionLimitReached-locked_restore_points": 48,
}
"""Why cause 6 costs so many: docs/benchmarks/reads.md."""


@pytest.mark.parametrize("name", MOST)
async def test_a_repair_asks_no_more_than_it_needs(tmp_path: Path, name: str) -> None:
    few = await count_requests(name, tmp_path / "few", well_vms=10)
    assert few.incident["status"] == "fixed"
    assert len(few.requests) <= MOST[name], "\n".join(few.requests)


async def test_a_big_subscription_costs_no_more(tmp_path: Path) -> None:
    name = "BackUpOperationFailed-backup_extension"
    many = await count_requests(name, tmp_path / "many", well_vms=500)
    assert many.incident["status"] == "fixed"
    assert len(many.requests) <= MOST[name], "\n".join(many.requests)
