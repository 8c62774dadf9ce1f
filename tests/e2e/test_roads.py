"""Whichever road tells of a failed backup, it is repaired once: each shape by itself,
and several of the same failure in each order."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from local.promises import broken_promises
from shared import clock
from tests.e2e.conftest import ENDED, Product, running, scenario
from tests.shared.events import test_shapes as shapes

NAME = "ExtentionOperationFailed-backup_extension"


def told(case: dict[str, Any]) -> dict[str, Any]:
    """The scenario's failure in every shape."""
    alert = case["event"]
    item_id = item_of(alert)
    vault = item_id.split("/backupFabrics/")[0]
    names = item_id.rsplit("/", 1)[1].removeprefix("VM;")
    job = next(
        each
        for each in case["resources"]
        if each["id"].casefold().endswith(f"/backupjobs/{case['job_id']}")
    )
    fired = alert["data"]["essentials"]["firedDateTime"]
    made = {
        "log alert": shapes.LOG,
        "log alert with rows": shapes.common(shapes.ROW),
        "log alert with rows, old schema": shapes.old(shapes.ROW),
        "row of a log": shapes.OLD_ROW,
        "health metric": shapes.METRIC,
        "health metric, API names": shapes.metric(
            backupInstanceUrl=shapes.ITEM, dataSourceURL=shapes.VM, healthStatus="x"
        ),
        "row of Resource Graph": shapes.GRAPH_ROW,
        "refused backup": shapes.REFUSED["data"] | {"eventTime": shapes.REFUSED["eventTime"]},
    }
    vm = alert["data"]["alertContext"]["linkedResourceId"]
    ids = {shapes.ITEM: item_id, shapes.VAULT: vault, shapes.VM: vm}
    text = json.dumps(made).replace(shapes.JOB, case["job_id"])
    for example, ours in ids.items():
        for wrote in (str, str.lower, str.upper):
            text = text.replace(wrote(example), wrote(ours))
    text = text.replace("iaasvmcontainerv2;rg-app;vm-app-01", names).replace(
        "2026-11-20T22:35:07Z", fired
    )
    small = json.loads(json.dumps(job).replace(job["id"], job["id"].lower()))
    return json.loads(text) | {
        "alert": alert,
        "job record": job,
        "job record in small letters": small,
    }


def item_of(alert: Any) -> str:
    found = [each for each in json.dumps(alert).split('"') if "/protectedItems/" in each]
    assert found, "the scenario's alert names no protected item"
    return found[0]


CASES = Path(__file__).parents[2].parent / "shared" / "cases"
_TIME = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")


def fresh(case: dict[str, Any]) -> dict[str, Any]:
    """The case with all its times moved, so that it was told some seconds ago."""
    latest = max(clock.as_time(each) for each in _TIME.findall(json.dumps(case["body"])))
    moved = datetime.now(UTC) - latest - timedelta(seconds=5)
    text = _TIME.sub(lambda found: clock.as_text(clock.as_time(found[0]) + moved), json.dumps(case))
    made: dict[str, Any] = json.loads(text)
    return made


@pytest.mark.skipif(not CASES.exists(), reason="the collected cases are not beside the project")
@pytest.mark.parametrize(
    "name",
    [
        "A02-log-alert-v1-common-with-rows",
        "A11-job-record-small-letters",
        "A15-metric-with-api-names",
    ],
)
async def test_collected_cases(product: Product, name: str) -> None:
    case = fresh(json.loads((CASES / f"{name}.json").read_text()))
    await product.azure(case)
    if case["delivered_by"] == "POST /api/alerts":
        assert await product.alert(case["body"]) == 202
    else:
        url, headers = (
            f"{product.app}/runtime/webhooks/eventgrid?functionName=intake",
            {"aeg-event-type": "Notification"},
        )
        assert (await product.http.post(url, json=case["body"], headers=headers)).status in (
            200,
            202,
        )
    job = next(each for each in case["resources"] if "/backupJobs/" in each["id"])
    incident = await product.incident_of(job["name"])
    assert incident["status"] == "fixed", incident["reason"]


@pytest.fixture
async def product(tmp_path: Path) -> AsyncIterator[Product]:
    """One for each test: all speak of one VM in one hour, which is one failure where no
    job is named."""
    async with running(tmp_path) as product:
        yield product


BY_ACTION_GROUP = (
    "alert",
    "log alert",
    "log alert with rows",
    "log alert with rows, old schema",
    "health metric",
    "health metric, API names",
)
SHAPES = (
    *BY_ACTION_GROUP,
    "row of a log",
    "row of Resource Graph",
    "refused backup",
    "job record",
    "job record in small letters",
)


@pytest.mark.parametrize("shape", BY_ACTION_GROUP)
async def test_each_alert_through_the_bridge(product: Product, shape: str) -> None:
    case = scenario(NAME)
    await product.azure(case)
    assert await product.alert(told(case)[shape]) == 202
    incident = await product.incident_of(case["job_id"])
    assert incident["status"] == "fixed", incident["reason"]


@pytest.mark.parametrize("shape", SHAPES)
async def test_each_shape_by_itself(product: Product, shape: str) -> None:
    case = scenario(NAME)
    await product.azure(case)
    before = await product.state()
    await product.deliver(told(case)[shape])
    incident = await product.incident_of(case["job_id"])
    assert incident["status"] == "fixed", incident["reason"]
    entries = await product.audit(incident["id"])
    assert (
        broken_promises(before, await product.state(), await product.requests(), incident, entries)
        == []
    )


@pytest.mark.parametrize(
    "order", list(itertools.permutations(["alert", "health metric", "log alert"]))
)
async def test_the_same_failure_by_three_roads(product: Product, order: tuple[str, ...]) -> None:
    case = scenario(NAME)
    await product.azure(case)
    known = {each["id"] for each in await product.incidents()}
    await asyncio.gather(*(product.deliver(told(case)[shape]) for shape in order))
    async with asyncio.timeout(30):
        while True:
            ours = [each for each in await product.incidents() if each["id"] not in known]
            if ours and all(each["status"] in ENDED for each in ours):
                break
            await asyncio.sleep(0.05)
    for shape in order:
        await product.deliver(told(case)[shape])
    await asyncio.sleep(0.3)
    ours = [each for each in await product.incidents() if each["id"] not in known]
    assert sorted(each["status"] for each in ours if each["status"] != "ignored") == ["fixed"]
    assert sorted(method for method, _ in await product.changes()) == [
        "DELETE",
        "POST",
    ], "fixed once"
