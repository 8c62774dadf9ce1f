"""No failure is lost and none is blocked for ever: the store fails at each write of
intake, sweep and retention, once before it wrote and once after. Then the event comes
again, or the next run: exactly one incident is there, and it is worked on.
"""

from __future__ import annotations

import ast
import importlib
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from local.scenarios import parts
from shared import clock
from shared.app import App
from shared.audit.chain import verify
from shared.daily import close_days, incidents_with_locks
from shared.diagnosis.begin import begin
from shared.errors import RowChanged, RowExists, StoreUnavailable
from shared.events.model import FailureEvent
from shared.events.parse import parse
from shared.execution.lock_window.windows import GATHERING, Member
from shared.incident import forgetting, review
from shared.incident.book import (
    ACTIVE,
    CLAIMS,
    INCIDENTS,
    WORKING,
    failure_key,
    job_key,
    new_incident,
)
from shared.incident.forgetting import forget_old
from shared.incident.listing import SUMMARIES, Wanted
from shared.incident.model import Incident
from shared.incident.next_step import STOP
from shared.incident.status import Status
from shared.intake.taken import INTAKE_CHAIN
from tests.docs.test_docs import ROOT
from tests.faults.azure import locked_groups
from tests.shared.events.test_shapes import JOB, LOG, METRIC, OTHER, ROW, common
from tests.shared.execution.rows import row as lock_row
from tests.shared.execution.rows import window
from tests.shared.intake.test_sweep import SUB, failed_at, hours_ago, job_of, sweeping

BEFORE, AFTER = "before it wrote", "after it wrote"

type Work = Callable[[App], Awaitable[None]]


