"""The played world: what it counts as a boundary, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.errors import StoreUnavailable
from shared.store.contract import Insert
from tests.faults.world import Died, Fault, World

BEFORE, AFTER = "before store transact rows insert", "after store transact rows insert"


async def test_a_transaction_is_a_boundary(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        await world.process.store.transact("rows", "p", [Insert("k", {}), Insert("l", {})])
        assert world.boundaries == [BEFORE, AFTER]


@pytest.mark.parametrize(("at", "written"), [(BEFORE, False), (AFTER, True)])
@pytest.mark.parametrize(
    ("fault", "raised"),
    [(Fault("store", {"seconds": 60}), StoreUnavailable), (Fault("die"), Died)],
    ids=["store", "die"],
)
async def test_a_transaction_fails_as_each_write_does(
    tmp_path: Path, at: str, written: bool, fault: Fault, raised: type[BaseException]
) -> None:
    async with World(tmp_path, {(at, 1): fault}) as world:
        with pytest.raises(raised):
            await world.process.store.transact("rows", "p", [Insert("k", {})])
        assert (await world.store.get("rows", "p", "k") is not None) is written
        if raised is StoreUnavailable:
            with pytest.raises(StoreUnavailable):
                await world.process.store.transact("rows", "p", [Insert("l", {})])
            assert await world.store.get("rows", "p", "l") is None
