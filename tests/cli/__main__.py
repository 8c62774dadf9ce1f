"""`make cli`: the Azure CLI repairs a failed backup by hand, against the simulator.

Prints each command with its exit code and seconds. Exit code 1 when a command does not
end as in Azure, or the end state is not that of the repair.

Everything listens on 127.0.0.1, in this process; the CLI's settings, its token and the
certificate are removed afterwards. It signs in as in an App Service with a managed
identity; nothing in it is switched off.
"""

from __future__ import annotations

import asyncio
import copy
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from local.simulator import ids, recovery_points
from tests.cli import repair, tls
from tests.cli.azure import Azure
from tests.cli.client import PYTHON, Client
from tests.cli.repair import Step

type Resources = dict[str, dict[str, Any]]


async def play(folder: Path) -> list[str]:
    """What differs from Azure; empty is good."""
    ca, context = tls.make(folder)
    document = repair.state()
    lock = repair.lock_before(document)
    async with Azure(document, context) as azure:
        client = Client(folder, ca, azure)
        await client.sign_in(azure)
        before = held(azure)
        problems = await carry_out(client, repair.look())
        problems += await carry_out(client, repair.repair(lock))
        started = client.ran[-1]
        if started.code:
            return problems
        problems += await carry_out(client, repair.afterwards(started.json["name"]))
        problems += ended_wrong(before, held(azure))
        problems += await carry_out(client, repair.locks_everywhere())
        return problems + ended_wrong(before, held(azure))


async def carry_out(client: Client, steps: Iterable[Step]) -> list[str]:
    problems = []
    for step in steps:
        ran = await client.run(step.command)
        problem = step.problem(ran)
        mark = "WRONG" if problem else "refused" if ran.code else "ok"
        print(f"{mark:<8}{ran.code:>3}{ran.seconds:>7.1f} s  {step.command}", flush=True)
        problems += [f"{step.command}\n{problem}"] if problem else []
    return problems


def held(azure: Azure) -> Resources:
    """A copy of all resources, as GET /_sim/state answers them."""
    resources = recovery_points.dump(azure.world.state)["resources"]
    return {ids.key(each["id"]): copy.deepcopy(each) for each in resources}


def ended_wrong(before: Resources, after: Resources) -> list[str]:
    """How the end differs from this: the same lock, nothing gone, and new or changed
    only what a backup makes."""
    problems = [f"gone: {each}" for each in before if each not in after]
    if after.get(ids.key(repair.LOCK_ID)) != before[ids.key(repair.LOCK_ID)]:
        problems.append(f"not the same lock: {after.get(ids.key(repair.LOCK_ID))}")
    touched = {each for each in after if after[each] != before.get(each)}
    of_backup = (
        repair.VAULT_ID,
        f"{repair.GROUP_ID}/providers/{ids.COLLECTION}/{repair.COLLECTION}",
        repair.VM_ID,
    )
    return problems + [
        f"touched: {each}"
        for each in sorted(touched)
        if not each.startswith(tuple(map(ids.key, of_backup)))
    ]


def main() -> int:
    if not PYTHON.exists():
        print("the Azure CLI is not installed: run `make cli`", file=sys.stderr)
        return 2
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="make-cli-") as folder:
        problems = asyncio.run(play(Path(folder)))
    print(f"\n{time.monotonic() - began:.0f} s, {len(problems)} wrong")
    for problem in problems:
        print(f"\n{problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
