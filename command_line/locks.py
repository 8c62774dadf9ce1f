"""`remediator locks`: how the locks stand that we took off, whether Azure agrees, and a
person's word: put it back, or leave it off."""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from command_line.activity_log import MOST_DAYS
from command_line.console import console
from command_line.lock_log import LogCheck, check_log
from command_line.opening import with_app, with_store
from command_line.options import arm_option, check_guid, store_options
from command_line.person import name_person
from command_line.unsettled import find_unsettled
from shared import clock
from shared.app import App
from shared.arm_ids import fold
from shared.codec import to_json
from shared.counts import count_of
from shared.execution.executor import Execution
from shared.execution.lock_window.ledger import LockLedger
from shared.execution.lock_window.lock_row import LockRow, LockState
from shared.execution.lock_window.standing import Standing, is_late, read_standing
from shared.execution.lock_window.strange_rows import StrangeRow
from shared.execution.lock_window.windows import LockWindows, Window
from shared.execution.lock_window.words import (
    by_hand,
    may_be_off,
    name_lock,
    say_state,
    unreadable,
    window_unreadable,
)
from shared.facts import Absent, Lock, Unreadable
from shared.incident.outcome import Outcome, StepOutcome
from shared.store.contract import Row, Store


@click.group()
def locks() -> None:
    """Locks that a fix has taken off, from the lock ledger: how they stand, and what
    you decide about them.

    \b
    Examples:  remediator locks list
               remediator locks settled
               remediator locks verify --arm http://127.0.0.1:8001
               remediator locks restore --all
               remediator locks leave /subscriptions/.../locks/keep
    """


@locks.command("list")
@store_options
@click.option("--json", "as_json", is_flag=True, help="JSON instead of text.")
def list_locks(data: Path, storage: str | None, as_json: bool) -> None:
    """Open windows, and how each lock stands that is not settled: off, being put back,
    back and watched for a while, or missing. Reads the store alone.

    Red: somebody should look. Below each lock that is off, or may be, is the command
    that puts it back by hand.
    """

    async def read(store: Store) -> tuple[Standing, list[Window], list[Row]]:
        held, unreadable_windows = await LockWindows(store).read_all()
        windows = [each.window for each in held]
        return await read_standing(LockLedger(store)), windows, unreadable_windows

    standing, windows, unreadable_windows = with_store(data, storage, read)
    if as_json:
        found = _to_json(standing, windows, unreadable_windows)
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    for window in windows:
        members = ", ".join(member.incident_id for member in window.members)
        click.echo(
            f"Window of {window.group_id}: {window.state}, locks back by {window.deadline}, for"
            f" {members}"
        )
    for row in unreadable_windows:
        console().print(Text(window_unreadable(row), style="red"), soft_wrap=True)
    _show(standing)
    if not (standing.unsettled or standing.unreadable or unreadable_windows):
        click.echo("No lock is off, and none is watched.")


def _to_json(
    standing: Standing, windows: list[Window], unreadable_windows: list[Row]
) -> dict[str, Any]:
    return {
        "locks": [to_json(row) | _to_words(row) for row in standing.unsettled],
        "unreadable": [
            {"row": each.place.place, "lock": to_json(each.lock), "reason": each.reason}
            for each in standing.unreadable
        ],
        "windows": to_json(windows),
        "unreadable_windows": [each.place for each in unreadable_windows],
    }


def _to_words(row: LockRow) -> dict[str, Any]:
    command = by_hand(row.body) if may_be_off(row) else ""
    return {"stands": say_state(row), "needs_somebody": row.needs_somebody, "by_hand": command}


def _show(standing: Standing) -> None:
    """Nothing is cut or broken: ids and commands stand there to be copied, each command
    on a line of its own."""
    rows, out = standing.unsettled, console()
    for row in rows:
        style = "red" if row.needs_somebody or is_late(row) else ""
        out.print(Text(f"{name_lock(row.lock)} {say_state(row)}", style=style), soft_wrap=True)
        out.print(f"  {_say_clock(row)}incident {row.incident_id}", soft_wrap=True)
        if may_be_off(row):
            click.echo(by_hand(row.body))
    for each in standing.unreadable:
        out.print(Text(str(unreadable(each)), style="red"), soft_wrap=True)
        if each.lock:
            click.echo(by_hand(each.lock))


