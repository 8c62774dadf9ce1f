"""`remediator locks verify` and the Activity Log: which locks were left off, whose
deletion it was, and what the log cannot tell. The real SDK client over HTTP."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from command_line.activity_log import OBJECT_ID, LockEvent, LogRead
from command_line.lock_log import Whose, find_left_off, tell_whose
from command_line.main import remediator
from local.simulator import callers
from local.simulator.server import Simulator
from shared import clock
from shared.audit.journal import ChainOf, Journal
from shared.audit.log import AuditLog
from shared.azure.clients import AzureClients
from shared.azure.writer import ArmWriter
from shared.codec import to_json
from shared.execution.lock_window.ledger import LockLedger
from shared.execution.lock_window.lock_row import LockState
from shared.facts import Lock
from shared.settings import Settings
from shared.store.sqlite import SqliteStore
from tests.local.simulator.support import GROUP_ID, LOCKS, SUB, state
from tests.shared.execution.rows import row

KEEP = f"{GROUP_ID}/{LOCKS}/keep"
LOCK = Lock(KEEP, "keep", "CanNotDelete", "Keep this.", ())
OURS, PERSON = callers.CLIENT_ID, "99999999-2222-2222-2222-222222222222"
CORRELATION = "aaaaaaaa-0000-0000-0000-000000000000"
REQUEST_ID = "bbbbbbbb-0000-4000-8000-000000000000"
CHAIN = ChainOf("incident1", "")
BY_HAND = "az lock create --name=keep --lock-type CanNotDelete"
NOW = datetime.now(UTC)
LOG = "/eventtypes/management/values"


# Whose a deletion is


def event(minutes_ago: float, deleted: bool = True, **more: Any) -> LockEvent:
    held = {"lock_id": KEEP.lower(), "correlation_id": "", "object_id": OURS, "caller": OURS}
    at = clock.as_text(NOW - timedelta(minutes=minutes_ago))
    return LockEvent(deleted=deleted, at=at, **(held | more))


WHOSE = [
    ("on record", event(9, correlation_id=CORRELATION.upper(), object_id=PERSON), "", "ours"),
    ("on record, nobody named", event(9, correlation_id=CORRELATION, object_id="", caller=""), OURS, "ours"),  # noqa: E501
    ("our object id", event(9, caller="x"), OURS.upper(), "ours"),
    ("another object id", event(9, object_id=PERSON), OURS, "somebody else's"),
    ("our caller alone", event(9, object_id=""), OURS, "ours"),
    ("a mail address", event(9, object_id="", caller="a@example.com"), OURS, "somebody else's"),
    ("another GUID as caller alone", event(9, object_id="", caller=PERSON), OURS, "not known whose"),  # noqa: E501
    ("nobody named", event(9, object_id="", caller=""), OURS, "not known whose"),
    ("no principal given", event(9), "", "not known whose"),
    ("no principal given, nobody named", event(9, object_id="", caller=""), "", "not known whose"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("found", "principal", "whose"), [row[1:] for row in WHOSE], ids=[row[0] for row in WHOSE]
)
def test_whose_a_deletion_is(found: LockEvent, principal: str, whose: str) -> None:
    assert tell_whose(found, {CORRELATION}, principal)[0] == whose


# Which locks were left off


GROUP = GROUP_ID.lower()
NOBODY = {"object_id": "", "caller": ""}
THEIRS = {"object_id": PERSON}
HISTORIES: list[tuple[str, list[LockEvent], dict[str, float], list[str]]] = [
    ("deleted and not written", [event(60)], {}, ["ours"]),
    ("written before", [event(70, False), event(60)], {}, ["ours"]),
    ("written later", [event(60), event(59, False)], {}, []),
    ("written later by anybody", [event(60), event(59, False, **THEIRS)], {}, []),
    ("written at the same moment", [event(60), event(60, False)], {}, ["ours"]),
    ("deleted again after the write", [event(60), event(59, False), event(58)], {}, ["ours"]),
    ("another lock was written", [event(60), event(59, False, lock_id=f"{KEEP}2")], {}, ["ours"]),
    ("somebody else's", [event(60, **THEIRS)], {}, []),
    ("somebody else's after ours", [event(60), event(50, **THEIRS)], {}, ["ours"]),
    ("somebody else's after our write", [event(60), event(59, False), event(50, **THEIRS)], {}, []),
    ("nobody named", [event(60, **NOBODY)], {}, ["not known whose"]),
    ("nobody named, after ours", [event(60), event(50, **NOBODY)], {}, ["ours"]),
    ("its group was deleted later", [event(60)], {GROUP: 50}, []),
    ("its group was deleted before", [event(60)], {GROUP: 70}, ["ours"]),
    ("another group was deleted", [event(60)], {f"{GROUP}2": 50}, ["ours"]),
    ("nobody named, its group was deleted", [event(60, **NOBODY)], {GROUP: 50}, []),
    ("of the subscription", [event(60, lock_id=f"/subscriptions/{SUB}/{LOCKS}/x")], {}, ["ours"]),
]


@pytest.mark.parametrize(
    ("events", "gone", "whose"), [row[1:] for row in HISTORIES], ids=[row[0] for row in HISTORIES]
)
def test_which_locks_were_left_off(
    events: list[LockEvent], gone: dict[str, float], whose: list[str]
) -> None:
    groups = {
        group: clock.as_text(NOW - timedelta(minutes=minutes)) for group, minutes in gone.items()
    }
    read = LogRead("", "", len(events), tuple(events), groups, ())
    assert [each.whose for each in find_left_off(read, set(), OURS)] == whose


def test_what_is_told_is_the_last_of_ours_and_the_last_write() -> None:
    events = [event(90, False), event(80), event(60), event(50, **THEIRS)]
    (found,) = find_left_off(LogRead("", "", 4, tuple(events), {}, ()), set(), OURS)
    assert (found.lock_id, found.written_at, found.deleted_at) == (
        KEEP.lower(),
        events[0].at,
        events[2].at,
    )
    assert found.whose is Whose.OURS


# The command


class Desk:
    """An operator's desk: the store of an installation, and an ARM."""

    def __init__(self, data: Path, arm: Simulator) -> None:
        self.data, self.arm = data, arm
        self.store = SqliteStore(data / "remediator.db")
        self.journal = Journal(AuditLog(self.store))

    def answers(self, *records: dict[str, Any]) -> None:
        """What the log answers from now on."""
        action = {"status": 200, "body": {"value": list(records)}}
        self.arm.world.faults.add({"method": "GET", "path_regex": LOG, "action": action})

    async def delete_lock(self) -> str:
        """As the app does. Returns the correlation id."""
        settings = Settings.from_environment({"REMEDIATOR_ARM_ENDPOINT": self.arm.url})
        clients = AzureClients(settings, SUB)
        lifting = await ArmWriter(clients).delete_lock(LOCK, REQUEST_ID, 60)
        await clients.close()
        return lifting.correlation_id

    async def write_lift(self, correlation_id: str) -> None:
        await self.journal.intent(CHAIN, "lift_lock", KEEP, {"lock": to_json(LOCK)})
        await self.journal.outcome(CHAIN, "lift_lock", KEEP, "done", correlation_id)

    async def run(self, *words: str) -> Result:
        env = dict.fromkeys(name for name in os.environ if name.startswith("REMEDIATOR_")) | {
            "REMEDIATOR_SUBSCRIPTION_ID": SUB,
            "REMEDIATOR_RETRY_SECONDS": "0.2",
        }
        line = ["locks", "verify", "--data", str(self.data), "--arm", self.arm.url, *words]
        return await asyncio.to_thread(CliRunner().invoke, remediator, line, env=env)

    async def verify(self, *words: str) -> tuple[int, dict[str, Any]]:
        result = await self.run("--json", *words)
        assert result.exit_code in (0, 1), result.output
        return result.exit_code, json.loads(result.stdout)["activity_log"]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with Simulator(state=state(lock="CanNotDelete")) as arm:
        made = Desk(tmp_path, arm)
        await made.store.ping()
        yield made
        await made.store.close()


