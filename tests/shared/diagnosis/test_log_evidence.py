"""What the log of a workspace tells of a failed backup: sentences beside the findings,
which change no verdict, and one query a diagnosis."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from local.simulator.server import Simulator
from shared import clock
from shared.app import App
from shared.arm_ids import parse
from shared.codec import from_json, to_json
from shared.diagnosis.before import before_diagnosis
from shared.diagnosis.log_evidence import (
    EarlierFailure,
    LogEvidence,
    read_log_evidence,
    say,
    tell_beside_agents,
)
from shared.incident.model import Finding, Incident, Verdict
from shared.incident.next_step import Next, NextStep
from shared.incident.status import Status
from shared.plan.decide import decide
from shared.sentences import phrase
from tests.shared.azure.logs.support import WORKSPACE, job
from tests.shared.plan.test_turn import CASE, INCIDENT

FAILED = datetime.now(UTC) - timedelta(hours=1)
FAILED_AT = clock.as_text(FAILED)
AGENT = "UserErrorGuestAgentStatusUnavailable"


def days_before(days: float) -> str:
    return clock.as_text(FAILED - timedelta(days=days))


def logged(days: float, status: str = "Failed", code: str = AGENT) -> dict[str, Any]:
    """A backup of the incident's VM that began so many days before the failed one."""
    vm = parse(INCIDENT.vm_id)
    return job(
        1,
        TimeGenerated=days_before(days - 0.01),
        JobStartDateTime=days_before(days),
        JobUniqueId=f"00000000-0000-0000-0000-{int(days * 1000) + 500000:012}",
        JobStatus=status,
        JobFailureCode=code if status == "Failed" else "Success",
        BackupItemUniqueId=f"westeurope;1;iaasvmcontainerv2;{vm.resource_group};{vm.name}",
        ResourceId=INCIDENT.vault_id.upper(),
        _ResourceId=INCIDENT.vault_id.lower(),
    )


def beat(days: float) -> dict[str, Any]:
    return {"TimeGenerated": days_before(days), "_ResourceId": INCIDENT.vm_id.lower()}


HISTORY = [logged(3), logged(2.1), logged(2), logged(1, "Completed"), logged(0), logged(-0.01)]
ON = [days_before(days)[:10] for days in (2, 2.1, 3)]


class Logged:
    """An installation with a workspace."""

    def __init__(self, simulator: Simulator, store: Path, workspace: str = WORKSPACE) -> None:
        self.simulator = simulator
        self.app = App(
            {
                "REMEDIATOR_SUBSCRIPTION_ID": INCIDENT.subscription_id,
                "REMEDIATOR_ARM_ENDPOINT": simulator.url,
                "REMEDIATOR_LOGS_ENDPOINT": simulator.url,
                "REMEDIATOR_WORKSPACE_ID": workspace,
                "REMEDIATOR_STORE": f"sqlite:{store}",
                "REMEDIATOR_RETRY_SECONDS": "0",
                "REMEDIATOR_MODE": "observe",
            }
        )

    def holds(self, **tables: list[dict[str, Any]]) -> None:
        state = {"resources": json.loads(json.dumps(CASE["resources"])), "logs": tables}
        self.simulator.world.replace_state(state)

    def queries(self) -> int:
        return sum(each.path.endswith("/query") for each in self.simulator.world.requests)

    async def read(self, failed_at: str = FAILED_AT) -> LogEvidence:
        diagnosis = await self.app.diagnosis()
        found = await read_log_evidence(diagnosis.log, INCIDENT.vm_id, failed_at)
        assert found is not None
        return found

    async def begin(self, **changed: Any) -> NextStep:
        begun = replace(INCIDENT, status=Status.DIAGNOSING, findings=(), waiting=None, **changed)
        await self.app.book.open(begun)
        return await before_diagnosis(await self.app.diagnosis(), INCIDENT.id, FAILED_AT)

    async def now(self) -> Incident:
        found = await self.app.book.get(INCIDENT.id)
        assert found is not None
        return found

    async def notes(self) -> list[Mapping[str, Any]]:
        entries = [each async for each in self.app.audit.entries(incident=INCIDENT.id)]
        return [each.detail for each in entries if each.kind == "diagnosis"]


