"""Random failures, faults, deaths and hands in random places: after rest every promise
holds. Shrinks to the smallest case.

FAULT_EXAMPLES sets how many are run in all (`make faults`: 500).
"""

from __future__ import annotations

import asyncio
import logging
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.faults.azure import locked_groups
from tests.faults.matrix import PROBLEM
from tests.faults.runs import run
from tests.faults.world import Fault, NeverAtRest

SHARDS = 2
EXAMPLES = int(os.environ.get("FAULT_EXAMPLES", "24"))
FAULTS = [
    Fault("die"),
    Fault("reset"),
    Fault("store", {"seconds": 0.5}),
    Fault("arm", {"action": {"status": 429, "headers": {"Retry-After": "0"}}}),
    Fault("arm", {"action": {"status": 500}, "times": 2}),
    Fault("arm", {"action": {"status": 403}}),
    Fault("arm", {"action": {"reset": "after"}}),
    Fault("arm", {"action": {"lro_fail": PROBLEM}}),
    Fault("arm", {"action": {"delay_s": 0.3}}),
    Fault("person", {"does": "adds a lock"}),
    Fault("person", {"does": "deletes the collection"}),
    Fault("person", {"does": "deletes the VM"}),
]
GROUPS = [{"rg-one": 1}, {"rg-one": 2}, {"rg-one": 3}, {"rg-one": 1, "rg-two": 2}]


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("shard", range(SHARDS))
def test_any_interleaving_keeps_every_promise(shard: int) -> None:
    @seed(shard)
    @settings(
        max_examples=max(1, EXAMPLES // SHARDS),
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )
    @given(
        groups=st.sampled_from(GROUPS),
        faults=st.dictionaries(st.integers(0, 400), st.sampled_from(FAULTS), max_size=4),
        lose_engine=st.booleans(),
        deliveries=st.integers(1, 3),
    )
    def interleaved(
        groups: dict[str, int], faults: dict[int, Fault], lose_engine: bool, deliveries: int
    ) -> None:
        assert asyncio.run(_broken(groups, faults, lose_engine, deliveries)) == {}

    logging.disable(logging.CRITICAL)
    try:
        interleaved()
    finally:
        logging.disable(logging.NOTSET)


async def _broken(
    groups: dict[str, int], faults: dict[int, Fault], lose_engine: bool, deliveries: int
) -> dict[str, Any]:
    state, failures = locked_groups(groups)
    with tempfile.TemporaryDirectory() as folder:
        try:
            return (
                await run(
                    Path(folder),
                    state,
                    failures,
                    dict(faults),
                    lose_engine=lose_engine,
                    deliveries=deliveries,
                )
            ).broken
        except NeverAtRest as error:
            return {"never at rest": str(error)}