def record(minutes_ago: float = 60, **more: Any) -> dict[str, Any]:
    """A deletion of the lock by us, as the API answers it."""
    value = {"value": "Succeeded", "localizedValue": "Succeeded"}
    at = NOW - timedelta(minutes=minutes_ago)
    return {
        "id": f"{KEEP}/events/1/ticks/1",
        "eventDataId": "event-1",
        "operationName": {"value": "Microsoft.Authorization/locks/delete"},
        "status": value,
        "eventTimestamp": at.strftime("%Y-%m-%dT%H:%M:%S.%f7Z"),
        "resourceId": KEEP,
        "correlationId": CORRELATION,
        "caller": OURS,
        "claims": {OBJECT_ID: OURS},
    } | more


def named(value: str) -> dict[str, str]:
    return {"value": value, "localizedValue": value}


async def test_a_lock_that_was_left_off_is_told_with_its_command(desk: Desk) -> None:
    await desk.write_lift(await desk.delete_lock())
    result = await desk.run()
    assert result.exit_code == 1
    assert f"off: {KEEP.lower()}\n" in result.stdout
    assert "the deletion is ours: its correlation id is on record\n" in result.stdout
    assert f"\n{BY_HAND}" in result.stdout
    assert "written last: not in this time" in result.stdout