class FailingStore:
    """The store, whose write number `at` fails: before it wrote, or after, when the
    answer is lost. Reads go through."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.at, self.how, self.writes = 0, BEFORE, 0

    def fail(self, at: int, how: str) -> None:
        self.at, self.how, self.writes = at, how, 0

    @property
    def failed(self) -> bool:
        return self.writes >= self.at > 0

    async def _write(self, write: Callable[[], Awaitable[Any]]) -> Any:
        self.writes += 1
        if self.writes != self.at:
            return await write()
        if self.how == AFTER:
            with suppress(RowExists, RowChanged):
                await write()
        raise StoreUnavailable("no answer")

    async def insert(self, *given: Any) -> Any:
        return await self._write(lambda: self.inner.insert(*given))

    async def replace(self, *given: Any) -> Any:
        return await self._write(lambda: self.inner.replace(*given))

    async def delete(self, *given: Any) -> Any:
        return await self._write(lambda: self.inner.delete(*given))

    async def transact(self, *given: Any) -> Any:
        return await self._write(lambda: self.inner.transact(*given))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


@asynccontextmanager
async def taking(folder: Path) -> AsyncIterator[tuple[App, FailingStore]]:
    folder.mkdir(exist_ok=True)
    settings = {
        "REMEDIATOR_STORE": f"sqlite:{folder / 'remediator.db'}",
        "REMEDIATOR_SUBSCRIPTION_ID": SUB,
    }
    app = App(
        {
            **settings,
            "REMEDIATOR_ARM_ENDPOINT": "http://127.0.0.1:1",
            "REMEDIATOR_RETRY_SECONDS": "0",
        }
    )
    store = FailingStore(app.store)
    app.__dict__["store"] = store
    try:
        yield app, store
    finally:
        await app.close()


async def incidents(app: App) -> list[Incident]:
    return [each async for each in app.book.all()]


async def rows(app: App, table: str, partition: str | None = None) -> list[Any]:
    return [row async for row in app.store.query(table, partition)]


async def check_one_is_worked_on(app: App, incident: Incident) -> None:
    """It is open, holds its VM, is in every list, and is on record."""
    assert incident.status is Status.OPEN
    assert await app.book.at_work_on(incident.vm_id) == incident.id
    assert incident.id in [each.id async for each in app.book.unfinished()]
    assert [each.id for each in (await app.book.listing.page(Wanted(), 50)).summaries].count(
        incident.id
    ) == 1
    entries = [entry async for entry in app.audit.entries(incident=incident.id)]
    assert any(entry.result.startswith("claimed") for entry in entries)
    assert verify(entries) is None


async def every_write(folder: Path, prepare: Work, work: Work, check: Work) -> None:
    """Do `work` with the store failing at each of its writes, once before and once
    after it wrote; `check` is told of each."""
    async with taking(folder / "whole") as (app, store):
        await prepare(app)
        store.fail(0, BEFORE)
        await work(app)
        writes = store.writes
        await check(app)
    assert writes > 0
    for at in range(1, writes + 1):
        for how in (BEFORE, AFTER):
            async with taking(folder / f"{at} {how}") as (app, store):
                await prepare(app)
                store.fail(at, how)
                with pytest.raises(StoreUnavailable):
                    await work(app)
                store.fail(0, BEFORE)
                await check(app)


async def nothing(app: App) -> None:
    """No preparation."""


def take(*events: dict[str, Any]) -> Work:
    async def work(app: App) -> None:
        for event in events:
            await app.intake.take(json.dumps(event), app.own_subscription)

    return work


EVENTS = {"with a job": LOG, "without a job": METRIC, "with rows": common(ROW)}


@pytest.mark.parametrize("name", EVENTS)
async def test_an_event_that_comes_again_is_one_incident_that_is_worked_on(
    tmp_path: Path, name: str
) -> None:
    async def check(app: App) -> None:
        again = await app.intake.take(json.dumps(EVENTS[name]), app.own_subscription)
        (incident,) = await incidents(app)
        assert again.starts == (incident.id,)
        await check_one_is_worked_on(app, incident)

    await every_write(tmp_path, nothing, take(EVENTS[name]), check)


NEXT = json.loads(json.dumps(LOG).replace(JOB, OTHER))
"""A later failure of the same VM."""


async def test_a_failure_of_a_vm_that_is_worked_on_becomes_its_history(tmp_path: Path) -> None:
    async def check(app: App) -> None:
        await app.intake.take(json.dumps(NEXT), app.own_subscription)
        first, second = sorted(await incidents(app), key=lambda each: each.job_id)
        assert (first.job_id, second.job_id) == (JOB, OTHER)
        await check_one_is_worked_on(app, first)
        assert (second.status, second.part_of) == (Status.IGNORED, first.id)

    await every_write(tmp_path, take(LOG), take(NEXT), check)


async def test_what_is_set_aside_is_there_and_on_record(tmp_path: Path) -> None:
    stranger = json.loads(json.dumps(LOG).replace(SUB, SUB.replace("1", "2")))

    async def check(app: App) -> None:
        await app.intake.take(json.dumps(stranger), app.own_subscription)
        (incident,) = await incidents(app)
        assert incident.status is Status.IGNORED
        assert [each.id for each in (await app.book.listing.page(Wanted(), 50)).summaries] == [
            incident.id
        ]
        assert [entry async for entry in app.audit.entries(incident=incident.id)]

    await every_write(tmp_path, nothing, take(stranger), check)


async def test_work_that_begins_before_intake_held_the_vm_holds_it(tmp_path: Path) -> None:
    """The guardian begins an incident whose intake died: two incidents never work on
    one VM."""
    async with sweeping(tmp_path, {"resources": []}) as s:
        for event in (LOG, NEXT):
            found = parse(json.dumps(event))
            assert isinstance(found, FailureEvent)
            claim = await s.app.book.claim(failure_key(found), found.job_id)
            await s.app.book.open(new_incident(found, claim.incident_id))
        diagnosis = await s.app.diagnosis()
        first, second = await incidents(s.app)
        await s.app.book.hold_vm(first.vm_id, first.id)
        assert await begin(diagnosis, second.id, recovered=False) == STOP
        joined = await s.app.book.get(second.id)
        assert joined is not None and (joined.status, joined.part_of) == (Status.IGNORED, first.id)


async def test_a_claim_without_its_incident_is_no_owner(tmp_path: Path) -> None:
    """What attaches a key to an incident takes it over from one that never came; what
    opens an incident makes the missing one."""
    async with taking(tmp_path) as (app, _):
        await take(LOG)(app)
        (ours,) = await incidents(app)
        for attach in (app.book.claim_job, app.book.claim_verification):
            lost = await app.book.claim(job_key(ours.vault_id, attach.__name__), "lost")
            assert await app.book.get(lost.incident_id) is None
            taken = await attach(ours.vault_id, attach.__name__, ours.id)
            assert (taken.incident_id, taken.first) == (ours.id, True)
            again = await attach(ours.vault_id, attach.__name__, "another")
            assert (again.incident_id, again.first) == (
                ours.id,
                False,
            ), "whose incident is there keeps it"
        assert (
            await app.book.claim(job_key(ours.vault_id, "claim_verification"), "x")
        ).verification


@pytest.mark.parametrize("later_backup", [False, True], ids=["no backup since", "backed up since"])
async def test_the_watermark_never_passes_a_failure_whose_incident_is_not_there(
    tmp_path: Path, later_backup: bool
) -> None:
    """The store fails at each write of a sweep; what the next sweeps find is all there,
    and what is to be worked on is told once."""
    at = 0
    while True:
        at += 1
        for how in (BEFORE, AFTER):
            state, failures = locked_groups({"rg-one": 2})
            failed_at(state, failures, {0: 5, 1: 6})
            if later_backup:
                state["resources"].append(completed_after(state, failures[0].job_id))
            folder = tmp_path / f"{at} {how}"
            folder.mkdir()
            async with sweeping(folder, state) as s:
                store = FailingStore(s.app.store)
                s.app.__dict__["store"] = store
                store.fail(at, how)
                if await ended_whole(s, store):
                    assert at > 10
                    return
                mark = await s.app.watermark.read()
                assert mark is None or len(await s.incidents()) == 2, (
                    "the mark moved past what is not there"
                )
                store.fail(0, BEFORE)
                started = [*(await s.sweep()).opened]
                found = await s.incidents()
                assert set(found) == {each.job_id for each in failures}
                open_ones = [each for each in found.values() if each.status is Status.OPEN]
                assert len(open_ones) == (1 if later_backup else 2)
                assert set(started) <= {each.id for each in open_ones}
                unfinished = [each.id async for each in s.app.book.unfinished()]
                assert set(unfinished) == {each.id for each in open_ones}, (
                    "the guardian begins what the sweep did not"
                )
                assert (await s.sweep()).opened == ()


def completed_after(state: dict[str, Any], job_id: str) -> dict[str, Any]:
    later = json.loads(json.dumps(job_of(state, job_id)).replace(job_id, parts.guid("later")))
    later["properties"] |= {
        "status": "Completed",
        "startTime": hours_ago(2),
        "endTime": hours_ago(1.9),
        "errorDetails": None,
    }
    made: dict[str, Any] = later
    return made


async def ended_whole(s: Any, store: FailingStore) -> bool:
    try:
        await s.sweep()
    except StoreUnavailable:
        return False
    assert not store.failed, "a write that failed was passed over"
    return True


OLD_DAY, NOW = "2026-01-01", "2026-06-01"


def at_time(monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    monkeypatch.setattr(clock, "now", lambda: moment)


async def forget_all(app: App) -> list[str]:
    in_use = await incidents_with_locks(app.ledger, app.windows)
    return await forget_old(app.store, app.audit, app.book, NOW, in_use)


async def ended_long_ago(app: App) -> None:
    """An incident that held its VM, was reviewed, and has a claim of each kind."""
    await take(LOG)(app)
    (incident,) = await incidents(app)
    await take(METRIC)(app)
    await app.book.claim_verification(incident.vault_id, OTHER, incident.id)
    await app.book.change(
        incident.id, lambda each: each.moved(Status.NEEDS_PERSON, "x", now=clock.now())
    )
    await review.review(app.store, app.audit, incident, "somebody", "seen", "looked at it")


async def test_an_incident_is_forgotten_with_all_that_refers_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At whichever write the store fails: the VM's next failure is worked on at once,
    late events open nothing, and the next run leaves nothing."""
    third = json.loads(json.dumps(LOG).replace(JOB, "33333333-2222-4333-8444-555555555555"))

    async def prepare(app: App) -> None:
        at_time(monkeypatch, f"{OLD_DAY}T02:00:00.000000Z")
        await ended_long_ago(app)
        at_time(monkeypatch, f"{NOW}T02:00:00.000000Z")

    async def work(app: App) -> None:
        (forgotten,) = await forget_all(app)
        assert forgotten.startswith(OLD_DAY.replace("-", ""))

    async def check(app: App) -> None:
        taken = await app.intake.take(json.dumps(third), app.own_subscription)
        assert taken.start, "its VM is free"
        await forget_all(app)
        assert await forget_all(app) == []
        (incident,) = await incidents(app)
        await check_one_is_worked_on(app, incident)
        for late in (LOG, NEXT):
            told = await app.intake.take(json.dumps(late), app.own_subscription)
            assert (told.what, told.start) == ("forgotten", "")
            event = parse(json.dumps(late))
            assert isinstance(event, FailureEvent) and await app.intake.knows(event)
        assert [each.id for each in await incidents(app)] == [incident.id]
        await check_nothing_names(app, OLD_DAY.replace("-", ""))

    await every_write(tmp_path, prepare, work, check)


