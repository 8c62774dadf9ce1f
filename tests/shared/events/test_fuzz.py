"""Ten thousand mutated events: none raises, none is lost, none leads to a change."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.promises import MUTATING
from local.scenarios import parts
from local.simulator.server import Simulator
from shared.app import App
from shared.diagnosis.begin import begin
from shared.incident.next_step import STOP
from shared.intake.taken import INTAKE_CHAIN, Taken
from tests.shared.events.test_parse import ENVELOPES, paths
from tests.shared.events.test_shapes import (
    GRAPH_ROW,
    LOG,
    METRIC,
    OLD_METRIC,
    OLD_ROW,
    RECORD,
    REFUSED,
    ROW,
    SET_ASIDE,
    common,
    old,
)

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "10000"))
ROWS = [ROW, ROW | {"JobUniqueId": "22222222-2222-4333-8444-555555555555"}]
MORE = [
    common(*ROWS),
    old(*ROWS),
    common(OLD_ROW),
    OLD_METRIC,
    GRAPH_ROW,
    *(event for event, _ in SET_ASIDE.values()),
]
SEEDS = [*ENVELOPES.values(), LOG, METRIC, REFUSED, RECORD, *MORE]
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=True),
    st.text(max_size=30),
    st.sampled_from(
        [
            "",
            "x" * 5_000,
            "Resolved",
            "/subscriptions/" * 9,
            "\x00",
            "\ud800",
            "../../..",
            "2026-13-40T99:99:99Z",
            "%00",
            "💥",
        ]
    ),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """An event with one to four of its values changed, taken out or doubled, and
    sometimes its text cut or spoilt."""
    event = json.loads(json.dumps(draw(st.sampled_from(SEEDS))))
    for _ in range(draw(st.integers(1, 4))):
        where = draw(st.sampled_from([path for path in paths(event) if path] or [()]))
        inner = event
        for key in where[:-1]:
            inner = inner[key]
        if not where:
            continue
        how = draw(st.sampled_from(["change", "remove", "case", "twice"]))
        if how == "change":
            inner[where[-1]] = draw(VALUES)
        elif how == "remove":
            del inner[where[-1]]
        elif isinstance(inner[where[-1]], str):
            text = inner[where[-1]]
            inner[where[-1]] = text.swapcase() if how == "case" else text + text
    text = json.dumps(event)
    spoilt = draw(st.sampled_from(["", "", "", "", "cut", "byte", "array"]))
    if spoilt == "cut":
        return text[: draw(st.integers(0, len(text)))]
    if spoilt == "byte":
        at = draw(st.integers(0, max(0, len(text) - 1)))
        return text[:at] + draw(st.characters()) + text[at + 1 :]
    return f"[{text}]" if spoilt == "array" else text


class Fuzzed:
    """The product's own intake over a store, and an Azure where nothing has failed."""

    def __init__(self, folder: Path, arm: str) -> None:
        self.app = App(
            {
                "REMEDIATOR_STORE": f"sqlite:{folder / 'remediator.db'}",
                "REMEDIATOR_ARM_ENDPOINT": arm,
                "REMEDIATOR_SUBSCRIPTION_ID": parts.SUBSCRIPTION,
                "REMEDIATOR_RETRY_SECONDS": "0",
            }
        )
        self.count = 0

    async def take(self, text: str) -> None:
        before = await self.intake_entries()
        taken = await self.app.intake.take(text, self.app.own_subscription)
        assert await self.traces(taken, before), f"{taken} left no trace of {text[:2000]!r}"
        self.count += 1

    async def traces(self, taken: Taken, before: int) -> bool:
        parts = taken.parts or (taken,)
        for each in parts:
            if each.incident_id and await self.app.book.get(each.incident_id) is None:
                return False
        noted = sum(not each.incident_id and each.what != "quarantined before" for each in parts)
        return await self.intake_entries() == before + noted

    async def intake_entries(self) -> int:
        head = await self.app.audit._find_head(INTAKE_CHAIN)
        return head.seq if head else 0

    async def work(self) -> int:
        """Begin every incident that is open, as the orchestration would; how many there
        were."""
        diagnosis, worked = await self.app.diagnosis(), 0
        async for incident in self.app.book.unfinished():
            assert await begin(diagnosis, incident.id, recovered=False) == STOP, incident
            worked += 1
        return worked


@pytest.fixture
def loop() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.mark.timeout(600)
def test_ten_thousand_mutated_events(tmp_path: Path, loop: asyncio.Runner) -> None:
    simulator = Simulator(state={"resources": [parts.group(parts.VAULT_GROUP), parts.vault()]})
    loop.run(simulator.__aenter__())
    fuzzed = Fuzzed(tmp_path, simulator.url)

    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(text=mutated())
    def taken(text: str) -> None:
        loop.run(fuzzed.take(text))

    try:
        taken()
        assert fuzzed.count >= EXAMPLES
        assert loop.run(fuzzed.work()) > 0, (
            "some mutations are failures all the same, and are worked on"
        )
        sent = [each for each in simulator.world.requests if each.method in MUTATING]
        assert sent == []
    finally:
        loop.run(fuzzed.app.close())
        loop.run(simulator.__aexit__(None, None, None))