async def test_a_lock_that_was_put_back_is_not_told(desk: Desk) -> None:
    await desk.write_lift(await desk.delete_lock())
    settings = Settings.from_environment({"REMEDIATOR_ARM_ENDPOINT": desk.arm.url})
    clients = AzureClients(settings, SUB)
    await ArmWriter(clients).put_lock(LOCK, REQUEST_ID, 60)
    await clients.close()
    code, log = await desk.verify()
    assert (code, log["locks"], log["deletions"], log["records"]) == (0, [], 1, 4)


async def test_it_says_until_when_the_log_can_be_trusted(desk: Desk) -> None:
    code, log = await desk.verify("--days", "3")
    assert (code, log["records"]) == (0, 0)
    until, since = clock.as_time(log["complete_until"]), clock.as_time(log["since"])
    assert timedelta(minutes=30) <= datetime.now(UTC) - until < timedelta(minutes=40)
    assert until - since == timedelta(days=3, minutes=-30)
    assert "later records may be missing" in (await desk.run()).stdout


async def test_all_pages_are_read(desk: Desk) -> None:
    desk.arm.world.change_settings({"page_size": 1})
    correlation_id = await desk.delete_lock()
    await desk.write_lift(correlation_id)
    code, log = await desk.verify()
    assert (code, log["records"], len(log["locks"])) == (1, 2, 1)


async def test_pages_without_an_end_are_not_read_for_ever(desk: Desk) -> None:
    link = f"{desk.arm.url}/subscriptions/{SUB}/providers/Microsoft.Insights{LOG}?api-version=1"
    body = {"value": [], "nextLink": link}
    desk.arm.world.faults.add(
        {"method": "GET", "path_regex": LOG, "action": {"status": 200, "body": body}}
    )
    code, log = await desk.verify()
    assert (code, "no end" in log["problem"]) == (1, True)


NOT_READ = [
    {"allowed_actions": ["Microsoft.Authorization/locks/read"]},
    {"status": 503},
    {"status": 200, "body": "<html></html>"},
    {"status": 200, "body": {}},
    {"status": 200, "body": {"value": [{"caller": "x"}]}},
    {"status": 200, "body": {"value": [record(eventTimestamp="soon")]}},
]


@pytest.mark.parametrize("how", NOT_READ, ids=lambda how: json.dumps(how)[:60])
async def test_a_log_that_cannot_be_read_is_not_fine(desk: Desk, how: dict[str, Any]) -> None:
    if "status" in how:
        desk.arm.world.faults.add({"method": "GET", "path_regex": LOG, "action": how})
    else:
        desk.arm.world.change_settings(how)
    result = await desk.run("--principal", OURS)
    assert result.exit_code == 1
    assert "The Activity Log is not known: the Activity Log could not be read" in result.stdout
    assert "Reader on the subscription" in result.stdout


PUZZLING = [
    ("no operation", {"operationName": None}, "it names no operation"),
    ("a status that is not known", {"status": named("Resolved")}, "its status is 'resolved'"),
    ("no status", {"status": None}, "its status is ''"),
    ("no time", {"eventTimestamp": None}, "it has no time"),
    ("no resource", {"resourceId": None}, "its resource: missing"),
    ("the group instead of the lock", {"resourceId": GROUP_ID}, "which is no lock"),
]


@pytest.mark.parametrize(
    ("more", "why"), [row[1:] for row in PUZZLING], ids=[row[0] for row in PUZZLING]
)
async def test_a_record_that_cannot_be_read_is_named_and_not_fine(
    desk: Desk, more: dict[str, Any], why: str
) -> None:
    desk.answers(record(**more))
    code, log = await desk.verify("--principal", OURS)
    assert (code, log["locks"]) == (1, [])
    (said,) = log["not_understood"]
    assert said.startswith("record event-1: ") and why in said
    assert f"not understood: {said}" in (await desk.run("--principal", OURS)).stdout


COUNTED = [
    ("Success", {"status": named("Success")}, 1),
    ("another case", {"operationName": named("MICROSOFT.AUTHORIZATION/LOCKS/DELETE"), "status": named("SUCCEEDED")}, 1),  # noqa: E501
    *((each, {"status": named(each)}, 0) for each in ("Started", "Start", "Accepted", "Failed", "Failure")),  # noqa: E501
    ("another operation", {"operationName": named("Microsoft.Authorization/policies/deny/action")}, 0),  # noqa: E501
    ("another operation, odd status", {"operationName": named("Microsoft.Web/sites/write"), "status": named("Resolved")}, 0),  # noqa: E501
]  # fmt: skip