async def check_nothing_names(app: App, begins: str) -> None:
    """No row names an incident whose id begins so, but for what the table in
    forgetting.py keeps."""
    for table in TABLES - {CLAIMS}:
        for row in await rows(app, table):
            kept = table == "audit" and row.partition in (INTAKE_CHAIN, "heads")
            assert (
                kept
                or begins
                not in f"{row.partition} {row.key} {json.dumps(row.body)}".replace(f"-{begins}", "")
            ), (
                table,
                row,
            )
    assert all(
        row.body["forgotten"]
        for row in await rows(app, CLAIMS)
        if row.body["incident_id"].startswith(begins)
    )


async def test_a_vm_that_is_held_by_an_incident_that_is_gone_is_free(tmp_path: Path) -> None:
    """As retention left it before it let go of the VM."""
    async with taking(tmp_path) as (app, _):
        event = parse(json.dumps(LOG))
        assert isinstance(event, FailureEvent)
        assert await app.book.hold_vm(event.vm_id, "gone") == "gone"
        assert await app.book.at_work_on(event.vm_id) == ""
        assert (await app.intake.take(json.dumps(LOG), app.own_subscription)).what == "claimed"
        (incident,) = await incidents(app)
        await check_one_is_worked_on(app, incident)


IN_USE = {
    "has not ended": "unfinished",
    "leads a window": "window",
    "is a member of a window": "member",
    "has a lock that is off": "lock",
}