@pytest.fixture
async def at(tmp_path: Path) -> AsyncIterator[Logged]:
    async with Simulator() as simulator:
        logged_there = Logged(simulator, tmp_path / "store.db")
        yield logged_there
        await logged_there.app.close()


async def test_only_what_began_before_the_failed_backup_is_earlier(at: Logged) -> None:
    at.holds(AddonAzureBackupJobs=HISTORY, Heartbeat=[beat(1), beat(-0.001)])
    found = await at.read()
    assert found.failures == tuple(EarlierFailure(AGENT, days_before(days)) for days in (2, 2.1, 3))
    assert found.last_completed == days_before(1)
    assert (found.heartbeat, found.has_heartbeats) == (days_before(-0.001), True)
    assert from_json(LogEvidence, json.loads(json.dumps(to_json(found)))) == found
    assert at.queries() == 1


async def test_the_logs_copy_of_the_failed_backup_is_not_an_earlier_one(at: Logged) -> None:
    at.holds(AddonAzureBackupJobs=[logged(20 / 86400)])
    assert not (await at.read()).has_jobs


async def test_without_a_failed_backup_everything_is_earlier(at: Logged) -> None:
    at.holds(AddonAzureBackupJobs=HISTORY)
    assert len((await at.read("")).failures) == 5


async def test_what_is_older_than_thirty_days_is_not_asked_for(at: Logged) -> None:
    old = datetime.now(UTC) - timedelta(days=31)
    row = logged(3) | {"TimeGenerated": clock.as_text(old), "JobStartDateTime": clock.as_text(old)}
    at.holds(AddonAzureBackupJobs=[row])
    assert not (await at.read()).has_jobs


SINCE = phrase("log_heartbeat_since", at=clock.for_people(days_before(-1)))
SAID = [
    (LogEvidence(unread="HTTP 403"), ["log_unread"]),
    (LogEvidence(), ["log_no_job", "log_no_heartbeats"]),
    (LogEvidence(has_heartbeats=True), ["log_no_job", "log_no_heartbeat"]),
    (
        LogEvidence(has_jobs=True, last_completed=days_before(1), why_not_whole="cut"),
        ["log_no_failure", "log_completed", "log_no_heartbeats", "log_not_whole"],
    ),
    (
        LogEvidence(
            has_jobs=True,
            failures=(EarlierFailure("", days_before(2)),),
            has_heartbeats=True,
            heartbeat=days_before(1),
        ),
        ["log_failures", "log_none_completed", "log_heartbeat_before"],
    ),
    (
        LogEvidence(has_heartbeats=True, heartbeat=days_before(-1)),
        ["log_no_job", "log_heartbeat_since"],
    ),
    (
        LogEvidence(has_heartbeats=True, heartbeat=days_before(0)),
        ["log_no_job", "log_heartbeat_before"],
    ),
]


@pytest.mark.parametrize(("found", "keys"), SAID)
def test_each_state_of_the_log_has_its_sentences(found: LogEvidence, keys: list[str]) -> None:
    assert [each.key for each in say(found, FAILED_AT)] == keys


def test_without_a_failed_backup_a_heartbeat_is_neither_before_nor_after() -> None:
    (_, beats) = say(LogEvidence(has_heartbeats=True, heartbeat=days_before(1)), "")
    assert beats.key == "log_heartbeat"


