"""One failure is one incident: told twice, in any order, by several roads, a day late;
nothing of it is lost."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from shared import clock
from shared.audit.journal import Journal
from shared.audit.log import AuditLog
from shared.errors import StoreUnavailable
from shared.incident.book import IncidentBook
from shared.incident.model import Incident
from shared.incident.status import Status
from shared.intake.quarantine import Quarantine
from shared.intake.replay import out_of_quarantine
from shared.intake.take import Intake
from shared.store.sqlite import SqliteStore
from tests.shared.events.test_parse import cloud
from tests.shared.events.test_shapes import (
    GRAPH_ROW,
    ITEM,
    JOB,
    LOG,
    METRIC,
    NAMES,
    OTHER,
    RECORD,
    REFUSED,
    ROW,
    SMALL_RECORD,
    SUBSCRIPTION,
    VM,
    built_in,
    common,
    metric,
    old,
)

OWN = SUBSCRIPTION.rsplit("/", 1)[1]


class Taking:
    def __init__(self, folder: Path) -> None:
        self.store = SqliteStore(folder / "remediator.db")
        self.book = IncidentBook(self.store)
        self.audit = AuditLog(self.store)
        self.intake = Intake(self.book, Journal(self.audit), Quarantine(self.store))

    async def take(self, event: dict[str, Any]) -> Any:
        async def own() -> str:
            return OWN

        return await self.intake.take(json.dumps(event), own)

    async def incidents(self) -> list[Incident]:
        return [each async for each in self.book.all()]

    async def end(self, incident_id: str) -> None:
        await self.book.change(
            incident_id, lambda each: each.moved(Status.NEEDS_PERSON, "x", now=clock.now())
        )


@pytest.fixture
async def taking(tmp_path: Path) -> AsyncIterator[Taking]:
    made = Taking(tmp_path)
    yield made
    await made.store.close()


TOLD = {
    "log": LOG,
    "record": RECORD,
    "log again": LOG,
    "log in an envelope": cloud(data=LOG),
    "log with rows": common(ROW),
    "record in small letters": SMALL_RECORD,
    "row of Resource Graph": GRAPH_ROW,
}


@pytest.mark.parametrize("order", list(itertools.permutations(TOLD, 3)))
async def test_events_that_name_the_job_in_any_order(
    taking: Taking, order: tuple[str, ...]
) -> None:
    for name in order:
        await taking.take(TOLD[name])
    (incident,) = await taking.incidents()
    assert incident.job_id == JOB
    shapes = {hint.source for hint in incident.error_code_hints}
    assert ("JobFailureCode" in shapes) == any("log" in name for name in order)


async def test_what_a_later_event_names_is_kept_once(taking: Taking) -> None:
    first = await taking.take(RECORD)
    for _ in range(3):
        assert (await taking.take(LOG)).incident_id == first.incident_id
    entries = [entry async for entry in taking.audit.entries(incident=first.incident_id)]
    assert [entry.result.split(" (")[0] for entry in entries] == [
        "claimed",
        "told of again, with more",
    ]


@pytest.mark.parametrize("late", [METRIC, REFUSED], ids=["metric", "refused"])
async def test_an_event_without_a_job_belongs_to_the_incident_at_work(
    taking: Taking, late: dict[str, Any]
) -> None:
    first = await taking.take(LOG)
    told = [await taking.take(late) for _ in range(2)]
    assert [each.incident_id for each in told] == [first.incident_id] * 2
    assert len(await taking.incidents()) == 1
    results = [entry.result async for entry in taking.audit.entries(incident=first.incident_id)]
    assert sum("without a job" in result for result in results) == 1


async def test_an_event_without_a_job_that_comes_first_is_not_lost(taking: Taking) -> None:
    """The one that names the job is set aside for it, and says for whom: that one takes
    the job over (tests/e2e)."""
    first, second = await taking.take(METRIC), await taking.take(LOG)
    assert (first.start, second.what) == (first.incident_id, "joined")
    set_aside = await taking.book.get(second.incident_id)
    assert set_aside is not None
    assert (set_aside.status, set_aside.part_of) == (Status.IGNORED, first.incident_id)


async def test_an_event_that_comes_a_day_after_the_end_opens_nothing(taking: Taking) -> None:
    first = await taking.take(LOG)
    await taking.end(first.incident_id)
    late = await taking.take(LOG)
    assert (late.what, late.incident_id, late.start) == ("duplicate", first.incident_id, "")
    assert len(await taking.incidents()) == 1


async def test_the_next_failure_of_the_vm_is_an_incident_of_its_own_once_the_first_has_ended(
    taking: Taking,
) -> None:
    other = json.loads(json.dumps(LOG).replace(JOB, "22222222-2222-4333-8444-555555555555"))
    first = await taking.take(LOG)
    assert (await taking.take(other)).what == "joined"
    await taking.end(first.incident_id)
    third = json.loads(json.dumps(LOG).replace(JOB, "33333333-2222-4333-8444-555555555555"))
    taken = await taking.take(third)
    assert (taken.what, taken.start) == ("claimed", taken.incident_id)


async def test_a_failure_of_another_subscription_is_set_aside(taking: Taking) -> None:
    other = json.loads(json.dumps(LOG).replace(OWN, "99999999-9999-9999-9999-999999999999"))
    taken = await taking.take(other)
    assert (taken.what, taken.start) == ("ignored", "")
    (incident,) = await taking.incidents()
    assert incident.status is Status.IGNORED
    assert "99999999-9999-9999-9999-999999999999" in incident.reason


async def test_only_one_of_two_failures_of_a_vm_is_worked_on(taking: Taking) -> None:
    first = await taking.take(LOG)
    second = await taking.take(
        json.loads(json.dumps(LOG).replace(JOB, "22222222-2222-4333-8444-555555555555"))
    )
    assert (first.start, second.start) == (first.incident_id, "")
    assert {each.id: each.status for each in await taking.incidents()} == {
        first.incident_id: Status.OPEN,
        second.incident_id: Status.IGNORED,
    }


async def test_the_same_failure_told_an_hour_later_is_the_same_incident(
    taking: Taking, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The id of an incident carries the time; the claim, not the id, makes it one."""
    first = await taking.take(LOG)
    later = clock.after(clock.now(), 3600)
    monkeypatch.setattr(clock, "now", lambda: later)
    again = await taking.take(LOG)
    assert (again.what, again.incident_id) == ("duplicate", first.incident_id)
    assert [each.id for each in await taking.incidents()] == [first.incident_id]