@pytest.mark.parametrize(
    ("more", "deletions"), [row[1:] for row in COUNTED], ids=[row[0] for row in COUNTED]
)
async def test_only_operations_that_ended_well_count(
    desk: Desk, more: dict[str, Any], deletions: int
) -> None:
    desk.answers(record(**more))
    _, log = await desk.verify("--principal", OURS)
    assert (log["deletions"], log["not_understood"]) == (deletions, [])


async def test_a_lock_whose_group_was_deleted_later_is_not_told(desk: Desk) -> None:
    group = "Microsoft.Resources/subscriptions/resourceGroups/delete"
    gone = record(50, operationName=named(group), resourceId=GROUP_ID.upper())
    desk.answers(record(60), gone)
    code, log = await desk.verify("--principal", OURS)
    assert (code, log["locks"], log["deletions"]) == (0, [], 1)
    desk.arm.world.faults.clear()
    desk.answers(record(60), gone | {"status": named("Started")})
    assert len((await desk.verify("--principal", OURS))[1]["locks"]) == 1


# What the lock is now


async def test_a_lock_that_is_there_is_fine(desk: Desk) -> None:
    desk.answers(record(60))
    code, log = await desk.verify()
    (found,) = log["locks"]
    assert (code, found["wrong"], found["by_hand"]) == (0, False, "")
    assert found["now"] == "there; the record of its write may be yet to come"


async def test_a_lock_that_is_there_with_another_content_is_told(desk: Desk) -> None:
    await desk.journal.intent(
        CHAIN, "lift_lock", KEEP, {"lock": to_json(LOCK) | {"notes": "as it was"}}
    )
    desk.answers(record(60))
    code, log = await desk.verify()
    assert (code, "with another content" in log["locks"][0]["now"]) == (0, True)


async def test_a_lock_that_reads_as_there_right_after_its_deletion_is_not_fine(desk: Desk) -> None:
    since_import = (NOW - datetime.now(UTC)).total_seconds() / 60
    desk.answers(record(since_import))
    code, log = await desk.verify()
    assert (code, log["locks"][0]["wrong"]) == (1, True)
    assert "an old reading" in log["locks"][0]["now"]


async def test_a_lock_that_cannot_be_read_is_not_fine(desk: Desk) -> None:
    desk.arm.world.faults.add(
        {"method": "GET", "path_regex": "/locks/keep", "action": {"status": 503}}
    )
    desk.answers(record(60))
    code, log = await desk.verify("--principal", OURS)
    assert (code, log["locks"][0]["now"].startswith("not known (")) == (1, True)


@pytest.mark.parametrize(
    ("words", "whose"), [(("--principal", OURS), "ours"), ((), "not known whose")]
)
async def test_a_lock_without_a_body_on_record_is_told_without_a_command(
    desk: Desk, words: tuple[str, ...], whose: str
) -> None:
    await desk.delete_lock()
    result = await desk.run(*words)
    assert result.exit_code == 1
    assert f"the deletion is {whose}: " in result.stdout
    assert "its body is not on record here" in result.stdout
    assert "az lock create" not in result.stdout


async def test_a_deletion_of_somebody_else_is_fine(desk: Desk) -> None:
    await desk.delete_lock()
    code, log = await desk.verify("--principal", PERSON)
    assert (code, log["locks"], log["deletions"]) == (0, [], 1)


@pytest.mark.parametrize(("minutes", "wrong"), [(10, False), (-1, True)])
async def test_a_lock_in_the_ledger_is_off_by_intention_until_its_deadline(
    desk: Desk, minutes: float, wrong: bool
) -> None:
    await desk.delete_lock()
    deadline = clock.as_text(datetime.now(UTC) + timedelta(minutes=minutes))
    entry = row(LockState.OFF, LOCK, group_id=GROUP_ID, deadline=deadline)
    await LockLedger(desk.store).insert(entry)
    result = await desk.run("--json", "--principal", OURS)
    both = json.loads(result.stdout)
    (found,) = both["activity_log"]["locks"]
    assert (result.exit_code, found["wrong"], both["ledger"][0]["wrong"]) == (wrong, wrong, wrong)
    assert found["by_hand"].startswith(BY_HAND)


def test_as_many_days_as_azure_keeps() -> None:
    result = CliRunner().invoke(remediator, ["locks", "verify", "--days", "90"])
    assert (result.exit_code, "1<=x<=89" in result.output) == (2, True)
