"""Twenty resource groups open at once on one instance, its records in Azure Tables
(Azurite): the latest heartbeat of a window's owner, and whether anybody stepped down
for want of one. `make bench` writes docs/benchmarks/heartbeats.{json,md} and the table
of docs/reliability.md.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from infra.roles import GRANTED
from local.simulator.server import Simulator
from shared.execution.lock_window.times import Times
from shared.execution.lock_window.windows import HEARTBEAT, OPEN, WINDOWS
from shared.settings import Settings
from shared.store.contract import Row, Store
from shared.store.open import open_store
from tests.azurite import azurite
from tests.docs.tables import Table
from tests.e2e.conftest import ENDED, Product
from tests.faults.azure import Failure, locked_groups
from tests.faults.bench_deaths import serving
from tests.faults.bench_windows import FOLDER

GROUPS, DELETION_SECONDS, LATENCY_MS = 20, 20.0, 50
LOOK_SECONDS, ASK_SECONDS, LONGEST_SECONDS = 0.1, 1.0, 300
LOST = "the window was lost"
TIMES = Times.of(Settings.from_environment({}))


@dataclass(slots=True)
class Watched:
    """The rows of the windows, seen from outside."""

    beats: dict[tuple[str, str], tuple[int, float]] = field(default_factory=dict)
    """By group and owner: the last count, and when it was first seen."""
    longest_gap: float = 0.0
    """In seconds, between two counts of one owner."""
    heartbeats: int = 0
    most_open: int = 0
    highest_epoch: int = 0
    slowest_look: float = 0.0
    """In seconds: by so much a gap may be shown too long."""

    def take(self, rows: list[Row], now: float) -> None:
        for row in rows:
            if row.key == HEARTBEAT:
                self._take_beat(row, now)
            else:
                self.highest_epoch = max(self.highest_epoch, int(row.body["epoch"]))
        opened = sum(row.key != HEARTBEAT and row.body["state"] == OPEN for row in rows)
        self.most_open = max(self.most_open, opened)

    def _take_beat(self, row: Row, now: float) -> None:
        owner, count = (row.partition, str(row.body["token"])), int(row.body["count"])
        if owner in self.beats and self.beats[owner][0] == count:
            return
        if owner in self.beats:
            self.heartbeats += count - self.beats[owner][0]
            self.longest_gap = max(self.longest_gap, now - self.beats[owner][1])
        self.beats[owner] = count, now


async def watch(store: Store, seen: Watched) -> None:
    """Until it is cancelled."""
    while True:
        began = time.monotonic()
        rows = [row async for row in store.query(WINDOWS)]
        now = time.monotonic()
        seen.take(rows, now)
        seen.slowest_look = max(seen.slowest_look, now - began)
        await asyncio.sleep(max(0.0, LOOK_SECONDS - (now - began)))


async def measure(groups: int, deletion_seconds: float) -> dict[str, Any]:
    """Raises TimeoutError where an incident has not ended in five minutes."""
    state, failures = locked_groups({f"rg-{number:02}": 1 for number in range(1, groups + 1)})
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        async with Simulator() as simulator, azurite() as storage, aiohttp.ClientSession() as http:
            simulator.world.change_settings(
                {
                    "allowed_actions": GRANTED,
                    "latency_ms": LATENCY_MS,
                    "lro_s": {"collection_delete": deletion_seconds},
                }
            )
            connection = storage.connection_string()
            async with serving(Path(folder), simulator.url, connection, 1) as hosts:
                product = Product(simulator.url, hosts[0].url, http)
                await product.azure(state)
                return await _run(product, open_store(connection), failures)


async def _run(product: Product, store: Store, failures: list[Failure]) -> dict[str, Any]:
    seen = Watched()
    watching = asyncio.create_task(watch(store, seen))
    try:
        await asyncio.gather(*(product.alert(each.event) for each in failures))
        ended = await _wait_until_ended(product, len(failures))
    finally:
        watching.cancel()
        await asyncio.wait({watching})
        await store.close()
    if not watching.cancelled():
        watching.result()  # the store failed: nothing was seen
    told = [json.dumps(await product.audit(incident["id"])) for incident in ended]
    stepped_down = sum(
        len(incident["windows"]) > 1 or LOST in text
        for incident, text in zip(ended, told, strict=True)
    )
    return {
        "groups": len(failures),
        "fixed": sum(incident["status"] == "fixed" for incident in ended),
        "open_at_once": seen.most_open,
        "heartbeats": seen.heartbeats,
        "longest_gap": round(seen.longest_gap, 2),
        "slowest_look": round(seen.slowest_look, 2),
        "highest_epoch": seen.highest_epoch,
        "stepped_down": stepped_down,
    }


async def _wait_until_ended(product: Product, count: int) -> list[dict[str, Any]]:
    """All incidents. It asks seldom: the answers cost the instance time."""
    async with asyncio.timeout(LONGEST_SECONDS):
        while True:
            incidents = await product.incidents()
            if sum(incident["status"] in ENDED for incident in incidents) >= count:
                return incidents
            await asyncio.sleep(ASK_SECONDS)


# Tables


def read_found() -> dict[str, Any]:
    """What the last `make bench` found."""
    found: dict[str, Any] = json.loads((FOLDER / "heartbeats.json").read_text(encoding="utf-8"))
    return found


def summarize(found: dict[str, Any]) -> str:
    """As a table."""
    return "\n".join(
        [
            "| | |",
            "|---|---:|",
            f"| groups, a deletion of {found['deletion_seconds']:g} s each | {found['groups']} |",
            f"| windows open at once | {found['open_at_once']} |",
            f"| fixed | {found['fixed']} |",
            f"| heartbeats seen | {found['heartbeats']} |",
            f"| longest time between two heartbeats of one owner, s | {found['longest_gap']} |",
            f"| the owner puts back by itself without a heartbeat for, s | {found['silence']:g} |",
            f"| others take over without a heartbeat for, s | {found['lease']:g} |",
            f"| incidents whose window was lost, or that had two | {found['stepped_down']} |",
            f"| highest epoch of a window (1: never taken over) | {found['highest_epoch']} |",
        ]
    )


def describe(found: dict[str, Any]) -> str:
    """The page of the benchmark."""
    lines = [
        "# Many groups open at once on one instance",
        "",
        (
            "One `remediator serve` with its records in Azure Tables and its events in a queue"
            " (Azurite), timers on, the protocol's times as in Azure, on 2 cores that Azurite and"
            " the simulator share."
        ),
        (
            f"Simulator: latency {LATENCY_MS} ms. Twenty is what one instance takes"
            " (`maxConcurrentActivityFunctions`). The rows are read from outside each"
            f" {LOOK_SECONDS} s (the slowest look took {found['slowest_look']} s)."
        ),
        "",
        summarize(found),
    ]
    return "\n".join(lines) + "\n"


TABLE = Table("heartbeats", "docs/reliability.md", lambda: summarize(read_found()))


async def main() -> None:
    limits = {"silence": TIMES.longest_silence, "lease": TIMES.lease}
    found = {"deletion_seconds": DELETION_SECONDS} | limits
    found |= await measure(GROUPS, DELETION_SECONDS)
    FOLDER.mkdir(parents=True, exist_ok=True)
    text = json.dumps(found, indent=1) + "\n"
    (FOLDER / "heartbeats.json").write_text(text, encoding="utf-8")
    (FOLDER / "heartbeats.md").write_text(describe(found), encoding="utf-8")
    TABLE.write()
    print(summarize(found))


if __name__ == "__main__":
    asyncio.run(main())