OF_ANOTHER_VM = ROW | {
    "JobUniqueId": OTHER,
    "BackupItemUniqueId": NAMES.replace("app-01", "app-02"),
}


@pytest.mark.parametrize("make", [common, old])
async def test_every_failure_of_one_alert_is_taken_once(taking: Taking, make: Any) -> None:
    first = await taking.take(make(ROW, OF_ANOTHER_VM))
    assert len(first.starts) == 2
    assert {each.job_id for each in await taking.incidents()} == {JOB, OTHER}
    again = await taking.take(make(OF_ANOTHER_VM, ROW))
    assert (set(again.starts), again.what) == (
        set(first.starts),
        "2 duplicate",
    ), "whoever starts them finds them running"
    assert len(await taking.incidents()) == 2


async def test_of_several_failures_of_one_vm_the_newest_is_worked_on(taking: Taking) -> None:
    earlier = ROW | {"JobUniqueId": OTHER, "TimeGenerated": "2026-11-20T21:00:00Z"}
    taken = await taking.take(common(earlier, ROW))
    found = {each.job_id: each for each in await taking.incidents()}
    assert (found[JOB].status, taken.starts) == (Status.OPEN, (found[JOB].id,))
    assert (found[OTHER].status, found[OTHER].part_of) == (Status.IGNORED, found[JOB].id)


async def test_what_hinders_one_row_hinders_no_other_and_the_alert_comes_again(
    taking: Taking, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_incident = taking.book.open

    async def sometimes(incident: Incident) -> Any:
        if incident.job_id == JOB:
            raise StoreUnavailable("no answer")
        return await open_incident(incident)

    with monkeypatch.context() as hindered:
        hindered.setattr(taking.book, "open", sometimes)
        with pytest.raises(StoreUnavailable):
            await taking.take(common(ROW, OF_ANOTHER_VM))
    assert [each.job_id for each in await taking.incidents()] == [OTHER]
    again = await taking.take(common(ROW, OF_ANOTHER_VM))
    assert len(again.starts) == 2
    assert {each.job_id for each in await taking.incidents()} == {JOB, OTHER}


async def test_rows_of_no_use_are_kept_and_the_others_are_taken(taking: Taking) -> None:
    spoilt = common(ROW, OF_ANOTHER_VM | {"BackupItemUniqueId": "x"})
    for expected in ("quarantined", "quarantined before"):
        taken = await taking.take(spoilt)
        assert [each.what for each in taken.parts][1:] == [expected]
    (kept,) = [each async for each in taking.intake.kept.all()]
    assert "the column BackupItemUniqueId names no Azure VM" in kept.reason

    async def own() -> str:
        return OWN

    again = await out_of_quarantine(taking.intake, kept, own)
    assert again.what.startswith("still of no use in part: 1 of 2 rows")
    assert [each.id async for each in taking.intake.kept.all()] == [kept.id], (
        "it stays until all of it can be used"
    )
    assert [each.job_id for each in await taking.incidents()] == [JOB]


async def test_one_metric_under_both_kinds_of_names_is_one_failure(taking: Taking) -> None:
    item = json.dumps(METRIC).split('"name": "Backup Instance ID", "value": "')[1].split('"')[0]
    first = await taking.take(METRIC)
    second = await taking.take(
        metric(backupInstanceUrl=item.upper(), healthStatus="Persistent Degraded")
    )
    assert second.incident_id == first.incident_id
    assert len(await taking.incidents()) == 1


async def test_a_contradiction_of_an_alert_is_on_record_with_its_incident(tmp_path: Path) -> None:
    taking, event = Taking(tmp_path), built_in(ITEM)
    event["data"]["alertContext"]["linkedResourceId"] = f"{VM}2"
    taken = await taking.take(event)
    assert taken.what == "claimed"
    (entry,) = [each async for each in taking.audit.entries(incident=taken.incident_id)]
    assert entry.detail["contradictions"] == [f"alertContext.linkedResourceId is '{VM}2'"]
