"""`remediator locks`: which locks are off because of us."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.table import Table

from command_line.console import console
from command_line.reading import store_options, with_store
from shared.codec import to_json
from shared.execution.ledger import LockLedger, OpenLock
from shared.execution.locks import by_hand
from shared.store.contract import Store


@click.group()
def locks() -> None:
    """Locks that are off because of a fix at work, from the lock ledger.

    \b
    Example:  remediator locks list
    """


@locks.command("list")
@store_options
@click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")
def list_locks(data: Path, storage: str | None, as_json: bool) -> None:
    """Each lock with its deadline and the command that puts it back by hand."""

    async def read(store: Store) -> list[OpenLock]:
        return await LockLedger(store).open_locks()

    found = with_store(data, storage, read)
    if as_json:
        click.echo(json.dumps([to_json(entry) | {"by_hand": by_hand(entry.lock)} for entry in found], indent=2, ensure_ascii=False))
        return
    if not found:
        click.echo("No lock is off.")
        return
    table = Table("Lock", "Scope", "Back by", "Incident", "By hand")
    for entry in found:
        late = " (LATE)" if entry.overdue else ""
        table.add_row(entry.lock.name, entry.lock.scope, entry.deadline + late, entry.incident_id, by_hand(entry.lock))
    console().print(table)
