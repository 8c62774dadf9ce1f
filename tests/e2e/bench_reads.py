"""Benchmark: how many requests one repair sends to Azure, polls and pages apart.

Writes docs/benchmarks/reads.md and reads.json. Takes three minutes.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from tests.e2e.reads import Repair, count_requests

FOLDER = Path(__file__).resolve().parents[2] / "docs/benchmarks"
FEW, MANY = 10, 5000
BEFORE = {
    "ExtentionOperationFailed-backup_extension": 36,
    "BackUpOperationFailed-backup_extension": 41,
    "BackUpOperationFailed-locked_restore_points": 74,
    "UserErrorRpCollectionLimitReached-locked_restore_points": 72,
}
"""Before facts were gathered, measured in the same way."""
GOALS = {
    "ExtentionOperationFailed-backup_extension": 20,
    "BackUpOperationFailed-backup_extension": 24,
    "BackUpOperationFailed-locked_restore_points": 28,
    "UserErrorRpCollectionLimitReached-locked_restore_points": 28,
}
KINDS = (
    ("of the lock's protocol", ("/locks/",)),
    ("jobs and vaults", ("/backupJobs", "/resources")),
    ("the VM and its extensions", ("/virtualMachines/",)),
    ("restore points", ("/restorePointCollections", "/recoveryPoints")),
    ("locks listed", ("/locks",)),
    ("tags of groups", ("/resourcegroups/",)),
)
TEXT = """# What a repair asks of Azure

From the event to the end, through the local host and the simulator. Polls of operations and of
the backup that is followed, further pages of a list, and the app's one look for its subscription
at its start are not counted. The job list is read from a day before the failed job on, and has
pages where a vault has many jobs: beside 5,000 VMs some {pages} more requests.

| code and cause | before | now | goal | beside {many} well VMs |
|---|---:|---:|---:|---:|
{rows}

A diagnosis reads each fact once
([shared/diagnosis/gathered.py](../../shared/diagnosis/gathered.py)); who makes a change reads
what the change rests on again, right before it. After the change nothing is read but what the new
backup tells.

**Cause 6 does not reach its goal.** Of its requests {protocol} are reads and writes of the one
lock: the proof that it can be put back (GET, PUT, GET), the DELETE, and the way back (GET, PUT,
GET). A look before the window and another one in it read what may have changed since: the
collection, its points in the vault, the item, the VM and both groups' tags, jobs, and locks at,
above and below. What is left out of these looks would be deleted on a fact that is older than the
lift of the lock.

## Where they go

{kinds}
"""


async def main() -> None:
    found: dict[str, dict[str, Any]] = {}
    for name in BEFORE:
        few, many = await _measure(name, FEW), await _measure(name, MANY)
        kinds = _by_kind(few)
        found[name] = {"before": BEFORE[name], "now": len(few.requests), "goal": GOALS[name]}
        found[name] |= {"beside_many": len(many.requests), "kinds": kinds, "pages": many.pages}
        print(name, found[name])
    (FOLDER / "reads.json").write_text(json.dumps(found, indent=2) + "\n")
    (FOLDER / "reads.md").write_text(_render(found))


async def _measure(name: str, well_vms: int) -> Repair:
    with tempfile.TemporaryDirectory() as folder:
        repair = await count_requests(name, Path(folder), well_vms)
    if repair.incident["status"] != "fixed":
        raise RuntimeError(f"{name}: {repair.incident['reason']}")
    return repair


def _by_kind(repair: Repair) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for each in repair.requests:
        fits = (kind for kind, parts in KINDS if any(part in each for part in parts))
        counts[next(fits, "item, policy, backup and others")] += 1
    return dict(counts)


def _render(found: dict[str, dict[str, Any]]) -> str:
    columns = ("before", "now", "goal", "beside_many")
    rows = [
        f"| `{name}` | " + " | ".join(str(each[column]) for column in columns) + " |"
        for name, each in found.items()
    ]
    kinds = [
        f"- `{name}`: " + ", ".join(f"{count} {kind}" for kind, count in each["kinds"].items())
        for name, each in found.items()
    ]
    return TEXT.format(
        many=f"{MANY:,}",
        pages=max(each["pages"] for each in found.values()),
        rows="\n".join(rows),
        kinds="\n".join(kinds),
        protocol=max(each["kinds"].get(KINDS[0][0], 0) for each in found.values()),
    )


if __name__ == "__main__":
    asyncio.run(main())