def test_failures_are_told_by_code_with_their_days() -> None:
    failures = (
        EarlierFailure("B", "2026-01-09T02:00:00.000000Z"),
        EarlierFailure("A", "2026-01-08T02:00:00.000000Z"),
        EarlierFailure("B", "2026-01-07T22:00:00.000000Z"),
        EarlierFailure("B", "2026-01-07T02:00:00.000000Z"),
        EarlierFailure("", "2026-01-01T02:00:00.000000Z"),
    )
    said = say(LogEvidence(has_jobs=True, failures=failures), FAILED_AT)[0]
    assert str(said).partition(": ")[2] == (
        "B on 2026-01-09, 2026-01-07, A on 2026-01-08, no error code on 2026-01-01"
    )


@pytest.mark.parametrize("verdict", Verdict)
@pytest.mark.parametrize("cause", ["windows_agent", "linux_agent", "snapshot_status"])
def test_a_heartbeat_is_told_beside_a_silent_agent_and_changes_no_verdict(
    cause: str, verdict: Verdict
) -> None:
    finding = Finding(cause, verdict, (phrase("runs_linux"),))
    other = phrase("log_completed", at="x")
    (told,) = tell_beside_agents([finding], (other, SINCE))
    agent = cause != "snapshot_status" and verdict is not Verdict.RULED_OUT
    assert told == replace(finding, evidence=(*finding.evidence, *((SINCE,) if agent else ())))
    assert tell_beside_agents([finding], (other,)) == (finding,)


# The diagnosis


async def test_one_query_a_diagnosis_is_on_the_incident_and_on_record(at: Logged) -> None:
    at.holds(AddonAzureBackupJobs=HISTORY, Heartbeat=[beat(-0.001)])
    assert (await at.begin()).next is Next.DIAGNOSE
    said = [str(each) for each in (await at.now()).from_log]
    assert at.queries() == 1
    assert said[0].endswith(f"{AGENT} on {', '.join(dict.fromkeys(ON))}")
    assert said[1].endswith(clock.for_people(days_before(1)))
    assert "after the failed backup began" in said[2]
    assert (await at.notes())[-1] == {"evidence": said}
    silent = Finding("windows_agent", Verdict.UNKNOWN, (phrase("runs_windows"),))
    await decide(await at.app.planning(), INCIDENT.id, (silent,), FAILED_AT)
    (found,) = (await at.now()).findings
    assert str(found.evidence[-1]) == said[2] and found.verdict is Verdict.UNKNOWN


async def test_while_it_waits_the_log_is_not_read(at: Logged) -> None:
    at.holds(AddonAzureBackupJobs=HISTORY)
    runs = json.loads(
        json.dumps(next(each for each in CASE["resources"] if "/backupJobs/" in each["id"]))
    )
    runs["id"], runs["name"] = runs["id"].rsplit("/", 1)[0] + "/runs", "runs"
    runs["properties"] |= {"status": "InProgress", "startTime": clock.now(), "endTime": None}
    at.simulator.world.state.put(runs)
    assert (await at.begin()).next is Next.WAIT
    assert at.queries() == 0


@pytest.mark.parametrize("status", [403, 404, 429, 500])
async def test_a_log_that_cannot_be_read_is_said_and_stops_nothing(at: Logged, status: int) -> None:
    at.holds(AddonAzureBackupJobs=HISTORY)
    at.simulator.world.faults.add({"path_regex": "/query$", "action": {"status": status}})
    assert (await at.begin()).next is Next.DIAGNOSE
    (said,) = (await at.now()).from_log
    assert said.key == "log_unread" and len(await at.notes()) == 1


async def test_without_a_workspace_nothing_is_asked_said_or_recorded(tmp_path: Path) -> None:
    async with Simulator() as simulator:
        at = Logged(simulator, tmp_path / "store.db", workspace="")
        at.holds(AddonAzureBackupJobs=HISTORY)
        assert (await at.begin()).next is Next.DIAGNOSE
        assert ((await at.now()).from_log, at.queries(), await at.notes()) == ((), 0, [])
        await at.app.close()
