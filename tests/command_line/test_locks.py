"""`remediator locks list`, `restore` and `leave`: how each lock stands, in words, and a
person's word about it."""

from __future__ import annotations

import asyncio
import getpass
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from command_line.main import remediator
from local.scenarios import parts
from local.simulator.server import Simulator
from shared.codec import to_json
from shared.execution.lock_window.ledger import LOCKS, PARTITION, LockLedger
from shared.execution.lock_window.lock_row import LockRow, LockState
from shared.execution.lock_window.windows import LockWindows
from shared.execution.lock_window.words import DONE, LEFT_OFF, by_hand
from shared.store.sqlite import SqliteStore
from tests.shared.execution.rows import (
    LATER,
    LONG_AGO,
    SOON,
    lock_on,
    row,
    settled_row,
    watched,
    window,
)

GROUP = parts.group("rg")
LOCK = lock_on(GROUP["id"])
OTHER = lock_on(GROUP["id"], notes="a person's")


@dataclass(frozen=True, slots=True)
class Desk:
    """A store, and an Azure in which none of its locks is on."""

    store: SqliteStore
    folder: Path
    arm: Simulator

    async def run(self, command: str, *words: str) -> Result:
        options = ["--data", str(self.folder)]
        if command != "list":
            options += ["--arm", self.arm.url]
        return await asyncio.to_thread(
            CliRunner().invoke, remediator, ["locks", command, *words, *options]
        )

    async def listed(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((await self.run("list", "--json")).stdout)
        return found

    async def insert(self, *rows: LockRow) -> None:
        for each in rows:
            await LockLedger(self.store).insert(each)

    async def insert_unreadable(self, body: dict[str, Any]) -> None:
        await self.store.insert(LOCKS, PARTITION, "zz", body)


@pytest.fixture
async def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    monkeypatch.setenv("REMEDIATOR_RESTORE_PATIENCE_SECONDS", "0.2")
    monkeypatch.setenv("REMEDIATOR_SUBSCRIPTION_ID", parts.SUBSCRIPTION)
    store = SqliteStore(tmp_path / "remediator.db")
    await store.ping()
    async with Simulator(0, {"resources": [GROUP]}) as arm:
        yield Desk(store, tmp_path, arm)
    await store.close()


def named(name: str, state: LockState, **given: Any) -> LockRow:
    return row(state, lock_on(GROUP["id"], name), window_id=name, **given)


EVERY = (
    named("planned", LockState.PLANNED),
    named("off", LockState.OFF),
    named("late", LockState.OFF, deadline=SOON),
    named("refused", LockState.NEEDS_PERSON, problem="403: no"),
    named("watched", LockState.WATCHED, put_at=LONG_AGO, watch_until=LATER),
    named("missing", LockState.SETTLED, result=DONE, missing_since=LATER),
    named("over", LockState.SETTLED, result=DONE),
)
SAID = {
    "planned": ("is on; it is about to be lifted", "  back by 2999-01-01 00:00:00 UTC, incident"),
    "off": ("is off, until 2999-01-01 00:00:00 UTC at the latest", "back by 2999"),
    "late": ("is off, until 2026-01-01 00:01:00 UTC at the latest", "UTC (LATE)"),
    "refused": ("is NOT back yet: 403: no; it is tried again each minute", "back by"),
    "watched": (
        "is back (answered at 2025-01-01 00:00:00 UTC) and is watched until",
        "watched until 2026-01-01 00:02:00 UTC",
    ),
    "missing": ("is missing since 2026-01-01 00:02:00 UTC", "  incident"),
}
BY_HAND = ("off", "late", "refused", "missing")


async def test_it_says_how_each_lock_stands_and_how_to_put_it_back(desk: Desk) -> None:
    await desk.insert(*EVERY)
    lines = (await desk.run("list")).stdout.splitlines()
    for name, (said, its_clock) in SAID.items():
        (place,) = [n for n, each in enumerate(lines) if each.startswith(f"the lock {name} on ")]
        assert lines[place].startswith(f"the lock {name} on {GROUP['id']} {said}")
        assert its_clock in lines[place + 1] and row().incident_id in lines[place + 1]
    commands = [each for each in lines if each.startswith("az lock create")]
    assert sorted(commands) == sorted(
        by_hand(each.lock) for each in EVERY if each.window_id in BY_HAND
    )
    assert len(lines) == 2 * len(SAID) + len(BY_HAND), "what is settled is not listed"


async def test_json_has_the_rows_the_words_and_whose_the_window_is(desk: Desk) -> None:
    await desk.insert(*EVERY)
    await LockWindows(desk.store).open(window(group_id=GROUP["id"]))
    found = await desk.listed()
    assert {each["lock"]["name"] for each in found["locks"]} == SAID.keys()
    for each in found["locks"]:
        name = each["lock"]["name"]
        assert each["stands"].startswith(SAID[name][0])
        assert bool(each["by_hand"]) is (name in BY_HAND)
        assert each["needs_somebody"] is (name in ("refused", "missing"))
    (held,) = found["windows"]
    assert (held["token"], held["epoch"], held["state"]) == ("the owner's token", 1, "open")
    assert found["unreadable"] == []


async def test_the_command_has_the_last_body_on_record(desk: Desk) -> None:
    await desk.insert(row(LockState.NEEDS_PERSON, LOCK, problem="403", noted=OTHER))
    assert by_hand(OTHER) in (await desk.run("list")).stdout.splitlines()


async def test_a_row_that_cannot_be_read_is_listed_with_its_reason(desk: Desk) -> None:
    await desk.insert_unreadable(to_json(row(lock=LOCK)) | {"schema": 9})
    printed = (await desk.run("list")).stdout
    assert f"cannot be read ({LOCK.id}): it has the schema number 9" in printed
    (found,) = (await desk.listed())["unreadable"]
    assert (found["row"], found["lock"]["id"]) == (f"{LOCKS}/{PARTITION}/zz", LOCK.id)
    verified = await desk.run("verify")
    assert verified.exit_code == 1
    told = "the row locks/locks/zz of the ledger cannot be read (it has the schema number 9)"
    assert f"{told}: {LOCK.id}" in verified.stdout


async def test_a_window_that_cannot_be_read_is_listed(desk: Desk) -> None:
    place = (await desk.store.insert("windows", "zz", "window", {"schema": 9})).place
    shown = (await desk.run("list")).output
    assert f"the lock window {place} cannot be read" in shown and "nobody can enter" in shown
    assert "No lock is off" not in shown
    assert (await desk.listed())["unreadable_windows"] == [place]
    done = await desk.run("leave", place)
    assert (done.exit_code, "is taken away" in done.stdout) == (0, True)
    assert (await desk.listed())["unreadable_windows"] == []


async def test_nothing_is_listed_where_all_is_settled(desk: Desk) -> None:
    await desk.insert(settled_row(LEFT_OFF, lock=LOCK))
    assert (await desk.run("list")).stdout == "No lock is off, and none is watched.\n"


async def test_restore_puts_back_at_once_and_names_the_person(desk: Desk) -> None:
    await desk.insert(row(LockState.OFF, LOCK))
    done = await desk.run("restore", LOCK.id)
    assert (done.exit_code, "is back (answered at" in done.stdout) == (0, True)
    (found,) = (await desk.listed())["locks"]
    assert (found["state"], found["by_hand"]) == ("watched", "")
    assert found["decided_by"] == f"{getpass.getuser()} (command line)"


async def test_restore_all_puts_back_what_is_not_settled(desk: Desk) -> None:
    await desk.insert(*EVERY)
    done = await desk.run("restore", "--all")
    assert done.exit_code == 0, done.output
    puts = {each.path.rsplit("/", 1)[1] for each in desk.arm.world.requests if each.method == "PUT"}
    assert puts == {"off", "late", "refused", "watched", "missing"}


async def test_restore_all_says_what_it_cannot_read(desk: Desk) -> None:
    await desk.insert_unreadable(to_json(row(lock=LOCK)) | {"schema": 9})
    done = await desk.run("restore", "--all")
    assert done.exit_code == 1
    assert "cannot be read" in done.stdout and by_hand(LOCK) in done.stdout


async def test_what_is_not_back_is_exit_code_1(desk: Desk) -> None:
    desk.arm.world.faults.add(
        {"method": "PUT", "path_regex": "/locks/", "times": 9, "action": {"status": 403}}
    )
    await desk.insert(row(LockState.OFF, LOCK))
    done = await desk.run("restore", LOCK.id)
    assert (done.exit_code, "is NOT back yet" in done.stdout) == (1, True)


async def test_leave_settles_it_and_names_the_person(desk: Desk) -> None:
    await desk.insert(row(LockState.NEEDS_PERSON, LOCK, problem="403"))
    done = await desk.run("leave", LOCK.id)
    assert (done.exit_code, "is left off: a person decided so" in done.stdout) == (0, True)
    (hand,) = await LockLedger(desk.store).hands()
    assert hand.row.decided_by == f"{getpass.getuser()} (command line)"
    assert [each for each in desk.arm.world.requests if each.method == "PUT"] == []


async def test_leave_is_refused_while_a_fix_has_it_off(desk: Desk) -> None:
    await desk.insert(row(LockState.OFF, LOCK))
    refused = await desk.run("leave", LOCK.id)
    assert (refused.exit_code, "decide when it is back" in refused.stdout) == (1, True)


async def test_leave_of_a_lock_keeps_its_row_that_cannot_be_read(desk: Desk) -> None:
    """And the other way round: by the row's name, the readable row stays."""
    await desk.insert(watched(lock=LOCK))
    await desk.insert_unreadable(to_json(row(lock=LOCK)) | {"schema": 9})
    done = await desk.run("leave", "locks/locks/zz")
    assert (done.exit_code, done.stdout.count("taken away")) == (0, 1)
    found = await desk.listed()
    assert ([each["state"] for each in found["locks"]], found["unreadable"]) == (["watched"], [])
    await desk.insert_unreadable(to_json(row(lock=LOCK)) | {"schema": 9})
    done = await desk.run("leave", LOCK.id)
    assert done.exit_code == 1 and "to take that row away, name it: locks/locks/zz" in done.stdout
    found = await desk.listed()
    assert (found["locks"], len(found["unreadable"])) == ([], 1)


async def test_leave_takes_a_row_away_that_cannot_be_read(desk: Desk) -> None:
    await desk.insert_unreadable({"schema": 9})
    assert (await desk.run("leave", f"{LOCKS}/{PARTITION}/zz")).exit_code == 0
    assert (await desk.listed())["unreadable"] == []


@pytest.mark.parametrize("command", ["restore", "leave"])
async def test_a_lock_that_is_not_in_the_ledger_is_a_mistake(desk: Desk, command: str) -> None:
    wrong = await desk.run(command, LOCK.id)
    assert (wrong.exit_code, "the ledger has no lock" in wrong.stderr) == (2, True)