def _say_clock(row: LockRow) -> str:
    """Until when it is watched, or by when it is to be back."""
    if not row.open:
        return ""
    if row.state is LockState.WATCHED:
        return f"watched until {clock.for_people(row.watch_until)}, "
    return f"back by {clock.for_people(row.deadline)}{' (LATE)' if is_late(row) else ''}, "


@locks.command("settled")
@store_options
def require_settled(data: Path, storage: str | None) -> None:
    """Exit code 1 while a lock is off, or may be, or a window is open: before each
    deployment, and before the app is stopped or removed. Changes nothing.

    \b
    Example:  remediator locks settled --storage https://ACCOUNT.table.core.windows.net
    """
    found = with_store(data, storage, find_unsettled)
    for each in found:
        click.echo(f"{each.what}\n  {each.mend}", err=True)
    if found:
        click.echo("Give each command the same --data or --storage as this one.", err=True)
        sys.exit(1)
    click.echo("Settled: no lock is off because of the app, and no window is open.")


@locks.command("verify")
@store_options
@arm_option
@click.option(
    "--days",
    type=click.IntRange(1, MOST_DAYS),
    default=1,
    show_default=True,
    help="How far back the Activity Log is read.",
)
@click.option(
    "--principal",
    metavar="OBJECT_ID",
    callback=check_guid,
    default="",
    help="Object id of the app's identity: tells our deletions from others' in the Activity Log.",
)
@click.option("--json", "as_json", is_flag=True, help="JSON instead of text.")
def verify_locks(
    data: Path, storage: str | None, arm: str | None, days: int, principal: str, as_json: bool
) -> None:
    """Compare the ledger with Azure, lock by lock, and ask the Activity Log which locks
    were deleted and not written again. Changes nothing. Exit code 1 when a lock is
    late or cannot be read, is off although no fix has it off in time, or where the log
    does not tell.

    Reading the Activity Log takes Reader on the subscription. What happened in the last
    half hour may not be in it yet.
    """

    async def look(execution: Execution) -> tuple[list[dict[str, Any]], LogCheck]:
        standing = await read_standing(execution.ledger)
        ledger = [await _compare(execution, row) for row in standing.unsettled]
        ledger += map(_tell_unreadable, standing.unreadable)
        click.echo(f"reading the Activity Log of {count_of(days, 'day')} ...", err=True)
        return ledger, await check_log(execution, days, principal)

    found, log = _with_execution(data, storage, arm, look)
    if as_json:
        both = {"ledger": found, "activity_log": log.to_json()}
        click.echo(json.dumps(both, indent=2, ensure_ascii=False))
    else:
        for each in found:
            click.echo(f"{each['verdict']}: {each['lock']}")
        click.echo(
            f"{count_of(len(found), 'lock')} in the ledger."
            if found
            else "No lock is in the ledger."
        )
        for line in log.to_lines():
            click.echo(line)
    if log.wrong or any(each["wrong"] for each in found):
        sys.exit(1)


async def _compare(execution: Execution, row: LockRow) -> dict[str, Any]:
    found = await execution.reader.lock(row.lock.id)
    wrong = isinstance(found, Unreadable) or row.needs_somebody or is_late(row)
    return {
        "lock": row.lock.id,
        "verdict": _judge(row, found),
        "incident": row.incident_id,
        "wrong": wrong,
    }


def _judge(row: LockRow, found: Lock | Absent | Unreadable) -> str:
    if isinstance(found, Unreadable):
        return f"not known ({found.reason})"
    if not row.open:
        return f"{'off' if isinstance(found, Absent) else 'there'}; the ledger: {say_state(row)}"
    if isinstance(found, Absent):
        alone = row.state is LockState.WATCHED and not row.mends
        seen = "not there, and left alone" if alone else "off"
        if row.problem:
            seen += f" ({row.problem})"
    elif found.same_content(row.body):
        seen = "there, identical"
    else:
        seen = "there, but changed by a person: it stays as it is"
    return f"{seen}; {_say_clock(row)}incident {row.incident_id}"


