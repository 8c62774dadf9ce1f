"""`remediator audit`: the record of what was found, decided and changed."""

from __future__ import annotations

import asyncio
import csv
import json
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

import click
from rich.table import Table

from command_line.console import console, make_table
from command_line.opening import read_cloud, with_store
from command_line.options import store_options
from shared import clock
from shared.arm_ids import fold
from shared.audit.chain import Broken, verify
from shared.audit.entry import Entry
from shared.audit.log import AuditLog, oldest_first
from shared.audit.seals import open_seals
from shared.audit.verification import Verification
from shared.counts import count_of
from shared.errors import NotUsable, RemediatorError
from shared.store.contract import Store

FOLLOW_SECONDS, FOLLOW_OVERLAP_SECONDS = 1.0, 60.0
COLUMNS = (
    "seq",
    "at",
    "incident",
    "vm",
    "kind",
    "target",
    "phase",
    "result",
    "actor",
    "correlation_id",
    "detail",
    "prev_hash",
    "hash",
)


@click.group()
def audit() -> None:
    """The audit log: every finding, decision and change, each change with its intent
    before and its outcome after.

    \b
    Examples:  remediator audit list --vm vm-app-01
               remediator audit show 20261120T223507-bc48915d-1a2b3c4d
               remediator audit export --format csv > audit.csv
               remediator audit export > audit.jsonl
               remediator audit verify audit.jsonl
    """


def _filter_options(command: Any) -> Any:
    command = click.option(
        "--since",
        metavar="TIME",
        help="From this time on, such as 2026-01-31 or 2026-01-31T12:00:00Z.",
    )(command)
    command = click.option("--vm", metavar="ID_OR_NAME", help="Only this VM.")(command)
    return click.option("--incident", metavar="ID", help="Only this incident.")(command)


@audit.command("list")
@_filter_options
@store_options
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="A JSON array instead of a table; with --follow, a line each.",
)
@click.option("--follow", is_flag=True, help="Print new entries as they come, until Ctrl-C.")
def list_entries(
    incident: str | None,
    vm: str | None,
    since: str | None,
    data: Path,
    storage: str | None,
    as_json: bool,
    follow: bool,
) -> None:
    """Entries, oldest first."""
    found = _read(data, storage, incident, vm, since)
    if follow:
        _follow(found, lambda after: _read(data, storage, incident, vm, after), as_json)
        return
    if as_json:
        click.echo(json.dumps([entry.to_json() for entry in found], indent=2, ensure_ascii=False))
        return
    console().print(table_of(found) if found else "The audit log has no such entry.")


@audit.command("show")
@click.argument("incident")
@store_options
@click.option("--json", "as_json", is_flag=True, help="A JSON array instead of text.")
def show(incident: str, data: Path, storage: str | None, as_json: bool) -> None:
    """Every entry of one incident, with details and the verdict on its chain."""
    found = _read(data, storage, incident, None, None)
    if not found:
        raise click.UsageError(
            f"the audit log has no incident {incident}; `remediator incidents list` shows them"
        )
    broken = verify(found)
    if as_json:
        click.echo(json.dumps([entry.to_json() for entry in found], indent=2, ensure_ascii=False))
    else:
        for entry in found:
            _print(entry)
        click.echo(f"\n{_verdict(len(found), 1, broken)}")
    if broken:
        sys.exit(1)


@audit.command("export")
@_filter_options
@store_options
@click.option(
    "--format", "form", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True
)
def export(
    incident: str | None,
    vm: str | None,
    since: str | None,
    data: Path,
    storage: str | None,
    form: str,
) -> None:
    """Write entries to standard output: JSON Lines (can be verified anywhere) or CSV
    (for a spreadsheet).

    Chain by chain, the oldest incident first. Entries are written as they are read, so
    a log of any size needs little memory.
    """
    write = csv_writer(sys.stdout) if form == "csv" else print_json_line

    async def stream(store: Store) -> None:
        async for entry in _select(AuditLog(store), incident, vm, since):
            write(entry)

    with_store(data, storage, stream)


@audit.command("verify")
@click.argument("file", required=False, type=click.File("r", encoding="utf-8", errors="replace"))
@store_options
@click.option(
    "--seals",
    metavar="CONTAINER",
    help="Compare with sealed heads too: the container's URL, or <container>@<connection string>.",
)
@click.option("--json", "as_json", is_flag=True, help="JSON instead of text.")
def verify_entries(
    file: TextIO | None, data: Path, storage: str | None, seals: str | None, as_json: bool
) -> None:
    """Check every hash, every link and every daily head, in the store or in an exported
    FILE (JSON Lines; - for standard input).

    Exit code 0 when all hold; 1 when one does not, which is named. What this proves and
    what it does not: docs/audit-format.md. An auditor needs none of this:
    docs/verify_audit.py does the same to a file with Python's standard library alone.
    """
    seen = _verify_file(file) if file else with_store(data, storage, _verify_store)
    broken = seen.broken(_read_seals(seals) if seals else ())
    if as_json:
        first = broken and {
            "incident": broken.incident,
            "seq": broken.seq,
            "reason": broken.reason,
        }
        row = {"entries": seen.entries, "holds": broken is None, "broken": first}
        click.echo(json.dumps(row, ensure_ascii=False))
    else:
        click.echo(_verdict(seen.entries, seen.incidents, broken))
    if broken:
        sys.exit(1)


