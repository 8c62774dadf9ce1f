"""With the real Durable library: a stage that fails for good ends with a person, in the
time that its attempts take."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.e2e.conftest import running, scenario
from tests.e2e.test_crash import refuse_writes, take_writes
from tests.e2e.test_guards import EXTENSION, of_type

pytestmark = pytest.mark.asyncio(loop_scope="module")


ENDS = {"start_backup": "the verifying backup could not be started"}
"""Each attempt is counted before its intent is written, and there are three."""


OF_INCIDENTS = """NEW."table" = 'incidents'"""


@pytest.mark.parametrize(
    ("when", "stage"),
    [
        ("json_extract(NEW.body, '$.kind') = 'diagnosis'", "begin_incident"),
        ("json_extract(NEW.body, '$.kind') = 'finding'", "decide_plan"),
        (f"{OF_INCIDENTS} AND json_extract(NEW.body, '$.status') = 'verifying'", "settle_fix"),
        (
            (
                "json_extract(NEW.body, '$.kind') = 'backup' AND json_extract(NEW.body, '$.phase')"
                " = 'intent'"
            ),
            "start_backup",
        ),
        ("json_extract(NEW.body, '$.result') LIKE 'job % ended%'", "conclude_backup"),
    ],
)
async def test_a_stage_that_cannot_be_put_on_record_ends_with_a_person(
    tmp_path: Path, when: str, stage: str
) -> None:
    case = scenario(EXTENSION)
    async with running(tmp_path) as product:
        await product.azure(case)
        assert (await product.http.get(f"{product.app}/api/health")).status == 200
        if when.startswith(OF_INCIDENTS):
            await refuse_writes(tmp_path / "remediator.db", when, "UPDATE")
        else:
            audit = f"""NEW."table" = 'audit' AND {when}"""
            await refuse_writes(tmp_path / "remediator.db", audit)
        await product.deliver(case["event"])
        incident = await product.incident_of(case["job_id"], seconds=90)
        assert incident["status"] == "needs_person", incident
        assert ENDS.get(stage, f"the stage {stage} failed at every attempt") in incident["reason"]
        assert incident["manual_steps"]


async def test_a_store_that_comes_back_between_two_attempts_is_got_over(tmp_path: Path) -> None:
    case = scenario(EXTENSION)
    async with running(tmp_path, REMEDIATOR_BUSY_POLL_SECONDS="0.4") as product:
        await product.azure(case)
        assert (await product.http.get(f"{product.app}/api/health")).status == 200
        await refuse_writes(
            tmp_path / "remediator.db",
            """NEW."table" = 'audit' AND json_extract(NEW.body, '$.kind') = 'finding'""",
        )
        await product.deliver(case["event"])
        async with asyncio.timeout(20):
            while not (await product.incident_of(case["job_id"], ended=False))["findings"]:
                await asyncio.sleep(0.02)
        await take_writes(tmp_path / "remediator.db")
        assert (await product.incident_of(case["job_id"]))["status"] == "fixed"
        extensions = of_type(await product.state(), "Microsoft.Compute/virtualMachines/extensions")
        assert extensions, "the new backup has put it back"