@pytest.mark.parametrize("why", IN_USE)
async def test_what_is_in_use_is_not_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    async with taking(tmp_path) as (app, _):
        at_time(monkeypatch, f"{OLD_DAY}T02:00:00.000000Z")
        await take(LOG)(app)
        (incident,) = await incidents(app)
        if IN_USE[why] != "unfinished":
            await app.book.change(
                incident.id, lambda each: each.moved(Status.FAILED, "x", now=clock.now())
            )
        leader = incident.id if IN_USE[why] == "window" else "another"
        if IN_USE[why] in ("window", "member"):
            await app.windows.open(
                window(GATHERING, leader=leader, members=(Member(incident.id, ()),))
            )
        if IN_USE[why] == "lock":
            await app.ledger.insert(lock_row(incident_id=incident.id))
        at_time(monkeypatch, f"{NOW}T02:00:00.000000Z")
        assert await forget_all(app) == []
        assert [each.id for each in await incidents(app)] == [incident.id]


async def test_what_is_opened_again_meanwhile_is_not_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with taking(tmp_path) as (app, _):
        at_time(monkeypatch, f"{OLD_DAY}T02:00:00.000000Z")
        await ended_long_ago(app)
        (incident,) = await incidents(app)
        at_time(monkeypatch, f"{NOW}T02:00:00.000000Z")
        mark = app.book.forget_claims

        async def ask(ids: Collection[str]) -> None:
            await app.attempts.begin(incident.id, "Ana")
            await mark(ids)

        monkeypatch.setattr(app.book, "forget_claims", ask)
        assert await forget_all(app) == []
        assert [each.status for each in await incidents(app)] == [Status.OPEN]
        assert [e.kind async for e in app.audit.entries(incident=incident.id)][-1] == "retry"


async def test_the_daily_run_forgets_by_the_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with taking(tmp_path) as (app, _):
        with monkeypatch.context() as then:
            at_time(then, f"{OLD_DAY}T02:00:00.000000Z")
            await ended_long_ago(app)
        kept = await close_days(app.settings, app.store, app.audit, app.book)
        assert kept.endswith("0 incidents forgotten")
        told = await close_days(
            replace(app.settings, retention_days=30), app.store, app.audit, app.book
        )
        assert told.endswith("1 incident forgotten")
        assert await incidents(app) == []


def tables_in_code() -> set[str]:
    """Every table that something is inserted into, by the constant that names it."""
    found = set()
    for path in (ROOT / "shared").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            name = inserted_into(node)
            if isinstance(name, ast.Name) and name.id.isupper():
                module = importlib.import_module(
                    ".".join(path.relative_to(ROOT).with_suffix("").parts)
                )
                found.add(getattr(module, name.id))
    return found


def inserted_into(node: ast.AST) -> ast.expr | None:
    """The table in `store.insert(TABLE, ...)`, in `store.transact(TABLE, ...)` and in
    `update(store, TABLE, ...)`."""
    match node:
        case ast.Call(func=ast.Attribute(attr="insert" | "transact"), args=[table, *_]):
            return table
        case ast.Call(func=ast.Name(id="update"), args=[_, table, *_]):
            return table
    return None


TABLES = tables_in_code()


def test_every_table_of_the_store_has_its_rule_for_forgetting() -> None:
    assert {
        CLAIMS,
        ACTIVE,
        WORKING,
        INCIDENTS,
        SUMMARIES,
        "audit",
        "sweep",
    } <= TABLES, "the tables are found"
    documented = set(re.findall(r"^\| `(\w+)` \|", forgetting.__doc__ or "", re.MULTILINE))
    assert documented == TABLES