def _verify_file(file: TextIO) -> Verification:
    seen = Verification()
    for entry in _read_export(file):
        seen.add(entry)
    return seen


async def _verify_store(store: Store) -> Verification:
    seen = Verification()
    async for entry in AuditLog(store).entries():
        seen.add(entry)
    return seen


def _read_seals(location: str) -> list[Entry]:
    async def read() -> list[Entry]:
        seals = open_seals(location, read_cloud())
        try:
            return [entry async for entry in seals.all()]
        finally:
            await seals.close()

    try:
        return asyncio.run(read())
    except RemediatorError as error:
        raise click.ClickException(str(error)) from error


def table_of(entries: Iterable[Entry]) -> Table:
    rows = make_table("#", "At (UTC)", "What", "Target", "Phase", "Result", "Correlation id")
    for entry in entries:
        target = entry.target.rstrip("/").rsplit("/", 1)[-1]
        at = entry.at[:19].replace("T", " ")
        rows.add_row(
            str(entry.seq), at, entry.kind, target, entry.phase, entry.result, entry.correlation_id
        )
    return rows


def print_json_line(entry: Entry) -> None:
    click.echo(json.dumps(entry.to_json(), ensure_ascii=False))


def csv_writer(out: TextIO) -> Callable[[Entry], None]:
    """Write the header; return what writes an entry.

    Results quote text from outside, so a cell that a spreadsheet would take for a
    formula gets an apostrophe before it.
    """
    writer = csv.writer(out)
    writer.writerow(COLUMNS)

    def write(entry: Entry) -> None:
        wire = entry.to_json() | {"detail": json.dumps(entry.detail, ensure_ascii=False)}
        writer.writerow([_cell(wire[column]) for column in COLUMNS])

    return write


def _cell(value: Any) -> str:
    text = str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _read(
    data: Path, storage: str | None, incident: str | None, vm: str | None, since: str | None
) -> list[Entry]:
    async def read(store: Store) -> list[Entry]:
        return [entry async for entry in _select(AuditLog(store), incident, vm, since)]

    return oldest_first(with_store(data, storage, read))


async def _select(
    log: AuditLog, incident: str | None, vm: str | None, since: str | None
) -> AsyncIterator[Entry]:
    try:
        start = clock.as_text(clock.as_time(since)) if since else None
    except ValueError as error:
        raise click.BadParameter(
            f"{since!r} is no time; write it like 2026-01-31T12:00:00Z", param_hint="--since"
        ) from error
    name = fold(vm) if vm and not vm.startswith("/") else None
    async for entry in log.entries(incident=incident, vm=None if name else vm, since=start):
        if name is None or fold(entry.vm.rsplit("/", 1)[-1]) == name:
            yield entry


def _follow(found: list[Entry], later: Callable[[str], list[Entry]], as_json: bool) -> None:
    """Print the entries so far, then new ones.

    Entries of one moment may arrive late, so the last minute is read again each time.
    """
    seen: set[tuple[str, int]] = set()
    try:
        while True:
            for entry in found:
                if (entry.incident, entry.seq) not in seen:
                    seen.add((entry.incident, entry.seq))
                    (print_json_line if as_json else _print)(entry)
            time.sleep(FOLLOW_SECONDS)
            found = later(clock.after(clock.now(), -FOLLOW_OVERLAP_SECONDS))
    except KeyboardInterrupt:
        return


def _read_export(file: TextIO) -> Iterator[Entry]:
    number = 0
    try:
        for line in file:
            number += 1
            if line.strip():
                wire = json.loads(line)
                yield Entry.from_json(wire if isinstance(wire, dict) else {})
    except (ValueError, RecursionError, NotUsable) as error:
        click.echo(f"line {number} is not an audit entry: {error}", err=True)
        sys.exit(1)


def _print(entry: Entry) -> None:
    click.echo(
        f"{entry.seq:4} {entry.at[:19].replace('T', ' ')}  {entry.phase:8} {entry.kind}:"
        f" {entry.result}"
    )
    for name, value in (("target", entry.target), ("correlation id", entry.correlation_id)):
        if value:
            click.echo(f"     {name} {value}")
    if entry.detail:
        click.echo(f"     {json.dumps(entry.detail, ensure_ascii=False)}")


def _verdict(entries: int, incidents: int, broken: Broken | None) -> str:
    if broken:
        return f"BROKEN: the first entry that does not hold is {broken}"
    counted = f"{count_of(entries, 'entry', 'entries')} of {count_of(incidents, 'incident')}"
    return f"The chain holds: {counted}."