def _tell_unreadable(row: StrangeRow) -> dict[str, Any]:
    """Nothing is known of it, and that is never fine."""
    verdict = f"the row {row.name} of the ledger cannot be read ({row.reason})"
    return {
        "lock": row.lock.id if row.lock else "",
        "verdict": verdict,
        "incident": row.incident_id,
        "wrong": True,
    }


@locks.command("restore")
@click.argument("lock_id", required=False)
@click.option("--all", "everything", is_flag=True, help="Every lock that is not settled.")
@store_options
@arm_option
def restore_locks(
    lock_id: str | None, everything: bool, data: Path, storage: str | None, arm: str | None
) -> None:
    """Put a lock back now, since you decided so. It is obeyed at once, whoever has the
    lock in hand: a fix that is at work loses it, and sends no further deletion. One
    that Azure has taken already goes on.

    LOCK_ID is the lock's ARM id, as `remediator locks list --json` shows it. A lock
    that is settled and missing is put back too. Your name goes on record. What may
    still be changed by a request on its way is watched afterwards by the app.

    Exit code 1: a lock is not back yet, or its row cannot be read; the app tries again
    each minute.

    \b
    Examples:  remediator locks restore --all
               remediator locks restore /subscriptions/.../locks/keep
    """
    if bool(lock_id) == everything:
        raise click.UsageError("name one LOCK_ID, or say --all")

    async def restore(execution: Execution) -> list[StepOutcome]:
        if lock_id:
            return await execution.put_back_lock(lock_id, name_person())
        standing = await read_standing(execution.ledger)
        ids = {fold(row.lock.id): row.lock.id for row in standing.unsettled}
        outcomes = [
            outcome
            for each in ids.values()
            for outcome in await execution.put_back_lock(each, name_person())
        ]
        return outcomes + [_cannot_restore(row) for row in standing.unreadable]

    _tell(_with_execution(data, storage, arm, restore), lock_id)


def _cannot_restore(row: StrangeRow) -> StepOutcome:
    command = f"; by hand: {by_hand(row.lock)}" if row.lock else ""
    return StepOutcome(Outcome.FAILED, f"{unreadable(row)}{command}")


@locks.command("leave")
@click.argument("lock_id")
@store_options
@arm_option
def leave_locks(lock_id: str, data: Path, storage: str | None, arm: str | None) -> None:
    """Leave a lock off, since you decided so: the app does nothing more about it. Say
    it where you removed the lock yourself, and the app puts it back while it watches
    it, or reports it as missing.

    LOCK_ID is the lock's ARM id, as `remediator locks list --json` shows it, or the
    name of a row or a window that cannot be read, as `remediator locks list` shows it:
    then that is taken away, so see first that no lock of it is off. Your name goes on
    record.

    Refused, with exit code 1, while a fix has the lock off: decide when it is back. A
    lock that is on stays on: remove it yourself, now or later.

    \b
    Example:  remediator locks leave /subscriptions/.../locks/keep
    """

    async def leave(execution: Execution) -> list[StepOutcome]:
        return await execution.leave_lock_off(lock_id, name_person())

    _tell(_with_execution(data, storage, arm, leave), lock_id)


def _tell(outcomes: list[StepOutcome], lock_id: str | None) -> None:
    """Prints how each ended. Exit code 1 where one did not succeed; UsageError where
    the ledger has nothing to decide about this lock."""
    if not outcomes and lock_id:
        raise click.UsageError(
            f"the ledger has no lock {lock_id} that is not settled; `remediator locks list` shows"
            " them"
        )
    for outcome in outcomes:
        click.echo(outcome.detail)
    if not outcomes:
        click.echo("No lock is off, and none is watched.")
    if any(outcome.result is not Outcome.DONE for outcome in outcomes):
        sys.exit(1)


def _with_execution[T](
    data: Path, storage: str | None, arm: str | None, work: Callable[[Execution], Awaitable[T]]
) -> T:
    async def with_execution(app: App) -> T:
        return await work(await app.execution())

    return with_app(data, storage, arm, with_execution)
