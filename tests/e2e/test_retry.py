"""An incident that a person has diagnosed anew, by command or by the page's form,
through the whole product."""

from __future__ import annotations

import asyncio
import getpass
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from command_line.main import remediator
from local.promises import broken_promises
from tests.e2e.conftest import Product, running, scenario
from tests.e2e.test_crash import kill_worker
from tests.e2e.test_guards import EXTENSION, LOCKED, of_type

OURS = {"Sec-Fetch-Site": "same-origin"}


async def ask(folder: Path, incident_id: str) -> Result:
    words = ["incidents", "retry", incident_id, "--data", str(folder)]
    return await asyncio.to_thread(CliRunner().invoke, remediator, words)


async def send_form(product: Product, incident_id: str) -> int:
    url = f"{product.app}/api/retry/{incident_id}"
    answer = await product.http.post(url, data={}, headers=OURS, allow_redirects=False)
    return answer.status


async def next_end(product: Product, job_id: str) -> dict[str, Any]:
    """The end of the attempt that was asked for, once the guardian came by."""
    incident = await product.incident_of(job_id, ended=False)
    assert incident["status"] == "open", incident
    await product.timer("guardian")
    return await product.incident_of(job_id)


async def asked_by(product: Product, incident_id: str) -> list[str]:
    entries = await product.audit(incident_id)
    return [each["actor"] for each in entries if each["kind"] == "retry"]


async def test_what_was_observed_is_fixed_once_the_mode_allows_it(tmp_path: Path) -> None:
    case = scenario(LOCKED)
    async with running(tmp_path, REMEDIATOR_MODE="observe") as product:
        await product.azure(case)
        await product.deliver(case["event"])
        observed = await product.incident_of(case["job_id"])
        assert (await ask(tmp_path, observed["id"])).exit_code == 0
        again = await next_end(product, case["job_id"])
        for number, each in enumerate((observed, again), 1):
            assert (each["status"], each["attempt"]) == ("observed", number)
            assert each["manual_steps"] and "observe" in each["reason"]
        assert await product.changes() == []
    async with running(tmp_path) as product:
        await product.azure(case)
        before = await product.state()
        told = await ask(tmp_path, observed["id"])
        assert (told.exit_code, "attempt 3 is on record" in told.stdout) == (0, True)
        fixed = await next_end(product, case["job_id"])
        assert (fixed["status"], fixed["attempt"], fixed["part_of"]) == ("fixed", 3, "")
        me = f"{getpass.getuser()} (command line)"
        assert await asked_by(product, fixed["id"]) == [me, me]
        entries = await product.audit(fixed["id"])
        requests = await product.requests()
        assert broken_promises(before, await product.state(), requests, fixed, entries) == []
        refused = await ask(tmp_path, fixed["id"])
        assert (refused.exit_code, "nothing to diagnose anew" in refused.stderr) == (1, True)


async def test_after_a_person_removed_the_lock_in_the_way_it_is_fixed(tmp_path: Path) -> None:
    case = scenario(LOCKED)
    collection = of_type(case, "Microsoft.Compute/restorePointCollections")[0]["id"]
    name = "providers/Microsoft.Authorization/locks/by-the-owner"
    in_the_way = {
        "id": f"{collection}/{name}",
        "name": "by-the-owner",
        "type": "Microsoft.Authorization/locks",
        "properties": {"level": "CanNotDelete"},
    }
    case["resources"].append(in_the_way)
    async with running(tmp_path, REMEDIATOR_COOLING_HOURS="24") as product:
        await product.azure(case)
        await product.deliver(case["event"])
        left = await product.incident_of(case["job_id"])
        assert (left["status"], await product.changes()) == ("needs_person", [])
        assert "whoever put it there decides" in left["reason"]
        removed = {
            "resources": [each for each in case["resources"] if each["id"] != in_the_way["id"]]
        }
        await product.azure(removed)
        before = await product.state()
        assert await send_form(product, left["id"]) == 303
        fixed = await next_end(product, case["job_id"])
        assert (fixed["status"], fixed["reason"].split()[0]) == ("fixed", "the"), fixed["reason"]
        assert await asked_by(product, fixed["id"]) == ["developer@localhost"]
        entries = await product.audit(fixed["id"])
        requests = await product.requests()
        assert broken_promises(before, await product.state(), requests, fixed, entries) == []


