"""What no event told of is found, once; the watermark never passes what was not seen.
The product's own sweep over real clients."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from command_line.main import remediator
from infra.roles import GRANTED, LOG_QUERY
from local.scenarios import parts
from local.simulator.server import Simulator
from shared import clock, health
from shared.app import App
from shared.arm_ids import fold
from shared.incident.model import Incident
from shared.incident.status import Status
from shared.intake.sweep import Swept
from tests.faults.azure import Failure, locked_groups
from tests.shared.azure.logs.support import MODERN, WORKSPACE, WORKSPACE_ID

SUB = parts.SUBSCRIPTION


def hours_ago(hours: float) -> str:
    return clock.as_text(datetime.now(UTC) - timedelta(hours=hours))


def job_of(state: dict[str, Any], job_id: str) -> dict[str, Any]:
    return next(each for each in state["resources"] if each["id"].endswith(job_id))


def failed_at(
    state: dict[str, Any], failures: list[Failure], hours: dict[int, float] | None = None
) -> None:
    """Move each job to so many hours ago (its number plus one, when not told)."""
    for number, failure in enumerate(failures):
        began = (hours or {}).get(number, number + 1)
        job_of(state, failure.job_id)["properties"] |= {
            "startTime": hours_ago(began),
            "endTime": hours_ago(began - 0.1),
        }


def log_row(failure: Failure, hours: float) -> dict[str, Any]:
    group, name = failure.vm_id.split("/")[4], failure.vm_id.rsplit("/", 1)[1]
    return {
        "TimeGenerated": hours_ago(hours),
        "OperationName": "Job",
        "_ResourceId": parts.vault_id().lower(),
        "JobUniqueId": failure.job_id,
        "JobOperation": "Backup",
        "JobStatus": "Failed",
        "JobFailureCode": "BackUpOperationFailed",
        "JobStartDateTime": hours_ago(hours + 0.2),
        "BackupManagementType": "IaaSVM",
        "BackupItemUniqueId": f"westeurope;1;iaasvmcontainerv2;{group};{name}",
    }


@dataclass
class Sweeping:
    app: App
    arm: Simulator

    async def sweep(self, **how: Any) -> Swept:
        return await (await self.app.sweep()).run(**how)

    async def incidents(self) -> dict[str, Incident]:
        return {each.job_id: each async for each in self.app.book.all()}

    def fault(self, path: str, status: int, times: int = 1000) -> None:
        self.arm.world.faults.add(
            {
                "method": "GET",
                "path_regex": path,
                "times": times,
                "action": {"status": status, "body": {}},
            }
        )


@asynccontextmanager
async def sweeping(folder: Path, state: dict[str, Any], **settings: str) -> AsyncIterator[Sweeping]:
    async with Simulator(state=state) as arm:
        arm.world.change_settings({"allowed_actions": GRANTED})
        app = App(
            {
                "REMEDIATOR_ARM_ENDPOINT": arm.url,
                "REMEDIATOR_LOGS_ENDPOINT": arm.url,
                "REMEDIATOR_STORE": f"sqlite:{folder / 'remediator.db'}",
                "REMEDIATOR_SUBSCRIPTION_ID": SUB,
                "REMEDIATOR_RETRY_SECONDS": "0",
                **settings,
            }
        )
        try:
            yield Sweeping(app, arm)
        finally:
            await app.close()


async def test_a_day_without_events_is_found_once(tmp_path: Path) -> None:
    state, failures = locked_groups({"rg-one": 4, "rg-two": 4})
    failed_at(state, failures)
    async with sweeping(tmp_path, state) as s:
        first, second = await s.sweep(), await s.sweep()
        assert (first.found, len(first.opened), first.problems) == (8, 8, ())
        assert (second.found, second.known, second.opened) == (8, 8, ())
        found = await s.incidents()
        assert set(found) == {each.job_id for each in failures}
        assert all(each.status is Status.OPEN and each.fired_at for each in found.values())
        mark = await s.app.watermark.read()
        assert mark is not None
        assert clock.as_text(mark) == second.until


async def test_what_an_event_told_of_is_known(tmp_path: Path) -> None:
    state, failures = locked_groups({"rg-one": 2})
    failed_at(state, failures)
    async with sweeping(tmp_path, state) as s:
        await s.app.intake.take(json.dumps(failures[0].event), s.app.own_subscription)
        swept = await s.sweep()
        assert (swept.known, len(swept.opened)) == (1, 1)
        late = await s.app.intake.take(json.dumps(failures[1].event), s.app.own_subscription)
        assert late.incident_id == swept.opened[0], (
            "the event that comes after the sweep opens nothing"
        )
        assert len(await s.incidents()) == 2


async def test_a_long_absence_makes_no_storm(tmp_path: Path) -> None:
    state, failures = locked_groups({"rg-one": 5})
    failed_at(state, failures)
    async with sweeping(tmp_path, state, REMEDIATOR_SWEEP_MOST="2") as s:
        opened = []
        for expected, waiting in ((2, 3), (2, 1), (1, 0)):
            swept = await s.sweep()
            assert (len(swept.opened), swept.waiting) == (expected, waiting)
            opened += swept.opened
            assert (await s.app.watermark.read() == clock.as_time(swept.until)) == (waiting == 0)
        assert len(set(opened)) == 5
        newest_first = [(await s.app.book.get(each)).job_id for each in opened]  # type: ignore[union-attr]
        assert newest_first == [each.job_id for each in failures]


async def test_a_job_that_ran_for_hours_is_found_though_it_began_before_the_last_sweep(
    tmp_path: Path,
) -> None:
    state, failures = locked_groups({"rg-one": 1})
    failed_at(state, failures, {0: 9})
    failed = dict(job_of(state, failures[0].job_id)["properties"])
    job_of(state, failures[0].job_id)["properties"] |= {"status": "InProgress", "endTime": None}
    async with sweeping(tmp_path, state) as s:
        assert (await s.sweep()).found == 0
        job_of(s.arm.world.state.dump(), failures[0].job_id)
        s.arm.world.state.get(job_of(state, failures[0].job_id)["id"])["properties"] |= failed
        assert len((await s.sweep()).opened) == 1


async def test_a_vm_that_was_backed_up_since_is_left_alone_on_record(tmp_path: Path) -> None:
    state, failures = locked_groups({"rg-one": 2})
    failed_at(state, failures, {0: 5, 1: 5})
    later = json.loads(
        json.dumps(job_of(state, failures[0].job_id)).replace(
            failures[0].job_id, parts.guid("later")
        )
    )
    later["properties"] |= {
        "status": "Completed",
        "startTime": hours_ago(2),
        "endTime": hours_ago(1.9),
        "errorDetails": None,
    }
    state["resources"].append(later)
    async with sweeping(tmp_path, state) as s:
        swept = await s.sweep()
        assert (len(swept.opened), swept.set_aside) == (1, 1)
        found = await s.incidents()
        passed = found[failures[0].job_id]
        assert passed.status is Status.IGNORED and parts.guid("later") in passed.reason
        again = await s.app.intake.take(json.dumps(failures[0].event), s.app.own_subscription)
        assert again.incident_id == passed.id


async def test_of_one_vm_the_newest_failure_is_worked_on_and_the_rest_is_its_history(
    tmp_path: Path,
) -> None:
    state, failures = locked_groups({"rg-one": 1})
    failed_at(state, failures, {0: 2})
    for hours in (10, 6):
        older = json.loads(
            json.dumps(job_of(state, failures[0].job_id)).replace(
                failures[0].job_id, parts.guid(f"{hours}")
            )
        )
        older["properties"] |= {"startTime": hours_ago(hours), "endTime": hours_ago(hours - 0.1)}
        state["resources"].append(older)
    async with sweeping(tmp_path, state) as s:
        swept = await s.sweep()
        assert (swept.found, len(swept.opened), swept.set_aside) == (3, 1, 2)
        found = await s.incidents()
        assert found[failures[0].job_id].status is Status.OPEN
        assert {found[parts.guid(hours)].part_of for hours in ("6", "10")} == {
            found[failures[0].job_id].id
        }


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [("/resources$", 403, "vaults"), ("/backupJobs$", 403, "failed backups of")],
)
async def test_what_could_not_be_seen_is_said_and_looked_at_again(
    tmp_path: Path, path: str, status: int, told: str
) -> None:
    state, failures = locked_groups({"rg-one": 2})
    failed_at(state, failures, {0: 20, 1: 20})
    async with sweeping(tmp_path, state) as s:
        s.fault(path, status)
        swept = await s.sweep()
        assert (swept.found, swept.complete_until) == (0, swept.since)
        assert (
            len(swept.problems) == 1
            and told in swept.problems[0]
            and "NOT SEEN WHOLE" in swept.summary
        )
        begun = await s.app.watermark.read()
        assert begun is not None and clock.as_text(begun) == swept.since
        s.arm.world.faults.clear()
        assert len((await s.sweep()).opened) == 2


@pytest.mark.parametrize(
    "action",
    [
        "Microsoft.RecoveryServices/Vaults/read",
        "Microsoft.RecoveryServices/Vaults/backupJobs/read",
        "Microsoft.Resources/subscriptions/resources/read",
        *(each for each in LOG_QUERY if not each.endswith("/Heartbeat/read")),
    ],
)
async def test_the_action_that_the_role_lacks_is_named(tmp_path: Path, action: str) -> None:
    state, failures = locked_groups({"rg-one": 1})
    failed_at(state, failures)
    workspace = {"REMEDIATOR_WORKSPACE_ID": WORKSPACE} if action in LOG_QUERY else {}
    async with sweeping(tmp_path, with_log(state), **workspace) as s:
        s.arm.world.change_settings(
            {"allowed_actions": [each for each in GRANTED if each != action]}
        )
        swept = await s.sweep()
        assert fold(action) in fold(" ".join(swept.problems)), swept.problems


async def test_what_came_after_a_failure_and_cannot_be_read_leaves_it_for_the_next_run(
    tmp_path: Path,
) -> None:
    state, failures = locked_groups({"rg-one": 1})
    failed_at(state, failures)
    async with sweeping(tmp_path, state) as s:
        sweep = await s.app.sweep()
        reader = sweep.reader

        class Half:
            vaults, failed_backups = reader.vaults, reader.failed_backups

            async def completed_backups(self, *given: Any) -> Any:
                s.fault("/backupJobs$", 500)
                return await reader.completed_backups(*given)

        object.__setattr__(sweep, "reader", Half())
        swept = await sweep.run()
        assert (swept.opened, swept.waiting, len(swept.problems)) == ((), 1, 1)
        assert await s.app.watermark.read() == clock.as_time(swept.since)


def with_log(state: dict[str, Any], *rows: dict[str, Any]) -> dict[str, Any]:
    workspace = {
        "id": WORKSPACE_ID,
        "location": "westeurope",
        "properties": {"customerId": WORKSPACE},
    }
    group = (
        []
        if any(each["id"].endswith("/rg-app") for each in state["resources"])
        else [parts.group("rg-app")]
    )
    return {"resources": [*state["resources"], *group, workspace], "logs": {MODERN: list(rows)}}


async def test_a_workspace_is_asked_instead_of_each_vault(tmp_path: Path) -> None:
    state, failures = locked_groups({"rg-one": 3})
    rows = [log_row(failure, hours) for hours, failure in enumerate(failures[:2], 1)]
    stranger = {
        **log_row(failures[2], 1),
        "_ResourceId": parts.vault_id().lower().replace("1111", "2222"),
    }
    async with sweeping(
        tmp_path, with_log(state, *rows, stranger), REMEDIATOR_WORKSPACE_ID=WORKSPACE
    ) as s:
        s.fault("/resources$", 403)
        swept = await s.sweep()
        assert swept.problems == (), "the list of vaults was not asked for"
        assert set(await s.incidents()) == {failures[0].job_id, failures[1].job_id}
        assert swept.complete_until == swept.until


@pytest.mark.parametrize(
    ("status", "told"), [(403, "no_permission"), (404, "no_workspace"), (500, "unreachable")]
)
async def test_without_the_workspace_the_vaults_are_asked_and_it_is_said(
    tmp_path: Path, status: int, told: str
) -> None:
    state, failures = locked_groups({"rg-one": 2})
    failed_at(state, failures)
    async with sweeping(tmp_path, with_log(state), REMEDIATOR_WORKSPACE_ID=WORKSPACE) as s:
        s.arm.world.faults.add(
            {"method": "POST", "path_regex": "/query$", "times": 9, "action": {"status": status}}
        )
        swept = await s.sweep()
        assert len(swept.problems) == 1 and f"the log is {told}" in swept.problems[0]
        assert len(swept.opened) == 2
        assert swept.complete_until == swept.until, "the vaults have shown all of it"


async def test_neither_workspace_nor_vaults_moves_nothing(tmp_path: Path) -> None:
    state, failures = locked_groups({"rg-one": 1})
    failed_at(state, failures)
    async with sweeping(tmp_path, with_log(state), REMEDIATOR_WORKSPACE_ID=WORKSPACE) as s:
        s.arm.world.faults.add(
            {
                "method": "POST",
                "path_regex": "/query$",
                "times": 9,
                "action": {"status": 403, "body": {}},
            }
        )
        s.fault("/resources$", 403)
        swept = await s.sweep()
        assert (len(swept.problems), swept.complete_until) == (2, swept.since)


async def test_a_job_that_names_no_vm_goes_into_quarantine(tmp_path: Path) -> None:
    state, failures = locked_groups({"rg-one": 1})
    failed_at(state, failures)
    job_of(state, failures[0].job_id)["properties"]["containerName"] = "nonsense"
    async with sweeping(tmp_path, state) as s:
        swept = await s.sweep()
        assert swept.found == 0
        (kept,) = [each async for each in s.app.quarantine.all()]
        assert failures[0].job_id in kept.reason


async def test_a_look_from_an_earlier_time_leaves_the_watermark_and_a_later_one_too(
    tmp_path: Path,
) -> None:
    state, failures = locked_groups({"rg-one": 1})
    failed_at(state, failures, {0: 100})
    async with sweeping(tmp_path, state) as s:
        assert (await s.sweep()).found == 0
        mark = await s.app.watermark.read()
        dry = await s.sweep(since=datetime.now(UTC) - timedelta(days=5), dry=True)
        assert (dry.found, dry.waiting, dry.opened) == (1, 1, ())
        assert (await s.app.watermark.read(), await s.incidents()) == (mark, {})
        assert len((await s.sweep(since=datetime.now(UTC) - timedelta(days=5))).opened) == 1
        moved = await s.app.watermark.read()
        assert moved is not None and mark is not None and moved > mark, (
            "all of the time since the mark was seen"
        )
        await s.sweep(since=datetime.now(UTC) + timedelta(seconds=1))
        assert await s.app.watermark.read() == moved, "what lies between was not looked at"


async def test_health_tells_of_the_last_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, failures = locked_groups({"rg-one": 1})
    failed_at(state, failures)
    async with sweeping(tmp_path, state) as s:

        async def check() -> tuple[bool, str]:
            found = next(
                each for each in (await health.report(s.app))["checks"] if each["name"] == "sweep"
            )
            return found["ok"], found["reason"]

        assert await check() == (True, "has not run yet")
        monkeypatch.setattr(s.app, "seconds_up", lambda: health.SWEEP_LATE_SECONDS + 1)
        assert await check() == (
            False,
            "the sweep has never run: see whether the timer `sweep` is disabled",
        )
        await s.sweep()
        ok, reason = await check()
        assert ok and "1 opened" in reason
        s.fault("/resources$", 403)
        await s.sweep()
        ok, reason = await check()
        assert not ok and "NOT SEEN WHOLE" in reason
        later = clock.after(clock.now(), health.SWEEP_LATE_SECONDS + 60)
        monkeypatch.setattr(clock, "now", lambda: later)
        ok, reason = await check()
        assert not ok and reason.startswith("last run at")


def run(*words: str) -> Result:
    return CliRunner().invoke(remediator, ["sweep", *words])


async def test_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state, failures = locked_groups({"rg-one": 2})
    failed_at(state, failures, {0: 30, 1: 3})
    monkeypatch.setenv("REMEDIATOR_SUBSCRIPTION_ID", SUB)
    monkeypatch.setenv("REMEDIATOR_RETRY_SECONDS", "0")
    async with sweeping(tmp_path, state) as s:
        await s.app.store.ping()
        where = ("--data", str(tmp_path), "--arm", s.arm.url)
        dry = await asyncio.to_thread(run, *where, "--dry-run")
        assert (
            dry.exit_code,
            "2 failed backups" in dry.stdout,
            "asking vault 1 of 1" in dry.stderr,
        ) == (0, True, True), dry.output
        assert await s.incidents() == {}
        made = await asyncio.to_thread(run, *where, "--since", hours_ago(40), "--json")
        assert made.exit_code == 0, made.output
        assert len(json.loads(made.stdout)["opened"]) == 2
        again = await asyncio.to_thread(run, *where)
        assert "1 known, 0 opened" in again.stdout
        s.fault("/backupJobs$", 403)
        assert (await asyncio.to_thread(run, *where)).exit_code == 1
        wrong = await asyncio.to_thread(run, *where, "--since", "soon")
        assert wrong.exit_code == 2 and "is no time" in wrong.output
