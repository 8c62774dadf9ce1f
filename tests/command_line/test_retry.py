"""`remediator incidents retry`: a word at the command line, and what is said to it."""

from __future__ import annotations

import asyncio
import getpass
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from command_line.main import remediator
from shared.audit.log import AuditLog
from shared.execution.lock_window.ledger import LockLedger
from shared.incident.book import IncidentBook
from shared.incident.model import Incident
from shared.incident.status import Status
from shared.store.sqlite import SqliteStore
from tests.shared.execution.rows import row
from tests.shared.incident.test_attempts import FULL


@dataclass(frozen=True, slots=True)
class Desk:
    store: SqliteStore
    folder: Path

    async def run(self, command: str, *words: str) -> Result:
        line = ["incidents", command, *words, "--data", str(self.folder)]
        return await asyncio.to_thread(CliRunner().invoke, remediator, line)

    async def now(self) -> Incident:
        found = await IncidentBook(self.store).get(FULL.id)
        assert found is not None
        return found


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    store = SqliteStore(tmp_path / "remediator.db")
    await IncidentBook(store).open(replace(FULL, attempt=1, earlier_actions=()))
    yield Desk(store, tmp_path)
    await store.close()


async def test_it_says_what_follows_and_names_the_person(desk: Desk) -> None:
    told = await desk.run("retry", FULL.id)
    assert (told.exit_code, told.stderr) == (0, "")
    assert told.stdout == (
        f"{FULL.id}: attempt 2 is on record; the running app begins it within a minute\n"
    )
    (entry,) = [each async for each in AuditLog(desk.store).entries(incident=FULL.id)]
    assert (entry.kind, entry.actor) == ("retry", f"{getpass.getuser()} (command line)")
    assert (await desk.now()).status is Status.OPEN


async def test_said_again_before_it_begins_it_is_no_new_one(desk: Desk) -> None:
    await desk.run("retry", FULL.id)
    told = await desk.run("retry", FULL.id)
    assert (told.exit_code, told.stdout) == (
        0,
        f"{FULL.id}: attempt 2 was asked for before and has not begun; the running app begins it"
        " within a minute\n",
    )
    assert len([each async for each in AuditLog(desk.store).entries(incident=FULL.id)]) == 1


async def test_the_steps_for_a_person_stay_until_it_begins(desk: Desk) -> None:
    await desk.run("retry", FULL.id)
    assert "1. mend it" in (await desk.run("show", FULL.id)).stdout
    begun = (await desk.now()).moved(Status.DIAGNOSING, "x", now=FULL.opened_at)
    assert begun.manual_steps == ()


async def test_json_has_the_incident(desk: Desk) -> None:
    told = json.loads((await desk.run("retry", FULL.id, "--json")).stdout)
    assert (told["id"], told["status"], told["attempt"]) == (FULL.id, "open", 2)
    assert (told["closed_at"], told["actions"]) == (None, [])
    assert [each["kind"] for each in told["earlier_actions"]] == ["uninstall_extension"]


async def test_show_has_the_attempt_and_every_change(desk: Desk) -> None:
    assert "attempt" not in (await desk.run("show", FULL.id)).stdout
    await desk.run("retry", FULL.id)
    shown = (await desk.run("show", FULL.id)).stdout
    assert ", attempt 2\n" in shown and "uninstall_extension" in shown


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (Status.FIXED, "is fixed: there is nothing to diagnose anew"),
        (Status.VERIFYING, "has not ended: it is verifying"),
    ],
)
async def test_what_is_refused_is_one_sentence(desk: Desk, status: Status, reason: str) -> None:
    await IncidentBook(desk.store).change(FULL.id, lambda each: replace(each, status=status))
    told = await desk.run("retry", FULL.id)
    assert (told.exit_code, told.stdout) == (1, "")
    assert told.stderr == f"Error: the incident {FULL.id} {reason}\n"
    assert (await desk.now()).attempt == 1


async def test_while_a_lock_of_it_is_not_settled_it_is_refused(desk: Desk) -> None:
    await LockLedger(desk.store).insert(row(incident_id=FULL.id))
    told = await desk.run("retry", FULL.id)
    assert (told.exit_code, told.stderr.startswith("Error: the lock keep on")) == (1, True)
    assert (await desk.now()).attempt == 1
