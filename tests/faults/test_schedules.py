"""Random schedules of the lock protocol keep every promise, as the traces of
test_protocol.py do.

SCHEDULES sets how many are played in all (`make faults`: 120, about five minutes),
SCHEDULES_SEED which. A failure prints the line that plays its schedule again.
"""

from __future__ import annotations

import asyncio
import logging
import os

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.faults.schedules import ACTS, ANYWHERE, KINDS, Schedule, Strike, play, say_how_to_repeat

SHARDS = 2
EXAMPLES = int(os.environ.get("SCHEDULES", "4"))
SEED = int(os.environ.get("SCHEDULES_SEED", "0"))
NTH = st.sampled_from((1, 1, 1, 1, 2, 2, 3))


def strikes() -> st.SearchStrategy[Strike]:
    faults = [
        st.tuples(st.just(kind), st.sampled_from(labels), NTH)
        for kind, (_, labels) in KINDS.items()
    ]
    return st.one_of(faults)


ACT = st.tuples(st.sampled_from(ACTS), st.sampled_from(ANYWHERE), NTH)


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    faults = draw(st.lists(strikes(), min_size=2, max_size=3))
    acts = draw(st.lists(ACT, max_size=1))
    return Schedule(draw(st.integers(1, 2)), draw(st.booleans()), (*faults, *acts))


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("shard", range(SHARDS))
def test_any_schedule_keeps_every_promise(shard: int) -> None:
    @seed(SEED * SHARDS + shard)
    @settings(
        max_examples=max(1, EXAMPLES // SHARDS),
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate,),
    )
    @given(schedules().filter(lambda each: each.promised))
    def played(schedule: Schedule) -> None:
        broken = asyncio.run(play(schedule))
        assert not broken, f"{broken}\n{say_how_to_repeat(schedule)}"

    logging.disable(logging.CRITICAL)
    try:
        played()
    finally:
        logging.disable(logging.NOTSET)
