"""How long a lock stays off after a death, with the times of the lock protocol as they
are in Azure. `make bench` writes docs/benchmarks/deaths.{json,md} and the table of
docs/reliability.md; it takes about 20 minutes, since the guardian's timer fires once a
minute.

Two `remediator serve` share one store (Azurite) and one simulator. The first gets the
event; while its lock is off and the deletion hangs, host and worker are killed with
SIGKILL, and the second finds that by itself. Or there is one host, and its worker is
killed alone: the engine survives, and calls the activity again.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import aiohttp

from infra.roles import GRANTED
from local.promises import locks_of
from local.simulator.server import Simulator
from shared.settings import Settings
from tests.azurite import azurite
from tests.docs.tables import Table
from tests.e2e.conftest import Product
from tests.e2e.host_process import HostProcess
from tests.faults.azure import locked_groups
from tests.faults.bench_windows import FOLDER

AS_IN_AZURE = {
    "REMEDIATOR_MODE": "auto",
    "REMEDIATOR_GUARDIAN_GRACE_SECONDS": (
        f"{Settings.from_environment({}).guardian_grace_seconds:g}"
    ),
    # Instances in Azure share the engine's state: for two minutes it says that a dead
    # one's incident runs. Here each host has its own, and would begin it again at once.
    "REMEDIATOR_LOST_AFTER_SECONDS": "3600",
    "LOCAL_HOST_TIMERS": "on",
}
"""The protocol's times are the defaults. `remediator serve` shortens the other
pauses."""
HANGS = {"method": "DELETE", "path_regex": "/restorePointCollections/", "times": 1}
MINUTE, LOOK_SECONDS, LONGEST_SECONDS = 60, 0.05, 240
INSTANCE, WORKER = "host and worker", "worker"
GOAL_SECONDS = 90


@dataclass(frozen=True, slots=True)
class Case:
    dies: str
    sent_at: float | None
    """Second of the minute at which the event is sent; None: at once."""
    dies_at: float | None = None
    """Second of the minute of the death; None: as soon as the lock is off."""


@dataclass(frozen=True, slots=True)
class Death:
    dies: str
    second: float
    """Of the minute, at the death."""
    off_before: float
    """Seconds for which the lock had been off."""
    off_after: float
    """Seconds until it was there again."""


CASES = (
    # Just after the timer has fired and found nothing open: the whole minute passes.
    *(Case(INSTANCE, second) for second in (51, 41, 31, 21, 11, 0.5)),
    # The other host looks already, since the timer fired with the window open.
    *(Case(INSTANCE, 45, second) for second in (10, 37)),
    *(Case(WORKER, None) for _ in range(6)),
)


@contextlib.asynccontextmanager
async def serving(
    folder: Path, arm: str, storage: str, count: int
) -> AsyncIterator[list[HostProcess]]:
    """Hosts that share the store. They are ended with the block, however it ends."""
    options = ("--storage", storage, "--delivery", "function")
    hosts = [HostProcess(arm, folder / f"{n}", AS_IN_AZURE, *options) for n in range(count)]
    try:
        await asyncio.gather(*(host.start() for host in hosts))
        yield hosts
    finally:
        await asyncio.gather(*(host.end(signal.SIGKILL) for host in hosts))


async def measure(case: Case) -> Death:
    """Raises TimeoutError where the lock is not off, or not back, in four minutes."""
    state, failures = locked_groups({"rg-one": 1})
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        async with Simulator() as simulator, azurite() as storage, aiohttp.ClientSession() as http:
            simulator.world.change_settings({"allowed_actions": GRANTED})
            count = 2 if case.dies == INSTANCE else 1
            connection = storage.connection_string()
            async with serving(Path(folder), simulator.url, connection, count) as hosts:
                product = Product(simulator.url, hosts[0].url, http)
                await product.azure(state)
                await product.fault(**HANGS, action={"lro_hang": True})
                return await _kill(case, product, hosts[0], failures[0].event)


async def _kill(case: Case, product: Product, host: HostProcess, event: Any) -> Death:
    before = locks_of(await product.state())
    worker = await host.find_worker()
    await _reach(case.sent_at)
    await product.alert(event)
    lifted = await _wait(product, lambda locks: not locks)
    await _reach(case.dies_at)
    second, died = time.time() % MINUTE, time.monotonic()
    if case.dies == INSTANCE:
        host.send(signal.SIGKILL)
    os.kill(worker, signal.SIGKILL)
    back = await _wait(product, lambda locks: locks == before)
    return Death(
        case.dies, round(second, 1), round(died - lifted, 1), off_after=round(back - died, 1)
    )


async def _reach(second: float | None) -> None:
    if second is not None:
        await asyncio.sleep((second - time.time()) % MINUTE)


async def _wait(product: Product, holds: Callable[[dict[str, Any]], bool]) -> float:
    """The moment at which it was first seen to hold of the locks in Azure."""
    async with asyncio.timeout(LONGEST_SECONDS):
        while not holds(locks_of(await product.state())):
            await asyncio.sleep(LOOK_SECONDS)
        return time.monotonic()


# Tables


def read_found() -> list[Death]:
    """What the last `make bench` found."""
    found = json.loads((FOLDER / "deaths.json").read_text(encoding="utf-8"))
    return [Death(**each) for each in found["runs"]]


def summarize(found: list[Death]) -> str:
    """Worst and median by what died, as a table."""
    lines = [
        "| what dies | runs | worst, s | median, s | goal, s |",
        "|---|---:|---:|---:|---:|",
    ]
    for dies in (INSTANCE, WORKER):
        seconds = [each.off_after for each in found if each.dies == dies]
        median = f"{statistics.median(seconds):.1f}"
        lines.append(f"| {dies} | {len(seconds)} | {max(seconds)} | {median} | {GOAL_SECONDS} |")
    return "\n".join(lines)


def describe(found: list[Death]) -> str:
    """The page of the benchmark."""
    lines = [
        "# How long a lock stays off after a death",
        "",
        (
            "Two `remediator serve` on one store (Azurite) and one simulator, the protocol's times"
            " as in Azure, timers on, on 2 cores. Host and worker are killed with SIGKILL while"
            " the lock is off"
        ),
        (
            "and the deletion hangs; the other host's guardian puts it back. (It does not begin the"
            " incident again: in Azure the engine's state is shared, and says for two minutes that"
            " the incident runs.)"
        ),
        (
            "Or the worker dies alone, in the only host: its engine calls the activity again. From"
            " the kill until the lock is there."
        ),
        "",
        summarize(found),
        "",
        "| what dies | at second of the minute | off before, s | off after the death, s |",
        "|---|---:|---:|---:|",
    ]
    lines += [
        f"| {each.dies} | {each.second} | {each.off_before} | {each.off_after} |" for each in found
    ]
    return "\n".join(lines) + "\n"


TABLE = Table("deaths", "docs/reliability.md", lambda: summarize(read_found()))


async def main() -> None:
    found = []
    for case in CASES:
        found.append(await measure(case))
        print(found[-1], flush=True)
    FOLDER.mkdir(parents=True, exist_ok=True)
    runs = {"runs": [asdict(each) for each in found]}
    (FOLDER / "deaths.json").write_text(json.dumps(runs, indent=1) + "\n", encoding="utf-8")
    (FOLDER / "deaths.md").write_text(describe(found), encoding="utf-8")
    TABLE.write()
    print(summarize(found))


if __name__ == "__main__":
    asyncio.run(main())
