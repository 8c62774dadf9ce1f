"""`remediator locks`: the locks that are off because of us, whether Azure agrees, and
how to put them back by hand."""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from command_line.activity_log import MOST_DAYS
from command_line.console import console
from command_line.lock_log import LogCheck, check_log
from command_line.opening import with_app, with_store
from command_line.options import arm_option, check_guid, store_options
from command_line.unsettled import find_unsettled
from shared.app import App
from shared.arm_ids import fold
from shared.codec import to_json
from shared.execution.executor import Execution
from shared.execution.lock_window.ledger import LockLedger, OpenLock
from shared.execution.lock_window.put_back import by_hand
from shared.execution.lock_window.windows import LockWindows, Window
from shared.facts import Absent, Lock, Unreadable
from shared.incident.outcome import Outcome
from shared.store.contract import Store


@click.group()
def locks() -> None:
    """Locks that are off because of a fix at work, from the lock ledger.

    \b
    Examples:  remediator locks list
               remediator locks settled
               remediator locks verify --arm http://127.0.0.1:8001
               remediator locks restore --all
    """


@locks.command("list")
@store_options
@click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")
def list_locks(data: Path, storage: str | None, as_json: bool) -> None:
    """Open windows, and each lock with its deadline and the command that puts it back
    by hand."""

    async def read(store: Store) -> tuple[list[OpenLock], list[Window]]:
        return await LockLedger(store).open_locks(), [
            held.window for held in await LockWindows(store).all()
        ]

    found, windows = with_store(data, storage, read)
    if as_json:
        rows = [to_json(entry) | {"by_hand": by_hand(entry.lock)} for entry in found]
        click.echo(
            json.dumps({"locks": rows, "windows": to_json(windows)}, indent=2, ensure_ascii=False)
        )
        return
    for window in windows:
        members = ", ".join(member.incident_id for member in window.members)
        click.echo(
            f"Window of {window.group_id}: {window.state}, locks back by {window.deadline}, for"
            f" {members}"
        )
    if not found:
        click.echo("No lock is off.")
        return
    _show(found)


def _show(found: list[OpenLock]) -> None:
    """The commands stand below the table, each unbroken on a line of its own, to be
    copied."""
    table = Table("Lock", "Scope", "Back by", "Incident", "Last problem")
    for entry in found:
        late = " (LATE)" if entry.overdue else ""
        table.add_row(
            entry.lock.name,
            entry.lock.scope,
            entry.deadline + late,
            entry.incident_id,
            entry.problem,
        )
    console().print(table)
    for entry in found:
        click.echo(by_hand(entry.lock))


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
    late, off, or cannot be read, or where the log does not tell.

    Reading the Activity Log takes Reader on the subscription. What happened in the last
    half hour may not be in it yet.
    """

    async def look(execution: Execution) -> tuple[list[dict[str, Any]], LogCheck]:
        open_locks = await execution.ledger.open_locks()
        ledger = [await _compare(execution, entry) for entry in open_locks]
        click.echo(f"reading the Activity Log of {days} days ...", err=True)
        return ledger, await check_log(execution, days, principal)

    found, log = _with_execution(data, storage, arm, look)
    if as_json:
        both = {"ledger": found, "activity_log": log.to_json()}
        click.echo(json.dumps(both, indent=2, ensure_ascii=False))
    else:
        for each in found:
            click.echo(f"{each['verdict']}: {each['lock']}")
        click.echo(f"{len(found)} locks in the ledger." if found else "No lock is in the ledger.")
        for line in log.to_lines():
            click.echo(line)
    if log.wrong or any(each["wrong"] for each in found):
        sys.exit(1)


async def _compare(execution: Execution, entry: OpenLock) -> dict[str, Any]:
    found = await execution.reader.lock(entry.lock.id)
    if isinstance(found, Unreadable):
        verdict = f"not known ({found.reason})"
    elif isinstance(found, Absent):
        verdict = "off, and late" if entry.overdue else f"off until {entry.deadline} at the latest"
    elif isinstance(found, Lock) and found.same_content(entry.lock):
        verdict = "there, identical; the ledger will be settled within a minute"
    else:
        verdict = "there, but changed by a person: it stays as it is"
    wrong = isinstance(found, Unreadable) or (isinstance(found, Absent) and entry.overdue)
    return {
        "lock": entry.lock.id,
        "verdict": verdict,
        "incident": entry.incident_id,
        "wrong": wrong,
    }


@locks.command("restore")
@click.argument("lock_id", required=False)
@click.option("--all", "everything", is_flag=True, help="Every lock in the ledger.")
@store_options
@arm_option
def restore_locks(
    lock_id: str | None, everything: bool, data: Path, storage: str | None, arm: str | None
) -> None:
    """Put a lock back now, as the guardian would: identical, read back, on record. Safe
    while a fix is at work: its deletion then fails.

    LOCK_ID is the lock's ARM id, as `remediator locks list --json` shows it.
    """
    if bool(lock_id) == everything:
        raise click.UsageError("name one LOCK_ID, or say --all")

    async def restore(execution: Execution) -> list[str]:
        entries = [
            each
            for each in await execution.ledger.open_locks()
            if everything or fold(each.lock.id) == fold(str(lock_id))
        ]
        if not entries and lock_id:
            raise click.UsageError(
                f"the ledger has no lock {lock_id}; `remediator locks list` shows what is off"
            )
        outcomes = [await execution.put_back(entry) for entry in entries]
        for outcome in outcomes:
            click.echo(outcome.detail)
        return [outcome.detail for outcome in outcomes if outcome.result is Outcome.FAILED]

    if _with_execution(data, storage, arm, restore):
        sys.exit(1)


def _with_execution[T](
    data: Path, storage: str | None, arm: str | None, work: Callable[[Execution], Awaitable[T]]
) -> T:
    async def with_execution(app: App) -> T:
        return await work(await app.execution())

    return with_app(data, storage, arm, with_execution)