async def test_a_fix_that_no_backup_could_show_is_shown_and_not_made_again(tmp_path: Path) -> None:
    case = scenario(EXTENSION)
    async with running(tmp_path, REMEDIATOR_COOLING_HOURS="24") as product:
        await product.azure(case)
        await product.fault(
            method="POST", path_regex="/backup$", times=1, action={"status": 403, "body": {}}
        )
        await product.deliver(case["event"])
        left = await product.incident_of(case["job_id"])
        assert left["status"] == "needs_person"
        assert "backup could not be started" in left["reason"]
        assert (await ask(tmp_path, left["id"])).exit_code == 0
        fixed = await next_end(product, case["job_id"])
        assert fixed["status"] == "fixed", fixed["reason"]
        assert (fixed["actions"], fixed["earlier_actions"]) == ([], left["actions"])
        assert sum(method == "DELETE" for method, _ in await product.changes()) == 1


async def test_two_who_ask_at_once_make_one_attempt(tmp_path: Path) -> None:
    case = scenario(EXTENSION)
    async with running(tmp_path, REMEDIATOR_MODE="off") as product:
        await product.azure(case)
        await product.deliver(case["event"])
        ignored = await product.incident_of(case["job_id"])
        assert ignored["status"] == "ignored"
    async with running(tmp_path) as product:
        await product.azure(case)
        told = await asyncio.gather(
            ask(tmp_path, ignored["id"]), *(send_form(product, ignored["id"]) for _ in range(3))
        )
        # Who comes once the work has begun is told so.
        words = [{0: 303, 1: 409}[told[0].exit_code], *told[1:]]
        assert 303 in words and set(words) <= {303, 409}
        await asyncio.gather(product.timer("guardian"), product.timer("guardian"))
        fixed = await product.incident_of(case["job_id"])
        await product.timer("guardian")
        assert (fixed["status"], fixed["attempt"]) == ("fixed", 2)
        assert [method for method, _ in await product.changes()] == ["DELETE", "POST"]


async def test_a_process_that_dies_before_the_start_delays_it_only(tmp_path: Path) -> None:
    case = scenario(EXTENSION)
    async with running(tmp_path) as product:
        await product.azure(case)
        await product.fault(
            method="GET", path_regex="/backupJobs$", times=100, action={"status": 403, "body": {}}
        )
        await product.deliver(case["event"])
        left = await product.incident_of(case["job_id"])
        assert left["status"] == "needs_person"
        await product.azure(case)
        assert await send_form(product, left["id"]) == 303
        await kill_worker(product)
        await asyncio.sleep(0.5)
        fixed = await next_end(product, case["job_id"])
        assert (fixed["status"], fixed["attempt"]) == ("fixed", 2)


async def test_while_a_later_failure_is_at_work_on_the_vm_it_is_refused(tmp_path: Path) -> None:
    first, second = scenario(EXTENSION), scenario(EXTENSION)
    async with running(tmp_path) as product:
        await product.azure(first)
        vm = of_type(first, "Microsoft.Compute/virtualMachines")[0]
        vm["tags"] = {"backup-remediation": "observe"}
        await product.azure(first)
        await product.deliver(first["event"])
        observed = await product.incident_of(first["job_id"])
        await product.azure(second)
        await product.fault(
            method="DELETE", path_regex="/extensions/", times=1, action={"delay_s": 3}
        )
        await product.deliver(second["event"])
        async with asyncio.timeout(20):
            while (await product.incident_of(second["job_id"], ended=False))["status"] != "fixing":
                await asyncio.sleep(0.02)
        other = await product.incident_of(second["job_id"], ended=False)
        refused = await ask(tmp_path, observed["id"])
        assert (refused.exit_code, other["id"] in refused.stderr) == (1, True), refused.output
        assert await send_form(product, observed["id"]) == 409
        assert (await product.incident_of(second["job_id"]))["status"] == "fixed"
        after = await product.incident_of(first["job_id"])
        assert (after["status"], after["attempt"]) == ("observed", 1)


async def test_a_cause_that_was_fixed_a_short_while_ago_is_not_fixed_by_a_word(
    tmp_path: Path,
) -> None:
    case = scenario(EXTENSION)
    async with running(tmp_path, REMEDIATOR_COOLING_HOURS="24") as product:
        await product.azure(case)
        await product.fault(
            method="POST", path_regex="/backup$", times=1, action={"status": 403, "body": {}}
        )
        await product.deliver(case["event"])
        left = await product.incident_of(case["job_id"])
        await product.azure(case)  # and with it the broken extension
        assert await send_form(product, left["id"]) == 303
        again = await next_end(product, case["job_id"])
        assert (again["status"], again["attempt"]) == ("needs_person", 2)
        assert (
            'not the same way again: "The backup extension fails to update or load"'
            f" by incident {left['id']}" in again["reason"]
        )
        assert await product.changes() == []
