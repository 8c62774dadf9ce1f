"""How long a resource group is unlocked, against the shortest possible. `make bench`
writes docs/benchmarks/windows.{json,md}."""

from __future__ import annotations

import asyncio
import json
import logging
import tempfile
from pathlib import Path
from typing import Any

from local.host.command import LOCAL_PACE
from local.promises import LOCK, kind_of
from tests.e2e.conftest import running
from tests.faults.azure import locked_groups
from tests.faults.judge import unlocked_seconds

LATENCY_MS, DELETION_SECONDS, PROPAGATION_SECONDS = 50, 2.0, 1.0
SHORTEST = PROPAGATION_SECONDS + DELETION_SECONDS + 2 * LATENCY_MS / 1000
COUNTS = (1, 20)
FOLDER = Path(__file__).parents[2] / "docs" / "benchmarks"


async def measure(count: int) -> dict[str, Any]:
    """Through the whole local host, as the product runs."""
    state, failures = locked_groups({"rg-one": count})
    with tempfile.TemporaryDirectory() as folder:
        settings = LOCAL_PACE | {
            "REMEDIATOR_GATHER_SECONDS": "30",
            "REMEDIATOR_WINDOW_SECONDS": "60",
        }
        async with running(Path(folder), **settings) as product:
            simulated = {"latency_ms": LATENCY_MS, "lro_s": {"collection_delete": DELETION_SECONDS}}
            await product.http.put(
                f"{product.arm}/_sim/settings",
                json=simulated | {"lock_delete_propagation_s": PROPAGATION_SECONDS},
            )
            await product.azure(state)
            await asyncio.gather(*(product.alert(failure.event) for failure in failures))
            ended = await asyncio.gather(
                *(product.incident_of(failure.job_id, seconds=180) for failure in failures)
            )
            requests = await product.requests()
    windows = sum(each["method"] == "DELETE" and kind_of(each["path"]) == LOCK for each in requests)
    seconds = unlocked_seconds(requests)
    fixed = sum(incident["status"] == "fixed" for incident in ended)
    return {
        "vms": count,
        "fixed": fixed,
        "windows": windows,
        "unlocked_seconds": round(seconds, 3),
        "of_shortest": round(seconds / SHORTEST, 3),
    }


async def main() -> None:
    logging.disable(logging.CRITICAL)
    found = [await measure(count) for count in COUNTS]
    machine = {
        "latency_ms": LATENCY_MS,
        "deletion_seconds": DELETION_SECONDS,
        "propagation_seconds": PROPAGATION_SECONDS,
    }
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "windows.json").write_text(
        json.dumps(machine | {"shortest_seconds": SHORTEST, "runs": found}, indent=1) + "\n"
    )
    lines = [
        "# How long a resource group is unlocked",
        "",
        (
            f"Simulator: latency {LATENCY_MS} ms, deletion {DELETION_SECONDS} s, propagation"
            f" {PROPAGATION_SECONDS} s; shortest possible {SHORTEST} s."
        ),
        (
            "From the answer to the first DELETE of a lock to the answer to the last PUT, through"
            " the local host, on 2 cores."
        ),
        "",
        (
            "| VMs of one group | fixed | windows | unlocked, s | of the shortest possible | of one"
            " VM |"
        ),
        "|---:|---:|---:|---:|---:|---:|",
    ]
    for each in found:
        share = each["unlocked_seconds"] / found[0]["unlocked_seconds"]
        row = (
            each["vms"],
            each["fixed"],
            each["windows"],
            each["unlocked_seconds"],
            each["of_shortest"],
            round(share, 2),
        )
        lines.append("| " + " | ".join(str(value) for value in row) + " |")
    (FOLDER / "windows.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines[5:]))


if __name__ == "__main__":
    asyncio.run(main())
